/** How does the chosen run stand: at its head, by its errors and speed, in the tab's title, and for who does not look? */
import { cancelling, deleting, noticeButton, retrying } from "./actions.js";
import { address, get, later, pathOf } from "./api.js";
import { h, icon, keyed, s, set, setIcon, write } from "./dom.js";
import { count, dotted, elapsed, hasEnded, link, moment, plural, word } from "./format.js";

export class Header {
  /** `deleted` is called when the reader has deleted the run. */
  constructor(id, deleted) {
    this.id = id;
    this.icon = icon("pending");
    this.title = h("h1", { tabindex: -1 });
    this.status = h("span.status");
    this.time = h("span.time");
    this.badge = h("span.badge");
    this.counts = h("p.counts");
    this.reason = h("p.reason");
    this.facts = h("p.quiet.facts");
    this.given = h("div.flow");
    this.notices = h("div");
    this.cancel = cancelling(id, {}, this.title);
    this.retry = retrying(id, {}, this.title);
    this.remove = deleting(id, this.title, deleted);
    this.tell = noticeButton(id);
    this.element = h("header.run-head",
      h("div.title.flow", this.icon, this.title, this.badge),
      h("div.state.flow", this.status, this.time, this.counts, h("div.actions.flow.end", this.tell, this.cancel.element,
        this.retry.element, this.remove.element, h("a", { href: address(pathOf(id, "/log")) }, "Text log"))),
      this.reason, this.facts, this.given, this.notices);
  }

  draw({ manager, gaps }, badge, now) {
    const { status, name, definition, reason, attempt, started_at: started, created_at: at = started } = manager;
    this.element.className = `run-head ${status}`;
    setIcon(this.icon, status);
    write(this.title, name ?? definition ?? this.id);
    write(this.status, word(status));
    write(this.time, elapsed(manager, now));
    write(this.badge, badge.text);
    this.badge.className = `badge ${badge.kind}`;
    set(this.badge, "title", badge.title);
    write(this.counts, counts(manager.counts));
    write(this.reason, (status !== "pending" && reason) || "");
    const began = at && `started ${moment(started ?? at)}`;
    write(this.facts, dotted(definition, this.id, began, attempt > 1 && `attempt ${attempt}`));
    if (manager.toml !== this.shown) this.describe(manager);
    keyed(this.notices, gaps, ({ from }) => from, ({ from, to }) =>
      h("p.notice", `Rows ${count(from)} to ${count(to)} are no longer kept and cannot be shown.`));
    const ended = hasEnded(status);
    this.tell.hidden ||= ended;
    this.cancel.draw(!ended);
    this.retry.draw(ended && status !== "completed", status === "interrupted" ? "Resume" : "Retry failed");
    this.remove.draw(ended);
  }

  describe({ toml, params = {} }) {
    this.shown = toml;
    const given = Object.entries(params).map(([name, value]) =>
      h("div", h("dt", name), h("dd", typeof value === "string" && value ? value : JSON.stringify(value))));
    this.given.replaceChildren(h("dl.params.flow", ...given),
      h("details.toml", h("summary", "Definition (TOML)"), h("pre", { tabindex: 0 }, toml)));
  }
}

const counts = ({ total_steps: steps, total_jobs: jobs, failed_jobs: failed, ...of }) => dotted(
  steps && `${of.completed_steps + of.completed_with_warnings_steps} of ${plural(steps, "step")}`,
  jobs && `${count(of.completed_jobs)} of ${plural(jobs, "worker job")}`,
  failed && `${count(failed)} failed`);

/** How fast lines come, and which errors there are, most frequent first. */
export class Glance {
  constructor(id) {
    Object.assign(this, { id, known: {} });
    this.curve = s("path");
    this.peak = h("span");
    this.rate = h("span.rate.quiet.flow", { hidden: true },
      s("svg", { viewBox: "0 0 120 20", "aria-hidden": true }, this.curve), this.peak);
    this.list = h("ul", { tabindex: 0, "aria-label": "Errors by how often they occur" });
    this.problem = h("span.problem", { role: "alert" });
    this.errors = h("section.groups", { "aria-label": "Errors", hidden: true }, this.list, this.problem);
  }

