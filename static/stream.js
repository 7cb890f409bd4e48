/**
 * How does news reach the panel and keep coming? By one stream a tab, resumed from the last row. A browser closes its
 * EventSource for good where the answer is no stream, and may leave it open on a dead connection: then a new one is
 * made. It opens six connections to a host, so the tabs share five: one that sees five younger streams pauses a moment.
 */
import { address, cancel, get, later, pathOf } from "./api.js";
import { clockTime, count, plural } from "./format.js";

const EVENTS = "rows snapshot gap reset end stats manager".split(" ");
const SIGNS = { ping: "open", bye: "stopping", busy: "busy" };
const SILENCE = 45_000; // three of the service's pings
const TAIL = 500; // rows that come first: enough to fill the window
const FAR = 20_000; // rows behind: not worth reading one by one
const LONGEST_DELAY = 8_000;
const MOST = 5;
const tab = Math.random();

export class Stream {
  /** @param {{position: () => number, take: Function, changed: () => void, gone: () => void}} owner */
  constructor(owner) {
    Object.assign(this, { owner, id: null, state: "connecting", heard: Date.now(), failures: 0, younger: new Set() });
    this.tabs = new BroadcastChannel("stepstream");
    this.tabs.onmessage = ({ data }) => this.other(data);
  }

  /** Of a chosen run, or of none. */
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
    source.onerror = () => this.lost();
    for (const name of EVENTS) source.addEventListener(name, ({ data }) => {
      this.failures = 0;
      this.owner.take(name, JSON.parse(data));
      this.turn("open");
    });
    for (const name of Object.keys(SIGNS)) source.addEventListener(name, () => this.turn(SIGNS[name]));
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

  lost() {
    if (this.state === "open" || this.state === "connecting") this.turn("reconnecting");
    if (this.source?.readyState === EventSource.CLOSED) this.again();
  }

  /** Full jitter: returning tabs spread out. */
  again() {
    this.drop();
    const delay = Math.min(LONGEST_DELAY, 1_000 * 2 ** this.failures++);
    later("stream", 200 + Math.random() * delay, () => this.resume());
  }

  async resume() {
    const turn = (this.retry = {});
    const known = await this.ask();
    if (this.retry !== turn) return; // closed or opened otherwise in the meantime
    if (known) this.open();
    else this.owner.gone();
  }

  /** Whether the run may still be there; one that went on far without this tab is taken up at its end. */
  async ask() {
    if (!this.id) return true;
    try {
      const detail = await get(pathOf(this.id));
      if (detail.last_seq - this.owner.position() > FAR) this.owner.take("snapshot", detail);
      return true;
    } catch ({ status }) {
      return status !== 404; // not reachable: no word about the run
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
      this.pause("waiting");
      later("stream", 2_000, () => this.resume());
    }
  }

  pause(state = "paused") {
    this.drop();
    this.turn(state);
  }

  /** The tab is looked at again, or the network is back. */
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

const WORDS = {
  waiting: "waiting: many tabs are open", stopping: "service is stopping, reconnecting", busy: "service is busy, trying again",
};
const RECEIPT = "Lines this page accounts for, of those in the log: it counts what comes, and takes over what the service had "
  + "counted before. Lines out of sight are read when they come into sight.";

/** What is the picture worth, in words? It is `behind` while rows of the past are coming. */
export function badge({ receipt }, stream, behind) {
  if (receipt) {
    const { complete, received, total } = receipt;
    const text = `${complete ? "complete" : "incomplete"}: ${count(received)} of ${plural(total, "line")}`;
    return { kind: complete ? "good" : "bad", text, title: RECEIPT };
  }
  const { state } = stream;
  if (state === "open") return behind ? { kind: "", text: "catching up" } : { kind: "live", text: "live" };
  const stale = stream.silence() > 10_000 ? ` · stale since ${clockTime(stream.heard)}` : "";
  return { kind: state === "connecting" || state === "paused" ? "" : "bad", text: (WORDS[state] ?? state) + stale };
}
