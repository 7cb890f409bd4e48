/**
 * How was the run at a moment of its past? The rows that changed its state are folded anew up to there, by the same
 * reducer; its lines are those that were written by then.
 */
import { address, get, part } from "./api.js";
import { h, setAttribute } from "./dom.js";
import { clockTime } from "./format.js";
import { emptyTree, fold } from "./tree.js";

const STATE = "job_status,step_progress,manager_progress";

export class Travel {
  /** @param {Run} run */
  constructor(run) {
    Object.assign(this, { run, at: null, tree: null, rows: [], lines: new Map() });
    this.slider = h("input", { type: "range", min: 0, max: 1, step: "any", value: 1, "aria-label": "Moment", input: () => this.moved() });
    this.speeds = [1, 10, 100].map((speed) =>
      h("button", { type: "button", title: `Replay at ${speed} times the speed`, click: () => this.play(speed) }, `${speed}×`));
    this.now = h("button", { type: "button", hidden: true, click: () => this.leave() }, "Now");
    this.element = h("div", { class: "travel" }, h("span", { class: "speeds" }, ...this.speeds, this.now), this.slider);
  }

  moved() {
    const { from, to } = this.run.timeline;
    this.pause();
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
    const source = new EventSource(address(`managers/${part(this.run.id)}/events?batch=true&events=${STATE}`));
    source.addEventListener("rows", ({ data }) => {
      for (const row of JSON.parse(data)) this.rows.push([Date.parse(row.created_at), row]);
      this.run.draw();
    });
    source.addEventListener("end", () => source.close());
    this.source = source;
  }

  leave() {
    this.pause();
    this.source?.close();
    Object.assign(this, { at: null, tree: null });
    this.run.draw();
  }

  /** Again is pause. From the end it begins at the start. */
  play(speed) {
    if (this.speed === speed) return this.pause();
    this.speed = speed;
    let last = performance.now();
    const step = (time) => {
      if (!this.speed) return;
      const { from, to } = this.run.timeline;
      const at = (this.at ?? from) + (time - last) * this.speed;
      last = time;
      if (at >= to) return this.leave();
      this.go(at);
      requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  }

  pause() {
    this.speed = 0;
  }

  /** What is shown instead of the present. */
  view() {
    const { run, at, tree } = this;
    if (!tree || at < this.upto) Object.assign(this, { tree: beginning(run.tree), next: 0 });
    this.upto = at;
    while (this.next < this.rows.length && this.rows[this.next][0] <= at) {
      const [, row] = this.rows[this.next++];
      fold(this.tree, row.event, row);
    }
    this.count();
    for (const [name, lane] of [...this.tree.steps, ["", this.tree.own]]) {
      lane.lines = lane.started_at || !name ? this.lines.get(name) ?? 0 : 0;
      run.log(name).count = lane.lines;
    }
    return this.tree;
  }

  /** How many lines each step had: the number of its last one. One question after the other, the newest moment. */
  async count() {
    const { at, run } = this;
    if (this.counting || this.counted === at) return;
    this.counting = true;
    try {
      const seq = await this.seq(at);
      await Promise.all(["", ...this.tree.steps.keys()].map(async (name) => {
        const [line] = await get(run.log(name).url({ tail: 1, before: seq + 1, format: "ndjson" }));
        this.lines.set(name, line?.line_number ?? 0);
      }));
      this.counted = at;
    } catch {
      // the service does not answer: the next moment asks again
    }
    this.counting = false;
    if (this.at !== null && (this.at !== at || this.counted === at)) run.draw();
  }

  /** The last row at a moment: between two rows of state while it plays, to the line when it stands. */
  async seq(at) {
    const [before, after] = [this.rows[this.next - 1], this.rows[this.next]];
    let low = before?.[1].seq ?? 0;
    let high = (after?.[1].seq ?? this.run.tree.seq + 1) - 1;
    if (this.speed) return after && before ? low + Math.floor((high - low) * (at - before[0]) / (after[0] - before[0])) : low;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      const [line] = await get(`managers/${part(this.run.id)}/log?format=ndjson&limit=1&after=${middle - 1}&before=${high + 1}`);
      if (line && Date.parse(line.created_at) <= at) low = line.seq;
      else high = middle - 1;
    }
    return low;
  }

  draw({ from, to }) {
    const past = this.at !== null;
    this.slider.value = past ? (this.at - from) / (to - from) : 1;
    setAttribute(this.slider, "aria-valuetext", past ? clockTime(this.at, { millis: true }) : "now");
    this.now.hidden = !past;
    this.speeds.forEach((button, i) => setAttribute(button, "aria-pressed", String(this.speed === 10 ** i)));
  }
}

/** The run before its first row: what it is and which steps it has is known, nothing has happened. */
export function beginning({ id, manager: { name, definition, params, toml, created_at }, steps }) {
  const pending = [...steps.values()].map(({ name, description, type, depends }) => ({ name, description, type, depends, status: "pending" }));
  return fold(emptyTree(id), "snapshot", { id, name, definition, params, toml, created_at, status: "pending", last_seq: 0, steps: pending });
}
