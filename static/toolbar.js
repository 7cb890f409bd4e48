/** How many runs and worker jobs are in which status? */
import { h, keyed, setText } from "./dom.js";
import { count, STATUSES, word } from "./format.js";
import { icon } from "./icons.js";

/** @param {{managers: object, jobs: object}} stats how many there are, by status */
export function drawToolbar(parent, { managers = {}, jobs = {} }) {
  keyed(parent, [["Managers", managers], ["Worker jobs", jobs]], { key: ([label]) => label, make, update: draw });
}

function make([label]) {
  return h("div", { class: "tally", role: "group", "aria-label": `${label} by status` },
    h("span", { class: "label" }, label), " ", h("span", { class: "total" }), " ", h("span", { class: "by" }));
}

function draw(element, [, counts]) {
  const [, total, by] = element.children;
  setText(total, count(Object.values(counts).reduce((sum, n) => sum + n, 0)));
  keyed(by, STATUSES.filter((status) => counts[status]), {
    key: (status) => status,
    make: (status) => h("span", { class: `count ${status}`, title: word(status) },
      icon(status), h("b", {}), " ", h("span", { class: "word" }, word(status)), " "),
    update: (one, status) => setText(one.children[1], count(counts[status])),
  });
}
