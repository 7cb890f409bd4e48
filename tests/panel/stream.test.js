/** Does the connection come back by itself, from the right row, and without a timer left behind? */
import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";

import { Stream } from "../../static/stream.js";

class FakeSource extends EventTarget {
  static CLOSED = 2;
  static made = [];
  readyState = 0;
  constructor(url) {
    super();
    this.url = String(url);
    FakeSource.made.push(this);
  }
  close() {
    this.readyState = 2;
  }
  send(name, data = {}) {
    this.dispatchEvent(Object.assign(new Event(name), { data: JSON.stringify(data) }));
  }
  fail({ final }) {
    this.readyState = final ? 2 : 0;
    this.onerror();
  }
}

let status;
let opened;
const settle = () => new Promise((resolve) => setImmediate(resolve));

function start() {
  const taken = [];
  const states = [];
  const owner = { seq: 0, position: () => owner.seq, take: (event, data) => {
    taken.push(event);
    owner.seq = data.seq ?? owner.seq;
  }, changed: () => states.push(stream?.state) };
  let stream;
  stream = opened = new Stream("m 1", owner);
  return { stream, taken, states, owner, source: () => FakeSource.made.at(-1) };
}

afterEach(() => {
  opened.close();
  mock.timers.reset();
});

beforeEach(() => {
  mock.timers.enable({ apis: ["setTimeout", "Date"] });
  FakeSource.made = [];
  status = 200;
  globalThis.EventSource = FakeSource;
  globalThis.document = { baseURI: "http://host/below/" };
  globalThis.fetch = async () => ({ status });
});

test("the first connection asks for every row, relative to the page", () => {
  const { source } = start();
  assert.equal(source().url, "http://host/below/managers/m%201/events");
});

test("an answer that is no stream closes an EventSource for good: a new one goes on after the last row", async () => {
  const { stream, source } = start();
  source().onopen();
  source().send("job_log", { seq: 41 });
  source().fail({ final: true });
  assert.equal(stream.state, "reconnecting");
  mock.timers.tick(3_000);
  await settle();
  assert.equal(FakeSource.made.length, 2);
  assert.match(source().url, /\?after=41$/);
});

test("the browser's own reconnecting is left to the browser", () => {
  const { stream, source } = start();
  source().onopen();
  source().fail({ final: false });
  assert.equal(stream.state, "reconnecting");
  mock.timers.tick(20_000);
  assert.equal(FakeSource.made.length, 1);
  source().send("ping");
  assert.equal(stream.state, "open");
});

test("the delay grows with every failure, at most to half a minute, and is jittered", async () => {
  mock.method(Math, "random", () => 1);
  const { source } = start();
  const delays = [];
  for (let i = 0; i < 8; i++) {
    source().fail({ final: true });
    const [before, at] = [FakeSource.made.length, Date.now()];
    while (FakeSource.made.length === before) {
      mock.timers.tick(100);
      await settle();
    }
    delays.push(Math.floor((Date.now() - at) / 1000));
  }
  mock.restoreAll();
  assert.deepEqual(delays.slice(0, 4), [1, 2, 4, 9]);
  assert.ok(delays.every((delay) => delay <= 34), String(delays));
});

test("45 seconds of silence are a dead connection", async () => {
  const { source } = start();
  source().onopen();
  mock.timers.tick(30_000);
  source().send("ping");
  for (let i = 0; i < 40; i++) mock.timers.tick(1_000);
  assert.equal(FakeSource.made.length, 1, "a ping is a sign of life");
  for (let i = 0; i < 15; i++) mock.timers.tick(1_000);
  await settle();
  assert.equal(FakeSource.made[0].readyState, 2);
  assert.equal(FakeSource.made.length, 2);
});

test("after end nothing reconnects", async () => {
  const { stream, source, taken } = start();
  source().send("end", {});
  assert.deepEqual([stream.state, taken, source().readyState], ["ended", ["end"], 2]);
  stream.wake();
  for (let i = 0; i < 30; i++) mock.timers.tick(10_000);
  await settle();
  assert.equal(FakeSource.made.length, 1);
});

test("a run that is gone is not asked for again", async () => {
  const { stream, source } = start();
  status = 404;
  source().fail({ final: true });
  mock.timers.tick(3_000);
  await settle();
  assert.equal(stream.state, "gone");
  assert.equal(FakeSource.made.length, 1);
});

test("a hidden tab gives the connection back and resumes by id", () => {
  const { stream, source } = start();
  source().send("job_log", { seq: 7 });
  stream.pause();
  assert.deepEqual([stream.state, source().readyState], ["paused", 2]);
  stream.wake();
  assert.match(source().url, /\?after=7$/);
});

test("closed while it waits to reconnect: it stays closed", async () => {
  const { stream, source } = start();
  let answer;
  globalThis.fetch = () => new Promise((resolve) => (answer = resolve));
  source().fail({ final: true });
  mock.timers.tick(3_000);
  stream.close();
  answer({ status: 200 });
  await settle();
  assert.equal(FakeSource.made.length, 1);
});

test("bye and busy are told, and last until the stream is open again", () => {
  const { stream, source } = start();
  source().onopen();
  source().send("bye");
  source().fail({ final: false });
  assert.equal(stream.state, "stopping");
  source().onopen();
  source().send("busy");
  assert.equal(stream.state, "busy");
  source().send("job_log", { seq: 1 });
  assert.equal(stream.state, "open");
});
