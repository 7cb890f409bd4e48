/**
 * What does each step of the chosen run look like? A step that starts unfolds itself; what the reader folded or
 * unfolded by hand stays so, whatever happens in the run.
 */
import { cancelling, retrying } from "./header.js";
import { LineList } from "./lines.js";
import { dotted, elapsed, h, icon, keyed, link, plural, set, setIcon, ticking, word, write } from "./page.js";
import { address } from "./service.js";
import { hasEnded } from "./tree.js";

const choices = new Map(); // "ID/STEP" → folded or unfolded by hand, for as long as the page lives

export class Steps {
  views = new Map();
  element = h("div.steps");

  /** `mark` is called with a step and the range of lines that the reader marks. */
  constructor(run, mark) {
    Object.assign(this, { run, mark });
  }

  draw({ manager, own, steps }, now) {
    const lanes = [...steps.values()];
    if (own.lines) lanes.push({ ...own, name: "", status: manager.status });
    keyed(this.element, lanes, ({ name }) => `step ${name}`, ({ name }) => this.view(name).element, (_, lane) =>
      this.view(lane.name).draw(lane, now, Date.parse(manager.started_at), hasEnded(manager.status)));
  }

  view(name) {
    if (!this.views.has(name)) this.views.set(name, new StepView(this.run, name, this.mark));
    return this.views.get(name);
  }

  /** Open what a link points at. */
  show(name, range) {
    for (const [other, { list }] of this.views) if (other !== name) list.show(null, { scroll: true });
    if (name === null) return;
    const view = this.view(name);
    view.choose(true);
    view.list.show(range, { scroll: true });
    view.wanted = true;
  }
}

/** The name "" is the manager's own lines. */
class StepView {
  constructor(run, name, mark) {
    const { id } = run;
    const title = name || "Manager";
    Object.assign(this, { name, key: `${id}/${name}`, started: false, lines: run.log(name) });
    this.icon = icon("pending");
    this.fold = h("button.fold", { click: () => this.choose(!this.unfolded) },
      icon("chevron"), this.icon, h("span.name", title));
    this.status = h("span.status");
    this.facts = h("span.facts");
    this.warnings = h("span.chip.warning");
    this.errors = h("a.chip.error", { target: "_blank", href: address(this.lines.url({ level: "error" })), title: "The errors as text" });
    this.time = h("span.time");
    this.parts = Object.keys(PARTS).map((status) => h(`i.${status}`));
    this.bar = h("div.track", { role: "progressbar", "aria-label": "Worker jobs that have ended" }, ...this.parts);
    this.far = h("p.progress-text");
    this.progress = h("div.progress.flow", this.bar, this.far);
    this.cancel = cancelling(id, { step: name }, this.fold);
    this.retry = retrying(id, { step: name }, this.fold);
    this.reason = h("p.reason");
    this.about = h("span");
    this.list = new LineList(this.lines, {
      label: name ? `Lines of ${name}` : "Lines of the manager itself",
      href: (number) => link(id, name, { from: number, to: number }),
      mark: (range) => {
        this.list.show(range, { scroll: false });
        mark(name, range);
      },
    });
    this.empty = h("p.quiet");
    this.body = h("div.body", this.list.element, this.empty, h("div.foot.flow", this.about,
      name && this.cancel.element, name && this.retry.element, h("a", { href: address(this.lines.url()) }, "as text")));
    this.element = h("section.step.card", { "aria-label": title },
      h("div.head.flow", h("h3", this.fold), this.status, this.errors, this.warnings, this.facts, this.time),
      this.progress, this.reason, this.body);
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

  /** `since` is when the run started; once it is `over` it can be retried. */
  draw(lane, now, since, over) {
    const { levels, status, lines, attempt, counts, description, type, reason } = lane;
    const own = !this.name;
    const ended = hasEnded(status);
    const after = [lane.depends ?? []].flat().join(", ");
    // The manager's own lines say little that its steps do not, unless something went wrong.
    this.started ||= own ? levels.warning + levels.error > 0 : status === "running" || lines > 0;
    this.element.className = `step card ${own ? "own" : status}`;
    setIcon(this.icon, status);
    write(this.status, own ? "" : word(status));
    write(this.facts, dotted(attempt > 1 && `attempt ${attempt}`, counts.total_jobs && plural(counts.total_jobs, "job"),
      lines && plural(lines, "line")));
    write(this.warnings, levels.warning ? plural(levels.warning, "warning") : "");
    write(this.errors, levels.error ? plural(levels.error, "error") : "");
    write(this.time, own ? "" : elapsed(lane, now));
    this.advance(lane, ended);
    this.cancel.draw(!ended);
    this.retry.draw(over && ended && status !== "completed", status === "interrupted" ? "Resume this step" : "Retry this step");
    write(this.reason, (!own && status !== "pending" && reason) || ""); // the manager's lines tell of a retry
    write(this.about, dotted(description, type && `type ${type}`, after && `after ${after}`));
    this.turn();
    const waiting = status === "pending" && after ? `Waits for ${after}.` : "No lines yet.";
    write(this.empty, lines ? "" : ended ? "No lines." : waiting);
    this.list.element.hidden = !lines;
    this.lines.grow(lane);
    this.list.draw(since);
    if (this.wanted) this.element.scrollIntoView({ block: "nearest" });
    this.wanted = false;
  }

  /** A bar of four parts over the worker jobs, and the same in words. */
  advance({ counts, progress, eta }, ended) {
    const of = (statuses) => statuses.reduce((sum, status) => sum + (counts[`${status}_jobs`] ?? 0), 0);
    const total = of(["total"]);
    this.progress.hidden = !total;
    if (!total) return;
    const parts = Object.values(PARTS).map(of);
    parts.forEach((n, i) => (this.parts[i].style.width = `${(100 * n) / total}%`));
    const others = ["cancelled", "interrupted"].filter((status) => of([status]));
    const all = ["pending", "running", "completed", "failed", ...others];
    const text = progress || all.map((status) => `${of([status])} ${status}`).join(", "); // in the service's own wording
    const left = eta && !ended && `about ${ticking(Math.max(1, Math.round(eta)))} left`;
    set(this.bar, "aria-valuemax", total);
    set(this.bar, "aria-valuenow", parts[0] + parts[1] + parts[2]);
    set(this.bar, "aria-valuetext", text);
    write(this.far, dotted(text, left));
  }
}

const PARTS = {
  completed: ["completed"], failed: ["failed"], cancelled: ["cancelled", "interrupted"], running: ["running"],
};
