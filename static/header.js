/** What is the chosen run, how does it stand, and what can be done with it, a step or a worker job? */
import { clockTime, count, dotted, elapsed, h, icon, keyed, moment, plural, set, setIcon, word, write } from "./page.js";
import { address, cancel, every, get, pathOf, post, remove } from "./service.js";
import { hasEnded } from "./tree.js";

export class Header {
  /** `deleted` is called when the reader has deleted the run. */
  constructor(id, deleted) {
    this.id = id;
    this.icon = icon("pending");
    this.title = h("h1", { tabindex: -1 });
    this.status = h("span.status");
    this.time = h("span.time");
    this.badge = h("span.badge");
    this.counts = h("p.counts");
    this.reason = h("p.reason");
    this.facts = h("p.quiet.facts");
    this.given = h("div.flow");
    this.notices = h("div.flow");
    this.cancel = cancelling(id, {}, this.title);
    this.retry = retrying(id, {}, this.title);
    this.remove = deleting(id, this.title, deleted);
    this.tell = noticeButton(id);
    this.element = h("header.run-head",
      h("div.title.flow", this.icon, this.title, this.badge),
      h("div.state.flow", this.status, this.time, this.counts, h("div.actions.flow.end", this.tell, this.cancel.element,
        this.retry.element, this.remove.element, h("a", { href: address(pathOf(id, "/log")) }, "Text log"))),
      this.reason, this.facts, this.given, this.notices);
  }

  draw({ manager, gaps }, badge, now) {
    const { status, name, definition, reason, attempt, started_at: started, created_at: at = started } = manager;
    this.element.className = `run-head ${status}`;
    setIcon(this.icon, status);
    write(this.title, name ?? definition ?? this.id);
    write(this.status, word(status));
    write(this.time, elapsed(manager, now));
    write(this.badge, badge.text);
    this.badge.className = `badge ${badge.kind}`;
    set(this.badge, "title", badge.title);
    write(this.counts, counts(manager.counts));
    write(this.reason, (status !== "pending" && reason) || "");
    const began = at && `started ${moment(started ?? at)}`;
    write(this.facts, dotted(definition, this.id, began, attempt > 1 && `attempt ${attempt}`));
    if (manager.toml !== this.shown) this.describe(manager);
    keyed(this.notices, gaps, ({ from }) => from, ({ from, to }) =>
      h("p.notice", `Rows ${count(from)} to ${count(to)} are no longer kept and cannot be shown.`));
    const ended = hasEnded(status);
    this.tell.hidden ||= ended;
    this.cancel.draw(!ended);
    this.retry.draw(ended && status !== "completed", status === "interrupted" ? "Resume" : "Retry failed");
    this.remove.draw(ended);
  }

  describe({ toml, params = {} }) {
    this.shown = toml;
    const given = Object.entries(params).map(([name, value]) =>
      h("div", h("dt", name), h("dd", typeof value === "string" && value ? value : JSON.stringify(value))));
    this.given.replaceChildren(h("dl.params.flow", ...given),
      h("details.toml", h("summary", "Definition (TOML)"), h("pre", { tabindex: 0 }, toml)));
  }
}

const counts = ({ total_steps: steps, total_jobs: jobs, failed_jobs: failed, ...of }) => dotted(
  steps && `${of.completed_steps + of.completed_with_warnings_steps} of ${plural(steps, "step")}`,
  jobs && `${count(of.completed_jobs)} of ${plural(jobs, "worker job")}`,
  failed && `${count(failed)} failed`);

const WORDS = {
  waiting: "waiting: many tabs are open", stopping: "service is stopping, reconnecting", busy: "service is busy, trying again",
};
const RECEIPT = "Lines this page accounts for, of those in the log; most are read when they come into sight.";

/** What is the picture worth, in words? It is `behind` while rows of the past are coming. */
export function badge({ receipt }, stream, behind) {
  if (receipt) {
    const { complete, received, total } = receipt;
    const text = `${complete ? "complete" : "incomplete"}: ${count(received)} of ${plural(total, "line")}`;
    return { kind: complete ? "good" : "bad", text, title: RECEIPT };
  }
  const { state } = stream;
  if (state === "open") return behind ? { kind: "", text: "catching up" } : { kind: "live", text: "live" };
  const stale = stream.silence() > 10_000 ? ` · stale since ${clockTime(stream.heard)}` : "";
  return { kind: state === "connecting" || state === "paused" ? "" : "bad", text: (WORDS[state] ?? state) + stale };
}

