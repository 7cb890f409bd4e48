/** How does one chosen run live on the page? Its state, its lines and its picture, from opening to closing. */
import { get, part, serverNow } from "./api.js";

import { documents } from "./documents.js";
import { h } from "./dom.js";
import { hasEnded } from "./format.js";
import { Header } from "./header.js";
import { Log } from "./log.js";
import { Steps } from "./steps.js";
import { badge } from "./stream.js";
import { emptyTree, fold } from "./tree.js";

export class Run {
  /** @param {{mark: Function, stream: Stream}} owner */
  constructor(id, parent, { mark, stream }) {
    Object.assign(this, { id, stream, tree: emptyTree(id), logs: new Map() });
    this.header = new Header(id, () => {}); // a retry's rows come by the stream, which never ends
    this.steps = new Steps(this, mark);
    this.problem = h("p", { class: "notice", role: "alert", hidden: true });
    this.found = h("div", {});
    parent.replaceChildren(this.problem, this.header.element, this.steps.element, this.found);
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
      const now = serverNow();
      this.header.draw(this.tree, badge(this.tree, this.stream, this.behind), now);
      this.steps.draw(this.tree, now);
    });
  }

  show(step, lines) {
    this.steps.show(step, lines);
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
    cancelAnimationFrame(this.frame);
  }
}
