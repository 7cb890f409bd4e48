/** Are the lines in sight fetched by range, few of them kept, and a filtered log as right as a whole one? */
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { Log } from "../../static/log.js";

const LEVELS = ["debug", "info", "warning", "error"];
let lines; // of the service
let asked;
let down;
let stops;

const write = (n, level = "info") => {
  for (let i = 0; i < n; i++) {
    const number = lines.length + 1;
    lines.push({ seq: number * 2, line_number: number, level, job_id: `s.${number % 3}`, message: `line ${number}` });
  }
  return lines.at(-1);
};

/** The service's answers, from the addresses alone. */
function answer({ pathname, searchParams }) {
  const wanted = Object.fromEntries(searchParams);
  const found = lines.filter(({ level, job_id: job, line_number: number }) =>
    LEVELS.indexOf(level) >= LEVELS.indexOf(wanted.level ?? "debug") && job === (wanted.job ?? job)
    && number >= (wanted.line ?? 1));
  if (pathname.endsWith("/log/pages")) {
    // Pages begin where the service can count from: before their first line, and have no more than they may.
    const at = (before) => ({ before, line: before ? found[before - 1].line_number + 1 : 1 });
    const pages = found.flatMap((_, i) => (i % 200 === 0 ? [at(i)] : []));
    return { total: found.length, pages, last_seq: lines.length * 2 };
  }
  return { items: found.slice(0, wanted.limit) };
}

beforeEach(() => {
  lines = [];
  asked = [];
  down = false;
  stops = [];
  globalThis.document = { baseURI: "http://host/below/" };
  globalThis.fetch = async (url, { signal }) => {
    if (down) throw new TypeError("no");
    stops.push(signal);
    asked.push(String(url).replace("http://host/below/managers/m%201/log", ""));
    return Response.json(answer(url));
  };
});

const settle = async () => {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
};
const state = (n) => ({ lines: n, levels: {} });
const seen = (log, from, to) => Array.from({ length: to - from }, (_, i) => log.at(from + i)?.line_number);
const numbers = (from, to) => Array.from({ length: to - from }, (_, i) => from + i + 1);

test("only the pages of the lines in sight are fetched, each once", async () => {
  write(100_000);
  const log = new Log("m 1", "a", () => {});
  log.grow(state(100_000));
  assert.deepEqual([log.count, log.at(99_999)], [100_000, undefined]);
  log.want(99_950, 100_000);
  log.want(99_950, 100_000);
  await settle();
  assert.deepEqual(seen(log, 99_950, 100_000), numbers(99_950, 100_000));
  assert.deepEqual(asked, [`?step=a&line=${390 * 256 + 1}&limit=256&format=json`]);
  log.want(250, 260);
  await settle();
  assert.deepEqual(seen(log, 250, 260), numbers(250, 260));
  assert.equal(asked.length, 3);
});

test("what is in sight is read before what is near, and what is neither any more is not waited for", async () => {
  write(100_000);
  const log = new Log("m 1", "a", () => {});
  log.grow(state(100_000));
  const begun = () => asked.splice(0).map((url) => (Number(new URLSearchParams(url).get("line")) - 1) / 256);
  log.want(5_000, 5_020);
  assert.deepEqual(begun(), [19]);
  await settle();
  log.want(5_000, 5_020);
  assert.deepEqual(begun(), [18, 20]);
  const near = [...stops];
  log.want(90_000, 90_020);
  assert.deepEqual(begun(), [351]);
  assert.deepEqual(near.map(({ aborted }) => aborted), [false, true, true], "the first had come");
  await settle();
  assert.deepEqual(seen(log, 90_000, 90_020), numbers(90_000, 90_020));
});

test("however much is looked at and written, few lines are kept, and those in sight are", async () => {
  write(50_000);
  const log = new Log("m 1", "a", () => {});
  log.grow(state(50_000));
  for (let from = 0; from < 20_000; from += 100) {
    log.want(from, from + 100);
    await settle();
    assert.deepEqual(seen(log, from, from + 100), numbers(from, from + 100));
  }
  for (let i = 0; i < 20_000; i++) {
    log.push(write(1));
    if (i % 100 === 0) log.want(0, 50);
  }
  await settle();
  assert.deepEqual(seen(log, 0, 50), numbers(0, 50));
  assert.deepEqual(seen(log, 69_990, 70_000), numbers(69_990, 70_000), "and those that came last");
  assert.ok(log.pages.size <= 24);
  assert.equal(log.count, 70_000);
});

test("a filtered log has the lines that pass, also those that are written while it is asked for", async () => {
  for (let i = 0; i < 1_000; i++) {
    write(9);
    write(1, i % 2 ? "error" : "warning");
  }
  const log = new Log("m 1", "a", () => {});
  log.grow(state(10_000));
  log.filter("warning", null);
  log.push(write(1, "error"));
  await settle();
  log.push(write(1, "info"));
  log.push(write(1, "warning"));
  assert.equal(log.count, 1_002);
  log.want(0, 1_002);
  await settle();
  const passing = lines.filter(({ level }) => level !== "info").map(({ line_number: number }) => number);
  assert.deepEqual(seen(log, 0, 1_002), passing);
  log.filter(null, "s.1");
  await settle();
  log.want(0, 100);
  await settle();
  assert.deepEqual(seen(log, 0, 3), [1, 4, 7]);
  log.filter(null, null);
  assert.equal(log.count, 10_000);
});

test("a service that does not answer is asked again, a line that is not kept only once", async () => {
  write(300);
  const kept = lines.splice(0, 10);
  assert.equal(kept.length, 10);
  const log = new Log("m 1", "", () => log.want(0, 20));
  log.grow(state(300));
  down = true;
  log.want(0, 20);
  await settle();
  assert.equal(log.at(15), undefined);
  down = false;
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  await settle();
  assert.deepEqual([log.at(9), log.at(10).line_number], [null, 11]);
  assert.deepEqual(asked, ["?line=1&limit=256&format=json"], "no step: the run's own lines");
  log.want(0, 20);
  await settle();
  assert.equal(asked.length, 1);
});
