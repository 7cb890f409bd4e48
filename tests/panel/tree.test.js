/** Do rows add up to the same tree whichever way they arrive? */
import assert from "node:assert/strict";
import { test } from "node:test";

import { emptyTree, fold, tag } from "../../static/tree.js";

/** A log being written: each call appends a row with the next seq, as the service does. */
function log() {
  const rows = [];
  const numbers = {};
  const add = (event, fields) => {
    const seq = rows.length + 1;
    const created_at = new Date(Date.UTC(2026, 0, 1, 12, 0, seq)).toISOString();
    rows.push({ seq, event, manager_id: "m", created_at, ...fields });
  };
  const place = (step, job, parent = step) => ({
    ...(step && { step_id: step, step_name: step }),
    ...(job && { job_id: job, parent_id: parent, attempt: 1 }),
  });
  return {
    rows,
    line: (step, message, { level = "info", job, parent } = {}) => {
      numbers[step] = (numbers[step] ?? 0) + 1;
      add("job_log", { ...place(step, job, parent), level, message, line_number: numbers[step], originator: "step" });
    },
    step: (step, status, more = {}) => add("job_status", { ...place(step), job_type: "step", name: step, status, ...more }),
    worker: (step, job, status, parent, more = {}) =>
      add("job_status", { ...place(step, job, parent), job_type: "worker", name: "f", status, ...more }),
    manager: (status, more = {}) => add("job_status", { job_type: "manager", name: "d", status, ...more }),
    progress: (step, counts) => add("step_progress", { ...place(step), status: "running", ...counts }),
    total: (counts) => add("manager_progress", { status: "running", ...counts }),
    other: (event) => add(event, place("a")),
  };
}

const replay = (rows, tree = emptyTree("m")) => rows.reduce((all, row) => fold(all, row.event, row), tree);

function smallRun() {
  const run = log();
  run.manager("pending");
  run.manager("running");
  run.line("", "started");
  run.step("a", "running");
  run.worker("a", "j1", "pending");
  run.worker("a", "j1", "running");
  run.line("a", "first", { job: "j1" });
  run.progress("a", { total_jobs: 1, running_jobs: 1, completed_jobs: 0, progress_text: "0 pending, 1 running" });
  run.line("a", "second\nwith a break", { level: "error", job: "j1" });
  run.worker("a", "j1", "completed");
  run.progress("a", { total_jobs: 1, running_jobs: 0, completed_jobs: 1, progress_text: "0 pending, 0 running" });
  run.step("a", "completed", { duration: 1.5 });
  run.step("b", "running");
  run.line("b", "other step");
  run.step("b", "failed", { duration: 0.5, reason: "boom" });
  run.total({ total_steps: 2, completed_steps: 1, failed_steps: 1, total_jobs: 1 });
  run.manager("failed", { duration: 2.5, reason: "step b failed" });
  return run;
}

const detail = (last_seq, steps, more = {}) => ({
  id: "m", definition: "d", name: "D", toml: "id = 'd'", params: { n: 1 }, status: "running", last_seq, steps, ...more,
});

test("statuses follow the rows in order, with their times", () => {
  const run = log();
  const seen = [];
  let tree = emptyTree("m");
  for (const status of ["pending", "running", "completed_with_warnings"]) {
    run.step("a", status, status === "completed_with_warnings" ? { duration: 1.25, reason: "1 failed" } : {});
    tree = replay(run.rows.slice(-1), tree);
    const { status: now, started_at: started, finished_at: finished, duration, reason } = tree.steps.get("a");
    seen.push([now, started !== null, finished !== null, duration, reason]);
  }
  assert.deepEqual(seen, [
    ["pending", false, false, null, null],
    ["running", true, false, null, null],
    ["completed_with_warnings", true, true, 1.25, "1 failed"],
  ]);
});

test("lines are counted by step and level, the manager's own and those of the whole run", () => {
  const { steps, own, manager } = replay(smallRun().rows);
  const [a, b] = steps.values();
  assert.deepEqual([a.lines, b.lines, own.lines, manager.lines], [2, 1, 1, 4]);
  assert.deepEqual([a.levels.info, a.levels.error, b.levels.info, b.levels.error], [1, 1, 1, 0]);
  assert.deepEqual(manager.levels, { debug: 0, info: 3, warning: 0, error: 1 });
});

