/** Which lines of a step are here, and where does each begin? Few pages are kept, asked for as they come into sight. */
import { get, later, pathOf } from "./service.js";

export const PAGE = 256;
const KEPT = 24;
const AT_ONCE = 2; // requests
const LEVELS = ["debug", "info", "warning", "error"];

export class Log {
  constructor(id, step, changed) {
    Object.assign(this, { path: pathOf(id, "/log"), step, changed, levels: {}, level: null, job: null, total: 0 });
    this.reset();
  }

  reset() {
    Object.assign(this, { count: 0, pages: new Map(), wishes: [], loading: new Set(), first: null, early: [] });
    if (this.filtered) this.index();
    else this.count = this.total;
  }

  get filtered() {
    return Boolean(this.level || this.job);
  }

  filter(level, job) {
    Object.assign(this, { level, job });
    this.reset();
  }

  url(more = {}, path = this.path) {
    const own = this.step ? {} : { line: 1 }; // lines with a number and no step: the run's own
    const wanted = Object.entries({ step: this.step, level: this.level, job: this.job, ...own, ...more });
    return `${path}?${new URLSearchParams(wanted.filter(([, value]) => value))}`;
  }

  /** undefined while it is not here, null if it is no longer kept. */
  at(index) {
    return this.pages.get(Math.floor(index / PAGE))?.[index % PAGE];
  }

  put(index, line) {
    const page = Math.floor(index / PAGE);
    if (!this.pages.has(page)) this.pages.set(page, new Array(PAGE));
    this.pages.get(page)[index % PAGE] = line;
    for (const old of this.pages.keys()) {
      if (this.pages.size <= KEPT) break;
      this.pages.delete(old);
    }
  }

  grow({ lines, levels }) {
    Object.assign(this, { total: lines, levels });
    if (!this.filtered) this.count = Math.max(this.count, lines);
  }

  /** From the stream. */
  push(line) {
    if (!this.filtered) {
      this.count = Math.max(this.count, line.line_number);
      return this.put(line.line_number - 1, line);
    }
    if (this.job && line.job_id !== this.job) return;
    if (this.level && LEVELS.indexOf(line.level) < LEVELS.indexOf(this.level)) return;
    if (!this.first) return void this.early.push(line);
    if (line.seq <= this.upto) return;
    this.upto = line.seq;
    if (this.count % PAGE === 0) this.first.push(line.line_number);
    this.put(this.count++, line);
  }

  /** Where the pages of a filtered log begin; what is written meanwhile waits. */
  async index() {
    const { pages } = this; // of this filter: the next one has others
    try {
      const { total, first, last_seq: upto } = await get(this.url({ limit: PAGE, line: "" }, `${this.path}/pages`));
      if (pages !== this.pages) return;
      Object.assign(this, { count: total, first, upto });
      for (const line of this.early.splice(0)) this.push(line);
      this.changed();
    } catch {
      later(`index ${this.step}`, 2_000, () => pages === this.pages && this.index());
    }
  }

  /** What is looked at. */
  want(from, to) {
    this.wishes = [];
    for (let page = Math.floor(from / PAGE); page * PAGE < to; page++) {
      const here = this.pages.get(page);
      if (here) this.pages.delete(page), this.pages.set(page, here); // looked at last, forgotten last
      const last = Math.min(to, (page + 1) * PAGE);
      for (let i = Math.max(from, page * PAGE); i < last; i++) {
        if (this.at(i) !== undefined) continue;
        this.wishes.push(page);
        break;
      }
    }
    this.fetch();
  }

  async fetch() {
    const page = this.wishes.find((one) => !this.loading.has(one));
    if (page === undefined || this.loading.size >= AT_ONCE || (this.filtered && !this.first)) return;
    const { pages, loading, count } = this;
    loading.add(page);
    this.fetch();
    const start = page * PAGE;
    const line = this.first?.[page] ?? start + 1;
    try {
      const lines = await get(this.url({ line, limit: PAGE, format: "ndjson" }));
      if (pages !== this.pages) return;
      lines.forEach((one, i) => {
        const index = this.first ? start + i : one.line_number - 1;
        if (index - start < PAGE) this.put(index, one);
      });
      for (let i = start; i < Math.min(count, start + PAGE); i++) if (!this.at(i)) this.put(i, null);
      this.wishes = this.wishes.filter((one) => one !== page);
      this.changed();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 1_000)); // not at once again
    }
    loading.delete(page);
    if (pages === this.pages) this.fetch();
  }
}
