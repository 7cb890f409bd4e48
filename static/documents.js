/** What did a run find? Its documents with their keywords, once it has ended: to filter, and to take along. */
import { address, all, get, part } from "./api.js";
import { later } from "./clock.js";
import { h, setText } from "./dom.js";
import { count, plural } from "./format.js";

const WEB = /^https?:\/\//i; // a document's address comes from outside: nothing else becomes a link
const COMMON = 12; // keywords to choose from

/** Null if it found nothing. */
export async function documents(id) {
  const base = `documents?manager_id=${part(id)}`;
  const first = await get(`${base}&limit=200`);
  if (!first.items.length) return null;
  let query = "";
  let shown = 0;
  const filter = h("input", { type: "search", placeholder: "Filter by words", "aria-label": "Filter documents", input: () => later("documents", 200, narrow) });
  const title = h("h2", { "aria-live": "polite" });
  const problem = h("span", { class: "problem", role: "alert" });
  const common = h("div", { class: "keywords" });
  const credit = h("p", { class: "quiet credit" });
  const list = h("ul", {});
  const more = h("button", { type: "button", click: () => guarded(async () => add(await get(more.next))) }, "More");
  const csv = h("a", { download: `documents-${id}.csv`, title: "Download these documents as CSV" }, "CSV");
  const json = h("button", { type: "button", class: "link", title: "Download these documents as JSON", click: () => guarded(save) }, "JSON");

  async function guarded(action) {
    setText(problem, "");
    await action().catch((error) => setText(problem, error.message));
  }

  function narrow() {
    query = filter.value.trim() && `&q=${part(filter.value.trim())}`;
    const asked = query;
    guarded(async () => {
      const found = await get(`${base}&limit=200${query}`);
      if (asked === query) show(found);
    });
  }

  function show(page) {
    shown = 0;
    list.replaceChildren();
    csv.href = address(`${base}&format=csv${query}`);
    add(page);
    for (const button of common.children) button.setAttribute("aria-pressed", button.value === filter.value);
  }

  function add({ items, next }) {
    shown += items.length;
    list.append(...items.map(one));
    more.hidden = !next;
    more.next = next?.replace(/^\/+/, "");
    setText(title, `${next ? "The first " : ""}${plural(shown, "document")}${query && ` with ${filter.value.trim()}`}`);
  }

  async function save() {
    const found = await all(`${base}&limit=1000${query}`);
    const href = URL.createObjectURL(new Blob([JSON.stringify(found, null, 1)], { type: "application/json" }));
    h("a", { href, download: `documents-${id}.json` }).click();
    setTimeout(() => URL.revokeObjectURL(href), 60_000);
  }

  for (const [word, n] of frequent(first.items)) {
    common.append(h("button", {
      type: "button", class: "chip", value: word,
      click: () => {
        filter.value = filter.value === word ? "" : word;
        narrow();
      },
    }, word, h("span", {}, count(n))));
  }
  const credits = new Set(first.items.map(({ metadata }) => metadata?.attribution).filter((one) => typeof one === "string"));
  setText(credit, credits.size ? `Source: ${[...credits].join("; ")}` : "");
  show(first);
  return h("section", { class: "documents", "aria-label": "Documents" },
    h("div", { class: "top" }, title, filter, h("span", { class: "export" }, json, csv)), problem, common, list, more, credit);
}

function one({ title, source_id: source, source_type: type, url, tags, metadata }) {
  const name = title || source;
  const facts = Object.entries(metadata ?? {}).filter(([key, value]) => key !== "attribution" && typeof value !== "object");
  facts.sort((a, b) => (typeof a[1] === "number") - (typeof b[1] === "number")); // words say more
  const about = [type, ...(tags ?? []), ...facts.map(([key, value]) => `${key.replaceAll("_", " ")} ${value}`)].join(" · ");
  return h("li", {},
    WEB.test(url ?? "")
      ? h("a", { href: url, rel: "noreferrer", target: "_blank" }, name)
      : h("span", { class: "name" }, name),
    h("span", { class: "keywords" }, ...keywords(metadata).map((word) => h("span", { class: "chip" }, word))),
    h("span", { class: "quiet about", title: about }, about));
}

/** Whatever agent wrote them: every list `keywords` found one level down. */
function keywords(metadata) {
  const lists = Object.values(metadata ?? {}).map((found) => found?.keywords).filter(Array.isArray);
  return lists.flat().map((found) => String(found?.keyword ?? found)).slice(0, 15);
}

/** The keywords that most documents share, with how many they are. */
export function frequent(items) {
  const counts = new Map();
  for (const { metadata } of items) for (const word of new Set(keywords(metadata))) counts.set(word, (counts.get(word) ?? 0) + 1);
  return [...counts].filter(([, n]) => n > 1).sort((a, b) => b[1] - a[1]).slice(0, COMMON);
}
