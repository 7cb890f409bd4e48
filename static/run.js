/** How does one chosen run live on the page? Its rows, its connection and its picture, from opening to closing. */
import { get, part, serverNow } from "./api.js";
import { cancel, later } from "./clock.js";
import { documents } from "./documents.js";
import { h } from "./dom.js";
import { hasEnded } from "./format.js";
import { badge, Header } from "./header.js";
import { Steps } from "./steps.js";
import { Stream } from "./stream.js";
import { emptyTree, fold } from "./tree.js";

export class Run {
  /** @param {{mark: Function, stirred: () => void}} owner `stirred`: something happened that lists show, too */
  constructor(id, parent, owner) {
    this.id = id;
    this.owner = owner;
    this.tree = emptyTree(id);
    this.header = new Header(id, () => this.again());
    this.steps = new Steps(id, owner.mark);
    this.problem = h("p", { class: "notice", role: "alert", hidden: true });
    this.found = h("div", {});
    parent.replaceChildren(this.problem, this.header.element, this.steps.element, this.found);
    this.begin();
  }

  /** The steps that have not begun are in no row yet, so the state comes first, then every row from the first. */
  async begin() {
    try {
      await this.describe();
    } catch (error) {
      if (this.closed) return;
      this.say(error.status === 404 ? `There is no run ${this.id}.` : `Cannot load this run: ${error.message}`);
      if (error.status !== 404) later("begin", 3_000, () => this.begin());
      return;
    }
    if (this.closed) return;
    this.say("");
    this.connect();
  }

  async describe() {
    const detail = await get(`managers/${part(this.id)}`);
    if (this.closed) return;
    fold(this.tree, "snapshot", detail);
    this.draw();
  }

  connect() {
    this.stream = new Stream(this.id, {
      position: () => this.tree.seq,
      take: (event, data) => this.take(event, data),
      changed: () => this.draw(),
    });
  }

  take(event, data) {
    this.tree = fold(this.tree, event, data);
    this.draw();
    if (event === "reset") this.describe().catch(() => {}); // the rows alone still tell the story
    if (event === "end") this.ended();
    if (event === "job_status" && data.job_type !== "worker" && data.seq > this.tree.known) this.owner.stirred();
  }

  async ended() {
    this.owner.stirred();
    try {
      const found = await documents(this.id);
      if (!this.closed && found) this.found.replaceChildren(found);
    } catch (error) {
      this.found.replaceChildren(h("p", { class: "quiet" }, `Its documents could not be loaded: ${error.message}`));
    }
  }

  /** The list of runs says that this one goes on, or has been on: a retry reopened it after its end. */
  reopened({ status, attempt }) {
    if (!hasEnded(status) || attempt > this.tree.manager.attempt) this.again();
  }

  again() {
    if (this.stream?.state !== "ended") return; // else its rows come anyway
    this.found.replaceChildren();
    this.connect();
  }

  /** Once a frame at most, however many rows arrive. */
  draw() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = undefined;
      const now = serverNow();
      this.header.draw(this.tree, badge(this.tree, this.stream), now);
      this.steps.draw(this.tree, now);
    });
  }

  show(step, lines) {
    this.steps.show(step, lines);
    this.draw();
  }

  say(text) {
    this.problem.hidden = !text;
    this.problem.textContent = text;
    this.header.element.hidden = Boolean(text);
  }

  close() {
    this.closed = true;
    cancel("begin");
    cancelAnimationFrame(this.frame);
    this.stream?.close();
  }
}
