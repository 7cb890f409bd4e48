/** Which lines of a log are here, by which filters and words are they found, and how are they taken along? */
import { address, following, get, later, pathOf } from "./connection.js";
import { count, exactTime, go, h, keyed, parse, set, write } from "./page.js";
import { tag } from "./tree.js";

const PAGE = 256; // lines
const KEPT = 24; // pages
const AHEAD = 200; // lines
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
    if (this.pages.size > KEPT) this.pages.delete(this.pages.keys().next().value);
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

  /** What is written meanwhile waits. */
  async index() {
    const { pages } = this;
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

  /** What is neither in sight nor near any more is not waited for. */
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
} catch {}

export function toggle(name) {
  settings[name] = !settings[name];
  try {
    localStorage.reading = JSON.stringify(settings);
  } catch {}
  document.dispatchEvent(new Event("reading"));
}

export class Reading {
  constructor(list) {
    Object.assign(this, { list, log: list.log });
    this.levels = h("span.levels", { role: "group", "aria-label": "Least level" });
    this.worker = h("button", { title: "All worker jobs", click: () => this.filter(this.log.level, null) });
    this.wrap = h("button", { click: () => toggle("wrap") }, "Wrap");
    this.relative = h("button", { click: () => toggle("relative") }, "Since start");
    this.copy = h("button", {
      title: `Copy the marked lines, or the last ${COPIED}`, click: () => this.copied(), hidden: !navigator.clipboard,
    }, "Copy");
    const name = `log-${this.log.id}-${this.log.step || "manager"}`;
    this.text = h("a", { download: `${name}.txt` }, "Text");
    this.rows = h("a", { download: `${name}.ndjson` }, "NDJSON");
    this.element = h("div.reading.flow", this.levels, this.worker,
      h("span.flow.end", this.wrap, this.relative, this.copy, this.text, this.rows));
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

export function find(form, chosen) {
  const field = h("input", { type: "search", placeholder: "Find words", "aria-label": "Find words in lines" });
  const scope = h("select", { "aria-label": "Where to look" },
    ...["this run", "this step", "all runs"].map((name) => h("option", name)));
  const told = h("output");
  const button = (name, sign, by) =>
    h("button", { type: "button", "aria-label": name, title: name, click: () => move(by) }, sign);
  form.append(field, scope, told, button("Previous hit", "↑", -1), button("Next hit", "↓", 1));
  form.addEventListener("submit", (event) => event.preventDefault());
  field.addEventListener("keydown", ({ key, shiftKey }) => key === "Enter" && move(shiftKey ? -1 : 1));
  let [asked, asking, next, hits, at] = [];
  form.addEventListener("input", () => write(told, (asked = "")));

  async function move(by) {
    const { step } = parse(location.hash);
    const query = new URLSearchParams({ q: field.value, limit: 1000 });
    if (scope.value !== "all runs") query.set("manager_id", chosen() ?? "latest");
    if (scope.value === "this step" && step) query.set("step", step);
    const wanted = `search?${query}`;
    if (!field.value.trim() || asking === wanted) return;
    if (asked !== wanted) [asked, next, hits, at] = [wanted, wanted, [], by < 0 ? 0 : -1];
    try {
      if (next && (!hits.length || at + by === hits.length)) {
        write(told, "…");
        asking = wanted;
        const page = await get(next);
        if (asked !== wanted) return;
        hits.push(...page.items);
        next = following("search", page.next);
      }
      if (!hits.length) return write(told, "no hits");
      at = (at + by + hits.length) % hits.length;
      write(told, `${count(at + 1)} of ${count(hits.length)}${next ? "+" : ""}`);
      go(hits[at].manager_id, hits[at]);
    } catch ({ message }) {
      write(told, message);
    } finally {
      if (asking === wanted) asking = null;
    }
  }
}
