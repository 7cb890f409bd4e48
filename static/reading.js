/** How does one read a log? Its levels and its workers as filters, times, wrapping, copies and downloads. */
import { address, get } from "./api.js";
import { h, keyed, setAttribute, setText } from "./dom.js";
import { clockTime, count } from "./format.js";
import { tag } from "./tree.js";

const COPIED = 1000; // lines at most

/** What a reader has chosen holds for all logs and is remembered. */
export const settings = { wrap: true, relative: false };
try {
  Object.assign(settings, JSON.parse(localStorage.reading ?? "{}"));
} catch {
  // not allowed to remember: the defaults will do
}

const apply = () => document.documentElement.classList.toggle("unwrapped", !settings.wrap);
apply();

function set(name) {
  settings[name] = !settings[name];
  apply();
  try {
    localStorage.reading = JSON.stringify(settings);
  } catch {
    // for this page only
  }
  document.dispatchEvent(new Event("reading"));
}

export class Reading {
  /** @param {LineList} list */
  constructor(list) {
    this.list = list;
    const button = (name, title, click) => h("button", { type: "button", title, click }, name);
    this.levels = h("span", { class: "levels", role: "group", "aria-label": "Least level" });
    this.worker = button("", "All worker jobs", () => this.filter(this.log.level, null));
    this.wrap = button("Wrap", "Wrap long lines", () => set("wrap"));
    this.relative = button("Since start", "Times since the run's start", () => set("relative"));
    this.copy = button("Copy", `Copy the marked lines, or the last ${COPIED}`, () => this.copied());
    this.copy.hidden = !navigator.clipboard;
    this.text = h("a", { title: "Download as text", download: "" }, "Text");
    this.rows = h("a", { title: "Download as NDJSON", download: "" }, "NDJSON");
    this.element = h("div", { class: "reading" }, this.levels, this.worker,
      h("span", { class: "tools" }, this.wrap, this.relative, this.copy, this.text, this.rows));
  }

  get log() {
    return this.list.log;
  }

  filter(level, job) {
    this.log.filter(level, job);
    this.list.draw();
    document.dispatchEvent(new Event("reading"));
  }

  draw() {
    const { log } = this;
    setAttribute(this.wrap, "aria-pressed", String(settings.wrap));
    setAttribute(this.relative, "aria-pressed", String(settings.relative));
    keyed(this.levels, Object.entries(log.levels ?? {}).filter(([level, n]) => n || level === log.level), {
      key: ([level]) => level,
      make: ([level]) => h("button", {
        type: "button", class: level, title: `Only ${level} and above`,
        click: () => this.filter(log.level === level ? null : level, log.job),
      }),
      update: (button, [level, n]) => {
        setText(button, `${level} ${count(n)}`);
        setAttribute(button, "aria-pressed", String(log.level === level));
      },
    });
    this.worker.hidden = !log.job;
    setText(this.worker, `#${tag(log.job)} ✕`);
    setAttribute(this.text, "href", address(log.url({ format: "text" })));
    setAttribute(this.rows, "href", address(log.url({ format: "ndjson" })));
  }

  async copied() {
    const { from, to } = this.list.marked ?? {};
    const range = from ? { line: from, limit: Math.min(COPIED, to - from + 1) } : { tail: COPIED };
    const lines = await get(this.log.url({ ...range, format: "ndjson" }));
    const text = lines.map(({ created_at: at, level, message }) =>
      `${clockTime(at, { millis: true })} ${level.toUpperCase().padEnd(7)} ${message}\n`);
    await navigator.clipboard.writeText(text.join(""));
    setText(this.copy, "Copied");
    setTimeout(() => setText(this.copy, "Copy"), 1_500);
  }
}
