/** How is the service asked, how does news of it keep coming, and how fresh is it? */
import { clockTime, count, h, plural, tried } from "./page.js";

export const part = encodeURIComponent;
export const pathOf = (id, rest = "") => `managers/${part(id)}${rest}`;
export const address = (path) => new URL(path, document.baseURI); // below a prefix, too

let skew = 0;

export const serverNow = () => Date.now() - skew;

const problem = (said) => Object.assign(new Error(said.detail), said);

async function ask(path, options = {}) {
  const before = entries;
  const signal = AbortSignal.any([AbortSignal.timeout(15_000), options.signal].filter(Boolean));
  const response = await fetch(address(path), { ...options, signal }).catch(() => {
    throw problem({ status: 0, detail: "the service does not answer" });
  });
  const { headers, ok, status } = response;
  const ahead = Date.now() - Date.parse(headers.get("date"));
  if (ahead) skew = Math.abs(ahead) < 2000 ? 0 : ahead; // the header has whole seconds
  if (status === 401 && path !== "login") {
    if (before === entries) await login(); // else it was asked before that
    return ask(path, options);
  }
  const body = await response.json().catch(() => ({}));
  if (!ok) throw problem({ detail: `the service answered ${status}`, status, ...body });
  return body;
}

export const get = (path, signal) => ask(path, { signal });
export const post = (path, body = {}) =>
  ask(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
export const remove = (path) => ask(path, { method: "DELETE" });

/** The path of `next` lacks a prefix that only a proxy knows. */
export const following = (path, next) => next && path.split("?")[0] + address(next).search;

export async function all(path) {
  const { items, next } = await get(path);
  return next ? [...items, ...(await all(following(path, next)))] : items;
}

let [asking, entries] = [null, 0];
const login = () => (asking ??= new Promise(askForToken).finally(() => (asking = null)));

function askForToken(done) {
  const token = h("input", { type: "password", name: "token", required: true, autocomplete: "current-password" });
  const refused = h("p.problem", { role: "alert" });
  const submit = tried(refused, async () => {
    await post("login", { token: token.value });
    dialog.remove();
    entries++;
    done();
    dispatchEvent(new Event("online"));
  });
  const close = () => dialog.isConnected && dialog.showModal();
  const dialog = h("dialog.login", { "aria-label": "Log in", close }, h("form", { submit }, h("h1", "Log in"),
    h("label", "Token of this service (STEPSTREAM_TOKEN)", token), refused, h("button.primary", "Log in")));
  document.body.append(dialog);
  dialog.showModal();
}

const timers = new Map();

/** Instead of the one of that name; jittered, so that tabs spread out. */
export function later(name, ms, action) {
  cancel(name);
  timers.set(name, setTimeout(() => {
    timers.delete(name);
    action();
  }, ms * (0.9 + Math.random() * 0.2)));
}

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

const EVENTS = "rows snapshot gap reset end stats manager".split(" ");
const STATES = { ping: "open", bye: "service is stopping, reconnecting", busy: "service is busy, trying again" };
const SILENCE = 45_000; // three of the service's pings
const TAIL = 500; // rows at first
const FAR = 20_000; // rows not to be read one by one
const LONGEST_DELAY = 8_000;
const MOST = 5;
const tab = Math.random();

/**
 * A browser closes it for good where the answer is no stream, may leave it open on a dead connection, and opens six to
 * a host: a tab that sees five younger ones pauses a moment.
 */
export class Stream {
  constructor(owner) {
    Object.assign(this, { owner, id: null, state: "connecting", heard: Date.now(), failures: 0, younger: new Set() });
    this.tabs = new BroadcastChannel("stepstream");
    this.tabs.onmessage = ({ data }) => this.other(data);
  }

  open(id = this.id) {
    this.drop();
    this.id = id;
    this.turn(this.failures ? "reconnecting" : "connecting");
    const url = address("events");
    const after = this.owner.position();
    if (id) url.search = new URLSearchParams({ manager_id: id, batch: true, ...(after ? { after } : { tail: TAIL }) });
    const source = (this.source = new EventSource(url));
    source.onopen = () => {
      this.fresh = true; // the lists come from the start
      this.turn("open");
    };
    source.onerror = () => {
      if (this.state === "open" || this.state === "connecting") this.turn("reconnecting");
      if (source.readyState === EventSource.CLOSED) this.again();
    };
    for (const name of EVENTS) source.addEventListener(name, ({ data }) => {
      this.failures = 0;
      this.owner.take(name, JSON.parse(data));
      this.turn("open");
    });
    for (const name of Object.keys(STATES)) source.addEventListener(name, () => this.turn(STATES[name]));
    this.younger.clear();
    this.tabs.postMessage({ tab, open: true });
    this.watch();
  }

  turn(state) {
    if (state === "open") this.heard = Date.now();
    if (state === this.state) return;
    this.state = state;
    this.owner.changed();
  }

  again() {
    this.drop();
    const delay = Math.min(LONGEST_DELAY, 1_000 * 2 ** this.failures++);
    later("stream", 200 + Math.random() * delay, () => this.resume());
  }

  async resume() {
    const turn = (this.retry = {});
    const known = await this.ask();
    if (this.retry !== turn) return;
    if (known) this.open();
    else this.owner.gone();
  }

  /** One that went on far is taken up at its end. */
  async ask() {
    if (!this.id) return true;
    try {
      const detail = await get(pathOf(this.id));
      if (detail.last_seq - this.owner.position() > FAR) this.owner.take("snapshot", detail);
      return true;
    } catch ({ status }) {
      return status !== 404;
    }
  }

  /** Silence, or a machine that slept. */
  watch() {
    const then = Date.now();
    later("watchdog", 5_000, () => {
      if (this.silence() < SILENCE && Date.now() - then < 15_000) return this.watch();
      this.turn("reconnecting");
      this.again();
    });
  }

  silence() {
    return Date.now() - this.heard;
  }

  other({ tab: other, open }) {
    if (!open) this.younger.delete(other);
    else if (this.source && this.younger.add(other).size >= MOST) {
      this.pause("waiting: many tabs are open");
      later("stream", 2_000, () => this.resume());
    }
  }

  pause(state = "paused") {
    this.drop();
    this.turn(state);
  }

  wake() {
    if (this.state === "paused" || this.state === "reconnecting" || this.silence() > 20_000) this.resume();
  }

  drop() {
    if (this.source) this.tabs.postMessage({ tab, open: false });
    this.source?.close();
    this.source = this.retry = null;
    cancel("stream");
    cancel("watchdog");
  }
}

/** `behind` while rows of the past are coming. */
export function badge({ receipt }, stream, behind) {
  if (receipt) {
    const { complete, received, total } = receipt;
    const text = `${complete ? "complete" : "incomplete"}: ${count(received)} of ${plural(total, "line")}`;
    const title = "Lines this page accounts for, of those in the log; most are read when they come into sight.";
    return { kind: complete ? "good" : "bad", text, title };
  }
  const { state } = stream;
  if (state === "open") return behind ? { kind: "", text: "catching up" } : { kind: "live", text: "live" };
  const stale = stream.silence() > 10_000 ? ` · stale since ${clockTime(stream.heard)}` : "";
  return { kind: state === "connecting" || state === "paused" ? "" : "bad", text: state + stale };
}
