/**
 * How is one line drawn? As text, whatever it holds: colour codes become colours, control characters can be seen, and
 * of what overwrites itself the last state is shown, the earlier ones a click away.
 */
import { h } from "./dom.js";
import { clockTime } from "./format.js";
import { tag } from "./tree.js";

const LEVELS = { debug: "DEBUG", info: "INFO", warning: "WARN", error: "ERROR" };
const CODES = /\x1b\[([\d;:]*)m|\x1b\[[\d;:<=>?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?/g;
const CONTROLS = /[\0-\x08\x0b-\x1f\x7f]/g;
const STYLES = { 1: "bold", 2: "dim", 3: "italic", 4: "underline", 7: "inverse", 9: "struck" };

/** @param {{href: (number: number) => string, since: number | null}} options `since`: tell times from then on */
export function lineRow(line, { href, since }) {
  const { line_number: number, created_at: at, level, job_id: job } = line;
  const worker = tag(job);
  const label = h("button", { type: "button", class: "tag", tabindex: "-1", title: "Only this worker job" }, worker && `#${worker}`);
  label.style.setProperty("--hue", Math.round(worker * 137.5) % 360); // neighbours differ most
  return h("div", { class: `line ${level}` },
    h("a", { class: "number", href: href(number), tabindex: "-1", title: "Link to this line" }, number),
    h("time", { datetime: at, title: at },
      since ? `+${((Date.parse(at) - since) / 1000).toFixed(3)}` : clockTime(at, { millis: true })),
    h("span", { class: "level" }, LEVELS[level] ?? level),
    job ? label : h("span", {}),
    h("span", { class: "message" }, ...message(line)));
}

function message({ message: text, truncated }) {
  const nodes = text.replace(/\r+\n/g, "\n").split(/(\n)/).flatMap((part) => {
    if (!part.includes("\r")) return coloured(part);
    const states = part.split("\r").filter(Boolean);
    return [...coloured(states.pop() ?? ""), ...(states.length ? [earlier(states)] : [])];
  });
  return truncated ? [...nodes, `… (${truncated} bytes in full)`] : nodes;
}

function earlier(states) {
  const all = h("span", { class: "earlier", hidden: true }, ...states.flatMap((state) => ["\n", ...coloured(state)]));
  const button = h("button", {
    type: "button", class: "again", title: "Overwritten by a carriage return", click: () => (all.hidden = !all.hidden),
  }, `↻ ${states.length} earlier`);
  return h("span", {}, " ", button, all);
}

/** Parts of a text in the colours that its codes (SGR) ask for; all other codes are left out. */
export function coloured(text) {
  if (!text.includes("\x1b")) return text ? [visible(text)] : [];
  const [nodes, style] = [[], {}];
  let from = 0;
  const add = (to) => {
    if (to > from) nodes.push(styled(visible(text.slice(from, to)), style));
  };
  for (const code of text.matchAll(CODES)) {
    add(code.index);
    from = code.index + code[0].length;
    if (code[1] !== undefined) change(style, code[1].split(/[;:]/).map(Number));
  }
  add(text.length);
  return nodes;
}

const visible = (text) =>
  text.replace(CONTROLS, (one) => String.fromCharCode(one === "\x7f" ? 0x2421 : 0x2400 + one.charCodeAt(0)));

function change(style, codes) {
  for (let i = 0; i < codes.length; i++) {
    const [code, ten] = [codes[i], codes[i] % 10];
    if (code === 0) for (const key of Object.keys(style)) delete style[key];
    else if (STYLES[code]) style[STYLES[code]] = true;
    else if (code === 22) style.bold = style.dim = false;
    else if (code > 22 && code < 30) style[STYLES[code - 20]] = false;
    else if (code === 38 || code === 48) {
      const [kind, n, green, blue] = codes.slice(i + 1);
      style[code === 38 ? "color" : "back"] = kind === 5 ? palette(n) : `rgb(${n} ${green} ${blue})`;
      i += kind === 5 ? 2 : 4;
    } else if (code >= 30 && code < 50) style[code < 40 ? "color" : "back"] = ten === 9 ? null : palette(ten);
    else if (code >= 90 && code < 108) style[code < 100 ? "color" : "back"] = palette(8 + ten);
  }
}

/** The 16 colours are the theme's; then come a cube of six steps each, and 24 greys. */
function palette(n) {
  if (n < 16) return `var(--c${n})`;
  const step = (i) => (i ? 55 + 40 * (i % 6) : 0);
  if (n < 232) return `rgb(${step(Math.floor((n - 16) / 36))} ${step(Math.floor((n - 16) / 6) % 6)} ${step((n - 16) % 6)})`;
  return `rgb(${Array(3).fill(8 + 10 * (n - 232)).join(" ")})`;
}

function styled(text, { color, back, inverse, ...flags }) {
  const classes = Object.keys(flags).filter((flag) => flags[flag]);
  const [front, behind] = inverse ? [back ?? "var(--sunk)", color ?? "var(--text)"] : [color, back];
  if (!front && !behind && !classes.length) return text;
  const span = h("span", { class: classes.join(" ") || null }, text);
  if (front) span.style.color = behind ? front : `color-mix(in oklab, ${front} 78%, var(--text))`; // can be read on any page
  if (behind) span.style.background = behind;
  return span;
}
