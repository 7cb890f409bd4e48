/** How does one get about without looking: by words that lines hold, and by single keys? */
import { following, get } from "./connection.js";
import { settings, toggle } from "./log.js";
import { count, go, h, parse, write } from "./page.js";

export function find(form, chosen) {
  const field = h("input", { type: "search", placeholder: "Find words", "aria-label": "Find words in lines" });
  const scope = h("select", { "aria-label": "Where to look" },
    ...["this run", "this step", "all runs"].map((name) => h("option", name)));
  const told = h("output");
  const button = (name, sign, by) =>
    h("button", { type: "button", "aria-label": name, title: name, click: () => move(by) }, sign);
  form.append(field, scope, told, button("Previous hit", "↑", -1), button("Next hit", "↓", 1));
  form.addEventListener("submit", (event) => event.preventDefault());
  field.addEventListener("keydown", ({ key, shiftKey }) => key === "Enter" && move(shiftKey ? -1 : 1));
  let [asked, asking, next, hits, at] = [];
  form.addEventListener("input", () => write(told, (asked = ""))); // told was of other words

  async function move(by) {
    const { step } = parse(location.hash);
    const query = new URLSearchParams({ q: field.value, limit: 1000 });
    if (scope.value !== "all runs") query.set("manager_id", chosen() ?? "latest");
    if (scope.value === "this step" && step) query.set("step", step);
    const wanted = `search?${query}`;
    if (!field.value.trim() || asking === wanted) return;
    if (asked !== wanted) [asked, next, hits, at] = [wanted, wanted, [], by < 0 ? 0 : -1];
    try {
      if (next && (!hits.length || at + by === hits.length)) {
        write(told, "…");
        asking = wanted;
        const page = await get(next);
        if (asked !== wanted) return; // other words by now
        hits.push(...page.items);
        next = following("search", page.next);
      }
      if (!hits.length) return write(told, "no hits");
      at = (at + by + hits.length) % hits.length;
      write(told, `${count(at + 1)} of ${count(hits.length)}${next ? "+" : ""}`);
      go(hits[at].manager_id, hits[at]);
    } catch ({ message }) {
      write(told, message);
    } finally {
      if (asking === wanted) asking = null;
    }
  }
}

function beside(selector, present, by) {
  const all = [...document.querySelectorAll(selector)];
  const at = all.findIndex((one) => one.matches(present));
  return at < 0 ? all[0] : all[at + by];
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
  ["m", "moment in the past", ".travel input"],
  ["d", "definitions", ".definitions button:enabled"],
  ["f", "filter of documents", ".documents input"],
  ["c", "cancel the run", ".actions .cancel .open"],
  ["r", "retry the run", ".actions .retry .open"],
  ["?", "these keys", () => dialog.showModal()],
];

const dialog = h("dialog.keys", { "aria-label": "Keys" },
  h("dl", ...KEYS.map(([key, what]) => h("div", h("dt", h("kbd.chip", key)), h("dd", what)))),
  h("p.quiet", "Enter does what a key leads to. Shift and an arrow mark a line to link to; arrows choose in the timeline."),
  h("form.flow", { method: "dialog" },
    h("label", h("input", { type: "checkbox", checked: settings.keys, change: () => toggle("keys") }), " Single keys"),
    h("button.end", { autofocus: true }, "Close")));
document.body.append(dialog);

export const help = h("button.help", { "aria-label": "Keys", title: "Keys (?)", click: () => dialog.showModal() }, "?");

addEventListener("keydown", (event) => {
  const { key, target, ctrlKey, metaKey, altKey } = event;
  if (ctrlKey || metaKey || altKey || !settings.keys || document.querySelector("dialog[open]")) return;
  if (target.matches("input:not([type=checkbox], [type=range]), textarea, select")) return;
  const [, , lead] = KEYS.find(([one]) => one === key) ?? [];
  if (!lead) return;
  event.preventDefault();
  if (typeof lead === "function") return lead();
  [...document.querySelectorAll(lead)].find((one) => one.offsetParent)?.focus();
});
