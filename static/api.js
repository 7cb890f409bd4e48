/** How, and when, does the panel ask the service? Where it wants a token, the reader is asked once for all that wait. */
import { h, write } from "./dom.js";

export const part = encodeURIComponent;
export const pathOf = (id, rest = "") => `managers/${part(id)}${rest}`;
/** Relative to the page, so that the panel also works below a prefix. */
export const address = (path) => new URL(path, document.baseURI);

let skew = 0; // milliseconds that this machine's clock is ahead of the service's

export const serverNow = () => Date.now() - skew;

/** An answer of 400 and above is thrown, with what it says; status 0 is no answer at all. */
const problem = (said) => Object.assign(new Error(said.detail), said);

async function ask(path, options) {
  const settings = { ...options, cache: "no-store", signal: AbortSignal.timeout(15_000) };
  const response = await fetch(address(path), settings).catch(() => {
    throw problem({ status: 0, detail: "the service does not answer" });
  });
  const { headers, ok, status } = response;
  const ahead = Date.now() - Date.parse(headers.get("date"));
  if (!Number.isNaN(ahead)) skew = Math.abs(ahead) < 2000 ? 0 : ahead; // the header has whole seconds
  if (status === 401 && path !== "login") return login().then(() => ask(path, options));
  const lines = headers.get("content-type")?.includes("ndjson");
  const body = await (lines ? response.text().then(rows) : response.json()).catch(() => ({}));
  if (!ok) throw problem({ detail: `the service answered ${status}`, status, ...body });
  return body;
}

const rows = (text) => JSON.parse(`[${text.trimEnd().replaceAll("\n", ",")}]`);

export const get = (path) => ask(path);
export const post = (path, body = {}) =>
  ask(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
export const remove = (path) => ask(path, { method: "DELETE" });

/** Of `next` the query counts: whether its path has the prefix depends on who knows of one. */
export const following = (path, next) => next && path.split("?")[0] + address(next).search;

/** Every item of a list, page after page. */
export async function all(path) {
  const { items, next } = await get(path);
  return next ? [...items, ...(await all(following(path, next)))] : items;
}

let asking = null;
const login = () => (asking ??= new Promise(askForToken).finally(() => (asking = null)));

function askForToken(done) {
  const token = h("input", { type: "password", name: "token", required: true, autocomplete: "current-password" });
  const refused = h("p.problem", { role: "alert" });
  const submit = async (event) => {
    event.preventDefault();
    write(refused, "");
    try {
      await post("login", { token: token.value });
    } catch (error) {
      return write(refused, error.message);
    }
    dialog.remove();
    done();
    dispatchEvent(new Event("online")); // who waits to connect again need not
  };
  const close = () => dialog.isConnected && dialog.showModal(); // by Escape: there is nothing else to do here
  const dialog = h("dialog.login", { "aria-label": "Log in", close }, h("form", { submit }, h("h1", "Log in"),
    h("label", "Token of this service (STEPSTREAM_TOKEN)", token), refused, h("button.primary", "Log in")));
  document.body.append(dialog);
  dialog.showModal();
}

const timers = new Map(); // by name: setting one again replaces it

/** Run `action` once in about `ms` milliseconds: jittered, so that tabs spread out. */
export function later(name, ms, action) {
  cancel(name);
  timers.set(name, setTimeout(() => {
    timers.delete(name);
    action();
  }, ms * (0.9 + Math.random() * 0.2)));
}

/** Run `action` now and again `ms` after it has ended, also after an error. */
export async function every(name, ms, action) {
  const turn = {};
  timers.set(name, turn);
  try {
    await action();
  } finally {
    if (timers.get(name) === turn) later(name, ms, () => every(name, ms, action));
  }
}

export function cancel(name) {
  clearTimeout(timers.get(name));
  timers.delete(name);
}
