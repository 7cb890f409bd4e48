/**
 * When did what run? A bar for each step, with how many worker jobs ran at once, and one for each worker job. Only the
 * rows in sight are drawn, a few times a second at most: ten thousand worker jobs cost one pass over their times.
 */
import { cancelling } from "./actions.js";
import { get, part } from "./api.js";
import { h, s, setAttribute, setText } from "./dom.js";
import { count, duration, hasEnded, plural, word } from "./format.js";
import { tag } from "./tree.js";

const ROW = 18; // pixels
const SHOWN = 9; // rows
const SLICES = 160; // of a step's bar
const PAUSE = 250; // milliseconds between two drawings, or more: they take a twentieth of the time at most
const MOST = 20_000; // worker jobs

export class Timeline {
  /** @param {{id: string, lines: (step: string, job: string) => void}} run `lines` shows those of a worker job */
  constructor(run) {
    Object.assign(this, { run, jobs: new Map(), rows: [], chosen: null, again: 0, tall: 0 });
    this.slowest = h("button", {
      type: "button", "aria-pressed": "false", title: "Order worker jobs by how long they took", click: () => this.sort(),
    }, "Slowest first");
    this.facts = h("span", { class: "quiet" });
    this.axis = s("svg", { class: "axis", height: ROW, "aria-hidden": "true" });
    this.picture = s("svg", { role: "presentation" });
    this.space = h("div", { role: "presentation" }, this.picture);
    this.box = h("div", {
      class: "bars", role: "listbox", tabindex: "0", "aria-label": "Steps and worker jobs by time",
      scroll: () => this.render(), click: (event) => this.pick(Math.floor((event.clientY - this.space.getBoundingClientRect().top) / ROW)),
      keydown: (event) => this.typed(event),
    }, this.space);
    this.about = h("div", { class: "job", "aria-live": "polite", hidden: true });
    this.element = h("section", { class: "timeline", "aria-label": "Timeline" },
      h("div", { class: "top" }, h("h2", {}, "Timeline"), this.facts, this.slowest), this.axis, this.box, this.about);
    new ResizeObserver(() => this.render()).observe(this.box);
  }

  /** The worker jobs of before; those that change meanwhile come by the stream. */
  async load() {
    let path = `managers/${part(this.run.id)}/jobs?limit=1000`;
    while (path && this.jobs.size < MOST) {
      const { items, next } = await get(path).catch(() => ({ items: [] }));
      for (const { job_id: id, step_name: step, ...one } of items) {
        if (!this.jobs.has(id)) this.jobs.set(id, { ...one, id, step, tag: tag(id) });
      }
      path = next?.replace(/^\/+/, "");
      this.again = 0;
      this.run.draw();
    }
  }

  /** Of one that ended early in the log's tail the start may only be in the list. */
  take(one) {
    const started = one.started_at ?? (hasEnded(one.status) ? this.jobs.get(one.id)?.started_at : null);
    this.jobs.set(one.id, started === one.started_at ? one : { ...one, started_at: started });
  }

  /** @param {number | null} past a moment of the past that is shown, in the frame of the present */
  draw(tree, now, past = null) {
    if (past === null) for (const one of tree.jobs.values()) this.take(one);
    const begun = Date.now();
    const ended = hasEnded(tree.manager.status);
    if (begun < this.again && past === null && this.tree?.manager.status === tree.manager.status) return;
    Object.assign(this, { tree, now, past });
    this.rows = rows([...tree.steps.values()], this.jobs, now, this.slow);
    this.element.hidden = !this.rows.length;
    if (past === null) {
      this.from = this.rows.reduce((least, { from }) => Math.min(least, from ?? now), now);
      this.to = this.rows.reduce((most, { to }) => Math.max(most, to ?? 0), ended ? this.from + 1 : Math.max(now, this.from + 1));
    }
    const jobs = this.rows.length - tree.steps.size;
    this.tall = Math.max(this.tall, jobs || !ended ? SHOWN : Math.min(SHOWN, this.rows.length));
    this.slowest.hidden = jobs < 2;
    const most = this.rows.reduce((all, one) => Math.max(all, one.most ?? 0), 0);
    setText(this.facts, jobs ? `${plural(jobs, "worker job")}, ${count(most)} at once at most` : "");
    this.render();
    const end = Date.now();
    this.again = end + Math.max(PAUSE, 20 * (end - begun));
  }

