/** How does one get somewhere: to words, which the service looks for, and to any place by a single key? */
import { following, get, pathOf } from "./api.js";
import { h, write } from "./dom.js";
import { count, parse } from "./format.js";
import { go } from "./header.js";
import { choose, settings } from "./reading.js";

/** `chosen` tells the run on the page. */
export function find(form, chosen) {
  const field = h("input", { type: "search", placeholder: "Find words", "aria-label": "Find words in lines" });
  const scope = h("select", { "aria-label": "Where to look" },
    ...["this run", "this step", "all runs"].map((name) => h("option", name)));
  const told = h("output");
  const button = (name, sign, by) =>
    h("button", { type: "button", "aria-label": name, title: name, click: () => move(by) }, sign);
  form.append(field, scope, told, button("Previous hit", "↑", -1), button("Next hit", "↓", 1));
  form.addEventListener("submit", (event) => event.preventDefault());
  field.addEventListener("keydown", (event) => event.key === "Enter" && move(event.shiftKey ? -1 : 1));
  let [asked, hits, next, at] = ["", [], null, -1];

  async function move(by) {
    const { step } = parse(location.hash);
    const query = new URLSearchParams({ q: field.value, limit: 1000 });
    if (scope.value !== "all runs") query.set("manager_id", chosen() ?? "latest");
    if (scope.value === "this step" && step) query.set("step", step);
    if (!field.value.trim()) return write(told, "");
    const wanted = `search?${query}`;
    if (asked !== wanted) [asked, hits, next, at] = [wanted, [], wanted, -1];
    at += by;
    try {
      while (next && (at >= hits.length || at < 0)) {
        write(told, "…");
        const page = await get(next);
        if (asked !== wanted) return; // other words by now
        hits.push(...page.items);
        next = following("search", page.next);
        if (by < 0) break; // the last that is known
      }
    } catch (error) {
      return write(told, error.message);
    }
    if (!hits.length) return write(told, "no hits");
    at = (at + hits.length) % hits.length;
    write(told, `${count(at + 1)} of ${count(hits.length)}${next ? "+" : ""}`);
    go(hits[at].manager_id, hits[at]);
  }
}

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

const single = h("input", { type: "checkbox", checked: settings.keys, change: () => choose("keys") });
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
