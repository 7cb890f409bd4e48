/** Are bars where they belong, is concurrency counted right, and does the past begin with nothing? */
import assert from "node:assert/strict";
import { test } from "node:test";

import { atOnce, rows, ticks } from "../../static/timeline.js";
import { beginning, emptyTree, fold } from "../../static/tree.js";

const at = (ms) => new Date(1_800_000_000_000 + ms).toISOString();
const time = (ms) => 1_800_000_000_000 + ms;
const job = (id, from, to, more) => [id, {
  id, tag: id, step: "a", name: "f", status: to === null ? "running" : "completed", started_at: from === null ? null : at(from),
  finished_at: to === null ? null : at(to), ...more,
}];

test("each step is followed by its worker jobs in the order of starting, as they were at that time", () => {
  const steps = [
    { name: "a", status: "running", started_at: at(0), finished_at: null },
    { name: "b", status: "pending", started_at: null, finished_at: null },
  ];
  const jobs = new Map([job("2", 30, null), job("1", 10, 20), job("3", 90, null), job("4", null, null), ["5", { step: "b" }]]);
  const shown = rows(steps, jobs, time(50));
  assert.deepEqual(shown.map(({ id }) => id), ["step a", "1", "2", "step b"]);
  assert.deepEqual(shown.map(({ from, to }) => from && [from - time(0), to - time(0)]), [[0, 50], [10, 20], [30, 50], null]);
  assert.deepEqual(rows(steps, jobs, time(15)).map(({ id, status }) => [id, status])[1], ["1", "running"], "it ran then");
  assert.equal(rows(steps, new Map([job("1", null, 40, { duration: 0.03 })]), time(50))[1].from, time(10), "only its end was seen");
  const cancelled = job("1", null, 40, { status: "cancelled", duration: null });
  assert.equal(rows(steps, new Map([cancelled]), time(50))[1].id, "step b", "cancelled while pending, it never started");
});

test("worker jobs that took more than twice as long as most are slow, and come first where asked", () => {
  const steps = [{ name: "a", status: "completed", started_at: at(0), finished_at: at(900) }];
  const jobs = new Map([job("1", 0, 100), job("2", 0, 110), job("3", 0, 90), job("4", 0, 300)]);
  assert.deepEqual(rows(steps, jobs, time(900)).filter(({ slow }) => slow).map(({ id }) => id), ["4"]);
  assert.deepEqual(rows(steps, jobs, time(900), true).map(({ id }) => id), ["step a", "4", "2", "1", "3"]);
});

test("jobs that follow each other run one at a time, and the most at once is exact", () => {
  const spans = (...pairs) => pairs.map(([from, to]) => ({ from, to }));
  assert.equal(atOnce(spans([0, 50], [50, 100]), 0, 100).most, 1);
  assert.equal(atOnce(spans([0, 60], [50, 100], [55, 56]), 0, 100).most, 3);
  assert.equal(atOnce([], 0, 100).most, 0);
  const { running } = atOnce(spans([0, 50], [25, 100]), 0, 100);
  assert.deepEqual([running[10], running[60], running[120]], [1, 2, 1]);
});

test("ten thousand worker jobs are a matter of milliseconds", () => {
  const steps = [{ name: "a", status: "running", started_at: at(0), finished_at: null }];
  const jobs = new Map(Array.from({ length: 10_000 }, (_, i) => job(String(i), i, i % 7 ? i + 40 : null)));
  const begun = performance.now();
  assert.equal(rows(steps, jobs, time(20_000)).length, 10_001);
  assert.ok(performance.now() - begun < 2_000);
});

test("the axis has round times, eight steps at most", () => {
  assert.deepEqual(ticks(3_900), [0, 500, 1000, 1500, 2000, 2500, 3000, 3500]);
  for (const whole of [1, 7, 8, 9, 999, 12_345, 3_600_000, 86_400_000]) {
    assert.ok(ticks(whole).length <= 9, String(whole));
    assert.ok(ticks(whole).at(-1) <= whole);
  }
});

test("before its first row a run has its steps and nothing has happened; its rows lead to where it is", () => {
  const row = (seq, event, data) => [event, { seq, event, created_at: at(seq), ...data }];
  const told = [
    row(1, "job_status", { job_type: "manager", status: "running", attempt: 1 }),
    row(2, "job_status", { job_type: "step", step_name: "a", status: "running", attempt: 1 }),
    row(3, "step_progress", { step_name: "a", status: "running", total_jobs: 2, completed_jobs: 1 }),
    row(4, "job_status", { job_type: "step", step_name: "a", status: "failed", attempt: 1, reason: "no" }),
  ];
  const present = fold(emptyTree("x"), "snapshot", { id: "x", name: "X", status: "pending", last_seq: 0, steps: [{ name: "a", type: "t" }, { name: "b" }] });
  for (const [event, data] of told) fold(present, event, data);
  const past = beginning(present);
  assert.equal(past.manager.name, "X");
  assert.deepEqual([...past.steps.values()].map(({ name, status, lines }) => [name, status, lines]), [["a", "pending", 0], ["b", "pending", 0]]);
  for (const [event, data] of told.slice(0, 3)) fold(past, event, data);
  assert.equal(past.steps.get("a").status, "running");
  fold(past, ...told[3]);
  assert.deepEqual(past.steps.get("a"), present.steps.get("a"));
});
