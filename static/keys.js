/** What can be done by a single key, and where is that written? Press `?`. */
import { h } from "./dom.js";

const KEYS = [
  ["j", "next run", () => beside(".managers a", "[aria-current]", 1)?.click()],
  ["k", "previous run", () => beside(".managers a", "[aria-current]", -1)?.click()],
  ["n", "next step", () => beside(".fold", ":focus", 1)?.focus()],
  ["p", "previous step", () => beside(".fold", ":focus", -1)?.focus()],
  ["l", "lines of the step", () => document.activeElement.closest(".step")?.querySelector("[role=log]").focus()],
  ["e", "first error", () => press(".groups button")],
  ["/", "find words", () => press(".bar [type=search]")],
  ["t", "timeline", () => press(".bars")],
  ["m", "moment: a slider over the past", () => press(".travel input")],
  ["d", "definitions", () => press(".definitions button:enabled")],
  ["f", "documents: filter", () => press(".documents input")],
  ["c", "cancel the run", () => press(".actions .cancel .open")],
  ["r", "retry the run", () => press(".actions .retry .open")],
  ["?", "these keys", () => dialog.showModal()],
];
const remembered = (() => {
  try {
    return localStorage;
  } catch {
    return {}; // not allowed to remember: for this page only
  }
})();

/** The element that stands so far from the one that fits, else the first. */
function beside(selector, now, by) {
  const all = [...document.querySelectorAll(`main ${selector}, .side ${selector}`)];
  const at = all.findIndex((one) => one.matches(now));
  return at < 0 ? all[0] : all[at + by];
}

/** Only the focus: what a button does is done by Enter. */
function press(selector) {
  [...document.querySelectorAll(selector)].find((one) => one.offsetParent)?.focus();
}

const single = h("input", { type: "checkbox", checked: remembered.keys !== "off", change: () => (remembered.keys = single.checked ? "on" : "off") });
const dialog = h("dialog", { class: "keys", "aria-label": "Keys" },
  h("dl", {}, ...KEYS.map(([key, what]) => h("div", {}, h("dt", {}, h("kbd", {}, key)), h("dd", {}, what)))),
  h("p", { class: "quiet" }, "In the lines Shift and an arrow mark one to link to; in the timeline arrows choose a worker job. Keys lead to "
    + "what they name; Enter does it."),
  h("form", { method: "dialog" }, h("label", {}, single, " Single keys"), h("button", { autofocus: true }, "Close")));
document.body.append(dialog);
document.querySelector(".bar").append(h("button", { type: "button", class: "help", "aria-label": "Keys", title: "Keys (?)", click: () => dialog.showModal() }, "?"));

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || dialog.open || !single.checked) return;
  if (event.target.matches("input:not([type=checkbox], [type=range]), textarea, select")) return;
  const found = KEYS.find(([key]) => key === event.key);
  if (!found) return;
  event.preventDefault();
  found[2]();
});
