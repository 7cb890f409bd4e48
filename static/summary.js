/** How does the chosen run stand, in one short line: for the tab's title and for a screen reader? */
import { plural, word } from "./format.js";

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
    if (!total) return `${step.name}: ${plural(step.lines.length, "line")}`;
    return `${step.name}: ${done} of ${total} done${failed ? `, ${failed} failed` : ""}`;
  }).join("; ");
}
