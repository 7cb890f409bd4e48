/** How does one chosen run live on the page? Its state, its lines and its picture, from opening to closing. */
import { get, part, serverNow } from "./api.js";
import { documents } from "./documents.js";
import { h } from "./dom.js";
import { clockTime, hasEnded } from "./format.js";
import { Glance } from "./glance.js";
import { Header } from "./header.js";
import { Log } from "./log.js";
import { Steps } from "./steps.js";
import { badge } from "./stream.js";
import { Timeline } from "./timeline.js";
import { Travel } from "./travel.js";
import { emptyTree, fold } from "./tree.js";

export class Run {
  /** @param {{mark: Function, stream: Stream, deleted: (id: string) => void}} owner */
  constructor(id, parent, { mark, stream, deleted }) {
    Object.assign(this, { id, parent, stream, tree: emptyTree(id), logs: new Map() });
    this.header = new Header(id, () => deleted(id));
    this.steps = new Steps(this, mark);
    this.glance = new Glance(id);
    this.timeline = new Timeline(this);
    this.timeline.facts.after(this.glance.rate);
    this.travel = new Travel(this);
    this.timeline.box.after(this.travel.element);
    this.problem = h("p", { class: "notice", role: "alert", hidden: true });
    this.found = h("div", {});
    parent.replaceChildren(this.problem, this.header.element, this.glance.errors, this.timeline.element, this.steps.element, this.found);
  }

  /** The lines of a step, "" for the run's own. */
  log(step) {
    if (!this.logs.has(step)) this.logs.set(step, new Log(this.id, step, () => this.draw()));
    return this.logs.get(step);
  }

  take(event, data) {
    this.say("");
    this.tree = fold(this.tree, event, data);
    if (event === "rows") {
      for (const row of data) if (row.event === "job_log") this.log(row.step_name ?? "").push(row);
      this.came = Date.now();
      this.late = serverNow() - Date.parse(data.at(-1).created_at);
    } else if (event === "snapshot") this.began();
    else if (event === "end") this.ended();
    else if (event === "reset") {
      for (const log of this.logs.values()) Object.assign(log, { total: 0 }).reset();
      this.stream.open(); // from the end of what there is now
    }
    this.draw();
  }

  /** What no snapshot has: which worker jobs run, and which lines of a filtered log came meanwhile. */
  async began() {
    this.timeline.load();
    for (const log of this.logs.values()) if (log.filtered) log.reset();
    if (hasEnded(this.tree.manager.status)) return;
    const { items } = await get(`managers/${part(this.id)}/jobs?status=running&limit=1000`).catch(() => ({ items: [] }));
    fold(this.tree, "jobs", items);
    this.draw();
  }

  async ended() {
    try {
      const found = await documents(this.id);
      this.found.replaceChildren(...(found ? [found] : []));
    } catch (error) {
      this.found.replaceChildren(h("p", { class: "quiet" }, `Its documents could not be loaded: ${error.message}`));
    }
  }

  get behind() {
    return this.late > 5_000 && Date.now() - this.came < 1_500;
  }

  /** Once a frame at most, however many rows arrive. */
  draw() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = undefined;
      const { at } = this.travel; // a moment of the past that is shown, or null
      const tree = at === null ? this.tree : this.travel.view();
      const now = at ?? serverNow();
      this.parent.classList.toggle("past", at !== null);
      this.header.draw(tree, at === null ? badge(this.tree, this.stream, this.behind) : { kind: "past", text: `as at ${clockTime(at, { millis: true })}` }, now);
      this.glance.draw(this.tree);
      this.timeline.draw(tree, now, at);
      this.travel.draw(this.timeline);
      this.steps.draw(tree, now);
    });
  }

  show(step, lines) {
    this.steps.show(step, lines);
    this.draw();
  }

  /** Show the lines of one worker job. */
  lines(step, job) {
    this.steps.show(step, null);
    this.steps.view(step).list.reading.filter(null, job);
    this.draw();
  }

  gone() {
    this.say(`There is no run ${this.id}${this.tree.seq ? " any more" : ""}.`);
  }

  say(text) {
    this.problem.hidden = !text;
    this.problem.textContent = text;
    this.header.element.hidden = Boolean(text);
  }

  close() {
    this.travel.leave();
    cancelAnimationFrame(this.frame);
  }
}
