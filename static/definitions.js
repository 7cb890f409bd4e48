/** What can be run, with which parameters, and what keeps a definition from running? */
import { part, post, serverNow } from "./api.js";
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
  const { id, name, description, enabled = true, errors = [], warnings = [], schedule } = definition;
  const answer = h("div", { class: "answer", role: "alert" });
  const fields = Object.entries(definition.params ?? {}).map(([key, value]) => field(key, value));
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
      started(await post(`definitions/${part(id)}/runs`, { params: changed(fields) }));
    } catch (error) {
      answer.replaceChildren(...refusal(error));
      if (error.managerId || error.status === 0) answer.dataset.blocker = error.managerId ?? "";
    } finally {
      busy = false;
    }
  };
  return h("li", { class: errors.length ? "broken" : "" }, h("form", { submit },
    h("div", { class: "top" },
      h("strong", {}, name || id), !enabled && h("span", { class: "chip" }, "disabled"), run),
    description && h("p", { class: "quiet about", title: description }, description),
    schedule && h("p", { class: "quiet schedule" }), schedule && h("p", { class: "quiet schedule" }),
    fields.length > 0 && h("details", {}, h("summary", {}, "Parameters"), ...fields.map(({ label }) => label)),
    errors.length > 0 && h("details", { class: "errors" },
      h("summary", {}, plural(errors.length, "error")), ...errors.map((error) => fault("error", error))),
    ...warnings.map((warning) => fault("warning", warning)),
    answer));
}

function fault(kind, { where, message }) {
  return h("p", { class: `fault ${kind}` }, h("b", {}, kind), where ? ` ${where}: ` : " ", message);
}

function field(key, value) {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  const input = h("input", { name: key, value: text, autocomplete: "off", spellcheck: "false" });
  return { key, value, text, input, label: h("label", {}, h("span", {}, key), input) };
}

/** Only what was changed is sent, as the type of its default where that is not text. */
function changed(fields) {
  const params = {};
  for (const { key, value, text, input } of fields) {
    if (input.value === text) continue;
    params[key] = typeof value === "object" ? parsed(input.value) : input.value;
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
