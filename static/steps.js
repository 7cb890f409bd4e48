/** How do a run, its steps and what it found look? */
import { cancelling, deleting, noticeButton, retrying, shown } from "./actions.js";
import { address, all, following, get, later, part, pathOf } from "./connection.js";
import { LineList } from "./lines.js";
import {
  count, dotted, elapsed, fill, h, icon, keyed, link, moment, plural, set, setIcon, ticking, tried, word, write,
} from "./page.js";
import { hasEnded } from "./tree.js";

export class Header {
  constructor(id, deleted) {
    this.id = id;
    this.icon = icon("pending");
    this.title = h("h1", { tabindex: -1 });
    this.badge = h("span.badge");
    this.given = h("div.flow");
    this.notices = h("div.flow");
    this.actions = [cancelling(id, {}, this.title), retrying(id, {}, this.title), deleting(id, this.title, deleted)];
    this.tell = noticeButton(id);
    this.element = h("header.run-head",
      h("div.title.flow", this.icon, this.title, this.badge),
      h("div.state.flow", h("span.status"), h("span.time"), h("p.counts"), h("div.actions.flow.end", this.tell,
        ...this.actions.map(({ element }) => element), h("a", { href: address(pathOf(id, "/log")) }, "Text log"))),
      h("p.reason"), h("p.quiet.facts"), this.given, this.notices);
  }

  draw({ manager, gaps }, badge, now) {
    const { status, name, definition, reason, attempt, started_at: started, created_at: created } = manager;
    const at = started ?? created;
    this.element.className = `run-head ${status}`;
    setIcon(this.icon, status);
    write(this.title, name ?? this.id);
    this.badge.className = `badge ${badge.kind}`;
    set(this.badge, "title", badge.title);
    fill(this.element, {
      badge: badge.text, status: word(status), time: elapsed(manager, now), counts: counts(manager.counts),
      reason: status !== "pending" && reason,
      facts: dotted(definition, this.id, at && `started ${moment(at)}`, attempt > 1 && `attempt ${attempt}`),
    });
    if (manager.toml !== this.shown) this.describe(manager);
    keyed(this.notices, gaps, ({ from }) => from, ({ from, to }) =>
      h("p.notice", `Rows ${count(from)} to ${count(to)} are no longer kept and cannot be shown.`));
    this.tell.hidden = hasEnded(status) || !window.Notification;
    for (const action of this.actions) action.draw(status);
  }

  describe({ toml, params = {} }) {
    this.shown = toml;
    const given = Object.entries(params).map(([name, value]) => h("div", h("dt", name), h("dd", shown(value) || '""')));
    this.given.replaceChildren(h("dl.params.flow", ...given),
      h("details.toml", h("summary", "Definition (TOML)"), h("pre", { tabindex: 0 }, toml)));
  }
}

const counts = ({ total_steps: steps, total_jobs: jobs, failed_jobs: failed, ...of }) => dotted(
  steps && `${of.completed_steps + of.completed_with_warnings_steps} of ${plural(steps, "step")}`,
  jobs && `${count(of.completed_jobs)} of ${plural(jobs, "worker job")}`,
  failed && `${count(failed)} failed`);

const choices = new Map(); // by hand, by "ID/STEP"

export class Step {
  constructor(run, name) {
    const { id } = run;
    const title = name || "Manager";
    Object.assign(this, { name, key: `${id}/${name}`, started: false, lines: run.log(name) });
    this.icon = icon("pending");
    this.fold = h("button.fold", { click: () => this.choose(!this.unfolded) },
      icon("chevron"), this.icon, h("span.name", title));
    const errors = address(this.lines.url({ level: "error" }));
    this.bar = h("div.track", { role: "progressbar", "aria-label": "Worker jobs that have ended" },
      ...PARTS.map((status) => h(`i.${status}`)));
    this.progress = h("div.progress.flow", this.bar, h("p.progress-text"));
    this.cancel = cancelling(id, { step: name }, this.fold);
    this.retry = retrying(id, { step: name }, this.fold);
    this.list = new LineList(this.lines, {
      label: name ? `Lines of ${name}` : "Lines of the manager itself",
      href: (number) => link(id, name, { from: number }),
      mark: (range) => {
        this.list.show(range, { scroll: false });
        history.replaceState(null, "", link(id, name, range));
      },
    });
    this.body = h("div.body", this.list.element, h("p.quiet.none"), h("div.foot.flow", h("span.about"),
      name && this.cancel.element, name && this.retry.element));
    this.element = h("section.step.card", { "aria-label": title },
      h("div.head.flow", h("h3", this.fold), h("span.status"), h("a.chip.error", { target: "_blank", href: errors }),
        h("span.chip.warning"), h("span.facts"), h("span.time")),
      this.progress, h("p.reason"), this.body);
  }

  show(range) {
    this.choose(true);
    this.list.show(range, { scroll: true });
    this.wanted = true;
  }

  choose(open) {
    choices.set(this.key, open);
    this.turn();
    this.list.draw();
  }

  get unfolded() {
    return choices.get(this.key) ?? this.started;
  }

  turn() {
    this.body.hidden = !this.unfolded;
    set(this.fold, "aria-expanded", this.unfolded);
  }

