/** Where do words stand, in a step, in a run or in all runs? The service looks; each hit is a place to go to. */
import { get } from "./api.js";
import { h, setText } from "./dom.js";
import { count } from "./format.js";
import { link, parse } from "./route.js";

/** @param {() => string | undefined} chosen the run on the page */
export function find(form, chosen) {
  const field = h("input", { type: "search", placeholder: "Find words", "aria-label": "Find words in lines" });
  const scope = h("select", { "aria-label": "Where to look" },
    ...["this run", "this step", "all runs"].map((name) => h("option", {}, name)));
  const told = h("output", {});
  const go = (name, by) => h("button", { type: "button", "aria-label": name, title: name, click: () => move(by) },
    by < 0 ? "↑" : "↓");
  form.append(field, scope, told, go("Previous hit", -1), go("Next hit", 1));
  form.addEventListener("submit", (event) => event.preventDefault());
  field.addEventListener("keydown", (event) => event.key === "Enter" && move(event.shiftKey ? -1 : 1));
  let [asked, hits, next, at] = ["", [], null, -1];

  async function move(by) {
    const { step } = parse(location.hash);
    const wanted = new URLSearchParams({ q: field.value, limit: 1000 });
    if (scope.value !== "all runs") wanted.set("manager_id", chosen() ?? "latest");
    if (scope.value === "this step" && step) wanted.set("step", step);
    if (!field.value.trim()) return setText(told, "");
    if (asked !== `${wanted}`) [asked, hits, next, at] = [`${wanted}`, [], `search?${wanted}`, -1];
    at += by;
    try {
      while (next && (at >= hits.length || at < 0)) {
        setText(told, "…");
        const page = await get(next);
        if (asked !== `${wanted}`) return; // other words by now
        hits.push(...page.items);
        next = page.next && `search${new URL(page.next, document.baseURI).search}`;
        if (by < 0) break; // the last that is known
      }
    } catch (error) {
      return setText(told, error.message);
    }
    if (!hits.length) return setText(told, "no hits");
    at = (at + hits.length) % hits.length;
    setText(told, `${count(at + 1)} of ${count(hits.length)}${next ? "+" : ""}`);
    const { manager_id: id, step_name: name, line_number: number } = hits[at];
    location.replace(link(id, name ?? "", { from: number, to: number }));
  }
}
