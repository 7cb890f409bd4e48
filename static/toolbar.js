/** How many runs and worker jobs are in which status? */
import { h, keyed, setAttribute, setText } from "./dom.js";
import { count, STATUSES, word } from "./format.js";
import { icon } from "./icons.js";

export function drawToolbar(parent, { items, next }) {
  const managers = new Map();
  const jobs = new Map();
  const add = (to, status, n) => to.set(status, (to.get(status) ?? 0) + n);
  for (const manager of items) {
    add(managers, manager.status, 1);
    for (const status of STATUSES) if (manager[`${status}_jobs`]) add(jobs, status, manager[`${status}_jobs`]);
  }
  const of = next ? ` of the newest ${items.length} managers` : "";
  keyed(parent, [
    { label: next ? "Newest managers" : "Managers", title: `Managers by status${of}`, counts: managers },
    { label: "Worker jobs", title: `Worker jobs by status${of}`, counts: jobs },
  ], { key: (_group) => _group.title.split(" ")[0], make, update: draw });
}

function make() {
  return h("div", { class: "tally", role: "group" }, 
    h("span", { class: "label" }), " ", h("span", { class: "total" }), " ", h("span", { class: "by" }));
}

function draw(element, { label, title, counts }) {
  setAttribute(element, "aria-label", title);
  const [name, total, by] = element.children;
  setText(name, label);
  setText(total, count([...counts.values()].reduce((sum, n) => sum + n, 0)));
  const shown = STATUSES.filter((status) => counts.has(status)).map((status) => ({ status, n: counts.get(status) }));
  keyed(by, shown, {
    key: ({ status }) => status,
    make: ({ status }) => h("span", { class: `count ${status}`, title: word(status) },
      icon(status), h("b", {}), " ", h("span", { class: "word" }, word(status)), " "),
    update: (one, { n }) => setText(one.children[1], count(n)),
  });
}
