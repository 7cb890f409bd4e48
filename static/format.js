/** How are times, durations, counts, statuses and the panel's own addresses written? */
export const STATUSES = [
  "running", "pending", "completed", "completed_with_warnings", "failed", "cancelled", "interrupted", "skipped",
];
export const hasEnded = (status) => STATUSES.indexOf(status) > 1;
export const word = (status) => status.replaceAll("_", " ");

const number = new Intl.NumberFormat("en");
export const count = (n) => number.format(n);
export const plural = (n, noun) => `${count(n)} ${noun}${n === 1 ? "" : "s"}`;
export const sum = (counts) => Object.values(counts).reduce((all, n) => all + n, 0);
/** What there is to say, in a row. */
export const dotted = (...parts) => parts.filter(Boolean).join(" · ");

/** Local wall-clock time of an RFC 3339 string or of milliseconds since 1970. */
export const clockTime = (at) => new Date(at).toTimeString().slice(0, 8);
export const exactTime = (at) => `${clockTime(at)}.${String(new Date(at) % 1000).padStart(3, "0")}`;

/** The time today, the date as well on any other day, and its year unless it is this one. */
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

/** The same of what still grows, in whole seconds. */
export function ticking(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (n) => String(n % 60).padStart(2, "0");
  if (whole < 60) return `${whole}s`;
  const minutes = Math.floor(whole / 60);
  return minutes < 60 ? `${minutes}m ${two(whole)}s` : `${Math.floor(minutes / 60)}h ${two(minutes)}m`;
}

/** How far ahead a minute is; what is left of it is not said. */
export function ahead(seconds) {
  if (seconds < 60) return "within a minute";
  if (seconds < 3600) return `in ${Math.floor(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `in ${Math.floor(seconds / 3600)} h`;
  return `in ${plural(Math.floor(seconds / 86_400), "day")}`;
}

/** How long something ran, or has been running; "" where nobody knows: before its start, and once interrupted. */
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
