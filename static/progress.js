/** How far is a step? One bar of four parts over its worker jobs, and the same in words. */
import { h, setAttribute, setText } from "./dom.js";
import { duration, hasEnded } from "./format.js";

const PARTS = {
  completed: ["completed_jobs"],
  failed: ["failed_jobs"],
  cancelled: ["cancelled_jobs", "interrupted_jobs"],
  running: ["running_jobs"],
};

export class Progress {
  constructor() {
    this.parts = Object.fromEntries(Object.keys(PARTS).map((name) => [name, h("i", { class: name })]));
    this.bar = h("div", { class: "track", role: "progressbar", "aria-label": "Worker jobs that have ended" },
      ...Object.values(this.parts));
    this.text = h("p", { class: "progress-text" });
    this.element = h("div", { class: "progress", hidden: true }, this.bar, this.text);
  }

  draw({ counts, status, progress, eta }) {
    const total = counts.total_jobs ?? 0;
    this.element.hidden = total === 0;
    if (total === 0) return;
    const sum = (keys) => keys.reduce((all, key) => all + (counts[key] ?? 0), 0);
    for (const [name, keys] of Object.entries(PARTS)) this.parts[name].style.width = `${(100 * sum(keys)) / total}%`;
    const ended = sum([...PARTS.completed, ...PARTS.failed, ...PARTS.cancelled]);
    setAttribute(this.bar, "aria-valuemax", total);
    setAttribute(this.bar, "aria-valuenow", ended);
    const text = progress || words(counts);
    setAttribute(this.bar, "aria-valuetext", text);
    setText(this.text, eta && !hasEnded(status) ? `${text} · about ${duration(Math.max(1, Math.round(eta)), { ticking: true })} left` : text);
  }
}

/** The service's own wording, for a step known from its counts alone. */
function words(counts) {
  const always = ["pending", "running", "completed", "failed"];
  const others = ["cancelled", "interrupted"].filter((name) => counts[`${name}_jobs`]);
  return [...always, ...others].map((name) => `${counts[`${name}_jobs`] ?? 0} ${name}`).join(", ");
}