  render() {
    if (!this.tree || !this.box.offsetParent) return;
    this.box.style.height = `${this.tall * ROW}px`;
    this.space.style.height = `${this.rows.length * ROW}px`;
    const width = this.box.clientWidth;
    this.left = width < 500 ? 110 : 190;
    const x = (at) => this.left + ((at - this.from) / (this.to - this.from)) * (width - this.left - 8);
    const marks = ticks(this.to - this.from).map((ms) => ({ at: x(this.from + ms), text: duration(ms / 1000) }));
    for (const svg of [this.axis, this.picture]) setAttribute(svg, "width", width);
    this.axis.replaceChildren(...marks.map(({ at, text }) => s("text", { x: at, y: 12 }, text)));
    const first = Math.max(0, Math.floor(this.box.scrollTop / ROW) - 2);
    const shown = this.rows.slice(first, first + SHOWN + 5);
    this.picture.style.transform = `translateY(${first * ROW}px)`;
    setAttribute(this.picture, "height", shown.length * ROW);
    this.picture.replaceChildren(...[
      ...marks.map(({ at }) => s("line", { x1: at, x2: at, y2: shown.length * ROW })),
      ...shown.map((row, i) => this.bar(row, i * ROW, x)),
      this.past && s("line", { class: "moment", x1: x(this.past), x2: x(this.past), y2: shown.length * ROW }),
    ].filter(Boolean));
    setAttribute(this.box, "aria-activedescendant", shown.some(({ id }) => id === this.chosen) && place(this.chosen));
    this.tell();
  }

  bar({ id, name, status, from, to, slow, running, most }, y, x) {
    const job = this.jobs.get(id);
    const far = status === "running" && job?.done != null ? `${count(job.done)}${job.total == null ? "" : ` of ${count(job.total)}`} · ` : "";
    const took = far + (from ? duration((to - from) / 1000) : word(status));
    const [left, right] = from ? [x(from), x(to)] : [this.left, this.left];
    const wide = Math.max(2, right - left);
    const beside = right + 7 * took.length < x(this.to); // else in it
    return s("g", {
      role: "option", id: place(id), "aria-selected": String(id === this.chosen), transform: `translate(0 ${y})`,
      "aria-label": `${name} ${took}, ${word(status)}${slow ? ", slow" : ""}`,
      class: `${status} ${running ? "whole" : ""} ${slow ? "slow" : ""}`,
    }, s("rect", { class: "back", width: "100%", height: ROW }),
    s("svg", { width: this.left - 6, height: ROW }, s("text", { class: "label", x: running ? 16 : 28, y: 13 }, name)),
    from && s("rect", { class: "span", x: left, y: 4, width: wide, height: 10, rx: 2 }),
    most > 0 && s("path", { class: "crowd", d: crowd(running, most, left, wide) }),
    s("text", { class: "took", x: beside ? right + 5 : right - 5, y: 13, "text-anchor": beside ? "start" : "end" }, ` ${took}`));
  }

  sort() {
    this.slow = !this.slow;
    setAttribute(this.slowest, "aria-pressed", String(this.slow));
    this.box.scrollTop = this.again = 0;
    if (this.tree) this.draw(this.tree, this.now, this.past);
  }

