/** How do a run and each of its steps look? A step that starts unfolds itself, if not folded by hand. */
import { cancelling, deleting, noticeButton, retrying } from "./actions.js";
import { address, get, later, pathOf } from "./connection.js";
import { LineList } from "./lines.js";
import {
  clockTime, count, dotted, elapsed, fill, go, h, icon, keyed, link, moment, plural, s, set, setIcon, ticking, word, write,
} from "./page.js";
import { hasEnded } from "./tree.js";

export class Header {
  constructor(id, deleted) {
    this.id = id;
    this.icon = icon("pending");
    this.title = h("h1", { tabindex: -1 });
    this.badge = h("span.badge");
    this.given = h("div.flow");
    this.notices = h("div.flow");
    this.cancel = cancelling(id, {}, this.title);
    this.retry = retrying(id, {}, this.title);
    this.remove = deleting(id, this.title, deleted);
    this.tell = noticeButton(id);
    this.element = h("header.run-head",
      h("div.title.flow", this.icon, this.title, this.badge),
      h("div.state.flow", h("span.status"), h("span.time"), h("p.counts"), h("div.actions.flow.end", this.tell,
        this.cancel.element, this.retry.element, this.remove.element,
        h("a", { href: address(pathOf(id, "/log")) }, "Text log"))),
      h("p.reason"), h("p.quiet.facts"), this.given, this.notices);
  }

  draw({ manager, gaps }, badge, now) {
    const { status, name, definition, reason, attempt, started_at: started, created_at: at = started } = manager;
    this.element.className = `run-head ${status}`;
    setIcon(this.icon, status);
    write(this.title, name ?? definition ?? this.id);
    this.badge.className = `badge ${badge.kind}`;
    set(this.badge, "title", badge.title);
    fill(this.element, {
      badge: badge.text, status: word(status), time: elapsed(manager, now), counts: counts(manager.counts),
      reason: status !== "pending" && reason,
      facts: dotted(definition, this.id, at && `started ${moment(started ?? at)}`, attempt > 1 && `attempt ${attempt}`),
    });
    if (manager.toml !== this.shown) this.describe(manager);
    keyed(this.notices, gaps, ({ from }) => from, ({ from, to }) =>
      h("p.notice", `Rows ${count(from)} to ${count(to)} are no longer kept and cannot be shown.`));
    const ended = hasEnded(status);
    this.tell.hidden = ended || !("Notification" in window);
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
  waiting: "waiting: many tabs are open",
  stopping: "service is stopping, reconnecting",
  busy: "service is busy, trying again",
};
const RECEIPT = "Lines this page accounts for, of those in the log; most are read when they come into sight.";

/** What is the picture worth? It is `behind` while rows of the past are coming. */
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

export class Glance {
  constructor(id) {
    this.id = id;
    this.curve = s("path");
    this.peak = h("span");
    this.rate = h("span.rate.quiet.flow", { hidden: true },
      s("svg", { viewBox: "0 0 120 20", "aria-hidden": true }, this.curve), this.peak);
    this.list = h("ul", { tabindex: 0, "aria-label": "Errors by how often they occur" });
    this.problem = h("span.problem", { role: "alert" });
    this.errors = h("section.groups", { "aria-label": "Errors", hidden: true }, this.list, this.problem);
  }

  /** Every other second, if there are more lines. */
  async draw({ manager: { lines } }) {
    if (!lines || this.known === lines || this.asking) return;
    this.asking = true;
    try {
      const [rate, { error_groups: groups }] = await Promise.all([get(pathOf(this.id, "/log/rate")), get(pathOf(this.id))]);
      this.plot(rate);
      this.group(groups);
      this.known = lines;
    } catch {} // the next time
    later(`glance ${this.id}`, 2_000, () => (this.asking = false));
  }

  plot({ seconds, lines }) {
    const most = Math.max(...lines);
    if (!most) return;
    this.rate.hidden = false;
    const points = lines.map((n, i) => `L${2 * i + 1} ${(19 - (n / most) * 18).toFixed(1)}`);
    set(this.curve, "d", `M0 20${points.join("")}L120 20Z`);
    write(this.peak, `up to ${count(Math.ceil(most / seconds))} lines/s`);
  }

  group(groups) {
    this.errors.hidden = !groups.length;
    keyed(this.list, groups, (group) => group.first_seq, (group) => this.one(group), (item, group) =>
      write(item.firstElementChild, `${count(group.count)} ×`));
  }

  /** Of a traceback the last line says most. */
  one({ message, first_seq: first }) {
    const [title, text] = [`Go to the first\n${message}`, message.trim().split("\n").at(-1)];
    return h("li", h("b"), h("button.link", { title, click: () => this.go(first) }, text || "(empty)"));
  }

  async go(seq) {
    write(this.problem, "");
    try {
      go(this.id, (await get(pathOf(this.id, `/log?format=json&limit=1&after=${seq - 1}`))).items[0]);
    } catch (error) {
      write(this.problem, error.message);
    }
  }
}

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
