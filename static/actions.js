/** What can one do with definitions, runs, steps and worker jobs, and by which keys? */
import { cancel, every, get, part, pathOf, post, remove, serverNow } from "./connection.js";
import { settings, toggle } from "./log.js";
import {
  ahead, count, dotted, elapsed, fill, h, icon, keyed, link, moment, plural, set, setIcon, tried, word, write,
} from "./page.js";
import { hasEnded, STATUSES, sum } from "./tree.js";

export function drawDefinitions(parent, items, started) {
  parent.className = "definitions";
  // Only a changed definition gets a new card: what was typed into it stays, run after run.
  keyed(parent, items, (definition) => JSON.stringify({ ...definition, next_run_at: null, last_skipped: null }),
    (definition) => card(definition, started), drawSchedule);
}

function drawSchedule(element, { schedule, timezone, next_run_at: next, last_skipped: skipped }) {
  if (!schedule) return;
  const [run, skip] = element.querySelectorAll(".schedule");
  write(run, next ? `next run ${ahead((Date.parse(next) - serverNow()) / 1000)}` : `scheduled ${schedule}`);
  set(run, "title", next && `${moment(next)} (${schedule}, ${timezone})`);
  write(skip, skipped && `skipped ${moment(skipped.due_at)}: ${skipped.reason}`);
}

function card(definition, started) {
  const { id, description, enabled = true, errors = [], warnings = [], params, file } = definition;
  const name = definition.name || id;
  const answer = h("div.answer", { role: "alert" });
  const fields = Object.entries(params ?? {}).map(([name, value]) => ({ name, value, input: input(name, value) }));
  const why = errors.length ? "it has errors" : !enabled && "it is disabled";
  const submit = tried(answer, async () => {
    const typed = fields.map(({ input: { type, checked, value: text }, ...field }) =>
      ({ ...field, text: type === "checkbox" ? String(checked) : text }));
    started(await post(`definitions/${part(id)}/runs`, { params: changes(typed) }));
  }, ({ message, errors, manager_id: blocker, status }) => {
    answer.append(...(errors?.length ? errors.map((one) => fault("error", one)) : [h("p.fault.error",
      message, " ", blocker && h("a", { href: link(blocker) }, "Show that run"))]));
    set(answer, "data-blocker", blocker ?? (status === 0 ? "" : null));
  });
  return h("li.card", h("form", { submit, novalidate: true },
    h("div.top.flow", h("strong", { title: file }, name), !enabled && h("span.chip", "disabled"), h("button.primary", {
      disabled: Boolean(why), title: why && `Cannot be run: ${why}`, "aria-label": `Run ${name}`,
    }, "Run")),
    h("p.quiet.about", { title: description }, description), h("p.quiet.schedule"), h("p.quiet.schedule"),
    fields.length && h("details", h("summary", "Parameters"), ...fields.map(({ name, input }) =>
      h("label", h("span", name), input))),
    errors.length && h("details.errors", h("summary", plural(errors.length, "error")),
      ...errors.map((one, i) => fault("error", one, definition.error_lines[i]))),
    ...warnings.map((one) => fault("warning", one)), answer));
}

const fault = (kind, { where, message }, place) => h(`p.fault.${kind}`, h("b", kind), where ? ` ${where}: ` : " ",
  message, place && h("code", h("span", `line ${place.line}`), ` ${place.text}`));

/** What was refused is said while a run is in the way, or "", while there is no answer. */
export function clearNotices(over) {
  for (const answer of document.querySelectorAll("[data-blocker]")) if (over(answer.dataset.blocker)) write(answer, "");
}

function input(name, value) {
  const [common, text] = [{ name, autocomplete: "off", spellcheck: "false" }, shown(value)];
  const type = { boolean: "checkbox", number: "number", string: "text" }[typeof value];
  if (type && !text.includes("\n")) return h("input", { ...common, type, step: "any", checked: value === true, value });
  const area = h("textarea", { ...common, rows: Math.min(6, text.split("\n").length + 1) });
  return Object.assign(area, { value: text }); // a child would be a part of its label
}

