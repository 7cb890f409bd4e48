/** How do the parts work together? The address chooses a run, one stream brings news, words and keys lead everywhere. */
import { go, summary, tab } from "./header.js";
import { clearNotices, drawDefinitions, drawManagers, drawToolbar } from "./lists.js";
import { settings, toggle } from "./log.js";
import { clockTime, count, h, link, parse, write } from "./page.js";
import { Run } from "./run.js";
import { all, cancel, every, get, later, serverNow, Stream } from "./service.js";
import { ended } from "./steps.js";
import { hasEnded, sum } from "./tree.js";

const HIDDEN_FOR = 30_000; // then a tab gives its connection back
const LISTED = 50;
const $ = (id) => document.getElementById(id);
const main = $("run");
const narrow = matchMedia("(max-width: 55rem)");
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

/** At a connection's begin the list of runs follows. */
function tallied(data) {
  stats = data;
  const total = sum(stats.managers);
  if (stream.fresh) managers = [];
  else if (total < managers.length) relist();
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
    run?.close();
    run = new Run(wanted, main, { mark, stream, deleted, draw });
    stream.open(wanted);
  }
  run?.show(step, lines);
  draw();
}

function welcome() {
  if (!run) main.replaceChildren(h("div.welcome", h("h1", "Nothing has run yet"),
    h("p", "Press Run on a definition: its steps appear here, with every line as it is written.")));
}

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

/** Once a frame. The chosen run is known better from its rows than from the list. */
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

/** In a narrow window the lists stand above the run of a link; a step comes into sight by itself. */
function arrive() {
  if (linked.id && linked.step === null && narrow.matches && scrollY === 0) main.scrollIntoView();
  linked = {};
}

function find(form) {
  const field = h("input", { type: "search", placeholder: "Find words", "aria-label": "Find words in lines" });
  const scope = h("select", { "aria-label": "Where to look" },
    ...["this run", "this step", "all runs"].map((name) => h("option", name)));
  const told = h("output");
  const button = (name, sign, by) =>
    h("button", { type: "button", "aria-label": name, title: name, click: () => move(by) }, sign);
  form.append(field, scope, told, button("Previous hit", "↑", -1), button("Next hit", "↓", 1));
  form.addEventListener("submit", (event) => event.preventDefault());
  field.addEventListener("keydown", (event) => event.key === "Enter" && move(event.shiftKey ? -1 : 1));
  let [asked, hits, at] = [""];

  async function move(by) {
    const { step } = parse(location.hash);
    const query = new URLSearchParams({ q: field.value, limit: 1000 });
    if (scope.value !== "all runs") query.set("manager_id", run?.id ?? "latest");
    if (scope.value === "this step" && step) query.set("step", step);
    if (!field.value.trim()) return write(told, "");
    const wanted = `search?${query}`;
    try {
      if (asked !== wanted) {
        write(told, "…");
        [asked, at, hits] = [wanted, by < 0 ? 0 : -1, null];
        hits = await get(wanted);
      }
    } catch ({ message }) {
      asked = "";
      return write(told, message);
    }
    if (asked !== wanted || !hits) return; // other words by now
    const { items, next } = hits;
    if (!items.length) return write(told, "no hits");
    at = (at + by + items.length) % items.length;
    write(told, `${count(at + 1)} of ${count(items.length)}${next ? "+" : ""}`);
    go(items[at].manager_id, items[at]);
  }
}

const KEYS = [
  ["j", "next run", () => beside(".managers a", ({ hash }) => hash === link(run?.id), 1)?.click()],
  ["k", "previous run", () => beside(".managers a", ({ hash }) => hash === link(run?.id), -1)?.click()],
  ["n", "next step", () => beside(".fold", (fold) => fold === document.activeElement, 1)?.focus()],
  ["p", "previous step", () => beside(".fold", (fold) => fold === document.activeElement, -1)?.focus()],
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

function beside(selector, isNow, by) {
  const all = [...document.querySelectorAll(selector)];
  const at = all.findIndex(isNow);
  return at < 0 ? all[0] : all[at + by];
}

const single = h("input", { type: "checkbox", checked: settings.keys, change: () => toggle("keys") });
const dialog = h("dialog.keys", { "aria-label": "Keys" },
  h("dl", ...KEYS.map(([key, what]) => h("div", h("dt", h("kbd", key)), h("dd", what)))),
  h("p.quiet", "Enter does what a key leads to. Shift and an arrow mark a line to link to; arrows choose in the timeline."),
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
  [...document.querySelectorAll(lead)].find((one) => one.offsetParent)?.focus();
});

// The # of the address is the chosen run's.
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

find($("find"));
every("tick", 1_000, tick);
every("summary", 5_000, () => write($("summary"), summary(run?.tree)));
if (linked.id) choose();
else if (!document.hidden) stream.open(null);
visibility();
