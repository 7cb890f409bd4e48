/**
 * How does news reach the panel and keep coming? By one stream a tab, resumed from the last row. The browser
 * reconnects by itself as long as the answers are streams; any other answer closes its EventSource for good, and a
 * sleeping laptop or a proxy can leave it open and silent. Both are noticed here and answered by a new one.
 *
 * Browsers open six connections to a host: the tabs of one share five of them. One that finds five younger streams
 * beside its own lets go of it for a moment, so that of more tabs each has its turn.
 */
import { address, get, part } from "./api.js";
import { cancel, later } from "./clock.js";

const EVENTS = [
  "rows", "job_log", "job_status", "step_progress", "manager_progress", "snapshot", "gap", "reset", "end", "stats",
  "manager",
];
const SILENCE = 45_000; // three of the service's pings
const TAIL = 500; // rows that come first: enough to fill the window
const FAR = 20_000; // rows behind: not worth reading one by one
const LONGEST_DELAY = 8_000;
const MOST = 5;
const tab = Math.random();

export class Stream {
  /**
   * @param {{position: () => number, take: (event: string, data: object) => void, changed: () => void,
   *          gone: () => void}} owner `position` is the last row of the chosen run that was taken
   */
  constructor(owner) {
    Object.assign(this, { owner, id: null, state: "connecting", heard: Date.now(), failures: 0, younger: new Set() });
    this.tabs = new BroadcastChannel("stepstream");
    this.tabs.onmessage = ({ data }) => this.other(data);
  }

  /** @param {string | null} id the chosen run */
  open(id = this.id) {
    this.drop();
    this.id = id;
    this.turn(this.failures ? "reconnecting" : "connecting");
    const url = address("events");
    if (id) {
      const after = this.owner.position();
      url.search = new URLSearchParams({ manager_id: id, batch: true, ...(after ? { after } : { tail: TAIL }) });
    }
    const source = (this.source = new EventSource(url));
    source.onopen = () => {
      this.fresh = true; // the lists come from the start
      this.turn("open");
    };
    source.onerror = () => this.lost();
    for (const name of EVENTS) source.addEventListener(name, (event) => this.received(name, event));
    source.addEventListener("ping", () => this.turn("open"));
    source.addEventListener("bye", () => this.turn("stopping"));
    source.addEventListener("busy", () => this.turn("busy"));
    this.younger.clear();
    this.tabs.postMessage({ tab, open: true });
    this.watch();
  }

  received(name, event) {
    this.heard = Date.now();
    this.failures = 0;
    this.owner.take(name, JSON.parse(event.data));
    if (this.state !== "open") this.turn("open");
  }

  turn(state) {
    if (state === "open") this.heard = Date.now();
    if (state === this.state) return;
    this.state = state;
    this.owner.changed();
  }

  /** readyState 2 is final: not a stream, so ask what became of the run and make a new one after a while. */
  lost() {
    if (this.state === "open" || this.state === "connecting") this.turn("reconnecting");
    if (this.source?.readyState === EventSource.CLOSED) this.again();
  }

  /** Full jitter: anything between nothing and the doubled delay, so that returning tabs spread out. */
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
      const detail = await get(`managers/${part(this.id)}`);
      if (detail.last_seq - this.owner.position() > FAR) this.owner.take("snapshot", detail);
      return true;
    } catch ({ status }) {
      return status !== 404; // not reachable: no word about the run
    }
  }

  /** A machine that slept has a connection that is dead and does not know it. */
  watch() {
    const then = Date.now();
    later("watchdog", 5_000, () => {
      if (this.silence() < SILENCE && Date.now() - then < 15_000) return this.watch();
      this.turn("reconnecting");
      return this.again();
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

  /** A tab that nobody looks at gives its connection back. */
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
