/** How does anything come onto the page? Text becomes text nodes only: nothing that a job logs is read as markup. */
import { hasEnded } from "./tree.js";

/** `h("p.quiet", { title, click() {} }, …children)`: what is false is left out, and so may attributes be. */
export const h = (name, ...rest) => made((tag) => document.createElement(tag), name, rest);
/** The same of a drawing. */
export const s = (name, ...rest) => made((tag) => document.createElementNS("http://www.w3.org/2000/svg", tag), name, rest);

function made(create, name, children) {
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
}

/** Only what changed: an untouched node keeps the reader's selection and costs no layout. */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function set(element, name, value) {
  if (typeof value === "boolean" && !name.startsWith("aria-")) value = value ? "" : null;
  if (value == null) element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
}

/** A child for each item; one whose key was there before keeps its element. */
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

const number = new Intl.NumberFormat("en");
export const count = (n) => number.format(n);
export const plural = (n, noun) => `${count(n)} ${noun}${n === 1 ? "" : "s"}`;
export const dotted = (...parts) => parts.filter(Boolean).join(" · ");

export const clockTime = (at) => new Date(at).toTimeString().slice(0, 8);
export const exactTime = (at) => `${clockTime(at)}.${String(new Date(at) % 1000).padStart(3, "0")}`;

/** With its date unless it is today, and its year unless it is this one. */
export function moment(at, now = Date.now()) {
  const [t, today] = [new Date(at), new Date(now)];
  if (t.toDateString() === today.toDateString()) return clockTime(t);
  const year = t.getFullYear() === today.getFullYear() ? undefined : "numeric";
  return `${t.toLocaleDateString(undefined, { year, month: "short", day: "numeric" })}, ${clockTime(t)}`;
}

/** "40 ms", "4.2s", "12s", "3m 05s", "1h 02m". */
export function duration(seconds) {
  if (seconds >= 10) return ticking(seconds);
  return seconds < 1 ? `${Math.round(Math.max(0, seconds) * 1000)} ms` : `${seconds.toFixed(1)}s`;
}

/** In whole seconds: it still grows. */
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
  return { id: id ? decode(id) : null, step: step ? decode(step) : lines && "", lines };
}

export function link(id, step = null, range = null) {
  const { from, to } = range ?? {};
  const lines = from ? `/L${from}${to === from ? "" : `-L${to}`}` : "";
  return `#/managers/${encodeURIComponent(id)}${step === null ? "" : `/${encodeURIComponent(step)}${lines}`}`;
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a stray % typed by hand
  }
}
