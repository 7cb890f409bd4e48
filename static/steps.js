/**
 * What does each step of the chosen run look like? A step that starts unfolds itself; what the reader folded or
 * unfolded by hand stays so, whatever happens in the run.
 */
import { cancelling, retrying } from "./actions.js";
import { address, part } from "./api.js";
import { h, keyed, setAttribute, setText } from "./dom.js";
import { duration, elapsed, hasEnded, plural, word } from "./format.js";
import { icon, setIcon } from "./icons.js";
import { LineList } from "./lines.js";
import { link } from "./route.js";

const OWN = ""; // the key of the manager's own lines
const choices = new Map(); // "ID/STEP" → folded or unfolded by hand, for as long as the page lives

export class Steps {
  /** @param {(step: string, range: object) => void} mark called when the reader marks lines of a step */
  constructor(run, mark) {
    this.run = run;
    this.mark = mark;
    this.views = new Map();
    this.element = h("div", { class: "steps" });
  }

  draw(tree, now) {
    const lanes = [...tree.steps.values()];
    if (tree.own.lines) lanes.push({ ...tree.own, name: OWN, status: tree.manager.status });
    const since = Date.parse(tree.manager.started_at);
    keyed(this.element, lanes, {
      key: (lane) => `step ${lane.name}`,
      make: (lane) => this.view(lane.name).element,
      update: (_, lane) => this.view(lane.name).draw(lane, now, since, hasEnded(tree.manager.status)),
    });
  }

  view(name) {
    if (!this.views.has(name)) this.views.set(name, new StepView(this.run, name, this.mark));
    return this.views.get(name);
  }

  /** Open what a link points at. */
  show(name, range) {
    for (const [other, view] of this.views) if (other !== name) view.list.show(null, { scroll: true });
    if (name === null) return;
    const view = this.view(name);
    view.choose(true);
    view.list.show(range, { scroll: true });
    view.wanted = true;
  }
}

class StepView {
  constructor(run, name, mark) {
    const { id } = run;
    this.lines = run.log(name);
    this.key = `${id}/${name}`;
    this.started = false;
    const title = name === OWN ? "Manager" : name;
    this.icon = icon("pending");
    this.fold = h("button", { type: "button", class: "fold", click: () => this.choose(!this.unfolded()) },
      icon("chevron"), this.icon, h("span", { class: "name" }, title));
    this.status = h("span", { class: "status" });
    this.facts = h("span", { class: "facts" });
    this.warnings = h("span", { class: "chip warning", hidden: true });
    const log = address(`managers/${part(id)}/log`);
    const lane = name === OWN ? "" : `step=${part(name)}`;
    this.errors = h("a", {
      class: "chip error", hidden: true, target: "_blank", href: `${log}?${lane && `${lane}&`}level=error`,
      title: "The errors as text",
    });
    this.time = h("span", { class: "time" });
    this.progress = new Progress();
    this.cancel = cancelling(id, { step: name }, this.fold);
    this.retry = retrying(id, { step: name }, this.fold);
    this.reason = h("p", { class: "reason", hidden: true });
    this.about = h("span", {});
    this.list = new LineList(this.lines, {
      label: name === OWN ? "Lines of the manager itself" : `Lines of ${name}`,
      href: (number) => link(id, name, { from: number, to: number }),
      mark: (range) => {
        this.list.show(range, { scroll: false });
        mark(name, range);
      },
    });
    this.empty = h("p", { class: "quiet" });
    this.body = h("div", { class: "body", hidden: true }, this.list.element, this.empty,
      h("div", { class: "foot" }, this.about, name !== OWN && this.cancel.element, name !== OWN && this.retry.element,
        h("a", { href: lane ? `${log}?${lane}` : log }, "as text")));
    this.element = h("section", { class: "step", "aria-label": title },
      h("div", { class: "head" },
        h("h3", {}, this.fold), this.status, this.errors, this.warnings, this.facts, this.time),
      this.progress.element, this.reason, this.body);
    this.own = name === OWN;
  }

  choose(open) {
    choices.set(this.key, open);
    this.turn();
    this.list.draw();
  }

  unfolded() {
    return choices.get(this.key) ?? this.started;
  }

  turn() {
    const open = this.unfolded();
    this.body.hidden = !open;
    setAttribute(this.fold, "aria-expanded", String(open));
  }

