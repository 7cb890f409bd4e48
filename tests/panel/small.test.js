/** Do addresses, durations and heights come out as they went in? */
import assert from "node:assert/strict";
import { test } from "node:test";

import { ahead, duration, elapsed, link, moment, parse, ticking } from "../../static/page.js";
import { Heights } from "../../static/lines.js";

test("an address names a run, a step and lines", () => {
  for (const place of [
    { id: "abc", step: null, lines: null },
    { id: "abc", step: "extract_keywords", lines: null },
    { id: "abc", step: "a step/with % signs", lines: { from: 40, to: 40 } },
    { id: "abc", step: "a", lines: { from: 40, to: 52 } },
    { id: "abc", step: "", lines: { from: 3, to: 3 } },
  ]) assert.deepEqual(parse(link(place.id, place.step, place.lines)), place);
});

test("an address that says nothing chooses nothing", () => {
  for (const hash of ["", "#", "#/", "#/managers", "#/managers/", "#/elsewhere/x"]) assert.equal(parse(hash).id, null, hash);
  assert.deepEqual(parse("#/managers/a/s/L9-L3").lines, { from: 3, to: 9 });
  assert.equal(parse("#/managers/a/s/Lx").lines, null);
  assert.equal(parse("#/managers/%E0%A4%A/s").id, "%E0%A4%A");
});

test("durations are as exact as one can read them", () => {
  const seconds = [0, 0.04, 4.26, 9.94, 12.9, 59.9, 65, 3599, 3600, 7380];
  assert.deepEqual(seconds.map((s) => duration(s)), ["0 ms", "40 ms", "4.3s", "9.9s", "12s", "59s", "1m 05s", "59m 59s", "1h 00m", "2h 03m"]);
  assert.equal(ticking(-3), "0s", "clocks differ");
});

test("what runs ticks, what ended stands, what has not begun shows nothing", () => {
  const start = "2026-01-01T00:00:00.000000Z";
  const now = Date.parse(start) + 5_900;
  assert.equal(elapsed({ status: "running", started_at: start, duration: null }, now), "5s");
  assert.equal(elapsed({ status: "completed", started_at: start, duration: 2.25 }, now), "2.3s");
  assert.equal(elapsed({ status: "pending", started_at: null, duration: null }, now), "");
  assert.equal(elapsed({ status: "interrupted", started_at: start, finished_at: start, duration: null }, now), "");
});

test("a moment has its date unless it is today's, and its year unless it is this one's", () => {
  const now = new Date(2026, 4, 17, 0, 5).getTime();
  assert.equal(moment(new Date(2026, 4, 17, 0, 1, 2), now), "00:01:02");
  assert.match(moment(new Date(2026, 4, 16, 23, 59, 58), now), /16.*, 23:59:58$/, "six minutes, but yesterday");
  assert.doesNotMatch(moment(new Date(2026, 4, 16), now), /2026/);
  assert.match(moment(new Date(2025, 4, 17, 0, 5), now), /2025/);
});

test("what is ahead is told by its largest unit", () => {
  const seconds = [-5, 0, 59, 60, 3599, 3600, 47.9 * 3600, 48 * 3600, 400 * 86_400];
  assert.deepEqual(seconds.map(ahead), ["within a minute", "within a minute", "within a minute", "in 1 min", "in 59 min",
    "in 1 h", "in 47 h", "in 2 days", "in 400 days"]);
});

test("the place of every line is the sum of the heights before it, also after corrections", () => {
  const heights = new Heights();
  heights.clear(20);
  heights.length = 1_000;
  const plain = Array(1_000).fill(20);
  for (let i = 0; i < 500; i++) {
    const at = (i * 31) % plain.length;
    plain[at] += 20 * (1 + (i % 4));
    assert.equal(heights.set(at, plain[at]), true);
    assert.equal(heights.set(at, plain[at]), false);
  }
  let top = 0;
  plain.forEach((height, i) => {
    assert.equal(heights.before(i), top);
    assert.equal(heights.at(top), i);
    assert.equal(heights.at(top + height - 1), i);
    top += height;
  });
  assert.equal(heights.total, top);
});
