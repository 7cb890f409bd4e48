/**
 * How far are a step's running worker jobs? A thin bar for each of the first few that say so. A job keeps its
 * place until it ends, and the place stays for the next one: short jobs move nothing.
 */
import { h, setAttribute, setText } from "./dom.js";
import { count } from "./format.js";

const SHOWN = 8;

export class Working {
  constructor() {
    this.places = []; // of each: its bar, and the worker job that has it
    this.list = h("ul", { "aria-label": "Progress of running worker jobs" });
    this.more = h("p", { class: "progress-text" });
    this.element = h("div", { class: "working", hidden: true }, this.list, this.more);
  }

  /** @param {Map<string, object> | null} working the running worker jobs by id; null while nothing runs */
  draw(working) {
    const jobs = new Map([...(working ?? [])].filter(([, { done }]) => done !== null));
    if (!working) this.clear();
    for (const place of this.places) if (!jobs.has(place.id)) place.id = null;
    const taken = new Set(this.places.map(({ id }) => id));
    for (const id of jobs.keys()) {
      if (taken.has(id)) continue;
      const place = this.places.find((each) => each.id === null) ?? this.add();
      if (!place) break;
      place.id = id;
    }
    for (const place of this.places) place.bar.draw(jobs.get(place.id));
    this.element.hidden = !this.places.length;
    const more = jobs.size - this.places.filter(({ id }) => id !== null).length;
    setText(this.more, more > 0 ? `${count(more)} more` : "");
  }

  add() {
    if (this.places.length === SHOWN) return null;
    const place = { id: null, bar: new Bar() };
    this.places.push(place);
    this.list.append(place.bar.element);
    return place;
  }

  clear() {
    this.places = [];
    this.list.replaceChildren();
  }
}

class Bar {
  constructor() {
    this.name = h("span", { class: "name" });
    this.part = h("i", { class: "running" });
    this.track = h("span", { class: "track", role: "progressbar", "aria-valuemin": "0" }, this.part);
    this.text = h("span", { class: "progress-text" });
    this.element = h("li", {}, this.name, this.track, this.text);
  }

  draw(job) {
    this.element.classList.toggle("free", !job);
    if (!job) return;
    const { tag, name, attempt, done, total } = job;
    const text = total === null ? count(done) : `${count(done)} of ${count(total)}`;
    setText(this.name, `#${tag} ${name}`);
    setAttribute(this.name, "title", attempt > 1 ? `${name}, attempt ${attempt}` : name);
    setText(this.text, text);
    this.track.classList.toggle("unknown", total === null);
    this.part.style.width = total > 0 ? `${100 * Math.min(1, Math.max(0, done / total))}%` : "0";
    setAttribute(this.track, "aria-label", `#${tag} ${name}`);
    setAttribute(this.track, "aria-valuemax", total);
    setAttribute(this.track, "aria-valuenow", total === null ? null : done);
    setAttribute(this.track, "aria-valuetext", text);
  }
}
