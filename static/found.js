/** What is there to find: words in any line, the errors of a run, its speed, and the documents that it has saved? */
import { count, dotted, h, keyed, link, parse, plural, s, set, word, write } from "./page.js";
import { address, all, following, get, later, part, pathOf } from "./service.js";

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
  let [asked, hits, at] = [""];

  async function move(by) {
    const { step } = parse(location.hash);
    const query = new URLSearchParams({ q: field.value, limit: 1000 });
    if (scope.value !== "all runs") query.set("manager_id", chosen() ?? "latest");
    if (scope.value === "this step" && step) query.set("step", step);
    if (!field.value.trim()) return write(told, "");
    const wanted = `search?${query}`;
    try {
      if (asked !== wanted) {
        write(told, "…");
        [asked, at, hits] = [wanted, by < 0 ? 0 : -1, null];
        hits = await get(wanted);
      }
    } catch ({ message }) {
      asked = "";
      return write(told, message);
    }
    if (asked !== wanted || !hits) return; // other words by now, or no answer yet
    const { items, next } = hits;
    if (!items.length) return write(told, "no hits");
    at = (at + by + items.length) % items.length;
    write(told, `${count(at + 1)} of ${count(items.length)}${next ? "+" : ""}`);
    go(items[at].manager_id, items[at]);
  }
}

/** To a line, also once more. */
export function go(id, { step_name: step, line_number: number }) {
  location.replace(link(id, step ?? "", { from: number, to: number }));
  dispatchEvent(new Event("hashchange"));
}

/** How fast lines come, and which errors there are, most frequent first. */
export class Glance {
  constructor(id) {
    Object.assign(this, { id, known: {} });
    this.curve = s("path");
    this.peak = h("span");
    this.rate = h("span.rate.quiet.flow", { hidden: true },
      s("svg", { viewBox: "0 0 120 20", "aria-hidden": true }, this.curve), this.peak);
    this.list = h("ul", { tabindex: 0, "aria-label": "Errors by how often they occur" });
    this.problem = h("span.problem", { role: "alert" });
    this.errors = h("section.groups", { "aria-label": "Errors", hidden: true }, this.list, this.problem);
  }

  draw({ manager: { levels, lines } }) {
    this.ask("rate", lines, async () => this.plot(await get(pathOf(this.id, "/log/rate"))));
    this.ask("errors", levels.error, async () => this.group((await get(pathOf(this.id))).error_groups));
  }

  /** Once a number has changed, and every other second at most. */
  async ask(name, n, action) {
    if (!n || this.known[name] === n || this.known[name] === null) return;
    this.known[name] = null;
    await action().catch(() => {});
    later(name, 2_000, () => (this.known[name] = n));
  }

  plot({ seconds, lines }) {
    const most = Math.max(...lines);
    if (!most) return;
    this.rate.hidden = false;
    const points = lines.map((n, i) => `L${2 * i + 1} ${(19 - (n / most) * 18).toFixed(1)}`);
    set(this.curve, "d", `M0 20${points.join("")}L120 20Z`);
    write(this.peak, `up to ${count(Math.ceil(most / seconds))} lines/s`);
  }

  group(groups) {
    this.errors.hidden = !groups.length;
    keyed(this.list, groups, (group) => group.first_seq, (group) => this.one(group), (item, group) =>
      write(item.firstElementChild, `${count(group.count)} ×`));
  }

  /** Of a traceback the last line says most. */
  one({ message, first_seq: first }) {
    const [title, text] = [`Go to the first\n${message}`, message.trim().split("\n").at(-1)];
    return h("li", h("b"), h("button.link", { title, click: () => this.go(first) }, text || "(empty)"));
  }

  async go(seq) {
    write(this.problem, "");
    try {
      const [line] = await get(pathOf(this.id, `/log?format=ndjson&limit=1&after=${seq - 1}`));
      go(this.id, line);
    } catch (error) {
      write(this.problem, error.message);
    }
  }
}

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
