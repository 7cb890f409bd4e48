/** How does the chosen run stand: at its head, by its errors and speed, and in the tab's title? */
import { address, get, later, pathOf } from "./connection.js";
import {
  clockTime, count, dotted, elapsed, fill, go, h, icon, keyed, moment, plural, s, set, setIcon, word, write,
} from "./page.js";
import { cancelling, deleting, noticeButton, retrying } from "./steps.js";
import { hasEnded, STATUSES } from "./tree.js";

export class Header {
  constructor(id, deleted) {
    this.id = id;
    this.icon = icon("pending");
    this.title = h("h1", { tabindex: -1 });
    this.badge = h("span.badge");
    this.given = h("div.flow");
    this.notices = h("div.flow");
    this.cancel = cancelling(id, {}, this.title);
    this.retry = retrying(id, {}, this.title);
    this.remove = deleting(id, this.title, deleted);
    this.tell = noticeButton(id);
    this.element = h("header.run-head",
      h("div.title.flow", this.icon, this.title, this.badge),
      h("div.state.flow", h("span.status"), h("span.time"), h("p.counts"), h("div.actions.flow.end", this.tell,
        this.cancel.element, this.retry.element, this.remove.element,
        h("a", { href: address(pathOf(id, "/log")) }, "Text log"))),
      h("p.reason"), h("p.quiet.facts"), this.given, this.notices);
  }

  draw({ manager, gaps }, badge, now) {
    const { status, name, definition, reason, attempt, started_at: started, created_at: at = started } = manager;
    this.element.className = `run-head ${status}`;
    setIcon(this.icon, status);
    write(this.title, name ?? definition ?? this.id);
    this.badge.className = `badge ${badge.kind}`;
    set(this.badge, "title", badge.title);
    fill(this.element, {
      badge: badge.text, status: word(status), time: elapsed(manager, now), counts: counts(manager.counts),
      reason: status !== "pending" && reason,
      facts: dotted(definition, this.id, at && `started ${moment(started ?? at)}`, attempt > 1 && `attempt ${attempt}`),
    });
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

const WORDS = {
  waiting: "waiting: many tabs are open",
  stopping: "service is stopping, reconnecting",
  busy: "service is busy, trying again",
};
const RECEIPT = "Lines this page accounts for, of those in the log; most are read when they come into sight.";

/** What is the picture worth? It is `behind` while rows of the past are coming. */
export function badge({ receipt }, stream, behind) {
  if (receipt) {
    const { complete, received, total } = receipt;
    const text = `${complete ? "complete" : "incomplete"}: ${count(received)} of ${plural(total, "line")}`;
    return { kind: complete ? "good" : "bad", text, title: RECEIPT };
  }
  const { state } = stream;
  if (state === "open") return behind ? { kind: "", text: "catching up" } : { kind: "live", text: "live" };
  const stale = stream.silence() > 10_000 ? ` · stale since ${clockTime(stream.heard)}` : "";
  return { kind: state === "connecting" || state === "paused" ? "" : "bad", text: (WORDS[state] ?? state) + stale };
}

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

const SIGNS = "▶○✓⚠✗⊘⚡»"; // in the order of STATUSES
const COLOURS = { running: "royalblue", completed: "seagreen", completed_with_warnings: "orange", failed: "crimson" };
const tabIcon = document.querySelector("link[rel=icon]");
const plain = tabIcon.href;

export function tab(tree) {
  const { name, definition, status, counts: { total_jobs: jobs, completed_jobs: done } = {} } = tree?.manager ?? {};
  const known = name || definition;
  const far = status === "running" && jobs ? ` ${done}/${jobs}` : "";
  document.title = known ? `${SIGNS[STATUSES.indexOf(status)]}${far} · ${known}` : "Stepstream";
  set(tabIcon, "href", known ? "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 2 2'>"
    + `<circle cx='1' cy='1' r='1' fill='${COLOURS[status] ?? "gray"}'/></svg>` : plain);
}

export class Glance {
  constructor(id) {
    this.id = id;
    this.curve = s("path");
    this.peak = h("span");
    this.rate = h("span.rate.quiet.flow", { hidden: true },
      s("svg", { viewBox: "0 0 120 20", "aria-hidden": true }, this.curve), this.peak);
    this.list = h("ul", { tabindex: 0, "aria-label": "Errors by how often they occur" });
    this.problem = h("span.problem", { role: "alert" });
    this.errors = h("section.groups", { "aria-label": "Errors", hidden: true }, this.list, this.problem);
  }

  /** Every other second, if there are more lines. */
  async draw({ manager: { lines } }) {
    if (!lines || this.known === lines || this.asking) return;
    this.asking = true;
    try {
      const [rate, { error_groups: groups }] = await Promise.all([get(pathOf(this.id, "/log/rate")), get(pathOf(this.id))]);
      this.plot(rate);
      this.group(groups);
      this.known = lines;
    } catch {} // the next time
    later(`glance ${this.id}`, 2_000, () => (this.asking = false));
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
      go(this.id, (await get(pathOf(this.id, `/log?format=json&limit=1&after=${seq - 1}`))).items[0]);
    } catch (error) {
      write(this.problem, error.message);
    }
  }
}

