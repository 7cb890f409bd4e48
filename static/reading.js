/** How is a log read? As text, whatever it holds, in its colours, by levels and workers; and lines can be taken along. */
import { count, exactTime, h, keyed, set, write } from "./page.js";
import { address, get } from "./service.js";
import { tag } from "./tree.js";

const COPIED = 1000; // lines at most

export const settings = { wrap: true, relative: false, keys: true };
try {
  Object.assign(settings, JSON.parse(localStorage.reading));
} catch {} // not allowed, or nothing yet

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
    const range = from ? { line: from, limit: Math.min(COPIED, to - from + 1) } : { tail: COPIED };
    const lines = await get(this.log.url({ ...range, format: "ndjson" }));
    await navigator.clipboard.writeText(lines.map(({ created_at: at, level, message }) =>
      `${exactTime(at)} ${level.toUpperCase().padEnd(7)} ${message}\n`).join(""));
    write(this.copy, "Copied");
    setTimeout(() => write(this.copy, "Copy"), 1_500);
  }
}

export function lineRow(line, href, since) {
  const { line_number: number, created_at: at, level, job_id: job } = line;
  const worker = tag(job);
  const label = worker ? h("button.tag", { tabindex: -1, title: "Only this worker job" }, `#${worker}`) : h("span");
  label.style.setProperty("--hue", Math.round(worker * 137.5) % 360); // neighbours differ most
  return h(`div.line.${level}`,
    h("a.number", { href: href(number), tabindex: -1 }, number),
    h("time", { title: at }, since ? `+${((Date.parse(at) - since) / 1000).toFixed(3)}` : exactTime(at)),
    h("span.level", level === "warning" ? "WARN" : level.toUpperCase()), label, h("span.message", ...message(line)));
}

function message({ message: text, truncated }) {
  const nodes = text.replace(/\r+\n/g, "\n").split(/(\n)/).flatMap((part) => {
    if (!part.includes("\r")) return coloured(part);
    const states = part.split("\r").filter(Boolean);
    return [...coloured(states.pop() ?? ""), ...(states.length ? [" ", ...earlier(states)] : [])];
  });
  return truncated ? [...nodes, `… (${truncated} bytes in full)`] : nodes;
}

function earlier(states) {
  const all = h("span.earlier", { hidden: true }, ...states.flatMap((state) => ["\n", ...coloured(state)]));
  const title = "Overwritten by a carriage return";
  return [h("button.again", { title, click: () => (all.hidden = !all.hidden) }, `↻ ${states.length} earlier`), all];
}

const CODES = /\x1b\[([\d;:]*)m|\x1b\[[\d;:<=>?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?/g;
const STYLES = { 1: "bold", 2: "dim", 3: "italic", 4: "underline", 7: "inverse", 9: "struck" };

/** A text in the colours that its codes (SGR) ask for; all other codes are left out. */
export function coloured(text) {
  const [nodes, style] = [[], {}];
  let from = 0;
  const add = (to) => to > from && nodes.push(styled(visible(text.slice(from, to)), style));
  for (const { 0: code, 1: sgr, index } of text.matchAll(CODES)) {
    add(index);
    from = index + code.length;
    if (sgr !== undefined) change(style, sgr.split(/[;:]/).map(Number));
  }
  add(text.length);
  return nodes;
}

const visible = (text) => text.replace(/[\0-\x08\x0b-\x1f\x7f]/g, (one) =>
  String.fromCharCode(one === "\x7f" ? 0x2421 : 0x2400 + one.charCodeAt(0)));

function change(style, codes) {
  for (let i = 0; i < codes.length; i++) {
    const [code, ten] = [codes[i], codes[i] % 10];
    const side = (code - ten) % 20 ? "front" : "back"; // 3x and 9x, or 4x and 10x
    if (code === 0) for (const key of Object.keys(style)) delete style[key];
    else if (STYLES[code]) style[STYLES[code]] = true;
    else if (code === 22) style.bold = style.dim = false;
    else if (code > 22 && code < 30) style[STYLES[ten]] = false;
    else if (code === 38 || code === 48) {
      const [kind, n, green, blue] = codes.slice(i + 1);
      style[side] = kind === 5 ? palette(n) : `rgb(${n} ${green} ${blue})`;
      i += kind === 5 ? 2 : 4;
    } else if (code >= 30 && code < 50) style[side] = ten === 9 ? null : palette(ten);
    else if (code >= 90 && code < 108) style[side] = palette(8 + ten);
  }
}

const HUES = [, 25, 150, 80, 265, 325, 200]; // red to cyan

/** 16 colours for either theme, a cube of six steps each, 24 greys. */
function palette(n) {
  if (n < 16) {
    const [hue, bright] = [HUES[n % 8], n < 8 ? 0 : 0.08];
    if (!hue) return n % 8 ? "var(--text)" : "var(--quiet)";
    return `light-dark(oklch(${0.5 + bright} .15 ${hue}), oklch(${0.78 + bright} .12 ${hue}))`;
  }
  const step = (i) => (i % 6 ? 55 + 40 * (i % 6) : 0);
  const of = (n) => `rgb(${n.join(" ")})`;
  return n < 232 ? of([36, 6, 1].map((each) => step(Math.floor((n - 16) / each)))) : of(Array(3).fill(8 + 10 * (n - 232)));
}

function styled(text, { front, back, inverse, ...flags }) {
  if (inverse) [front, back] = [back ?? "var(--sunk)", front ?? "var(--text)"];
  const classes = Object.keys(flags).filter((flag) => flags[flag]);
  if (!front && !back && !classes.length) return text;
  const span = h(["span", ...classes].join("."), text);
  if (front) span.style.color = back ? front : `color-mix(in oklab, ${front} 78%, var(--text))`; // can be read
  if (back) span.style.background = back;
  return span;
}
