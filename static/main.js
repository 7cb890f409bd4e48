/** How do the parts of the panel work together? The address chooses a run, one stream brings all news. */
import { find } from "./found.js";
import { ended, summary } from "./header.js";
import { clearNotices, drawDefinitions, drawManagers, drawToolbar } from "./lists.js";
import { clockTime, h, link, parse, set, write } from "./page.js";
import { settings, toggle } from "./reading.js";
import { Run } from "./run.js";
import { all, cancel, every, get, later, serverNow, Stream } from "./service.js";
import { hasEnded, sum } from "./tree.js";

const HIDDEN_FOR = 30_000; // after that a hidden tab gives its connection back
const LISTED = 50;
const $ = (id) => document.getElementById(id);
const main = $("run");
const narrow = matchMedia("(max-width: 55rem)");
let managers = []; // the newest runs
let stats = {};
let run = null;
let frame;
let linked = parse(location.hash); // what the page was opened with

const stream = new Stream({
  position: () => run?.tree.seq ?? 0,
  changed: draw,
  take(event, data) {
    if (event === "stats") tallied(data);
    else if (event === "manager") listed(data);
    else run?.take(event, data);
    draw();
  },
  gone() {
    run?.gone();
    stream.open(null); // the lists go on
  },
});

/** Counts of everything; at a connection's begin the list of runs follows. */
function tallied(data) {
  stats = data;
  const total = sum(stats.managers);
  if (stream.fresh) managers = [];
  else if (total < managers.length) relist(); // one was deleted
  stream.fresh = false;
  if (!total) welcome();
}

async function relist() {
  const { items } = await get(`managers?limit=${LISTED}`).catch(() => ({ items: managers }));
  managers = [];
  items.forEach(listed);
}

function listed(manager) {
  managers = [...managers.filter(({ id }) => id !== manager.id), manager]
    .sort((a, b) => (a.created_at < b.created_at ? 1 : -1)).slice(0, LISTED);
  if (hasEnded(manager.status)) clearNotices((blocker) => blocker === manager.id);
  if (!run) later("choose", 20, choose); // the newest, once all have come
  draw();
}

async function choose() {
  const { id, step, lines } = parse(location.hash);
  if (id === "latest") {
    const { id: latest } = await get("managers/latest").catch(() => ({ id: "none" }));
    if (parse(location.hash).id === id) location.replace(link(latest));
    return;
  }
  const wanted = id ?? run?.id ?? managers[0]?.id;
  if (wanted && wanted !== run?.id) {
    run?.close();
    run = new Run(wanted, main, { mark, stream, deleted });
    stream.open(wanted);
  }
  run?.show(step, lines);
  draw();
}

function welcome() {
  if (!run) main.replaceChildren(h("div.welcome", h("h1", "Nothing has run yet"),
    h("p", "Press Run on a definition: its steps appear here, with every line as it is written.")));
}

/** A mark is part of the address, but no further entry in the browser's history. */
function mark(step, lines) {
  history.replaceState(null, "", link(run.id, step, lines));
}

function started(manager) {
  clearNotices(() => true);
  listed(manager);
  location.hash = link(manager.id);
  if (narrow.matches) main.scrollIntoView();
}

function deleted(id) {
  managers = managers.filter((one) => one.id !== id);
  run.close();
  run = null;
  stream.open(null);
  location.hash = "#/";
  choose();
  if (!managers.length) welcome();
  main.focus();
}

/** Once a frame at most. The chosen run is known better from its rows than from the list. */
function draw() {
  frame ??= requestAnimationFrame(() => {
    frame = undefined;
    const { counts, ...known } = run?.tree.manager ?? {};
    const items = managers.map((one) => (one.id === known.id && known.definition ? { ...one, ...known, ...counts } : one));
    drawToolbar($("toolbar"), stats);
    drawManagers($("managers"), items, sum(stats.managers ?? {}) > items.length, run?.id, serverNow());
    const lost = stream.state !== "open" && stream.silence() > 2_000;
    write($("reach"), lost ? `no connection · stale since ${clockTime(stream.heard)}` : "");
    if (!lost) clearNotices((blocker) => !blocker);
    run?.draw();
  });
}

async function pollDefinitions() {
  try {
    drawDefinitions($("definitions"), await all("definitions"), started);
  } catch ({ message }) {
    if (!$("definitions").className) write($("definitions").firstElementChild, message);
  }
}