  /**
   * @param {number} since when the run started
   * @param {boolean} over whether the run has ended, so that it can be retried
   */
  draw(lane, now, since, over) {
    const { levels, status, lines } = lane;
    // The manager's own lines say little that its steps do not, unless something went wrong.
    this.started ||= this.own ? levels.warning + levels.error > 0 : status === "running" || lines > 0;
    this.element.className = `step ${this.own ? "own" : status}`;
    setIcon(this.icon, status);
    setText(this.status, this.own ? "" : word(status));
    setText(this.facts, facts(lane));
    chip(this.warnings, levels.warning, "warning");
    chip(this.errors, levels.error, "error");
    setText(this.time, this.own ? "" : elapsed(lane, now));
    this.progress.draw(lane);
    this.cancel.draw(!hasEnded(status));
    this.retry.draw(over && hasEnded(status) && status !== "completed",
      status === "interrupted" ? "Resume this step" : "Retry this step");
    this.reason.hidden = this.own || !lane.reason || status === "pending"; // the manager's lines tell of a retry
    setText(this.reason, lane.reason ?? "");
    setText(this.about, about(lane));
    this.turn();
    this.empty.hidden = lines > 0;
    setText(this.empty, hasEnded(status) ? "No lines." : waiting(lane));
    this.list.element.hidden = lines === 0;
    this.lines.grow(lane);
    this.list.draw(since);
    if (this.wanted) {
      this.wanted = false;
      this.element.scrollIntoView({ block: "nearest" });
    }
  }
}

function facts({ counts, lines, attempt }) {
  const parts = [];
  if (attempt > 1) parts.push(`attempt ${attempt}`);
  if (counts.total_jobs) parts.push(plural(counts.total_jobs, "job"));
  if (lines) parts.push(plural(lines, "line"));
  return parts.join(" · ");
}

function about({ description, type, depends }) {
  const after = [depends ?? []].flat().join(", ");
  return [description, type && `type ${type}`, after && `after ${after}`].filter(Boolean).join(" · ");
}

function waiting({ status, depends }) {
  const after = [depends ?? []].flat().join(", ");
  return status === "pending" && after ? `Waits for ${after}.` : "No lines yet.";
}

function chip(element, n, noun) {
  element.hidden = !n;
  setText(element, n ? plural(n, noun) : "");
}

const PARTS = {
  completed: ["completed_jobs"],
  failed: ["failed_jobs"],
  cancelled: ["cancelled_jobs", "interrupted_jobs"],
  running: ["running_jobs"],
};

/** One bar of four parts over the worker jobs of a step, and the same in words. */
class Progress {
  constructor() {
    this.parts = Object.fromEntries(Object.keys(PARTS).map((name) => [name, h("i", { class: name })]));
    this.bar = h("div", { class: "track", role: "progressbar", "aria-label": "Worker jobs that have ended" },
      ...Object.values(this.parts));
    this.text = h("p", { class: "progress-text" });
    this.element = h("div", { class: "progress", hidden: true }, this.bar, this.text);
  }

  draw({ counts, status, progress, eta }) {
    const total = counts.total_jobs ?? 0;
    this.element.hidden = total === 0;
    if (total === 0) return;
    const sum = (keys) => keys.reduce((all, key) => all + (counts[key] ?? 0), 0);
    for (const [name, keys] of Object.entries(PARTS)) this.parts[name].style.width = `${(100 * sum(keys)) / total}%`;
    const ended = sum([...PARTS.completed, ...PARTS.failed, ...PARTS.cancelled]);
    setAttribute(this.bar, "aria-valuemax", total);
    setAttribute(this.bar, "aria-valuenow", ended);
    const text = progress || words(counts);
    setAttribute(this.bar, "aria-valuetext", text);
    setText(this.text, eta && !hasEnded(status) ? `${text} · about ${duration(Math.max(1, Math.round(eta)), { ticking: true })} left` : text);
  }
}

/** The service's own wording, for a step known from its counts alone. */
function words(counts) {
  const always = ["pending", "running", "completed", "failed"];
  const others = ["cancelled", "interrupted"].filter((name) => counts[`${name}_jobs`]);
  return [...always, ...others].map((name) => `${counts[`${name}_jobs`] ?? 0} ${name}`).join(", ");
}
