/** What did a run find? Its documents with their keywords, once it has ended. */
import { get, part } from "./api.js";
import { h } from "./dom.js";
import { plural } from "./format.js";

const WEB = /^https?:\/\//i; // a document's address comes from outside: nothing else becomes a link

export async function documents(id) {
  const { items, next } = await get(`documents?manager_id=${part(id)}&limit=200`);
  if (!items.length) return null;
  const title = next ? `The first ${items.length} documents` : plural(items.length, "document");
  return h("details", { class: "documents", open: items.length <= 50 },
    h("summary", {}, title), h("ul", {}, ...items.map(one)));
}

function one({ title, source_id: source, source_type: type, url, metadata }) {
  const name = title || source;
  return h("li", {},
    WEB.test(url ?? "")
      ? h("a", { href: url, rel: "noreferrer", target: "_blank" }, name)
      : h("span", { class: "name" }, name),
    h("span", { class: "quiet" }, type),
    h("span", { class: "keywords" }, ...keywords(metadata).map((word) => h("span", { class: "chip" }, word))));
}

/** Whatever agent wrote them: every list `keywords` found one level down. */
function keywords(metadata) {
  const lists = Object.values(metadata ?? {}).map((found) => found?.keywords).filter(Array.isArray);
  return lists.flat().map((found) => String(found?.keyword ?? found)).slice(0, 15);
}
