/** Which runs are there? Newest first, the chosen one marked; and how many, with worker jobs, are in which status. */
import { h, keyed, setAttribute, setText } from "./dom.js";
import { count, elapsed, moment, plural, STATUSES, word } from "./format.js";
import { icon, setIcon } from "./icons.js";
import { link } from "./route.js";

const list = h("ul", { class: "managers" });

export function drawManagers(parent, { items, next }, chosen, now) {
  if (list.parentElement !== parent) parent.replaceChildren(list, h("p", { class: "quiet" }));
  keyed(list, items, {
    key: (manager) => manager.id,
    make,
    update: (element, manager) => draw(element, manager, chosen, now),
  });
  const note = items.length ? "Older runs are kept, too; these are the newest." : "No runs yet. Start one above.";
  const quiet = list.nextElementSibling;
  quiet.hidden = items.length > 0 && !next;
  setText(quiet, note);
}

function make({ id }) {
  return h("li", {}, h("a", { href: link(id) },
    icon("pending"),
    h("span", { class: "name" }), h("span", { class: "time" }),
    h("span", { class: "status" }), h("span", { class: "when" }), h("span", { class: "counts" })));
}

function draw(element, manager, chosen, now) {
  const anchor = element.firstElementChild;
  const [sign, name, time, status, when, counts] = anchor.children;
  setIcon(sign, manager.status);
  setAttribute(anchor, "aria-current", manager.id === chosen ? "true" : null);
  anchor.className = manager.status;
  setText(name, manager.name || manager.definition);
  setText(time, elapsed(manager, now));
  setText(status, word(manager.status));
  setText(when, moment(manager.started_at ?? manager.created_at, now));
  const parts = [];
  if (manager.total_steps) parts.push(plural(manager.total_steps, "step"));
  if (manager.total_jobs) parts.push(plural(manager.total_jobs, "job"));
  if (manager.attempt > 1) parts.push(`attempt ${manager.attempt}`);
  setText(counts, parts.join(" · "));
}

/** @param {{managers: object, jobs: object}} stats how many there are, by status */
export function drawToolbar(parent, { managers = {}, jobs = {} }) {
  keyed(parent, [["Managers", managers], ["Worker jobs", jobs]], { key: ([label]) => label, make: tally, update: drawTally });
}

function tally([label]) {
  return h("div", { class: "tally", role: "group", "aria-label": `${label} by status` },
    h("span", { class: "label" }, label), " ", h("span", { class: "total" }), " ", h("span", { class: "by" }));
}

function drawTally(element, [, counts]) {
  const [, total, by] = element.children;
  setText(total, count(Object.values(counts).reduce((sum, n) => sum + n, 0)));
  keyed(by, STATUSES.filter((status) => counts[status]), {
    key: (status) => status,
    make: (status) => h("span", { class: `count ${status}`, title: word(status) },
      icon(status), h("b", {}), " ", h("span", { class: "word" }, word(status)), " "),
    update: (one, status) => setText(one.children[1], count(counts[status])),
  });
}
