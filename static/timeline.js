/** When did what run, how fast did lines come, and what went wrong? */
import { cancelling } from "./actions.js";
import { following, get, later, pathOf } from "./connection.js";
import { count, dotted, duration, fill, go, h, keyed, plural, s, set, tried, word, write } from "./page.js";
import { fold, hasEnded, tag } from "./tree.js";

const ROW = 18; // pixels
const SHOWN = 9; // rows
const SLICES = 160;
const PAUSE = 250; // ms at least: drawing takes a twentieth of the time
const MOST = 20_000;

export class Timeline {
  constructor(run) {
    Object.assign(this, { run, jobs: new Map(), rows: [], chosen: null, again: 0, tall: 0 });
    this.slowest = h("button.end", { "aria-pressed": false, click: () => this.sort() }, "Slowest first");
    this.facts = h("span.quiet");
    this.axis = s("svg.axis", { height: ROW, "aria-hidden": true });
    this.picture = s("svg", { role: "presentation" });
    this.space = h("div", { role: "presentation" }, this.picture);
    this.box = h("div.bars", {
      role: "listbox", tabindex: 0, "aria-label": "Steps and worker jobs by time", scroll: () => this.render(),
      click: ({ clientY }) => this.pick(Math.floor((clientY - this.space.getBoundingClientRect().top) / ROW)),
      keydown: (event) => this.typed(event),
    }, this.space);
    this.about = h("div.job", { "aria-live": "polite" });
    this.element = h("section.timeline.card", { "aria-label": "Timeline" },
      h("div.top.flow", h("h2", "Timeline"), this.facts, this.slowest), this.axis, this.box, this.about);
    new ResizeObserver(() => this.render()).observe(this.box);
  }

  /** Changes come by the stream. */
  async load() {
    const list = pathOf(this.run.id, "/jobs");
    for (let path = `${list}?limit=1000`; path && this.jobs.size < MOST;) {
      const { items, next } = await get(path).catch(() => ({ items: [] }));
      for (const { job_id: id, step_name: step, ...one } of items) {
        if (!this.jobs.has(id)) this.jobs.set(id, { ...one, id, step, tag: tag(id) });
      }
      fold(this.run.tree, "jobs", items.filter(({ status }) => status === "running"));
      path = following(list, next);
      this.again = 0;
      this.run.draw();
    }
  }

  /** A moment of the `past` is shown in the frame of the present. */
  draw(tree, now, past = null) {
    if (past === null) for (const one of tree.jobs.values()) {
      // Of one that ended early in the log's tail the start may only be in the list.
      if (hasEnded(one.status)) one.started_at ??= this.jobs.get(one.id)?.started_at;
      this.jobs.set(one.id, one);
    }
    const begun = Date.now();
    if (begun < this.again && past === null && this.tree?.manager.status === tree.manager.status) return;
    Object.assign(this, { tree, now, past, rows: rows([...tree.steps.values()], this.jobs, now, this.slow) });
    const ended = hasEnded(tree.manager.status);
    const jobs = this.rows.length - tree.steps.size;
    let [from, to, most] = [now, ended ? 0 : now, 0];
    for (const row of this.rows) {
      from = Math.min(from, row.from ?? now);
      to = Math.max(to, row.to ?? 0);
      most = Math.max(most, row.most ?? 0);
    }
    if (past === null) Object.assign(this, { from, to: Math.max(to, from + 1) });
    this.tall = Math.max(this.tall, jobs || !ended ? SHOWN : Math.min(SHOWN, this.rows.length));
    this.element.hidden = !this.rows.length;
    this.slowest.hidden = jobs < 2;
    write(this.facts, jobs ? `${plural(jobs, "worker job")}, ${count(most)} at once at most` : "");
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
    this.x = (at) => this.left + ((at - this.from) / (this.to - this.from)) * (width - this.left - 8);
    const marks = ticks(this.to - this.from, width < 500 ? 4 : 8).map((ms) => [this.x(this.from + ms), duration(ms / 1000)]);
    const first = Math.max(0, Math.floor(this.box.scrollTop / ROW) - 2);
    const shown = this.rows.slice(first, first + SHOWN + 5);
    const height = shown.length * ROW;
    const upright = (x, name = "line") => s(name, { x1: x, x2: x, y2: height });
    set(this.axis, "width", width);
    set(this.picture, "width", width);
    set(this.picture, "height", height);
    this.picture.style.transform = `translateY(${first * ROW}px)`;
    this.axis.replaceChildren(...marks.map(([x, text]) => s("text", { x: Math.min(x, width - 3.5 * text.length), y: 12 }, text)));
    const bars = shown.map((row, i) => this.bar(row, i, first + i));
    this.picture.replaceChildren(...marks.map(([x]) => upright(x)), ...bars);
    if (this.past) this.picture.append(upright(this.x(this.past), "line.moment"));
    const chosen = shown.findIndex(({ id }) => id === this.chosen);
    set(this.box, "aria-activedescendant", chosen < 0 ? null : `bar-${first + chosen}`);
    this.tell();
  }

