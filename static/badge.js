/** What is the picture worth right now? In words: how the connection stands, and in the end the receipt. */
import { clockTime, count, plural } from "./format.js";

const LOST = {
  connecting: "connecting", waiting: "waiting: many tabs are open", paused: "paused", reconnecting: "reconnecting",
  stopping: "service is stopping, reconnecting", busy: "service is busy, trying again",
};

/** @param {boolean} behind rows of the past are coming */
export function badge({ receipt }, stream, behind) {
  if (receipt) {
    const lines = `${count(receipt.received)} of ${plural(receipt.total, "line")}`;
    const title = "Lines that this page accounts for, of those in the log. It counts each line that comes and takes over "
      + "what the service counted before; lines out of sight are read when they come into sight.";
    if (receipt.complete) return { kind: "good", text: `complete: ${lines}`, title };
    return { kind: "bad", text: `incomplete: ${lines}`, title };
  }
  if (stream.state !== "open") {
    const stale = stream.silence() > 10_000 ? ` · stale since ${clockTime(stream.heard)}` : "";
    return { kind: stream.state in { connecting: 0, paused: 0 } ? "" : "bad", text: LOST[stream.state] + stale };
  }
  return behind ? { kind: "", text: "catching up" } : { kind: "live", text: "live" };
}