test("a batch is its rows", () => {
  const { rows } = smallRun();
  assert.deepEqual(fold(fold(emptyTree("m"), "rows", rows.slice(0, 7)), "rows", rows.slice(7)), replay(rows));
});

test("counts are those of the last progress row", () => {
  const tree = replay(smallRun().rows);
  assert.deepEqual(tree.steps.get("a").counts, { total_jobs: 1, running_jobs: 0, completed_jobs: 1 });
  assert.equal(tree.manager.counts.failed_steps, 1);
});

test("rows that were there before change nothing, from whichever row they are sent again", () => {
  const { rows } = smallRun();
  const whole = replay(rows);
  for (let cut = 0; cut <= rows.length; cut++) {
    const first = replay(rows.slice(0, cut));
    assert.deepEqual(replay(rows.slice(Math.max(0, cut - 5)), first), whole, `resumed after ${cut}`);
  }
});

test("a snapshot at any moment, followed by every row, ends at the same state", () => {
  const { rows } = smallRun();
  const whole = replay(rows);
  for (const at of [0, 5, 9, rows.length]) {
    const then = replay(rows.slice(0, at));
    const shown = ({ counts, levels, ...facts }) => ({ ...facts, ...counts, log_counts: levels });
    const steps = ["a", "b", "c"].map((name) => shown(then.steps.get(name) ?? { name, status: "pending" }));
    const manager = shown(then.manager);
    const tree = replay(rows, fold(emptyTree("m"), "snapshot", { ...manager, ...detail(at, steps), ...manager }));
    for (const name of ["a", "b"]) {
      const [got, wanted] = [tree.steps.get(name), whole.steps.get(name)];
      const facts = ({ status, reason, duration, lines, levels }) => [status, reason, duration, lines, levels];
      assert.deepEqual(facts(got), facts(wanted));
    }
    assert.deepEqual([tree.own.lines, tree.manager.lines, tree.missing], [1, 4, 0]);
    assert.equal(tree.manager.status, "failed");
    assert.equal(tree.steps.get("c").status, "pending", "a step without a row is there from the start");
  }
});

test("rows up to the snapshot are history: they tell of worker jobs and leave state and counts alone", () => {
  const { rows } = smallRun();
  const log_counts = { debug: 0, info: 1, warning: 0, error: 1 };
  const steps = [{ name: "a", status: "completed", total_jobs: 1, log_counts }, { name: "b", status: "failed" }];
  let tree = fold(emptyTree("m"), "snapshot", detail(rows.length, steps, { status: "failed", log_counts }));
  for (const row of rows.slice(4)) {
    tree = fold(tree, row.event, row);
    assert.equal(tree.manager.status, "failed");
    assert.equal(tree.steps.get("a").status, "completed");
  }
  assert.deepEqual([tree.manager.lines, tree.steps.get("a").lines, tree.own.lines, tree.missing], [2, 2, 0, 0]);
  assert.equal(tree.jobs.get("j1").status, "completed");
});

test("the list of worker jobs tells what no row has told", () => {
  const run = log();
  run.worker("a", "s.1", "pending");
  run.worker("a", "s.1", "completed");
  const item = (id) => ({ job_id: id, step_name: "a", name: "f", status: "running", attempt: 1, reason: null, started_at: "…",
    progress: { done: 1, total: 2 } });
  const tree = fold(replay(run.rows), "jobs", [item("s.1"), item("s.12")]);
  assert.deepEqual([...tree.jobs.values()].map(({ tag, status, done }) => [tag, status, done]),
    [["1", "completed", null], ["12", "running", 1]]);
  assert.deepEqual([...tree.steps.get("a").working.keys()], ["s.12"]);
});

test("of very many worker jobs those that ended first are forgotten", () => {
  const run = log();
  run.worker("a", "s.0", "running");
  for (let i = 1; i < 6_000; i++) run.worker("a", `s.${i}`, "completed");
  const { jobs } = replay(run.rows);
  assert.deepEqual([jobs.size, jobs.has("s.0"), jobs.has("s.5999"), jobs.has("s.1")], [5_000, true, true, false]);
});

