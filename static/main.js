/** How do the parts of the panel work together? The address chooses a run, polls keep the lists, ticks the clocks. */
import { all, get, serverNow } from "./api.js";
import { cancel, every, later } from "./clock.js";
import { clearNotices, drawDefinitions } from "./definitions.js";
import { h, setText } from "./dom.js";
import { clockTime, hasEnded } from "./format.js";
import { drawManagers } from "./managers.js";
import { link, parse } from "./route.js";
import { Run } from "./run.js";
import { summary, title } from "./summary.js";
import { drawToolbar } from "./toolbar.js";

const HIDDEN_FOR = 30_000; // after that a hidden tab gives its connection back
const $ = (id) => document.getElementById(id);
let managers = { items: [], next: null };
let run = null;
let asked = false;
let answered = Date.now();
let linked = parse(location.hash); // what the page was opened with
const narrow = matchMedia("(max-width: 55rem)");

function choose() {
  const { id, step, lines } = parse(location.hash);
  const wanted = id ?? managers.items[0]?.id ?? null;
  if (wanted === null) welcome();
  else if (wanted !== run?.id) open(wanted);
  run?.show(step, lines);
  drawLists();
}

function open(id) {
  run?.close();
  run = null;
  if (id === "latest") return latest();
  run = new Run(id, $("run"), { mark, stirred });
}

async function latest() {
  const { id } = await get("managers/latest").catch(() => ({ id: null }));
  if (parse(location.hash).id === "latest") location.replace(link(id ?? "none"));
}

function welcome() {
  if ($("run").querySelector(".welcome")) return;
  $("run").replaceChildren(h("div", { class: "welcome" }, h("h1", {}, "Nothing has run yet"),
    h("p", {}, "Press Run on a definition: its steps appear here, with every line as it is written.")));
}

/** A mark is part of the address, but no further entry in the browser's history. */
function mark(step, lines) {
  history.replaceState(null, "", link(run.id, step, lines));
}

function started(manager) {
  clearNotices($("definitions"), () => true);
  managers.items = [manager, ...managers.items.filter(({ id }) => id !== manager.id)];
  location.hash = link(manager.id);
  if (narrow.matches) $("run").scrollIntoView();
  stirred();
}

/** Ask at once, but for a burst of events only once. */
function stirred() {
  drawLists();
  if (document.hidden || asked) return;
  asked = true;
  later("managers", 150, poll);
}

async function pollManagers() {
  asked = false;
  try {
    managers = await get("managers?limit=50");
    answered = Date.now();
    $("reach").hidden = true;
  } catch {
    $("reach").hidden = false;
    return setText($("reach"), `the service does not answer · stale since ${clockTime(answered)}`);
  }
  const ended = new Set(managers.items.filter(({ status }) => hasEnded(status)).map(({ id }) => id));
  clearNotices($("definitions"), (blocker) => blocker === "" || ended.has(blocker));
  if (!run) choose();
  const listed = managers.items.find(({ id }) => id === run?.id);
  if (listed) run.reopened(listed);
  drawLists();
}

const poll = () => every("managers", 2_000, pollManagers);

async function pollDefinitions() {
  try {
    drawDefinitions($("definitions"), await all("definitions"), started);
  } catch (error) {
    if (!$("definitions").querySelector("ul")) setText($("definitions").firstElementChild, error.message);
  }
}

/** The chosen run is known better from its rows than from the last poll. */
function drawLists() {
  const items = managers.items.map((one) => (one.id === run?.id ? { ...one, ...fresh(run.tree) } : one));
  drawToolbar($("toolbar"), { ...managers, items });
  drawManagers($("managers"), { ...managers, items }, run?.id, serverNow());
}

function fresh({ manager }) {
  const { counts, status, attempt, started_at, finished_at, duration } = manager;
  return manager.definition ? { status, attempt, started_at, finished_at, duration, ...counts } : {};
}

function tick() {
  document.title = title(run?.tree);
  if (document.hidden) return;
  drawLists();
  if (run && (!hasEnded(run.tree.manager.status) || !run.tree.receipt)) run.draw();
}

function visibility() {
  if (document.hidden) {
    cancel("managers");
    cancel("definitions");
    later("hidden", HIDDEN_FOR, () => run?.stream?.pause());
  } else {
    cancel("hidden");
    run?.stream?.wake();
    Promise.all([poll(), every("definitions", 30_000, pollDefinitions)]).then(arrive);
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
addEventListener("online", () => run?.stream?.wake());
addEventListener("pageshow", (event) => event.persisted && visibility());
addEventListener("pagehide", () => run?.stream?.pause());
document.addEventListener("visibilitychange", visibility);

every("tick", 1_000, tick);
every("summary", 5_000, () => setText($("summary"), summary(run?.tree)));
if (parse(location.hash).id) choose();
visibility();
