/** How does the chosen run live on the page, now and at any moment of its past? */
import { address, badge, get, pathOf, serverNow } from "./connection.js";
import { Log } from "./log.js";
import { exactTime, h, keyed, set, write } from "./page.js";
import { documents, Header, Step } from "./steps.js";
import { Glance, Timeline } from "./timeline.js";
import { beginning, emptyTree, fold, hasEnded } from "./tree.js";

export class Run {
  constructor(id, parent, { stream, deleted, draw }) {
    Object.assign(this, { id, parent, stream, draw, tree: emptyTree(id), logs: new Map(), steps: new Map() });
    this.header = new Header(id, () => deleted(id));
    this.glance = new Glance(id);
    this.timeline = new Timeline(this);
    this.timeline.facts.after(this.glance.rate);
    this.travel = new Travel(this);
    this.timeline.box.after(this.travel.element);
    this.problem = h("p.notice", { role: "alert" });
    this.list = h("div.steps");
    this.found = h("div");
    parent.replaceChildren(this.problem, this.header.element, this.glance.errors, this.timeline.element,
      this.list, this.found);
  }

  log(step) {
    if (!this.logs.has(step)) this.logs.set(step, new Log(this.id, step, this.draw));
    return this.logs.get(step);
  }

  step(name) {
    if (!this.steps.has(name)) this.steps.set(name, new Step(this, name));
    return this.steps.get(name);
  }

  take(event, data) {
    this.say("");
    this.tree = fold(this.tree, event, data);
    if (event === "rows") {
      for (const row of data) if (row.event === "job_log") this.log(row.step_name ?? "").push(row);
      this.came = Date.now();
      this.late = serverNow() - Date.parse(data.at(-1).created_at);
    } else if (event === "snapshot") { // without worker jobs and lines
      this.timeline.load();
      for (const log of this.logs.values()) if (log.filtered) log.reset();
    } else if (event === "end") this.ended();
    else if (event === "reset") {
      for (const log of this.logs.values()) Object.assign(log, { total: 0 }).reset();
      this.stream.open();
    }
    this.draw();
  }

  async ended() {
    const found = await documents(this.id)
      .catch(({ message }) => h("p.quiet", `Its documents could not be loaded: ${message}`));
    this.found.replaceChildren(found ?? "");
  }

  render() {
    const { at } = this.travel; // null is the present
    const past = at !== null;
    const tree = past ? this.travel.view() : this.tree;
    const now = at ?? serverNow();
    const behind = this.late > 5_000 && Date.now() - this.came < 1_500;
    this.parent.classList.toggle("past", past);
    this.header.draw(tree, past ? { kind: "past", text: `as at ${exactTime(at)}` } : badge(tree, this.stream, behind), now);
    this.glance.draw(this.tree);
    this.timeline.draw(tree, now, at);
    this.travel.draw(this.timeline);
    const { manager: { status, started_at: since }, own } = tree;
    const lanes = [...tree.steps.values()];
    if (own.lines) lanes.push({ ...own, name: "", status });
    keyed(this.list, lanes, ({ name }) => `step ${name}`, ({ name }) => this.step(name).element, (_, lane) =>
      this.step(lane.name).draw(lane, now, Date.parse(since), hasEnded(status)));
  }

  show(name, lines) {
    for (const [other, { list }] of this.steps) if (other !== name) list.show(null, { scroll: true });
    if (name !== null) this.step(name).show(lines);
  }

  lines(step, job) {
    this.show(step, null);
    this.step(step).list.reading.filter(null, job);
  }

  gone() {
    this.say(`There is no run ${this.id}${this.tree.seq ? " any more" : ""}.`);
  }

  say(text) {
    write(this.problem, text);
    this.header.element.hidden = text;
  }

}

