/** How does the panel ask the service, and what time is it there? */
import { login } from "./login.js";

/** An answer of 400 and above, with the problem document that came with it; status 0 is no answer at all. */
export class Problem extends Error {
  constructor(status, body) {
    super(body.detail || body.title || `the service answered ${status}`);
    this.status = status;
    this.errors = body.errors ?? [];
    this.managerId = body.manager_id ?? null;
  }
}

/** Relative to the page, so that the panel also works below a prefix. */
export const address = (path) => new URL(path, document.baseURI);
export const part = encodeURIComponent;

let skew = 0; // milliseconds that this machine's clock is ahead of the service's

export const serverNow = () => Date.now() - skew;

async function ask(path, options) {
  const settings = { ...options, cache: "no-store", signal: AbortSignal.timeout(15_000) };
  const response = await fetch(address(path), settings).catch(() => {
    throw new Problem(0, { detail: "the service does not answer" });
  });
  const date = Date.parse(response.headers.get("date") ?? "");
  // The header has whole seconds: less than two of them is no difference at all.
  if (date) skew = Math.abs(Date.now() - date) < 2000 ? 0 : Date.now() - date;
  if (response.status === 401) return login().then(() => ask(path, options));
  const lines = response.headers.get("content-type")?.includes("ndjson");
  const body = await (lines ? response.text().then(rows) : response.json()).catch(() => ({}));
  if (!response.ok) throw new Problem(response.status, body);
  return body;
}

const rows = (text) => JSON.parse(`[${text.trimEnd().replaceAll("\n", ",")}]`);

export const get = (path) => ask(path, { headers: { Accept: "application/json" } });

/** Every item of a list, page after page. Of `next` the query counts: whether its path has the prefix depends on
 *  whether the service or only a proxy before it knows of one. */
export async function all(path) {
  const { items, next } = await get(path);
  return next ? [...items, ...(await all(path.split("?")[0] + new URL(next, document.baseURI).search))] : items;
}

export const post = (path, body = {}) =>
  ask(path, {
    method: "POST",
    headers: { Accept: "application/json", "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });

export const remove = (path) => ask(path, { method: "DELETE" });