  draw({ manager: { levels, lines } }) {
    this.ask("rate", lines, async () => this.plot(await get(pathOf(this.id, "/log/rate"))));
    this.ask("errors", levels.error, async () => this.group((await get(pathOf(this.id))).error_groups));
  }

  /** Once a number has changed, and every other second at most. */
  async ask(name, n, action) {
    if (!n || this.known[name] === n || this.known[name] === null) return;
    this.known[name] = null;
    await action().catch(() => {});
    later(name, 2_000, () => (this.known[name] = n));
  }

  plot({ seconds, lines }) {
    const most = Math.max(...lines);
    if (!most) return;
    this.rate.hidden = false;
    const points = lines.map((n, i) => `L${2 * i + 1} ${(19 - (n / most) * 18).toFixed(1)}`);
    set(this.curve, "d", `M0 20${points.join("")}L120 20Z`);
    write(this.peak, `up to ${count(Math.ceil(most / seconds))} lines/s`);
  }

  group(groups) {
    this.errors.hidden = !groups.length;
    keyed(this.list, groups, (group) => group.first_seq, (group) => this.one(group), (item, group) =>
      write(item.firstElementChild, `${count(group.count)} ×`));
  }

  /** Of a traceback the last line says most. */
  one({ message, first_seq: first }) {
    const [title, text] = [`Go to the first\n${message}`, message.trim().split("\n").at(-1)];
    return h("li", h("b"), h("button.link", { title, click: () => this.go(first) }, text || "(empty)"));
  }

  async go(seq) {
    write(this.problem, "");
    try {
      const [line] = await get(pathOf(this.id, `/log?format=ndjson&limit=1&after=${seq - 1}`));
      go(this.id, line);
    } catch (error) {
      write(this.problem, error.message);
    }
  }
}

/** To a line, also once more. */
export function go(id, { step_name: step, line_number: number }) {
  location.replace(link(id, step ?? "", { from: number, to: number }));
  dispatchEvent(new Event("hashchange"));
}

const SIGNS = {
  pending: "○", running: "▶", completed: "✓", completed_with_warnings: "⚠", failed: "✗", cancelled: "⊘",
  interrupted: "⚡", skipped: "»",
};
const COLOURS = { running: "#2f5bd7", completed: "#2ea56b", failed: "#dd4b54", completed_with_warnings: "#d99a2b" };
const tabIcon = document.querySelector("link[rel=icon]");
const plain = tabIcon.href;

/** The tab's title and sign; a run is not known from the start. */
export function tab(tree) {
  const { name, definition, status, counts: { total_jobs: jobs, completed_jobs: done } = {} } = tree?.manager ?? {};
  const known = name || definition;
  const far = status === "running" && jobs ? ` ${done}/${jobs}` : "";
  document.title = known ? `${SIGNS[status]}${far} · ${known}` : "Stepstream";
  set(tabIcon, "href", known ? `data:image/svg+xml,${encodeURIComponent(`<svg xmlns="http://www.w3.org/2000/svg" `
    + `viewBox="0 0 16 16"><circle cx="8" cy="8" r="7" fill="${COLOURS[status] ?? "#8892a0"}"/></svg>`)}` : plain);
}

/** What a screen reader hears now and then. */
export function summary(tree) {
  const { name, definition, status } = tree?.manager ?? {};
  const known = name || definition;
  if (!known) return "";
  if (status !== "running") return `${known}: ${word(status)}`;
  const running = [...tree.steps.values()].filter((step) => step.status === "running");
  return running.map(({ name: step, lines, counts: { total_jobs: total, completed_jobs: done, failed_jobs: failed } }) => {
    if (!total) return `${step}: ${plural(lines, "line")}`;
    return `${step}: ${done} of ${total} done${failed ? `, ${failed} failed` : ""}`;
  }).join("; ");
}