/** What changed the run's state is folded anew up to a moment. */
class Travel {
  constructor(run) {
    Object.assign(this, { run, at: null, tree: null, rows: [], lines: new Map() });
    this.slider = h("input", {
      type: "range", max: 1, step: "any", value: 1, "aria-label": "Moment", input: () => this.moved(),
    });
    this.speeds = [1, 10, 100].map((speed) =>
      h("button", { title: `Replay at ${speed} times the speed`, click: () => this.play(speed) }, `${speed}×`));
    this.now = h("button", { click: () => this.leave() }, "Now");
    this.element = h("div.travel", h("span.speeds", ...this.speeds, this.now), this.slider);
  }

  moved() {
    const { from, to } = this.run.timeline;
    this.speed = 0;
    this.go(from + this.slider.value * (to - from));
  }

  go(at) {
    if (this.at === null) this.enter();
    this.at = at;
    this.run.draw();
  }

  enter() {
    for (const log of this.run.logs.values()) if (log.filtered) log.filter(null, null);
    Object.assign(this, { rows: [], tree: null });
    this.source = new EventSource(address(pathOf(this.run.id, "/events?batch=true&events=job_status,step_progress,manager_progress")));
    this.source.addEventListener("rows", ({ data }) => {
      this.rows.push(...JSON.parse(data));
      this.run.draw();
    });
    this.source.addEventListener("end", ({ target }) => target.close());
  }

  leave() {
    this.source?.close();
    Object.assign(this, { at: null, tree: null, speed: 0 });
    this.run.draw();
  }

  play(speed) {
    this.speed = this.speed === speed ? 0 : speed;
    let last = performance.now();
    const step = (time) => {
      if (this.speed !== speed) return;
      const { from, to } = this.run.timeline;
      const at = (this.at ?? from) + (time - last) * speed;
      last = time;
      if (at >= to) return this.leave();
      this.go(at);
      requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  }

  view() {
    const { run, at, tree, rows } = this;
    if (!tree || at < this.upto) Object.assign(this, { tree: beginning(run.tree), next: 0 });
    this.upto = at;
    for (let row; Date.parse((row = rows[this.next])?.created_at) <= at; this.next++) fold(this.tree, row.event, row);
    this.count();
    for (const [name, lane] of [...this.tree.steps, ["", this.tree.own]]) {
      lane.lines = lane.started_at || !name ? this.lines.get(name) ?? 0 : 0;
      run.log(name).count = lane.lines;
    }
    return this.tree;
  }

  /** One question at a time. */
  async count() {
    const { at, run } = this;
    if (this.counting || this.counted === at) return;
    this.counting = true;
    try {
      const seq = await this.seq(at);
      await Promise.all(["", ...this.tree.steps.keys()].map(async (name) => {
        const { items } = await get(run.log(name).url({ tail: 1, before: seq + 1, format: "json" }));
        this.lines.set(name, items[0]?.line_number ?? 0);
      }));
      this.counted = at;
    } catch {}
    this.counting = false;
    if (this.at !== null && (this.at !== at || this.counted === at)) run.draw();
  }

  async seq(at) {
    let first = this.rows[this.next - 1]?.seq ?? 0;
    let last = (this.rows[this.next]?.seq ?? this.run.tree.seq + 1) - 1;
    while (first < last) {
      const middle = Math.ceil((first + last) / 2);
      const range = `after=${middle - 1}&before=${last + 1}`;
      const { items: [line] } = await get(pathOf(this.run.id, `/log?format=json&limit=1&${range}`));
      if (Date.parse(line?.created_at) <= at) first = line.seq;
      else last = middle - 1;
    }
    return first;
  }

  draw({ from, to }) {
    const past = this.at !== null;
    this.slider.value = past ? (this.at - from) / (to - from) : 1;
    set(this.slider, "aria-valuetext", past ? exactTime(this.at) : "now");
    this.now.hidden = !past;
    this.speeds.forEach((button, i) => set(button, "aria-pressed", this.speed === 10 ** i));
  }
}