  bar({ id, name, status, from, to, slow, running, most }, row, index) {
    const { done, total } = this.jobs.get(id) ?? {};
    const far = status === "running" && done != null && [done, total ?? []].flat().map(count).join(" of ");
    const took = dotted(far, from ? duration((to - from) / 1000) : word(status));
    const [x, right] = from ? [from, to].map(this.x) : [this.left, this.left];
    const width = Math.max(2, right - x);
    const room = 7 * took.length + 4;
    const beside = right + room < this.x(this.to);
    return s("g", {
      role: "option", id: `bar-${index}`, "aria-selected": id === this.chosen, transform: `translate(0 ${row * ROW})`,
      "aria-label": `${name} ${took}, ${word(status)}${slow ? ", slow" : ""}`,
      class: `${status} ${running ? "whole" : ""} ${slow ? "slow" : ""}`,
    }, s("rect.back", { width: "100%", height: ROW }),
    s("svg", { width: this.left - 6, height: ROW }, s("text.label", { x: running ? 16 : 28, y: 13 }, name)),
    from && s("rect.span", { x, y: 4, width, height: 10, rx: 2 }),
    most && s("path.crowd", { d: crowd(running, most, x, width) }),
    !beside && s("rect.under", { x: right - room, width: room, height: ROW }),
    s("text.took", { x: right + (beside ? 5 : -2), y: 13, "text-anchor": beside ? "start" : "end" }, ` ${took}`));
  }

  sort() {
    this.slow = !this.slow;
    set(this.slowest, "aria-pressed", this.slow);
    this.box.scrollTop = this.again = 0;
    this.draw(this.tree, this.now, this.past);
  }

  typed(event) {
    const at = this.rows.findIndex(({ id }) => id === this.chosen);
    const keys = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: Infinity, PageDown: at + SHOWN, PageUp: at - SHOWN };
    const to = keys[event.key];
    if (to === undefined) return;
    event.preventDefault();
    this.pick(Math.max(0, Math.min(this.rows.length - 1, to)));
  }

  pick(index) {
    if (!this.rows[index]) return;
    this.chosen = this.rows[index].id;
    const { scrollTop, clientHeight } = this.box;
    this.box.scrollTop = Math.min(index * ROW, Math.max(scrollTop, (index + 1) * ROW - clientHeight));
    this.render();
  }

  tell() {
    const job = this.jobs.get(this.chosen);
    keyed(this.about, job ? [job] : [], ({ id }) => id, ({ id, step }) => {
      this.cancel = cancelling(this.run.id, { job: id }, this.box);
      return h("div.flow", h("span.what"), h("button.link", { click: () => this.run.lines(step, id) }, "Its lines"),
        this.cancel.element, h("p.reason"));
    }, (element, { tag, name, step, status, attempt, reason }) => {
      const what = dotted(`#${tag} ${name} in ${step}`, word(status), attempt > 1 && `attempt ${attempt}`);
      fill(element, { what, reason });
      this.cancel.draw(status);
    });
  }
}