test("a snapshot that arrives late names the steps and does not turn the clock back", () => {
  const { rows } = smallRun();
  const tree = fold(replay(rows), "snapshot", detail(3, [{ name: "z", status: "pending" }, { name: "a", status: "pending", type: "agent" }]));
  assert.equal(tree.manager.status, "failed");
  assert.equal(tree.manager.name, "D");
  assert.equal(tree.steps.get("a").status, "completed");
  assert.equal(tree.steps.get("a").type, "agent");
  assert.deepEqual([...tree.steps.keys()], ["z", "a", "b"], "file order first");
});

test("a worker job is called by its number in its step, at the end of its id", () => {
  assert.deepEqual(["k3f7w9q2xa.2.17", null, undefined].map(tag), ["17", "", ""]);
});

test("after a reset nothing of before is left, and the rows from the first one on count again", () => {
  const { rows } = smallRun();
  const tree = fold(replay(rows), "reset", { last_seq: 3 });
  assert.deepEqual(tree, emptyTree("m"));
  assert.deepEqual(replay(rows, tree), replay(rows));
});

test("a gap is remembered once and moves the position", () => {
  const run = log();
  for (let i = 0; i < 9; i++) run.line("a", "…");
  const gap = (tree) => fold(tree, "gap", { from: 1, to: 6 });
  const tree = replay(run.rows.slice(6), gap(gap(emptyTree("m"))));
  assert.deepEqual(tree.gaps, [{ from: 1, to: 6 }]);
  assert.deepEqual([tree.steps.get("a").lines, tree.missing], [3, 0]);
});

test("the receipt compares the lines of the log with those that came", () => {
  const { rows } = smallRun();
  const end = { status: "failed", last_seq: rows.length, lines: { a: 2, b: 1, "": 1 }, total_lines: 4, sent_lines: 4 };
  assert.deepEqual(fold(replay(rows), "end", end).receipt, { total: 4, received: 4, complete: true });
  assert.equal(fold(replay(rows.filter(({ seq }) => seq !== 7)), "end", end).receipt.complete, false);
  assert.equal(fold(replay(rows.slice(0, -1)), "end", end).receipt.complete, false, "the last row is missing");
  const at = rows.length - 2;
  const counted = { debug: 0, info: 3, warning: 0, error: 1 };
  const late = fold(emptyTree("m"), "snapshot", detail(at, [], { log_counts: counted }));
  assert.equal(fold(replay(rows.slice(at), structuredClone(late)), "end", end).receipt.complete, true, "counted before by the service");
  assert.equal(fold(replay(rows.slice(-1), late), "end", end).receipt.complete, false, "a row is missing");
});

test("a retry after the end takes the receipt back", () => {
  const run = smallRun();
  let tree = fold(replay(run.rows), "end", { status: "failed", last_seq: run.rows.length, total_lines: 4 });
  run.manager("running", { attempt: 2 });
  tree = replay(run.rows.slice(-1), tree);
  assert.deepEqual([tree.manager.status, tree.manager.attempt, tree.receipt], ["running", 2, null]);
});

const far = (tree, step = "a") =>
  [...tree.steps.get(step).working].filter(([, { done }]) => done !== null).map(([id, { done, total }]) => [id, done, total]);
const said = (run, step, progress) => run.progress(step, { progress });

