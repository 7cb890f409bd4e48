/** Does the connection come back by itself, from the right row, and without a timer left behind? */
import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";

import { Stream } from "../../static/connection.js";

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

/** The other tabs of the browser: what this one says to them, and what it hears. */
class FakeChannel {
  static said = [];
  constructor() {
    FakeChannel.last = this;
  }
  postMessage({ open }) {
    FakeChannel.said.push(open);
  }
}

let status;
let opened;
let detail;
const settle = () => new Promise((resolve) => setImmediate(resolve));

function start() {
  const taken = [];
  const states = [];
  const owner = {
    seq: 0,
    position: () => owner.seq,
    take: (event, data) => {
      taken.push(event);
      owner.seq = data[0]?.seq ?? data.last_seq ?? owner.seq;
    },
    changed: () => states.push(stream?.state),
    gone: () => states.push("gone"),
  };
  const stream = (opened = new Stream(owner));
  stream.open("m 1");
  return { stream, taken, states, owner, source: () => FakeSource.made.at(-1) };
}

afterEach(() => {
  opened.pause();
  mock.timers.reset();
});

beforeEach(() => {
  mock.timers.enable({ apis: ["setTimeout", "Date"] });
  FakeSource.made = [];
  status = 200;
  detail = { last_seq: 0 };
  globalThis.BroadcastChannel = FakeChannel;
  globalThis.EventSource = FakeSource;
  globalThis.document = { baseURI: "http://host/below/" };
  globalThis.fetch = async () =>
    ({ status, ok: status < 400, headers: new Headers(), json: async () => structuredClone(detail) });
});

test("the first connection asks for the state and the last rows, relative to the page", () => {
  const { source } = start();
  assert.equal(source().url, "http://host/below/events?manager_id=m+1&batch=true&tail=500");
});

test("without a chosen run there are only the lists", () => {
  const { stream, source } = start();
  stream.open(null);
  assert.equal(source().url, "http://host/below/events");
});

test("an answer that is no stream closes an EventSource for good: a new one goes on after the last row", async () => {
  const { stream, source } = start();
  source().onopen();
  source().send("rows", [{ seq: 41 }]);
  source().fail({ final: true });
  assert.equal(stream.state, "reconnecting");
  mock.timers.tick(3_000);
  await settle();
  assert.equal(FakeSource.made.length, 2);
  assert.match(source().url, /&after=41$/);
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
  assert.ok(delays.every((delay) => delay <= 10), String(delays));
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

test("a machine that slept has a dead connection", async () => {
  const { source } = start();
  source().onopen();
  mock.timers.setTime(Date.now() + 30_000);
  for (let i = 0; i < 3; i++) mock.timers.tick(1_000);
  await settle();
  assert.equal(FakeSource.made[0].readyState, 2);
  assert.equal(FakeSource.made.length, 2);
});

test("the end of the run leaves the stream open", async () => {
  const { stream, source, taken } = start();
  source().send("end", {});
  assert.deepEqual([stream.state, taken, source().readyState], ["open", ["end"], 0]);
});

test("a run that is gone is told, once", async () => {
  const { states, source } = start();
  status = 404;
  source().fail({ final: true });
  mock.timers.tick(3_000);
  await settle();
  assert.equal(states.at(-1), "gone");
  assert.equal(FakeSource.made.length, 1);
});

test("a hidden tab gives the connection back and resumes by id", async () => {
  const { stream, source } = start();
  source().send("rows", [{ seq: 7 }]);
  stream.pause();
  assert.deepEqual([stream.state, source().readyState], ["paused", 2]);
  stream.wake();
  await settle();
  assert.match(source().url, /&after=7$/);
});

test("what went on far without this tab is taken up at its end", async () => {
  const { stream, source, taken } = start();
  source().send("rows", [{ seq: 7 }]);
  stream.pause();
  detail = { last_seq: 1_000_000 };
  stream.wake();
  await settle();
  assert.deepEqual(taken, ["rows", "snapshot"]);
  assert.match(source().url, /&after=1000000$/);
});

test("beside five younger streams a tab lets go, and comes again", async () => {
  const { stream, source } = start();
  const say = (tab, open) => FakeChannel.last.onmessage({ data: { tab, open } });
  for (const tab of [1, 2, 3, 4, 4]) say(tab, true);
  say(4, false);
  say(5, true);
  assert.equal(source().readyState, 0);
  say(6, true);
  assert.deepEqual([stream.state, source().readyState, FakeChannel.said.at(-1)], ["waiting: many tabs are open", 2, false]);
  mock.timers.tick(3_000);
  await settle();
  assert.deepEqual([FakeSource.made.length, FakeChannel.said.at(-1)], [2, true]);
});

test("closed while it waits to reconnect: it stays closed", async () => {
  const { stream, source } = start();
  let answer;
  globalThis.fetch = () => new Promise((resolve) => (answer = resolve));
  source().fail({ final: true });
  mock.timers.tick(3_000);
  stream.pause();
  answer({ status: 200, ok: true, headers: new Headers(), json: async () => detail });
  await settle();
  assert.equal(FakeSource.made.length, 1);
});

test("bye and busy are told, and last until the stream is open again", () => {
  const { stream, source } = start();
  source().onopen();
  source().send("bye");
  source().fail({ final: false });
  assert.equal(stream.state, "service is stopping, reconnecting");
  source().onopen();
  source().send("busy");
  assert.equal(stream.state, "service is busy, trying again");
  source().send("rows", [{ seq: 1 }]);
  assert.equal(stream.state, "open");
});