export class Glance {
  constructor(id) {
    this.id = id;
    this.curve = s("path");
    this.peak = h("span");
    this.rate = h("span.rate.quiet.flow", { hidden: true },
      s("svg", { viewBox: "0 0 120 20", "aria-hidden": true }, this.curve), this.peak);
    this.list = h("ul", { "aria-label": "Errors by how often they occur", tabindex: 0 });
    this.problem = h("span.problem", { role: "alert" });
    this.errors = h("section.groups", { "aria-label": "Errors", hidden: true }, this.list, this.problem);
  }

  /** Every other second. */
  async draw({ manager: { lines } }) {
    if (!lines || this.known === lines || this.asking) return;
    this.asking = true;
    try {
      const [rate, { error_groups: groups }] = await Promise.all([get(pathOf(this.id, "/log/rate")), get(pathOf(this.id))]);
      this.plot(rate);
      this.errors.hidden = !groups.length;
      keyed(this.list, groups, (group) => group.first_seq, (group) => this.one(group), (item, group) =>
        write(item.firstElementChild, `${count(group.count)} ×`));
      this.known = lines;
    } catch {}
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

  /** Of a traceback the last line says most. */
  one({ message, first_seq: first }) {
    const title = `Go to the first\n${message}`;
    const click = tried(this.problem, async () =>
      go(this.id, (await get(pathOf(this.id, `/log?format=json&limit=1&after=${first - 1}`))).items[0]));
    return h("li", h("b"), h("button.link", { title, click }, message.trim().split("\n").at(-1) || "(empty)"));
  }
}

export function rows(steps, jobs, now, slowest = false) {
  const of = new Map(steps.map(({ name }) => [name, []]));
  for (const { id, tag, name, step, status, started_at: started, finished_at: finished, duration } of jobs.values()) {
    const end = finished ? Date.parse(finished) : Infinity;
    const from = Date.parse(started) || end - 1000 * (duration ?? NaN); // the row of its start was not seen
    const [to, then] = end <= now ? [end, status] : [now, "running"];
    if (from <= now) of.get(step)?.push({ id, name: `#${tag} ${name}`, from, to, status: then });
  }
  return steps.flatMap(({ name, status, started_at: started, finished_at: finished }) => {
    const own = of.get(name);
    const long = own.map(({ from, to }) => to - from).sort((a, b) => a - b);
    const limit = own.length > 3 ? Math.max(20, 2 * long[long.length >> 1]) : Infinity;
    for (const job of own) job.slow = job.to - job.from > limit;
    own.sort(slowest ? (a, b) => b.to - b.from - (a.to - a.from) : (a, b) => a.from - b.from);
    const from = started ? Date.parse(started) : null;
    const to = from && (finished ? Date.parse(finished) : now);
    return [{ id: `step ${name}`, name, status, from, to, ...(from && atOnce(own, from, to)) }, ...own];
  });
}

export function atOnce(jobs, from, to) {
  const turns = jobs.flatMap((job) => [[job.from, 1], [job.to, -1]]).sort(([a, up], [b, down]) => a - b || up - down);
  const running = new Array(SLICES).fill(0);
  let [n, slice, most] = [0, 0, 0];
  for (const [at, by] of turns) {
    const here = Math.min(SLICES - 1, Math.floor(((at - from) / (to - from || 1)) * SLICES));
    while (slice < here) running[++slice] = n;
    n += by;
    running[slice] = Math.max(running[slice], n);
    most = Math.max(most, n);
  }
  return { running, most };
}

function crowd(running, most, left, width) {
  const points = running.map((n, i) => `V${(16 - (n / most) * 14).toFixed(1)}H${left + ((i + 1) / SLICES) * width}`);
  return `M${left} 16${points.join("")}V16Z`;
}

export function ticks(whole, most = 8) {
  let step = 1;
  for (let i = 0; whole / step > most; i++) step *= [2, 2.5, 2][i % 3];
  return Array.from({ length: Math.floor(whole / step) + 1 }, (_, i) => i * step);
}