const SIGNS = {
  pending: "○", running: "▶", completed: "✓", completed_with_warnings: "⚠", failed: "✗", cancelled: "⊘",
  interrupted: "⚡", skipped: "»",
};
const COLOURS = { running: "royalblue", completed: "seagreen", completed_with_warnings: "orange", failed: "crimson" };
const tabIcon = document.querySelector("link[rel=icon]");
const plain = tabIcon.href;

/** The tab's title and sign; a run is not known from the start. */
function tab(tree) {
  const { name, definition, status, counts: { total_jobs: jobs, completed_jobs: done } = {} } = tree?.manager ?? {};
  const known = name || definition;
  const far = status === "running" && jobs ? ` ${done}/${jobs}` : "";
  document.title = known ? `${SIGNS[status]}${far} · ${known}` : "Stepstream";
  set(tabIcon, "href", known ? "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 2 2'>"
    + `<circle cx='1' cy='1' r='1' fill='${COLOURS[status] ?? "gray"}'/></svg>` : plain);
}

function tick() {
  tab(run?.tree);
  if (run) ended(run.tree.manager);
  if (!document.hidden) draw();
}

function visibility() {
  if (document.hidden) {
    cancel("definitions");
    later("hidden", HIDDEN_FOR, () => stream.pause());
  } else {
    cancel("hidden");
    stream.wake();
    every("definitions", 30_000, pollDefinitions).then(arrive);
  }
}

/** In a narrow window the lists stand above the run that a link names; a step comes into sight by itself. */
function arrive() {
  if (linked.id && linked.step === null && narrow.matches && scrollY === 0) main.scrollIntoView();
  linked = {};
}

/** The # of the address is the chosen run's, so the skip link moves without it. */
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus({ preventScroll: true });
  main.scrollIntoView();
});
addEventListener("hashchange", choose);
addEventListener("online", () => document.hidden || stream.wake());
addEventListener("pageshow", ({ persisted }) => persisted && visibility());
addEventListener("pagehide", () => stream.pause());
document.addEventListener("visibilitychange", visibility);
document.addEventListener("reading", draw);

find($("find"), () => run?.id);
every("tick", 1_000, tick);
every("summary", 5_000, () => write($("summary"), summary(run?.tree)));
if (linked.id) choose();
else if (!document.hidden) stream.open(null);
visibility();

const KEYS = [
  ["j", "next run", () => beside(".managers a", "[aria-current]", 1)?.click()],
  ["k", "previous run", () => beside(".managers a", "[aria-current]", -1)?.click()],
  ["n", "next step", () => beside(".fold", ":focus", 1)?.focus()],
  ["p", "previous step", () => beside(".fold", ":focus", -1)?.focus()],
  ["l", "lines of the step", () => document.activeElement.closest(".step")?.querySelector("[role=log]").focus()],
  ["e", "first error", ".groups button"],
  ["/", "find words", ".find input"],
  ["t", "timeline", ".bars"],
  ["m", "moment: a slider over the past", ".travel input"],
  ["d", "definitions", ".definitions button:enabled"],
  ["f", "documents: filter", ".documents input"],
  ["c", "cancel the run", ".actions .cancel .open"],
  ["r", "retry the run", ".actions .retry .open"],
  ["?", "these keys", () => dialog.showModal()],
];

/** The element that stands so far from the one that fits, else the first. */
function beside(selector, now, by) {
  const all = [...document.querySelectorAll(selector)];
  const at = all.findIndex((one) => one.matches(now));
  return at < 0 ? all[0] : all[at + by];
}

const single = h("input", { type: "checkbox", checked: settings.keys, change: () => toggle("keys") });
const dialog = h("dialog.keys", { "aria-label": "Keys" },
  h("dl", ...KEYS.map(([key, what]) => h("div", h("dt", h("kbd", key)), h("dd", what)))),
  h("p.quiet", "Keys lead to what they name; Enter does it. In the lines Shift and an arrow mark one to link to; in the "
    + "timeline arrows choose a worker job."),
  h("form", { method: "dialog" }, h("label", single, " Single keys"), h("button", { autofocus: true }, "Close")));
const help = h("button.help", { "aria-label": "Keys", title: "Keys (?)", click: () => dialog.showModal() }, "?");
document.querySelector(".bar").append(help, dialog);

addEventListener("keydown", (event) => {
  const { key, target } = event;
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]") || !settings.keys) return;
  if (target.matches("input:not([type=checkbox], [type=range]), textarea, select")) return;
  const [, , lead] = KEYS.find(([one]) => one === key) ?? [];
  if (!lead) return;
  event.preventDefault();
  if (typeof lead === "function") return lead();
  [...document.querySelectorAll(lead)].find((one) => one.offsetParent)?.focus(); // only the focus
});
