/** How are times, durations, counts and statuses written? */

export const STATUSES = [
  "running", "pending", "completed", "completed_with_warnings", "failed", "cancelled", "interrupted", "skipped",
];
const ENDED = new Set(["completed", "completed_with_warnings", "failed", "cancelled", "skipped", "interrupted"]);
const number = new Intl.NumberFormat("en");

export const hasEnded = (status) => ENDED.has(status);
export const word = (status) => status.replaceAll("_", " ");
export const count = (n) => number.format(n);
export const plural = (n, noun) => `${count(n)} ${noun}${n === 1 ? "" : "s"}`;

const two = (n) => String(n).padStart(2, "0");

/** Local wall-clock time of an RFC 3339 string or of milliseconds since 1970. */
export function clockTime(at, { millis = false } = {}) {
  const t = new Date(at);
  const text = `${two(t.getHours())}:${two(t.getMinutes())}:${two(t.getSeconds())}`;
  return millis ? `${text}.${String(t.getMilliseconds()).padStart(3, "0")}` : text;
}

/** The time today, the date as well on any other day, and its year unless it is this one. */
export function moment(at, now = Date.now()) {
  const [t, today] = [new Date(at), new Date(now)];
  if (t.toDateString() === today.toDateString()) return clockTime(t);
  const year = t.getFullYear() === today.getFullYear() ? undefined : "numeric";
  return `${t.toLocaleDateString(undefined, { year, month: "short", day: "numeric" })}, ${clockTime(t)}`;
}

/** `seconds` as "40 ms", "4.2s", "12s", "3m 05s", "1h 02m"; a ticking duration shows whole seconds. */
export function duration(seconds, { ticking = false } = {}) {
  const s = Math.max(0, seconds);
  if (s < 1 && !ticking) return `${Math.round(s * 1000)} ms`;
  if (s < 10 && !ticking) return `${s.toFixed(1)}s`;
  const whole = Math.floor(s);
  if (whole < 60) return `${whole}s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}m ${two(whole % 60)}s`;
  return `${Math.floor(whole / 3600)}h ${two(Math.floor(whole / 60) % 60)}m`;
}

/** How far ahead a minute is: "in 40 min", "in 3 h", "in 12 days"; what is left of it is not said. */
export function ahead(seconds) {
  if (seconds < 60) return "within a minute";
  if (seconds < 3600) return `in ${Math.floor(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `in ${Math.floor(seconds / 3600)} h`;
  return `in ${plural(Math.floor(seconds / 86_400), "day")}`;
}

/**
 * How long something ran, or has been running until `now` (milliseconds); "" before its start, and where
 * nobody knows: what was interrupted is told when the service is back.
 */
export function elapsed(thing, now) {
  if (hasEnded(thing.status)) return typeof thing.duration === "number" ? duration(thing.duration) : "";
  return thing.started_at ? duration((now - Date.parse(thing.started_at)) / 1000, { ticking: true }) : "";
}
