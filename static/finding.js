/** How does one find something: lines and documents by their words, places of the page by single keys? */
import { address, all, following, get, later, part } from "./connection.js";
import { settings, toggle } from "./log.js";
import { count, dotted, go, h, parse, plural, set, tried, word, write } from "./page.js";

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
  ["?", "these keys", () => document.querySelector(".help").click()],
];

export function keys(bar) {
  const dialog = h("dialog.keys", { "aria-label": "Keys" },
    h("dl", ...KEYS.map(([key, what]) => h("div", h("dt", h("kbd.chip", key)), h("dd", what)))),
    h("p.quiet", "Enter does what a key leads to. Shift and an arrow mark a line to link to; arrows choose in the timeline."),
    h("form.flow", { method: "dialog" },
      h("label", h("input", { type: "checkbox", checked: settings.keys, change: () => toggle("keys") }), " Single keys"),
      h("button.end", { autofocus: true }, "Close")));
  document.body.append(dialog);
  bar.append(h("button.help", { "aria-label": "Keys", title: "Keys (?)", click: () => dialog.showModal() }, "?"));
  addEventListener("keydown", led);
}

function led(event) {
  const { key, target, ctrlKey, metaKey, altKey } = event;
  if (ctrlKey || metaKey || altKey || !settings.keys || document.querySelector("dialog[open]")) return;
  if (target.matches("input:not([type=checkbox], [type=range]), textarea, select")) return;
  const [, , lead] = KEYS.find(([one]) => one === key) ?? [];
  if (!lead) return;
  event.preventDefault();
  if (typeof lead === "function") return lead();
  [...document.querySelectorAll(lead)].find((one) => one.offsetParent)?.focus();
}

const WEB = /^https?:\/\//i; // nothing else from outside becomes a link

export async function documents(id) {
  const base = `documents?manager_id=${part(id)}`;
  const first = await get(`${base}&limit=200`);
  if (!first.items.length) return null;
  let [query, next] = ["", null];
  const filter = h("input", { type: "search", placeholder: "Filter by words", "aria-label": "Filter documents",
    input: () => later("documents", 200, narrow) });
  const title = h("h2", { "aria-live": "polite" });
  const problem = h("span.problem", { role: "alert" });
  const list = h("ul");
  const more = h("button", { click: tried(problem, async () => add(await get(next))) }, "More");
  const csv = h("a", { download: `documents-${id}.csv` }, "CSV");
  const json = h("button.link", { click: tried(problem, save) }, "JSON");
  const common = h("div.keywords", ...frequent(first.items).map(([word, n]) => h("button.chip", { value: word, click() {
    filter.value = filter.value === word ? "" : word;
    narrow();
  } }, word, h("span", count(n)))));
  const credited = first.items.map(({ metadata }) => metadata?.attribution);
  const credits = new Set(credited.filter((one) => typeof one === "string"));

  /** Not one at a time: the last words count. */
  const narrow = () => tried(problem, async () => {
    const words = filter.value.trim();
    const asked = (query = words && `&q=${part(words)}`);
    const found = await get(`${base}&limit=200${query}`);
    if (asked === query) show(found);
  })();

  function show(page) {
    list.replaceChildren();
    csv.href = address(`${base}&format=csv${query}`);
    for (const button of common.children) set(button, "aria-pressed", button.value === filter.value);
    add(page);
  }

  function add(page) {
    list.append(...page.items.map(one));
    next = following(base, page.next);
    more.hidden = !next;
    const found = plural(list.children.length, "document");
    write(title, `${next ? "The first " : ""}${found}${query && ` with ${filter.value.trim()}`}`);
  }

  async function save() {
    const found = JSON.stringify(await all(`${base}&limit=1000${query}`), null, 1);
    const href = URL.createObjectURL(new Blob([found], { type: "application/json" }));
    h("a", { href, download: `documents-${id}.json` }).click();
    setTimeout(() => URL.revokeObjectURL(href), 60_000);
  }

  show(first);
  return h("section.documents.card", { "aria-label": "Documents" },
    h("div.flow", title, filter, h("span.flow.end", json, csv)), problem, common, list, more,
    h("p.quiet.credit", credits.size > 0 && `Source: ${[...credits].join("; ")}`));
}

function one({ title, source_id: source, source_type: type, url, tags, metadata }) {
  const name = title || source;
  const facts = Object.entries(metadata ?? {}).filter(([key, value]) => key !== "attribution" && typeof value !== "object");
  facts.sort((a, b) => (typeof a[1] === "number") - (typeof b[1] === "number"));
  const about = dotted(type, ...(tags ?? []), ...facts.map(([key, value]) => `${word(key)} ${value}`));
  return h("li",
    WEB.test(url) ? h("a", { href: url, rel: "noreferrer", target: "_blank" }, name) : h("span.name", name),
    h("span.keywords", ...keywords(metadata).map((word) => h("span.chip", word))),
    h("span.quiet.about", { title: about }, about));
}

/** Whatever agent wrote them: every list of that name. */
function keywords(metadata) {
  const lists = Object.values(metadata ?? {}).map((found) => found?.keywords).filter(Array.isArray);
  return lists.flat().map((found) => String(found?.keyword ?? found)).slice(0, 15);
}

export function frequent(items) {
  const counts = new Map();
  const all = items.flatMap(({ metadata }) => [...new Set(keywords(metadata))]);
  for (const word of all) counts.set(word, (counts.get(word) ?? 0) + 1);
  return [...counts].filter(([, n]) => n > 1).sort((a, b) => b[1] - a[1]).slice(0, 12);
}