/** What a screen reader hears now and then. */
export function summary(tree) {
  const { name, definition, status } = tree?.manager ?? {};
  const known = name || definition;
  if (!known) return "";
  if (status !== "running") return `${known}: ${word(status)}`;
  const running = [...tree.steps.values()].filter((step) => step.status === "running");
  return running.map(({ name: step, lines, counts: { total_jobs: total, completed_jobs: done, failed_jobs: failed } }) => {
    if (!total) return `${step}: ${plural(lines, "line")}`;
    return `${step}: ${done} of ${total} done${failed ? `, ${failed} failed` : ""}`;
  }).join("; ");
}

class Action {
  /** `heading` takes the focus when the control that had it goes away; `busy` is the label until the state changes. */
  constructor(heading, { name, label, title, send, sent, busy, ask }) {
    Object.assign(this, { heading, label, send, sent, busy });
    this.problem = h("span.problem", { role: "alert" });
    this.open = h("button.open", { title, click: () => (ask ? this.turn(true) : this.go()) }, label);
    this.element = h(`div.control.flow.${name}`, this.open, this.problem);
    if (!ask) return;
    this.reason = ask.reason && h("input", { placeholder: "Reason (optional)", "aria-label": "Reason", maxlength: 200 });
    this.yes = h("button.danger", ask.confirm);
    const submit = (event) => {
      event.preventDefault();
      this.go();
    };
    this.form = h("form.flow", { submit, keydown: ({ key }) => key === "Escape" && this.turn(false) },
      ask.about, this.reason, this.yes, h("button", { type: "button", click: () => this.turn(false) }, ask.keep));
  }

  turn(asking) {
    this.show(asking);
    (asking ? this.reason || this.yes : this.open).focus();
  }

  show(asking) {
    write(this.problem, "");
    const control = asking ? this.form : this.open;
    if (!control.parentElement) this.element.replaceChildren(control, this.problem); // moved, it would lose the focus
  }

  /** A request at a time; `disabled` would take the focus away from the button. */
  async go() {
    if (this.sending) return;
    this.sending = true;
    write(this.problem, "");
    try {
      await this.send(this.reason?.value);
      if (this.form?.contains(document.activeElement)) this.heading.focus();
      this.show(false);
      this.open.disabled = Boolean(this.busy);
      write(this.open, this.busy ?? this.label);
      this.sent?.();
    } catch (error) {
      write(this.problem, error.message);
    }
    this.sending = false;
  }

  /** What the state does not allow is hidden. */
  draw(possible, label = this.label) {
    if (possible === this.possible && label === this.label) return;
    if (!possible && this.element.contains(document.activeElement)) this.heading.focus();
    Object.assign(this, { possible, label });
    this.element.hidden = !possible;
    this.show(false);
    this.open.disabled = false;
    if (this.reason) this.reason.value = "";
    write(this.open, label);
  }
}

/** `of` is {step} or {job}; nothing is the run itself. */
export function cancelling(id, of, heading) {
  const [what = "run"] = Object.keys(of);
  return new Action(heading, {
    name: "cancel", label: what === "run" ? "Cancel…" : `Cancel ${what}…`, busy: "Cancelling…",
    ask: { confirm: `Cancel this ${what}`, keep: "Keep running", reason: true },
    send: (reason) => post(pathOf(id, "/cancel"), { ...of, ...(reason && { reason }) }),
  });
}

export const retrying = (id, of, heading) => new Action(heading, {
  name: "retry", label: "Retry failed", title: "Run again what did not complete, and nothing else",
  send: () => post(pathOf(id, "/retry"), of),
});

export const deleting = (id, heading, sent) => new Action(heading, {
  name: "delete", label: "Delete…", sent, send: () => remove(pathOf(id)),
  ask: {
    confirm: "Delete this run", keep: "Keep it",
    about: "Its lines and worker jobs are removed for good; documents stay.",
  },
});

let wanted = null; // the run that a notice was asked for

export function noticeButton(id) {
  const click = async () => {
    const on = wanted !== id && (await Notification.requestPermission()) === "granted";
    wanted = on ? id : null;
    set(button, "aria-pressed", on);
    // A hidden tab has given its stream back.
    if (on) every("notice", 5_000, async () => document.hidden && ended(await get(pathOf(id))));
    else cancel("notice");
  };
  const button = h("button", { title: "A notice of the browser when this run has ended", click }, "Tell me");
  button.hidden = !("Notification" in window);
  set(button, "aria-pressed", wanted === id);
  return button;
}

/** Called with what is known of a run, again and again. */
export function ended({ id, name, definition, status }) {
  if (id !== wanted || !hasEnded(status)) return;
  wanted = null;
  cancel("notice");
  new Notification(`${name || definition}: ${word(status)}`, { tag: id });
}
