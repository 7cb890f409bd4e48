/** What can be run, with which parameters, and what keeps a definition from running? */
import { get, part, post, serverNow } from "./api.js";
import { h, keyed, setAttribute, setText } from "./dom.js";
import { ahead, moment, plural } from "./format.js";
import { link } from "./route.js";

/** @param {(manager: object) => void} started called with the manager that a Run button has started */
export function drawDefinitions(parent, items, started) {
  if (!items.length) return parent.replaceChildren(h("p", { class: "quiet" }, "There are no definitions."));
  if (parent.firstElementChild?.tagName !== "UL") parent.replaceChildren(h("ul", { class: "definitions" }));
  keyed(parent.firstElementChild, items, {
    // A changed definition gets a new card; an unchanged one keeps what was typed into it, run after run.
    key: (definition) => JSON.stringify({ ...definition, next_run_at: null, last_skipped: null }),
    make: (definition) => card(definition, started),
    update: drawSchedule,
  });
}

function drawSchedule(element, { schedule, timezone, next_run_at: next, last_skipped: skipped }) {
  if (!schedule) return;
  const [run, skip] = element.querySelectorAll(".schedule");
  setText(run, next ? `next run ${ahead((Date.parse(next) - serverNow()) / 1000)}` : `scheduled ${schedule}`);
  setAttribute(run, "title", next && `${moment(next)} (${schedule}, ${timezone})`);
  setText(skip, skipped ? `skipped ${moment(skipped.due_at)}: ${skipped.reason}` : "");
}

function card(definition, started) {
  const { id, name, description, enabled = true, errors = [], warnings = [], schedule, file } = definition;
  const answer = h("div", { class: "answer", role: "alert" });
  const { labels, changed } = form(definition.params);
  const why = errors.length ? "it has errors" : enabled ? null : "it is disabled";
  const run = h("button", {
    type: "submit", class: "primary", disabled: why !== null,
    title: why ? `Cannot be run: ${why}` : `Run ${name || id}`, "aria-label": `Run ${name || id}`,
  }, "Run");
  let busy = false; // not `disabled`, which would take the focus away from the button
  const submit = async (event) => {
    event.preventDefault();
    if (busy) return;
    busy = true;
    answer.replaceChildren();
    delete answer.dataset.blocker;
    try {
      started(await post(`definitions/${part(id)}/runs`, { params: changed() }));
    } catch (error) {
      answer.replaceChildren(...refusal(error));
      if (error.managerId || error.status === 0) answer.dataset.blocker = error.managerId ?? "";
    } finally {
      busy = false;
    }
  };
  return h("li", { class: errors.length ? "broken" : "" }, h("form", { submit, novalidate: true },
    h("div", { class: "top" },
      h("strong", { title: file }, name || id), !enabled && h("span", { class: "chip" }, "disabled"), run),
    description && h("p", { class: "quiet about", title: description }, description),
    schedule && h("p", { class: "quiet schedule" }), schedule && h("p", { class: "quiet schedule" }),
    labels.length > 0 && h("details", {}, h("summary", {}, "Parameters"), ...labels),
    errors.length > 0 && faults(id, errors),
    ...warnings.map((warning) => fault("warning", warning)),
    answer));
}

/** Unfolded, each error shows the line of the file that it is about. */
function faults(id, errors) {
  const shown = errors.map((error) => fault("error", error));
  async function toggle() {
    details.removeEventListener("toggle", toggle);
    const { toml } = await get(`definitions/${part(id)}`).catch(() => ({}));
    errors.forEach(({ where }, index) => {
      const found = toml && place(toml, where);
      if (found) shown[index].append(h("code", {}, h("span", {}, `line ${found.line}`), ` ${found.text}`));
    });
  }
  const details = h("details", { class: "errors", toggle }, h("summary", {}, plural(errors.length, "error")), ...shown);
  return details;
}

function fault(kind, { where, message }) {
  return h("p", { class: `fault ${kind}` }, h("b", {}, kind), where ? ` ${where}: ` : " ", message);
}

/** The errors of the parameters one by one; the message repeats them. */
function refusal(error) {
  if (error.errors?.length) return error.errors.map((one) => fault("error", one));
  const where = error.managerId;
  return [h("p", { class: "fault error" },
    error.message, where && " ", where && h("a", { href: link(where) }, "Show that run"))];
}

/**
 * What the service refused for a while is said no longer than it holds.
 * @param {(blocker: string) => boolean} over called with the id of the run in the way, "" for no answer at all
 */
export function clearNotices(parent, over) {
  for (const answer of parent.querySelectorAll(".answer[data-blocker]")) {
    if (!over(answer.dataset.blocker)) continue;
    answer.replaceChildren();
    delete answer.dataset.blocker;
  }
}

/** A field for each parameter, of the type of its default; `changed` is what differs from the defaults. */
function form(params) {
  const fields = Object.entries(params ?? {}).map(([name, value]) => ({ name, value, input: input(name, value) }));
  return {
    labels: fields.map(({ name, value, input }) =>
      h("label", { title: `default: ${shown(value) || "empty"}` }, h("span", {}, name), input)),
    changed: () => changes(fields.map(({ name, value, input }) =>
      ({ name, value, text: typeof value === "boolean" ? String(input.checked) : input.value }))),
  };
}

function input(name, value) {
  const common = { name, autocomplete: "off", spellcheck: "false" };
  if (typeof value === "boolean") return h("input", { ...common, type: "checkbox", checked: value });
  if (typeof value === "number") return h("input", { ...common, type: "number", step: "any", value });
  if (typeof value === "string" && !value.includes("\n")) return h("input", { ...common, type: "text", value });
  const text = h("textarea", { ...common, rows: Math.min(6, shown(value).split("\n").length + 1) });
  text.value = shown(value);
  return text;
}

const shown = (value) => (typeof value === "string" ? value : JSON.stringify(value));

/** Only what was changed is sent; lists and tables as JSON, the rest as text, which the service reads as its type. */
export function changes(fields) {
  const params = {};
  for (const { name, value, text } of fields) {
    if (text !== shown(value)) params[name] = typeof value === "object" ? parsed(text) : text;
  }
  return params;
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text; // the service says what it expected
  }
}

/** The line that an error is about: `where` is "file.toml:3:6", "file.toml key" or "file.toml step.NAME.key". */
export function place(toml, where) {
  const lines = toml.split("\n");
  const exact = /:(\d+):\d+$/.exec(where);
  const index = exact ? exact[1] - 1 : find(lines, path(where.replace(/^.*?\.toml ?/, "")));
  return index in lines ? { line: index + 1, text: lines[index].trim() } : null;
}

/** The line that names most of `keys`: what is missing is missing in its table. */
function find(lines, keys) {
  let [table, best, length] = [[], -1, 0];
  lines.forEach((line, index) => {
    const [, header, key] = /^\s*(?:\[\[?([^\]]+)\]|([^=#]+)=)/.exec(line) ?? [];
    if (header) table = path(header);
    if (!header && !key) return;
    const here = header ? table : [...table, ...path(key)];
    if (here.length > length && here.every((part, at) => part === keys[at])) [best, length] = [index, here.length];
  });
  return best;
}

/** A dotted name in its parts; one in quotes may have dots in it, and a number in brackets is a place in a list. */
function path(name) {
  return (name.match(/"(?:\\.|[^"])*"|'[^']*'|[^.\s]+/g) ?? [])
    .map((part) => (/^["']/.test(part) ? part.slice(1, -1).replace(/\\(.)/g, "$1") : part.replace(/\[\d+\]$/, "")));
}