export const shown = (value) => (typeof value === "string" ? value : JSON.stringify(value));

/** As text: the service reads it as what it was. */
export const changes = (fields) =>
  Object.fromEntries(fields.filter(({ value, text }) => text !== shown(value)).map(({ name, text }) => [name, text]));

export function drawManagers(parent, items, more, chosen, now) {
  keyed(parent, items, ({ id }) => id, ({ id }) => h("li", h("a", { href: link(id) }, icon("pending"), h("span.name"),
    h("span.time"), h("span.status"), h("span.when"), h("span.counts"))), ({ firstElementChild: anchor }, manager) => {
    const { id, name, status, attempt, total_steps: steps, total_jobs: jobs } = manager;
    setIcon(anchor.firstChild, status);
    set(anchor, "aria-current", id === chosen ? "true" : null);
    anchor.className = status;
    fill(anchor, {
      name, time: elapsed(manager, now), status: word(status),
      when: moment(manager.started_at ?? manager.created_at, now),
      counts: dotted(steps && plural(steps, "step"), jobs && plural(jobs, "job"), attempt > 1 && `attempt ${attempt}`),
    });
  });
  const older = more ? "Older runs are kept, too; these are the newest." : "";
  write(parent.nextElementSibling, items.length ? older : "No runs yet. Start one above.");
}

export function drawToolbar(parent, { managers = {}, jobs = {} }) {
  keyed(parent, [["Managers", managers], ["Worker jobs", jobs]], ([label]) => label, ([label]) =>
    h("div.tally", { role: "group", "aria-label": `${label} by status` },
      h("span.label", label), " ", h("span.total"), " ", h("span.by")), (element, [, counts]) => {
    fill(element, { total: count(sum(counts)) });
    keyed(element.lastChild, STATUSES.filter((status) => counts[status]), (status) => status, (status) =>
      h(`span.count.${status}`, { title: word(status) }, icon(status), h("b"), " ", h("span.word", word(status)), " "),
    (one, status) => write(one.children[1], count(counts[status])));
  });
}

class Action {
  /** `heading` takes the focus of a control that goes away; `busy` is its label until the state changes. */
  constructor(heading, { name, title, when, label, again = label, send, sent, busy, ask, about, reason, keep }) {
    Object.assign(this, { heading, when, label, again });
    this.problem = h("span.problem", { role: "alert" });
    const given = reason && h("input", { placeholder: "Reason (optional)", "aria-label": "Reason", maxlength: 200 });
    const submit = tried(this.problem, async () => {
      await send(given?.value);
      if (this.form.contains(document.activeElement)) heading.focus();
      this.show(this.open);
      if (busy) Object.assign(this.open, { disabled: true, textContent: busy });
      sent?.();
    });
    const back = () => this.turn(this.open);
    this.open = h("button.open", { title, click: ask ? () => this.turn(this.form) : submit }, label);
    this.form = h("form.flow", { submit, keydown: ({ key }) => key === "Escape" && back() },
      about, given, h("button.danger", ask), h("button", { type: "button", click: back }, keep));
    this.element = h(`div.control.flow.${name}`, this.open, this.problem);
  }

  turn(control) {
    this.show(control);
    this.element.querySelector("input, button").focus();
  }

  show(control) {
    write(this.problem, "");
    if (!control.parentElement) this.element.replaceChildren(control, this.problem); // moved, it would lose the focus
  }

  draw(status) {
    const label = this.when(status) && (status === "interrupted" ? this.again : this.label);
    if (label === this.shown) return;
    if (!label && this.element.contains(document.activeElement)) this.heading.focus();
    this.shown = label;
    this.element.hidden = !label;
    this.show(this.open);
    this.open.disabled = false;
    this.form.reset();
    write(this.open, label);
  }
}

export function cancelling(id, of, heading) {
  const [what = "run"] = Object.keys(of);
  return new Action(heading, {
    name: "cancel", label: what === "run" ? "Cancel…" : `Cancel ${what}…`, busy: "Cancelling…",
    ask: `Cancel this ${what}`, keep: "Keep running", reason: true, when: (status) => !hasEnded(status),
    send: (reason) => post(pathOf(id, "/cancel"), { ...of, ...(reason && { reason }) }),
  });
}

