/** How does each step look, and what can be done with it? One that starts unfolds itself, if not folded by hand. */
import { LineList } from "./lines.js";
import { dotted, elapsed, fill, h, icon, link, plural, set, setIcon, ticking, word, write } from "./page.js";
import { address, cancel, every, get, pathOf, post, remove } from "./connection.js";
import { hasEnded } from "./tree.js";

const choices = new Map(); // by hand, by "ID/STEP"

/** The step "" is the manager's own lines. */
export class Step {
  constructor(run, name) {
    const { id } = run;
    const title = name || "Manager";
    Object.assign(this, { name, key: `${id}/${name}`, started: false, lines: run.log(name) });
    this.icon = icon("pending");
    this.fold = h("button.fold", { click: () => this.choose(!this.unfolded) },
      icon("chevron"), this.icon, h("span.name", title));
    const errors = address(this.lines.url({ level: "error" }));
    this.parts = PARTS.map((status) => h(`i.${status}`));
    this.bar = h("div.track", { role: "progressbar", "aria-label": "Worker jobs that have ended" }, ...this.parts);
    this.progress = h("div.progress.flow", this.bar, h("p.progress-text"));
    this.cancel = cancelling(id, { step: name }, this.fold);
    this.retry = retrying(id, { step: name }, this.fold);
    this.list = new LineList(this.lines, {
      label: name ? `Lines of ${name}` : "Lines of the manager itself",
      href: (number) => link(id, name, { from: number, to: number }),
      mark: (range) => {
        this.list.show(range, { scroll: false });
        run.mark(name, range);
      },
    });
    this.body = h("div.body", this.list.element, h("p.quiet.none"), h("div.foot.flow", h("span.about"),
      name && this.cancel.element, name && this.retry.element, h("a", { href: address(this.lines.url()) }, "as text")));
    this.element = h("section.step.card", { "aria-label": title },
      h("div.head.flow", h("h3", this.fold), h("span.status"), h("a.chip.error", { target: "_blank", href: errors }),
        h("span.chip.warning"), h("span.facts"), h("span.time")),
      this.progress, h("p.reason"), this.body);
  }

  show(range) {
    this.choose(true);
    this.list.show(range, { scroll: true });
    this.wanted = true;
  }

  choose(open) {
    choices.set(this.key, open);
    this.turn();
    this.list.draw();
  }

  get unfolded() {
    return choices.get(this.key) ?? this.started;
  }

  turn() {
    this.body.hidden = !this.unfolded;
    set(this.fold, "aria-expanded", this.unfolded);
  }

  draw(lane, now, since, over) {
    const { levels, status, lines, attempt, counts, description, type, reason } = lane;
    const own = !this.name;
    const ended = hasEnded(status);
    const after = [lane.depends ?? []].flat().join(", ");
    // The manager's own lines say little that its steps do not, unless something went wrong.
    this.started ||= own ? levels.warning + levels.error > 0 : status === "running" || lines > 0;
    this.element.className = `step card ${own ? "own" : status}`;
    setIcon(this.icon, status);
    const waiting = status === "pending" && after ? `Waits for ${after}.` : "No lines yet.";
    fill(this.element, {
      status: !own && word(status),
      error: levels.error && plural(levels.error, "error"),
      warning: levels.warning && plural(levels.warning, "warning"),
      facts: dotted(attempt > 1 && `attempt ${attempt}`, counts.total_jobs && plural(counts.total_jobs, "job"),
        lines && plural(lines, "line")),
      time: !own && elapsed(lane, now),
      reason: !own && status !== "pending" && reason, // the manager's lines tell of a retry
      none: !lines && (ended ? "No lines." : waiting),
      about: dotted(description, type && `type ${type}`, after && `after ${after}`),
    });
    this.advance(lane, ended);
    this.cancel.draw(!ended);
    const again = status === "interrupted" ? "Resume this step" : "Retry this step";
    this.retry.draw(over && ended && status !== "completed", again);
    this.turn();
    this.list.element.hidden = !lines;
    this.lines.grow(lane);
    this.list.draw(since);
    if (this.wanted) this.element.scrollIntoView({ block: "nearest" });
    this.wanted = false;
  }

  advance({ counts, progress, eta }, ended) {
    const of = (status) => counts[`${status}_jobs`] ?? 0;
    const total = of("total");
    this.progress.hidden = !total;
    if (!total) return;
    PARTS.forEach((status, i) => (this.parts[i].style.width = `${(100 * of(status)) / total}%`));
    const others = ["cancelled", "interrupted"].filter(of);
    const all = ["pending", "running", "completed", "failed", ...others];
    const text = progress || all.map((status) => `${of(status)} ${status}`).join(", ");
    const left = eta && !ended && `about ${ticking(Math.max(1, Math.round(eta)))} left`;
    set(this.bar, "aria-valuemax", total);
    set(this.bar, "aria-valuenow", total - of("pending") - of("running"));
    set(this.bar, "aria-valuetext", text);
    fill(this.progress, { "progress-text": dotted(text, left) });
  }
}

const PARTS = ["completed", "failed", "cancelled", "interrupted", "running"];

class Action {
  /** `heading` takes the focus of a control that goes away; `busy` is its label until the state changes. */
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

  /** `disabled` would take the focus away. */
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

let wanted = null; // the run to tell of

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

export function ended({ id, name, definition, status }) {
  if (id !== wanted || !hasEnded(status)) return;
  wanted = null;
  cancel("notice");
  new Notification(`${name || definition}: ${word(status)}`, { tag: id });
}
