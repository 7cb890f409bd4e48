/** What is the chosen run, and how does it stand? */
import { cancelling, deleting, retrying } from "./actions.js";
import { address, part } from "./api.js";
import { h, setAttribute, setText } from "./dom.js";
import { count, elapsed, hasEnded, moment, plural, word } from "./format.js";
import { icon, setIcon } from "./icons.js";
import { noticeButton } from "./summary.js";

export class Header {
  /** @param {() => void} deleted called when the reader has deleted the run */
  constructor(id, deleted) {
    this.id = id;
    this.icon = icon("pending");
    this.title = h("h1", { tabindex: "-1" });
    this.status = h("span", { class: "status" });
    this.time = h("span", { class: "time" });
    this.badge = h("span", { class: "badge" });
    this.counts = h("p", { class: "counts" });
    this.reason = h("p", { class: "reason", hidden: true });
    this.facts = h("p", { class: "quiet facts" });
    this.params = h("dl", { class: "params", hidden: true });
    this.toml = h("pre", { tabindex: "0" });
    this.source = h("details", { class: "toml", hidden: true }, h("summary", {}, "Definition (TOML)"), this.toml);
    this.notices = h("div", { class: "notices" });
    this.cancel = cancelling(id, {}, this.title);
    this.retry = retrying(id, {}, this.title);
    this.remove = deleting(id, this.title, deleted);
    const log = h("a", { href: address(`managers/${part(id)}/log`), class: "log-link" }, "Text log");
    this.tell = noticeButton(id);
    this.actions = h("div", { class: "actions" }, this.tell, this.cancel.element, this.retry.element, this.remove.element, log);
    this.element = h("header", { class: "run-head" },
      h("div", { class: "title" }, this.icon, this.title, this.badge),
      h("div", { class: "state" }, this.status, this.time, this.counts, this.actions),
      this.reason, this.facts, h("div", { class: "given" }, this.params, this.source), this.notices);
  }

  draw(tree, badge, now) {
    const { manager } = tree;
    this.element.className = `run-head ${manager.status}`;
    setIcon(this.icon, manager.status);
    setText(this.title, manager.name ?? manager.definition ?? this.id);
    setText(this.status, word(manager.status));
    setText(this.time, elapsed(manager, now));
    setText(this.badge, badge.text);
    this.badge.className = `badge ${badge.kind}`;
    setAttribute(this.badge, "title", badge.title);
    setText(this.counts, counts(manager.counts));
    this.reason.hidden = !manager.reason || manager.status === "pending";
    setText(this.reason, manager.reason ?? "");
    setText(this.facts, facts(manager));
    if (manager.params !== this.shown) this.describe(manager);
    this.notice(tree.gaps);
    const ended = hasEnded(manager.status);
    this.tell.hidden ||= ended;
    this.cancel.draw(!ended);
    this.retry.draw(ended && manager.status !== "completed", manager.status === "interrupted" ? "Resume" : "Retry failed");
    this.remove.draw(ended);
  }

  describe({ toml, params }) {
    this.shown = params;
    setText(this.toml, toml ?? "");
    this.source.hidden = !toml;
    const given = Object.entries(params ?? {});
    this.params.hidden = !given.length;
    this.params.replaceChildren(...given.map(([name, value]) =>
      h("div", {}, h("dt", {}, name), h("dd", {}, typeof value === "string" && value ? value : JSON.stringify(value)))));
  }

  notice(gaps) {
    if (this.notices.childElementCount === gaps.length) return;
    this.notices.replaceChildren(...gaps.map(({ from, to }) =>
      h("p", { class: "notice" }, `Rows ${count(from)} to ${count(to)} are no longer kept and cannot be shown.`)));
  }
}

function counts(of) {
  const steps = (of.completed_steps ?? 0) + (of.completed_with_warnings_steps ?? 0);
  const parts = [];
  if (of.total_steps) parts.push(`${steps} of ${plural(of.total_steps, "step")}`);
  if (of.total_jobs) parts.push(`${count(of.completed_jobs ?? 0)} of ${plural(of.total_jobs, "worker job")}`);
  if (of.failed_jobs) parts.push(`${count(of.failed_jobs)} failed`);
  return parts.join(" · ");
}

function facts({ id, definition, started_at: started, created_at: created, attempt }) {
  const parts = [definition, id];
  if (started ?? created) parts.push(`started ${moment(started ?? created)}`);
  if (attempt > 1) parts.push(`attempt ${attempt}`);
  return parts.filter(Boolean).join(" · ");
}