export const retrying = (id, of, heading) => new Action(heading, {
  name: "retry", label: of.step ? "Retry this step" : "Retry failed", again: of.step ? "Resume this step" : "Resume",
  title: "Run again what did not complete, and nothing else",
  send: () => post(pathOf(id, "/retry"), of), when: (status) => hasEnded(status) && status !== "completed",
});

export const deleting = (id, heading, sent) => new Action(heading, {
  name: "delete", label: "Delete…", ask: "Delete this run", keep: "Keep it", sent, when: hasEnded,
  about: "Its lines and worker jobs are removed for good; documents stay.", send: () => remove(pathOf(id)),
});

let wanted = null;

export function noticeButton(id) {
  const click = async () => {
    const on = wanted !== id && (await Notification.requestPermission()) === "granted";
    wanted = on && id;
    set(button, "aria-pressed", on);
    // A hidden tab has given its stream back.
    if (on) every("notice", 5_000, async () => document.hidden && ended(await get(pathOf(id))));
    else cancel("notice");
  };
  const button = h("button", {
    title: "A notice of the browser when this run has ended", "aria-pressed": wanted === id, click,
  }, "Tell me");
  return button;
}

export function ended({ id, name, status }) {
  if (id !== wanted || !hasEnded(status)) return;
  wanted = null;
  cancel("notice");
  new Notification(`${name}: ${word(status)}`, { tag: id });
}

function beside(selector, present, by) {
  const all = [...document.querySelectorAll(selector)];
  const at = all.findIndex((one) => one.matches(present));
  return at < 0 ? all[0] : all[at + by];
}

const KEYS = [
  ["j", "next run", () => beside(".managers a", "[aria-current]", 1)?.click()],
  ["k", "previous run", () => beside(".managers a", "[aria-current]", -1)?.click()],
  ["n", "next step", () => beside(".fold", ":focus", 1)?.focus()],
  ["p", "previous step", () => beside(".fold", ":focus", -1)?.focus()],
  ["l", "lines of the step", () => document.activeElement.closest(".step")?.querySelector("[role=log]").focus()],
  ["e", "first error", ".groups button"],
  ["/", "find words", ".find input"],
  ["t", "timeline", ".bars"],
  ["m", "moment in the past", ".travel input"],
  ["d", "definitions", ".definitions button:enabled"],
  ["f", "filter of documents", ".documents input"],
  ["c", "cancel the run", ".actions .cancel .open"],
  ["r", "retry the run", ".actions .retry .open"],
  ["?", "these keys", () => document.querySelector(".help").click()],
];

export function keys(bar) {
  const dialog = h("dialog.keys", { "aria-label": "Keys" },
    h("dl", ...KEYS.map(([key, what]) => h("div", h("dt", h("kbd.chip", key)), h("dd", what)))),
    h("p.quiet",
      "Enter does what a key leads to. Shift and an arrow mark a line to link to; arrows choose in the timeline."),
    h("form.flow", { method: "dialog" },
      h("label",
        h("input", { type: "checkbox", checked: settings.keys, change: () => toggle("keys") }), " Single keys"),
      h("button.end", { autofocus: true }, "Close")));
  document.body.append(dialog);
  bar.append(h("button.help", { "aria-label": "Keys", title: "Keys (?)", click: () => dialog.showModal() }, "?"));
  addEventListener("keydown", led);
}

function led(event) {
  const { key, target, ctrlKey, metaKey, altKey } = event;
  if (ctrlKey || metaKey || altKey || !settings.keys || document.querySelector("dialog[open]")) return;
  if (target.matches("input:not([type=checkbox], [type=range]), textarea, select")) return;
  const [, , lead] = KEYS.find(([one]) => one === key) ?? [];
  if (!lead) return;
  event.preventDefault();
  if (typeof lead === "function") return lead();
  [...document.querySelectorAll(lead)].find((one) => one.offsetParent)?.focus();
}
