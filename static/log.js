/** Which lines of a log are here, by which filters are they read, and how are they taken along? */
import { count, exactTime, h, keyed, set, write } from "./page.js";
import { address, get, later, pathOf } from "./connection.js";
import { tag } from "./tree.js";

const PAGE = 256;
const KEPT = 24;
const AT_ONCE = 2;
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
    const { pages } = this; // of this filter
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
      const { items } = await get(this.url({ line, limit: PAGE, format: "json" }));
      if (pages !== this.pages) return;
      items.forEach((one, i) => {
        const index = this.first ? start + i : one.line_number - 1;
        if (index - start < PAGE) this.put(index, one);
      });
      for (let i = start; i < Math.min(count, start + PAGE); i++) if (!this.at(i)) this.put(i, null);
      this.wishes = this.wishes.filter((one) => one !== page);
      this.changed();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 1_000));
    }
    loading.delete(page);
    if (pages === this.pages) this.fetch();
  }
}

const COPIED = 1000;

export const settings = { wrap: true, relative: false, keys: true };
try {
  Object.assign(settings, JSON.parse(localStorage.reading));
} catch {} // not allowed

export function toggle(name) {
  settings[name] = !settings[name];
  try {
    localStorage.reading = JSON.stringify(settings);
  } catch {}
  document.dispatchEvent(new Event("reading"));
}

export class Reading {
  constructor(list) {
    this.list = list;
    this.levels = h("span.levels", { role: "group", "aria-label": "Least level" });
    this.worker = h("button", { title: "All worker jobs", click: () => this.filter(this.log.level, null) });
    this.wrap = h("button", { click: () => toggle("wrap") }, "Wrap");
    this.relative = h("button", { title: "Times since the run's start", click: () => toggle("relative") }, "Since start");
    this.copy = h("button", { title: `Copy the marked lines, or the last ${COPIED}`, click: () => this.copied() }, "Copy");
    this.copy.hidden = !navigator.clipboard;
    this.text = h("a", { download: "" }, "Text");
    this.rows = h("a", { download: "" }, "NDJSON");
    this.element = h("div.reading.flow", this.levels, this.worker,
      h("span.flow.end", this.wrap, this.relative, this.copy, this.text, this.rows));
  }

  get log() {
    return this.list.log;
  }

  filter(level, job) {
    this.log.filter(level, job);
    document.dispatchEvent(new Event("reading"));
  }

  draw() {
    const { log } = this;
    set(this.wrap, "aria-pressed", settings.wrap);
    set(this.relative, "aria-pressed", settings.relative);
    const levels = Object.entries(log.levels).filter(([level, n]) => n || level === log.level);
    keyed(this.levels, levels, ([level]) => level, ([level]) => h(`button.${level}`, {
      title: `Only ${level} and above`, click: () => this.filter(log.level === level ? null : level, log.job),
    }), (button, [level, n]) => {
      write(button, `${level} ${count(n)}`);
      set(button, "aria-pressed", log.level === level);
    });
    this.worker.hidden = !log.job;
    write(this.worker, `#${tag(log.job)} ✕`);
    set(this.text, "href", address(log.url({ format: "text" })));
    set(this.rows, "href", address(log.url({ format: "ndjson" })));
  }

  async copied() {
    const { from, to } = this.list.marked ?? {};
    const range = from ? { line: from, limit: Math.min(COPIED, to - from + 1) } : { tail: COPIED, limit: COPIED };
    const { items } = await get(this.log.url({ ...range, format: "json" }));
    await navigator.clipboard.writeText(items.map(({ created_at: at, level, message }) =>
      `${exactTime(at)} ${level.toUpperCase().padEnd(7)} ${message}\n`).join(""));
    write(this.copy, "Copied");
    setTimeout(() => write(this.copy, "Copy"), 1_500);
  }
}
