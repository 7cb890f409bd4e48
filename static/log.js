/** Which lines of a log are here, by which filters are they read, and how are they taken along? */
import { address, get, later, pathOf } from "./connection.js";
import { count, exactTime, h, keyed, set, write } from "./page.js";
import { tag } from "./tree.js";

const PAGE = 256; // lines
const KEPT = 24; // pages
const AHEAD = 200; // lines that are read before they come into sight
const LEVELS = ["debug", "info", "warning", "error"];

export class Log {
  constructor(id, step, changed) {
    Object.assign(this, { id, path: pathOf(id, "/log"), step, changed, levels: {}, level: null, job: null, total: 0 });
    this.loading = new Map();
    this.reset();
  }

  reset() {
    for (const stop of this.loading.values()) stop.abort();
    Object.assign(this, { count: 0, pages: new Map(), loading: new Map(), parts: null, early: [] });
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
    const number = Math.floor(index / PAGE);
    const page = this.pages.get(number);
    if (page) this.pages.delete(number), this.pages.set(number, page); // looked at last, forgotten last
    return page?.[index % PAGE];
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
    if (!this.parts) return void this.early.push(line);
    if (line.seq <= this.upto) return;
    this.upto = line.seq;
    if (!(this.count - this.parts.at(-1)?.before < PAGE)) this.parts.push({ line: line.line_number, before: this.count });
    this.put(this.count++, line);
  }

  /** Where the parts of a filtered log begin; what is written meanwhile waits. */
  async index() {
    const { pages } = this; // of this filter
    try {
      const { total, pages: parts, last_seq: upto } = await get(this.url({ line: "" }, `${this.path}/pages`));
      if (pages !== this.pages) return;
      Object.assign(this, { count: total, parts, upto });
      for (const line of this.early.splice(0)) this.push(line);
      this.changed();
    } catch {
      later(`index ${this.step}`, 2_000, () => pages === this.pages && this.index());
    }
  }

  /** What is read with a line: those of a part, from a line number on. */
  part(index) {
    const from = index - (index % PAGE);
    if (!this.filtered) return { line: from + 1, from, to: from + PAGE };
    const at = this.parts.findLastIndex(({ before }) => before <= index);
    const { line, before } = this.parts[at];
    return { line, from: before, to: this.parts[at + 1]?.before ?? this.count };
  }

  missing(from, to) {
    const parts = [];
    for (let i = Math.max(0, from); i < Math.min(to, this.count); i++) {
      if (this.at(i) !== undefined) continue;
      parts.push(this.part(i));
      i = parts.at(-1).to - 1;
    }
    return parts;
  }

  /** What is in sight comes first, then what is near; what is neither any more is not waited for. */
  want(first, last) {
    if (this.filtered && !this.parts) return;
    const near = this.missing(first - AHEAD, last + AHEAD);
    for (const [line, stop] of this.loading) if (!near.some((part) => part.line === line)) stop.abort();
    const inSight = this.missing(first, last);
    for (const part of inSight.length ? inSight : near) if (!this.loading.has(part.line)) this.fetch(part);
  }

  async fetch({ line, from, to }) {
    const { loading } = this;
    const stop = new AbortController();
    loading.set(line, stop);
    try {
      const { items } = await get(this.url({ line, limit: to - from, format: "json" }), stop.signal);
      items.forEach((one, i) => {
        const index = this.filtered ? from + i : one.line_number - 1;
        if (index < to) this.put(index, one);
      });
      for (let i = from; i < Math.min(this.count, to); i++) if (!this.at(i)) this.put(i, null);
    } catch {
      if (!stop.signal.aborted) await new Promise((resolve) => setTimeout(resolve, 1_000));
    }
    loading.delete(line);
    if (loading === this.loading) this.changed();
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
    const { id, step } = this.log;
    const name = `log-${id}-${step || "manager"}`;
    this.text = h("a", { download: `${name}.txt` }, "Text");
    this.rows = h("a", { download: `${name}.ndjson` }, "NDJSON");
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