test("the progress of running worker jobs is known until each of them ends", () => {
  const run = log();
  let tree = emptyTree("m");
  const now = () => far((tree = replay(run.rows.slice(-1), tree)));
  for (const job of ["x", "y"]) {
    run.worker("a", job, "pending");
    now();
    run.worker("a", job, "running");
    now();
  }
  said(run, "a", { x: { done: 1, total: 4 }, y: { done: 7, total: null } });
  assert.deepEqual(now(), [["x", 1, 4], ["y", 7, null]]);
  said(run, "a", { x: { done: 2, total: 4 } });
  assert.deepEqual(now(), [["x", 2, 4], ["y", 7, null]]);
  run.line("a", "says nothing of progress", { job: "x" });
  run.progress("a", { total_jobs: 2 });
  assert.deepEqual(now(), [["x", 2, 4], ["y", 7, null]]);
  run.worker("a", "x", "completed");
  assert.deepEqual(now(), [["y", 7, null]]);
  said(run, "a", { x: { done: 4, total: 4 } }); // said before it ended, and written after
  assert.deepEqual(now(), [["y", 7, null]]);
  run.worker("a", "y", "pending", "a", { attempt: 2 }); // a try that will be repeated
  assert.deepEqual(now(), []);
  run.worker("a", "y", "running", "a", { attempt: 2 });
  assert.deepEqual(now(), []);
  said(run, "a", { y: { done: 1, total: 9 } });
  assert.deepEqual(now(), [["y", 1, 9]]);
  const { name, attempt, done, total } = tree.steps.get("a").working.get("y");
  assert.deepEqual([name, attempt, done, total], ["f", 2, 1, 9]);
  assert.deepEqual(far(replay(run.rows)), far(tree));
});

test("progress is in no snapshot, so rows before it tell of that as well", () => {
  const run = log();
  run.worker("a", "x", "pending");
  run.worker("a", "x", "running");
  said(run, "a", { x: { done: 3, total: 8 } });
  const steps = [{ name: "a", status: "running", lines: 0, total_jobs: 1 }];
  assert.deepEqual(far(replay(run.rows, fold(emptyTree("m"), "snapshot", detail(3, steps)))), [["x", 3, 8]]);
});

test("a retry opens the run, its step and its worker job again, in their next attempts", () => {
  const run = log();
  run.manager("running", { attempt: 1 });
  run.step("a", "running", { attempt: 1 });
  run.worker("a", "x", "pending");
  run.worker("a", "x", "running");
  run.progress("a", { total_jobs: 1, running_jobs: 1, eta_seconds: 3 });
  run.worker("a", "x", "failed");
  run.step("a", "failed", { attempt: 1, duration: 1.5, reason: "1 failed" });
  run.manager("failed", { attempt: 1, duration: 2.5, reason: "a failed" });
  let tree = fold(replay(run.rows), "end", { status: "failed", last_seq: run.rows.length, total_lines: 0 });
  assert.deepEqual([tree.manager.status, tree.receipt.complete], ["failed", true]);
  assert.equal(replay(run.rows.slice(0, 5)).steps.get("a").eta, 3);
  const seen = () => {
    tree = replay(run.rows.slice(-1), tree);
    return [tree.manager, tree.steps.get("a")].map((of) =>
      [of.status, of.attempt, of.started_at !== null, of.finished_at !== null, of.duration, of.reason, of.eta]);
  };
  const again = { attempt: 2, reason: "retried by a user" };
  run.manager("pending", again);
  assert.deepEqual(seen()[0], ["pending", 2, false, false, null, "retried by a user", null]);
  assert.equal(tree.receipt, null);
  run.step("a", "pending", again);
  assert.deepEqual(seen()[1], ["pending", 2, false, false, null, "retried by a user", null]);
  run.worker("a", "x", "pending", "a", again);
  seen();
  run.manager("running", { attempt: 2 });
  run.step("a", "running", { attempt: 2 });
  tree = replay(run.rows.slice(-2, -1), tree);
  assert.deepEqual(seen(), Array(2).fill(["running", 2, true, false, null, null, null]));
  run.line("a", "again", { job: "x" });
  run.step("a", "completed", { attempt: 2, duration: 0.5 });
  run.manager("completed", { attempt: 2, duration: 0.75 });
  tree = replay(run.rows.slice(-3, -1), tree);
  assert.deepEqual(seen().map(([status, , , finished, duration]) => [status, finished, duration]),
    [["completed", true, 0.75], ["completed", true, 0.5]]);
  assert.equal(tree.jobs.size, 1, "the worker job is the one of before");
  assert.deepEqual(tree.steps, replay(run.rows).steps);
});

test("unknown events and signals without meaning for the tree are ignored", () => {
  const run = smallRun();
  const tree = replay(run.rows);
  const before = structuredClone(tree);
  run.other("something_new");
  for (const event of ["ping", "bye", "busy", "something_new"]) fold(tree, event, run.rows.at(-1));
  assert.deepEqual(tree, before);
});