  typed(event) {
    const at = this.rows.findIndex(({ id }) => id === this.chosen);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: this.rows.length - 1, PageDown: at + SHOWN, PageUp: at - SHOWN }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    this.pick(Math.max(0, Math.min(this.rows.length - 1, to)));
  }

  pick(index) {
    if (!this.rows[index]) return;
    this.chosen = this.rows[index].id;
    const { scrollTop, clientHeight } = this.box;
    if (index * ROW < scrollTop) this.box.scrollTop = index * ROW;
    else if ((index + 1) * ROW > scrollTop + clientHeight) this.box.scrollTop = (index + 1) * ROW - clientHeight;
    this.render();
  }

  /** The chosen worker job in words, with what can be done about it. */
  tell() {
    const job = this.jobs.get(this.chosen);
    this.about.hidden = !job;
    if (!job) return;
    if (this.told !== job.id) {
      this.told = job.id;
      this.cancel = cancelling(this.run.id, { job: job.id }, this.box);
      this.text = h("span", {});
      this.why = h("p", { class: "reason" });
      this.about.replaceChildren(this.text,
        h("button", { type: "button", class: "link", click: () => this.run.lines(job.step, job.id) }, "Its lines"),
        this.cancel.element, this.why);
    }
    const { name, status, attempt, reason } = job;
    setText(this.text, `#${job.tag} ${name} in ${job.step} · ${word(status)}${attempt > 1 ? ` · attempt ${attempt}` : ""}`);
    setText(this.why, reason ?? "");
    this.cancel.draw(!hasEnded(status));
  }
}

/** Steps in their order, each with its worker jobs that have started by `now`, in the order of starting. */
export function rows(steps, jobs, now, slowest = false) {
  const of = new Map(steps.map(({ name }) => [name, []]));
  for (const job of jobs.values()) {
    const end = job.finished_at ? Date.parse(job.finished_at) : Infinity;
    const from = Date.parse(job.started_at) || end - 1000 * job.duration; // the row of its start was not seen
    if (!(from <= now)) continue;
    const over = end <= now;
    of.get(job.step)?.push({
      id: job.id, name: `#${job.tag} ${job.name}`, from, to: over ? end : now, status: over ? job.status : "running",
    });
  }
  return steps.flatMap(({ name, status, started_at: started, finished_at: finished }) => {
    const own = of.get(name);
    const long = own.map(({ from, to }) => to - from).sort((a, b) => a - b);
    const limit = own.length > 3 ? 2 * long[long.length >> 1] : Infinity;
    for (const job of own) job.slow = job.to - job.from > Math.max(limit, 20);
    own.sort(slowest ? (a, b) => b.to - b.from - (a.to - a.from) : (a, b) => a.from - b.from);
    const from = started ? Date.parse(started) : null;
    const to = from && (finished ? Date.parse(finished) : now);
    return [{ id: `step ${name}`, name, status, from, to, ...(from && atOnce(own, from, to)) }, ...own];
  });
}

/** How many of the jobs ran in the middle of each slice of a step's time, and how many at most. */
export function atOnce(jobs, from, to) {
  const running = new Array(SLICES + 1).fill(0);
  const slice = (at) => Math.max(0, Math.min(SLICES, Math.round(((at - from) / (to - from || 1)) * SLICES)));
  for (const job of jobs) {
    running[slice(job.from)] += 1;
    running[slice(job.to)] -= 1;
  }
  running.forEach((n, i) => (running[i] = n + (running[i - 1] ?? 0)));
  const starts = jobs.map((job) => job.from).sort((a, b) => a - b);
  const ends = jobs.map((job) => job.to).sort((a, b) => a - b);
  let [ended, most] = [0, 0];
  starts.forEach((at, i) => {
    while (ends[ended] <= at) ended += 1;
    most = Math.max(most, i + 1 - ended);
  });
  return { running, most };
}

function crowd(running, most, left, wide) {
  const points = running.slice(0, SLICES).map((n, i) => `H${(left + (i / SLICES) * wide).toFixed(1)}V${(16 - (n / most) * 14).toFixed(1)}`);
  return `M${left} 16${points.join("")}H${left + wide}V16Z`;
}

/** Round times on the axis, at most eight, in milliseconds. */
export function ticks(whole) {
  let step = 1;
  for (let i = 0; whole / step > 8; i++) step *= [2, 2.5, 2][i % 3];
  return Array.from({ length: Math.floor(whole / step) + 1 }, (_, i) => i * step);
}

const place = (id) => `bar-${id}`.replaceAll(" ", "-");
