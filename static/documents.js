/** What did a run find? Its documents with their keywords, once it has ended: to filter, and to take along. */
import { address, all, following, get, later, part } from "./api.js";
import { h, set, write } from "./dom.js";
import { count, dotted, plural, word } from "./format.js";

const WEB = /^https?:\/\//i; // a document's address comes from outside: nothing else becomes a link
const COMMON = 12; // keywords to choose from

/** Null if it found nothing. */
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
  const more = h("button", { click: guarded(async () => add(await get(next))) }, "More");
  const csv = h("a", { download: `documents-${id}.csv`, title: "Download these documents as CSV" }, "CSV");
  const json = h("button.link", { title: "Download these documents as JSON", click: guarded(save) }, "JSON");
  const common = h("div.keywords", ...frequent(first.items).map(([word, n]) => h("button.chip", { value: word, click() {
    filter.value = filter.value === word ? "" : word;
    narrow();
  } }, word, h("span", count(n)))));
  const credits = new Set(first.items.map(({ metadata }) => metadata?.attribution).filter((one) => typeof one === "string"));

  function guarded(action) {
    return () => {
      write(problem, "");
      action().catch((error) => write(problem, error.message));
    };
  }

  const narrow = guarded(async () => {
    const words = filter.value.trim();
    const asked = (query = words && `&q=${part(words)}`);
    const found = await get(`${base}&limit=200${query}`);
    if (asked === query) show(found);
  });

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
    const found = new Blob([JSON.stringify(await all(`${base}&limit=1000${query}`), null, 1)], { type: "application/json" });
    const href = URL.createObjectURL(found);
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
  facts.sort((a, b) => (typeof a[1] === "number") - (typeof b[1] === "number")); // words say more
  const about = dotted(type, ...(tags ?? []), ...facts.map(([key, value]) => `${word(key)} ${value}`));
  return h("li",
    WEB.test(url) ? h("a", { href: url, rel: "noreferrer", target: "_blank" }, name) : h("span.name", name),
    h("span.keywords", ...keywords(metadata).map((word) => h("span.chip", word))),
    h("span.quiet.about", { title: about }, about));
}

/** Whatever agent wrote them: every list `keywords` found one level down. */
function keywords(metadata) {
  const lists = Object.values(metadata ?? {}).map((found) => found?.keywords).filter(Array.isArray);
  return lists.flat().map((found) => String(found?.keyword ?? found)).slice(0, 15);
}

/** The keywords that most documents share, with how many they are. */
export function frequent(items) {
  const counts = new Map();
  const all = items.flatMap(({ metadata }) => [...new Set(keywords(metadata))]);
  for (const word of all) counts.set(word, (counts.get(word) ?? 0) + 1);
  return [...counts].filter(([, n]) => n > 1).sort((a, b) => b[1] - a[1]).slice(0, COMMON);
}
