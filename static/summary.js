/** How does the chosen run stand, for who does not look? The tab's title and sign, a line for screen readers, a notice. */
import { get, part } from "./api.js";
import { cancel, every } from "./clock.js";
import { h, setAttribute } from "./dom.js";
import { hasEnded, plural, word } from "./format.js";

const COLOURS = { running: "#2f5bd7", completed: "#2ea56b", failed: "#dd4b54", pending: "#8892a0", completed_with_warnings: "#d99a2b" };
const icon = document.querySelector("link[rel=icon]");
const plain = icon.href;
let wanted = null; // the run that a notice was asked for

/** The tab's sign has the colour of the run's status. */
export function sign(status) {
  const colour = status && (COLOURS[status] ?? "#8892a0");
  setAttribute(icon, "href", colour ? `data:image/svg+xml,${encodeURIComponent(
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><circle cx="8" cy="8" r="7" fill="${colour}"/></svg>`)}` : plain);
}

export function noticeButton(id) {
  const button = h("button", {
    type: "button", class: "notice-me", title: "A notice of the browser when this run has ended",
    click: async () => {
      const on = wanted !== id && (await Notification.requestPermission()) === "granted";
      wanted = on ? id : null;
      setAttribute(button, "aria-pressed", String(on));
      if (on) every("notice", 5_000, () => document.hidden && look(id));
      else cancel("notice");
    },
  }, "Tell me");
  button.hidden = !("Notification" in window);
  setAttribute(button, "aria-pressed", String(wanted === id));
  return button;
}

/** A hidden tab has given its stream back. */
async function look(id) {
  const manager = await get(`managers/${part(id)}`).catch(() => null);
  if (manager) ended(manager);
}

/** Called with what is known of a run, again and again. */
export function ended({ id, name, definition, status }) {
  if (id !== wanted || !hasEnded(status)) return;
  wanted = null;
  cancel("notice");
  sign(status);
  new Notification(`${name || definition}: ${word(status)}`, { tag: id });
}

const SIGNS = {
  pending: "○", running: "▶", completed: "✓", completed_with_warnings: "⚠", failed: "✗", cancelled: "⊘",
  interrupted: "⚡", skipped: "»",
};

export function title(tree) {
  const { name, definition, status, counts } = tree?.manager ?? {};
  if (!(name || definition)) return "Stepstream";
  const jobs = counts.total_jobs ? ` ${counts.completed_jobs}/${counts.total_jobs}` : "";
  return `${SIGNS[status] ?? ""}${status === "running" ? jobs : ""} · ${name || definition}`;
}

export function summary(tree) {
  const { name, definition, status } = tree?.manager ?? {};
  if (!(name || definition)) return "";
  if (status !== "running") return `${name || definition}: ${word(status)}`;
  const running = [...tree.steps.values()].filter((step) => step.status === "running");
  return running.map((step) => {
    const { total_jobs: total, completed_jobs: done, failed_jobs: failed } = step.counts;
    if (!total) return `${step.name}: ${plural(step.lines, "line")}`;
    return `${step.name}: ${done} of ${total} done${failed ? `, ${failed} failed` : ""}`;
  }).join("; ");
}