  draw(lane, now, since, over) {
    const { levels, status, lines, attempt, counts, description, type, reason } = lane;
    const own = !this.name;
    const ended = hasEnded(status);
    const after = lane.depends?.join(", ");
    // The manager's own lines say little that its steps do not, unless something went wrong.
    this.started ||= own ? levels.warning + levels.error > 0 : status === "running" || lines > 0;
    this.element.className = `step card ${own ? "own" : status}`;
    setIcon(this.icon, status);
    const waiting = status === "pending" && after ? `Waits for ${after}.` : "No lines yet.";
    fill(this.element, {
      status: !own && word(status),
      error: levels.error && plural(levels.error, "error"),
      warning: levels.warning && plural(levels.warning, "warning"),
      facts: dotted(attempt > 1 && `attempt ${attempt}`, counts.total_jobs && plural(counts.total_jobs, "job"),
        lines && plural(lines, "line")),
      time: !own && elapsed(lane, now),
      reason: !own && status !== "pending" && reason, // the manager's lines tell of a retry
      none: !lines && (ended ? "No lines." : waiting),
      about: dotted(description, type && `type ${type}`, after && `after ${after}`),
    });
    this.advance(lane, ended);
    this.cancel.draw(status);
    this.retry.draw(over && status);
    this.turn();
    this.list.element.hidden = !lines;
    this.lines.grow(lane);
    this.list.draw(since);
    if (this.wanted) this.element.scrollIntoView({ block: "nearest" });
    this.wanted = false;
  }

  advance({ counts, eta }, ended) {
    const of = (status) => counts[`${status}_jobs`] ?? 0;
    const total = of("total");
    this.progress.hidden = !total;
    if (!total) return;
    PARTS.forEach((status, i) => (this.bar.children[i].style.width = `${(100 * of(status)) / total}%`));
    const text = ["pending", "running", "completed", "failed", ...["cancelled", "interrupted"].filter(of)]
      .map((status) => `${of(status)} ${status}`).join(", ");
    const left = eta && !ended && `about ${ticking(Math.max(1, Math.round(eta)))} left`;
    set(this.bar, "aria-valuemax", total);
    set(this.bar, "aria-valuenow", total - of("pending") - of("running"));
    set(this.bar, "aria-valuetext", text);
    fill(this.progress, { "progress-text": dotted(text, left) });
  }
}

const PARTS = ["completed", "failed", "cancelled", "interrupted", "running"];

const WEB = /^https?:\/\//i; // nothing else from outside becomes a link

export async function documents(id) {
  const base = `documents?manager_id=${part(id)}`;
  const first = await get(`${base}&limit=200`);
  if (!first.items.length) return null;
  let [query, next] = ["", null];
  const filter = h("input", { type: "search", placeholder: "Filter by words", "aria-label": "Filter documents",
    input: () => later("documents", 200, narrow) });
  const title = h("h2", { "aria-live": "polite" });
  const problem = h("span.problem", { role: "alert" });
  const list = h("ul");
  const more = h("button", { click: tried(problem, async () => add(await get(next))) }, "More");
  const csv = h("a", { download: `documents-${id}.csv` }, "CSV");
  const json = h("button.link", { click: tried(problem, save) }, "JSON");
  const common = h("div.keywords", ...frequent(first.items).map(([word, n]) => h("button.chip", { value: word, click() {
    filter.value = filter.value === word ? "" : word;
    narrow();
  } }, word, h("span", count(n)))));
  const credited = first.items.map(({ metadata }) => metadata?.attribution);
  const credits = new Set(credited.filter((one) => typeof one === "string"));

  /** Not one at a time: the last words count. */
  const narrow = () => tried(problem, async () => {
    const words = filter.value.trim();
    const asked = (query = words && `&q=${part(words)}`);
    const found = await get(`${base}&limit=200${query}`);
    if (asked === query) show(found);
  })();

  function show(page) {
    list.replaceChildren();
    csv.href = address(`${base}&format=csv${query}`);
    for (const button of common.children) set(button, "aria-pressed", button.value === filter.value);
    add(page);
  }

  function add(page) {
    list.append(...page.items.map(one));
    next = following(base, page.next);
    more.hidden = !next;
    const found = plural(list.children.length, "document");
    write(title, `${next ? "The first " : ""}${found}${query && ` with ${filter.value.trim()}`}`);
  }

  async function save() {
    const found = JSON.stringify(await all(`${base}&limit=1000${query}`), null, 1);
    const href = URL.createObjectURL(new Blob([found], { type: "application/json" }));
    h("a", { href, download: `documents-${id}.json` }).click();
    setTimeout(() => URL.revokeObjectURL(href), 60_000);
  }

  show(first);
  return h("section.documents.card", { "aria-label": "Documents" },
    h("div.flow", title, filter, h("span.flow.end", json, csv)), problem, common, list, more,
    h("p.quiet.credit", credits.size && `Source: ${[...credits].join("; ")}`));
}

function one({ title, source_id: source, source_type: type, url, tags, metadata }) {
  const name = title || source;
  const facts = Object.entries(metadata ?? {}).filter(([key, value]) => key !== "attribution" && typeof value !== "object");
  facts.sort((a, b) => (typeof a[1] === "number") - (typeof b[1] === "number"));
  const about = dotted(type, ...(tags ?? []), ...facts.map(([key, value]) => `${word(key)} ${value}`));
  return h("li",
    WEB.test(url) ? h("a", { href: url, rel: "noreferrer", target: "_blank" }, name) : h("span.name", name),
    h("span.keywords", ...keywords(metadata).map((word) => h("span.chip", word))),
    h("span.quiet.about", { title: about }, about));
}

/** Whatever agent wrote them: every list of that name. */
function keywords(metadata) {
  const lists = Object.values(metadata ?? {}).map((found) => found?.keywords).filter(Array.isArray);
  return lists.flat().map((found) => String(found?.keyword ?? found)).slice(0, 15);
}

export function frequent(items) {
  const counts = new Map();
  for (const { metadata } of items) {
    for (const word of new Set(keywords(metadata))) counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  return [...counts].filter(([, n]) => n > 1).sort((a, b) => b[1] - a[1]).slice(0, 12);
}
