/** Does the badge say how fresh the picture is, and no more than is known? */
import assert from "node:assert/strict";
import { test } from "node:test";

globalThis.document = { querySelector: () => ({}) };
const { badge } = await import("../../static/connection.js");

const stream = (state, seconds = 0) => ({ state, heard: Date.now() - 1000 * seconds, silence: () => 1000 * seconds });
const text = (...of) => badge({ receipt: null }, ...of).text;

test("rows come as they are written, or from some time ago", () => {
  assert.equal(text(stream("open"), false), "live");
  assert.equal(text(stream("open"), true), "catching up");
});

test("a connection that is lost is said at once, and since when after a while", () => {
  assert.equal(text(stream("reconnecting", 1)), "reconnecting");
  assert.match(text(stream("reconnecting", 11)), /^reconnecting · stale since \d\d:\d\d:\d\d$/);
  assert.match(text(stream("paused", 40)), /^paused · stale since \d\d:\d\d:\d\d$/);
});

test("a receipt says whether it is all", () => {
  const receipt = { complete: true, received: 1412, total: 1412 };
  assert.equal(badge({ receipt }, stream("open")).text, "complete: 1,412 of 1,412 lines");
  const part = badge({ receipt: { ...receipt, complete: false, received: 1400 } }, stream("reconnecting", 60));
  assert.deepEqual([part.kind, part.text], ["bad", "incomplete: 1,400 of 1,412 lines"]);
});
