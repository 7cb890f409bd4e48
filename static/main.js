/** How do the parts work together? The address chooses a run, one stream brings news. */
import { clearNotices, drawDefinitions, drawManagers, drawToolbar, ended, keys } from "./actions.js";
import { all, cancel, every, get, later, serverNow, Stream } from "./connection.js";
import { find } from "./log.js";
import { clockTime, h, link, parse, plural, set, word, write } from "./page.js";
import { Run } from "./run.js";
import { hasEnded, STATUSES, sum } from "./tree.js";

const LISTED = 50;
const $ = (id) => document.getElementById(id);
const main = $("run");
const narrow = matchMedia("(width <= 55rem)");
let managers = [];
let stats = {};
let run = null;
let frame;
let linked = parse(location.hash);

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
    stream.open(null);
  },
});

function tallied(data) {
  stats = data;
  const total = sum(stats.managers);
  if (stream.fresh) managers = [];
  else if (total < managers.length) get(`managers?limit=${LISTED}`).then(({ items }) => (managers = items), () => {});
  stream.fresh = false;
  if (!total) welcome();
}

function listed(manager) {
  managers = [...managers.filter(({ id }) => id !== manager.id), manager]
    .sort((a, b) => (a.created_at < b.created_at ? 1 : -1)).slice(0, LISTED);
  if (hasEnded(manager.status)) clearNotices((blocker) => blocker === manager.id);
  if (!run) later("choose", 20, choose); // the newest
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
    run?.travel.leave();
    if (run && !step && !narrow.matches) scrollTo(0, 0);
    run = new Run(wanted, main, { stream, deleted, draw });
    stream.open(wanted);
  }
  run?.show(step, lines);
  draw();
}

function welcome() {
  if (!run) main.replaceChildren(h("div.welcome", h("h1", "Nothing has run yet"),
    h("p", "Press Run on a definition: its steps appear here, with every line as it is written.")));
}

function started(manager) {
  clearNotices(() => true);
  listed(manager);
  location.hash = link(manager.id);
  if (narrow.matches) main.scrollIntoView();
}

function deleted(id) {
  managers = managers.filter((one) => one.id !== id);
  run.travel.leave();
  run = null;
  stream.open(null);
  location.hash = "#/";
  choose();
  if (!managers.length) welcome();
  main.focus();
}

/** The chosen run is known better from its rows than from the list. */
function draw() {
  frame ??= requestAnimationFrame(() => {
    frame = undefined;
    const { counts, ...known } = run?.tree.manager ?? {};
    const items = managers.map((one) => (one.id === known.id && known.definition ? { ...one, ...known, ...counts } : one));
    drawToolbar($("toolbar"), stats);
    drawManagers($("managers"), items, sum(stats.managers ?? {}) > items.length, run?.id, serverNow());
    const lost = stream.state !== "open" && stream.silence() > 2_000;
    write($("reach"), lost ? `no connection · stale since ${clockTime(stream.heard)}` : "");
    if (stream.state === "open") clearNotices((blocker) => !blocker);
    run?.render();
  });
}

async function pollDefinitions() {
  try {
    drawDefinitions($("definitions"), await all("definitions"), started);
  } catch ({ message }) {
    if (!$("definitions").className) write($("definitions").firstElementChild, message);
  }
}

function visibility() {
  if (document.hidden) {
    cancel("definitions");
    later("hidden", 30_000, () => stream.pause());
  } else {
    cancel("hidden");
    stream.wake();
    every("definitions", 30_000, pollDefinitions).then(arrive);
  }
}

/** In a narrow window the lists stand above the run; a step comes into sight by itself. */
function arrive() {
  if (linked.id && linked.step === null && narrow.matches && scrollY === 0) main.scrollIntoView();
  linked = {};
}

function summary(tree) {
  const { name, status } = tree?.manager ?? {};
  if (!name) return "";
  if (status !== "running") return `${name}: ${word(status)}`;
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

function tab(tree) {
  const { name, status, counts: { total_jobs: jobs, completed_jobs: done } = {} } = tree?.manager ?? {};
  const far = status === "running" && jobs ? ` ${done}/${jobs}` : "";
  document.title = name ? `${SIGNS[STATUSES.indexOf(status)]}${far} · ${name}` : "Stepstream";
  set(tabIcon, "href", name ? "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 2 2'>"
    + `<circle cx='1' cy='1' r='1' fill='${COLOURS[status] ?? "gray"}'/></svg>` : plain);
}

document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault(); // the # of the address is the chosen run's
  main.focus();
  main.scrollIntoView();
});
addEventListener("hashchange", choose);
addEventListener("online", () => document.hidden || stream.wake());
addEventListener("pageshow", ({ persisted }) => persisted && visibility());
addEventListener("pagehide", () => stream.pause());
document.addEventListener("visibilitychange", visibility);
document.addEventListener("reading", draw);

find($("find"), () => run?.id);
keys(document.querySelector(".bar"));
every("tick", 1_000, () => {
  tab(run?.tree);
  if (run) ended(run.tree.manager);
  if (!document.hidden) draw();
});
every("summary", 5_000, () => write($("summary"), summary(run?.tree)));
if (linked.id) choose();
else if (!document.hidden) stream.open(null);
visibility();
