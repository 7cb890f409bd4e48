/** How do the parts of the panel work together? The address chooses a run, one stream brings all news. */
import { all, get, serverNow } from "./api.js";
import { cancel, every, later } from "./clock.js";
import { clearNotices, drawDefinitions } from "./definitions.js";
import { h, setText } from "./dom.js";
import { find } from "./find.js";
import { clockTime, hasEnded } from "./format.js";
import "./keys.js";
import { drawManagers, drawToolbar } from "./managers.js";
import { link, parse } from "./route.js";
import { Run } from "./run.js";
import { Stream } from "./stream.js";
import { ended, sign, summary, title } from "./summary.js";

const HIDDEN_FOR = 30_000; // after that a hidden tab gives its connection back
const LISTED = 50;
const $ = (id) => document.getElementById(id);
const narrow = matchMedia("(max-width: 55rem)");
let managers = []; // the newest runs
let stats = {};
let run = null;
let frame;
let linked = parse(location.hash); // what the page was opened with

const stream = new Stream({
  position: () => run?.tree.seq ?? 0,
  changed: () => draw(),
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
  const total = Object.values(stats.managers).reduce((sum, n) => sum + n, 0);
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
  const others = managers.filter(({ id }) => id !== manager.id);
  const older = others.findIndex(({ created_at: at }) => at <= manager.created_at);
  managers = others.toSpliced(older < 0 ? others.length : older, 0, manager).slice(0, LISTED);
  if (hasEnded(manager.status)) clearNotices($("definitions"), (blocker) => blocker === manager.id);
  if (!run) later("choose", 20, choose); // the newest, once all have come
  draw();
}

function choose() {
  const { id, step, lines } = parse(location.hash);
  const wanted = id ?? run?.id ?? managers[0]?.id;
  if (wanted === "latest") return latest();
  if (wanted && wanted !== run?.id) {
    run?.close();
    run = new Run(wanted, $("run"), { mark, stream, deleted });
    stream.open(wanted);
  }
  run?.show(step, lines);
  draw();
}

async function latest() {
  const { id } = await get("managers/latest").catch(() => ({ id: "none" }));
  if (parse(location.hash).id === "latest") location.replace(link(id));
}

function welcome() {
  if (run || $("run").querySelector(".welcome")) return;
  $("run").replaceChildren(h("div", { class: "welcome" }, h("h1", {}, "Nothing has run yet"),
    h("p", {}, "Press Run on a definition: its steps appear here, with every line as it is written.")));
}

/** A mark is part of the address, but no further entry in the browser's history. */
function mark(step, lines) {
  history.replaceState(null, "", link(run.id, step, lines));
}

function started(manager) {
  clearNotices($("definitions"), () => true);
  listed(manager);
  location.hash = link(manager.id);
  if (narrow.matches) $("run").scrollIntoView();
}

function deleted(id) {
  managers = managers.filter((one) => one.id !== id);
  run.close();
  run = null;
  stream.open(null);
  if (location.hash === "#/") choose();
  else location.hash = "#/";
  if (!managers.length) welcome();
  $("run").focus();
}

/** Once a frame at most. The chosen run is known better from its rows than from the list. */
function draw() {
  frame ??= requestAnimationFrame(() => {
    frame = undefined;
    const items = managers.map((one) => (one.id === run?.id ? { ...one, ...fresh(run.tree) } : one));
    const total = Object.values(stats.managers ?? {}).reduce((sum, n) => sum + n, 0);
    drawToolbar($("toolbar"), stats);
    drawManagers($("managers"), { items, next: total > items.length }, run?.id, serverNow());
    const lost = stream.state !== "open" && stream.silence() > 2_000;
    $("reach").hidden = !lost;
    if (lost) setText($("reach"), `no connection · stale since ${clockTime(stream.heard)}`);
    else clearNotices($("definitions"), (blocker) => !blocker);
    run?.draw();
  });
}

function fresh({ manager }) {
  const { counts, status, attempt, started_at, finished_at, duration } = manager;
  return manager.definition ? { status, attempt, started_at, finished_at, duration, ...counts } : {};
}

async function pollDefinitions() {
  try {
    drawDefinitions($("definitions"), await all("definitions"), started);
  } catch (error) {
    if (!$("definitions").querySelector("ul")) setText($("definitions").firstElementChild, error.message);
  }
}

function tick() {
  document.title = title(run?.tree);
  sign(run?.tree.manager.definition && run.tree.manager.status);
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
  if (linked.id && linked.step === null && narrow.matches && scrollY === 0) $("run").scrollIntoView();
  linked = {};
}

/** The # of the address is the chosen run's, so the skip link moves without it. */
function skip(event) {
  event.preventDefault();
  $("run").focus({ preventScroll: true });
  $("run").scrollIntoView();
}

document.querySelector(".skip").addEventListener("click", skip);
addEventListener("hashchange", choose);
addEventListener("online", () => document.hidden || stream.wake());
addEventListener("pageshow", (event) => event.persisted && visibility());
addEventListener("pagehide", () => stream.pause());
document.addEventListener("visibilitychange", visibility);
document.addEventListener("reading", draw);

find($("find"), () => run?.id);
every("tick", 1_000, tick);
every("summary", 5_000, () => setText($("summary"), summary(run?.tree)));
if (parse(location.hash).id) choose();
else if (!document.hidden) stream.open(null);
visibility();
