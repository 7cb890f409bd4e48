/** How does anything come onto the page? As text: nothing that a job logs is read as markup. */
import { hasEnded, tag } from "./tree.js";

const maker = (create) => (name, ...children) => {
  const [tag, ...classes] = name.split(".");
  const element = create(tag);
  if (classes.length) element.setAttribute("class", classes.join(" "));
  const attributes = children[0]?.constructor === Object ? children.shift() : {};
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(key, value);
    else set(element, key, value);
  }
  element.append(...children.filter(Boolean));
  return element;
};

/** `h("p.quiet", { title, click() {} }, …children)`: what is false is left out, and so may attributes be. */
export const h = maker((tag) => document.createElement(tag));
export const s = maker((tag) => document.createElementNS("http://www.w3.org/2000/svg", tag));

/** An untouched node keeps the reader's selection. */
export function write(element, text) {
  if (element.textContent !== (text ||= "")) element.textContent = text;
}

/** What goes wrong is told. One at a time: `disabled` would take the focus away. */
export function tried(problem, action, tell = ({ message }) => write(problem, message)) {
  let busy = false;
  return async (event) => {
    event?.preventDefault();
    if (busy) return;
    busy = true;
    write(problem, "");
    await action().catch(tell);
    busy = false;
  };
}

export function fill(element, texts) {
  for (const [name, text] of Object.entries(texts)) write(element.querySelector(`.${name}`), text);
}

export function set(element, name, value) {
  if (value == null || (value === false && !name.startsWith("aria-"))) element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
}

/** A child for each item; one whose key was there keeps its element. */
export function keyed(parent, items, key, make, update = () => {}) {
  const known = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  const wanted = items.map((item) => {
    const id = String(key(item));
    const element = known.get(id) ?? make(item);
    known.delete(id);
    element.dataset.key = id;
    update(element, item);
    return element;
  });
  for (const gone of known.values()) gone.remove();
  // Only those out of place: moved, one would lose the focus.
  wanted.forEach((element, i) => element === parent.children[i] || parent.insertBefore(element, parent.children[i]));
}

const RING = "M8 2.5a5.5 5.5 0 1 0 0 11a5.5 5.5 0 0 0 0-11";
const ICONS = {
  pending: RING,
  running: "M8 2.5a5.5 5.5 0 1 1-5.5 5.5",
  completed: "M3 8.6l3.2 3.2L13 4.7",
  completed_with_warnings: "M8 2.2l6.3 11.3H1.7z M8 6.6v3 M8 11.6v.1",
  failed: "M4 4l8 8 M12 4l-8 8",
  cancelled: `${RING} M4.2 4.2l7.6 7.6`,
  skipped: "M3 4l4 4-4 4 M9 4l4 4-4 4",
  interrupted: "M9 1.8L4 9h3.6L7 14.2 12 7H8.4z",
  chevron: "M6 3.5L10.5 8 6 12.5",
};

export const icon = (name) => setIcon(s("svg", { viewBox: "0 0 16 16", "aria-hidden": true }, s("path")), name);

export function setIcon(svg, name) {
  set(svg, "class", `icon ${name}`);
  set(svg.firstElementChild, "d", ICONS[name]);
  return svg;
}

export const word = (status) => status.replaceAll("_", " ");

export const count = new Intl.NumberFormat("en").format;
export const plural = (n, noun) => `${count(n)} ${noun}${n === 1 ? "" : "s"}`;
export const dotted = (...parts) => parts.filter(Boolean).join(" · ");

export const clockTime = (at) => new Date(at).toTimeString().slice(0, 8);
export const exactTime = (at) => clockTime(at) + new Date(at).toISOString().slice(19, 23);

export function moment(at, now = Date.now()) {
  const [t, today] = [new Date(at), new Date(now)];
  if (t.toDateString() === today.toDateString()) return clockTime(t);
  const year = t.getFullYear() === today.getFullYear() ? undefined : "numeric";
  return `${t.toLocaleDateString(undefined, { year, month: "short", day: "numeric" })}, ${clockTime(t)}`;
}

export function duration(seconds) {
  if (seconds >= 10) return ticking(seconds);
  return seconds < 1 ? `${Math.round(Math.max(0, seconds) * 1000)} ms` : `${seconds.toFixed(1)}s`;
}

export function ticking(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (n) => String(n % 60).padStart(2, "0");
  if (whole < 60) return `${whole}s`;
  const minutes = Math.floor(whole / 60);
  return minutes < 60 ? `${minutes}m ${two(whole)}s` : `${Math.floor(minutes / 60)}h ${two(minutes)}m`;
}

export function ahead(seconds) {
  if (seconds < 60) return "within a minute";
  if (seconds < 3600) return `in ${Math.floor(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `in ${Math.floor(seconds / 3600)} h`;
  return `in ${plural(Math.floor(seconds / 86_400), "day")}`;
}

/** "" where nobody knows: before a start, and once interrupted. */
export function elapsed({ status, duration: seconds, started_at: started }, now) {
  if (hasEnded(status)) return seconds == null ? "" : duration(seconds);
  return started ? ticking((now - Date.parse(started)) / 1000) : "";
}

const PLACE = /^#\/managers\/([^/]+)(?:\/([^/]*))?(?:\/L(\d{1,9})(?:-L?(\d{1,9}))?$)?/;

/** `#/managers/ID`, `…/STEP`, `…/STEP/L40`, `…/STEP/L40-L52`; the step "" is the manager itself. */
export function parse(hash) {
  const [, id, step, from, to = from] = PLACE.exec(hash) ?? [];
  const lines = from ? { from: Math.min(from, to), to: Math.max(from, to) } : null;
  return { id: decode(id), step: decode(step) ?? (lines && ""), lines };
}

export function link(id, step = null, range = null) {
  const { from, to = from } = range ?? {};
  const lines = from ? `/L${from}${to === from ? "" : `-L${to}`}` : "";
  return `#/managers/${encodeURIComponent(id)}${step === null ? "" : `/${encodeURIComponent(step)}${lines}`}`;
}

export function go(id, { step_name: step, line_number: number }) {
  location.replace(link(id, step ?? "", { from: number }));
  dispatchEvent(new Event("hashchange"));
}

function decode(text) {
  try {
    return text ? decodeURIComponent(text) : null;
  } catch {
    return text; // a stray %
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
    const side = (code - ten) % 20 ? "front" : "back"; // 3x, 9x; 4x, 10x
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

function palette(n) {
  if (n < 16) {
    const [hue, bright] = [HUES[n % 8], n < 8 ? 0 : 0.08];
    if (!hue) return n % 8 ? "var(--text)" : "var(--quiet)";
    return `light-dark(oklch(${0.5 + bright} .15 ${hue}), oklch(${0.78 + bright} .12 ${hue}))`;
  }
  const step = (i) => (i % 6 ? 55 + 40 * (i % 6) : 0);
  const parts = n < 232 ? [36, 6, 1].map((each) => step(Math.floor((n - 16) / each)))
    : Array(3).fill(8 + 10 * (n - 232));
  return `rgb(${parts.join(" ")})`;
}

function styled(text, { front, back, inverse, ...flags }) {
  if (inverse) [front, back] = [back ?? "var(--page)", front ?? "var(--text)"];
  const classes = Object.keys(flags).filter((flag) => flags[flag]);
  if (!front && !back && !classes.length) return text;
  const span = h(["span", ...classes].join("."), text);
  if (front) span.style.color = back ? front : `color-mix(in oklab, ${front} 78%, var(--text))`;
  if (back) span.style.background = back;
  return span;
}
