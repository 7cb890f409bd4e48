/**
 * How do the rows of one run reach the panel and keep coming? The browser reconnects by itself as long as
 * the answers are streams; any other answer closes its EventSource for good, and a sleeping laptop or a proxy
 * can leave it open and silent. Both are noticed here and answered by a new one from the last row on.
 */
import { address, part } from "./api.js";
import { cancel, later } from "./clock.js";
import { ROWS } from "./tree.js";

const SILENCE = 45_000; // three of the service's pings
const FIRST_DELAY = 1_000;
const LONGEST_DELAY = 30_000;

export class Stream {
  /**
   * @param {string} id the manager
   * @param {{position: () => number, take: (event: string, data: object) => void,
   *          changed: () => void}} owner `position` is the last row folded so far
   */
  constructor(id, owner) {
    this.id = id;
    this.owner = owner;
    this.state = "connecting"; // open, reconnecting, stopping, busy, paused, ended, gone
    this.heard = Date.now();
    this.failures = 0;
    this.open();
  }

  open() {
    this.drop();
    if (this.state === "paused") this.turn("connecting");
    const url = address(`managers/${part(this.id)}/events`);
    if (this.owner.position() > 0) url.searchParams.set("after", this.owner.position());
    const source = (this.source = new EventSource(url));
    source.onopen = () => this.turn("open");
    source.onerror = () => this.lost();
    for (const name of [...ROWS, "snapshot", "gap", "reset", "end"]) {
      source.addEventListener(name, (event) => this.received(name, event));
    }
    source.addEventListener("ping", () => this.turn("open"));
    source.addEventListener("bye", () => this.turn("stopping"));
    source.addEventListener("busy", () => this.turn("busy"));
    this.watch();
  }

  received(name, event) {
    this.heard = Date.now();
    this.failures = 0;
    this.owner.take(name, JSON.parse(event.data));
    if (name === "end") this.close("ended");
    else if (this.state !== "open") this.turn("open");
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
    const delay = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** this.failures++);
    const turn = (this.retry = {});
    later("stream", 200 + Math.random() * delay, async () => {
      const exists = await this.exists();
      if (this.retry !== turn) return; // closed or opened otherwise in the meantime
      if (exists) this.open();
      else this.close("gone");
    });
  }

  async exists() {
    try {
      return (await fetch(address(`managers/${part(this.id)}`), { method: "HEAD" })).status !== 404;
    } catch {
      return true; // not reachable: no word about the run
    }
  }

  watch() {
    later("watchdog", 5_000, () => {
      if (this.silence() < SILENCE) return this.watch();
      this.turn("reconnecting");
      return this.again();
    });
  }

  silence() {
    return Date.now() - this.heard;
  }

  /** A tab that nobody looks at gives its connection back: browsers open only six to a host. */
  pause() {
    if (!this.finished()) this.close("paused");
  }

  /** The tab is looked at again, or the network is back. */
  wake() {
    if (this.finished()) return;
    if (this.state === "paused" || this.silence() > 20_000 || this.state === "reconnecting") this.open();
  }

  finished() {
    return this.state === "ended" || this.state === "gone";
  }

  close(state = "ended") {
    this.drop();
    this.turn(state);
  }

  drop() {
    this.source?.close();
    this.source = this.retry = null;
    cancel("stream");
    cancel("watchdog");
  }
}
