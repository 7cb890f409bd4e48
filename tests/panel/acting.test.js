/** Is what was typed into a form sent as it should be, and which keywords do documents share? */
import assert from "node:assert/strict";
import { test } from "node:test";

import { changes } from "../../static/actions.js";
import { frequent } from "../../static/steps.js";

test("only changed parameters are sent, as text", () => {
  const field = (name, value, text) => ({ name, value, text });
  assert.deepEqual(changes([
    field("same", 3, "3"), field("flag", true, "true"), field("list", ["a"], '["a"]'), field("text", "", ""),
  ]), {});
  assert.deepEqual(changes([
    field("number", 3, "4.5"), field("flag", true, "false"), field("list", ["a"], '["b", 1]'), field("table", {}, "{"),
    field("text", "a", ""),
  ]), { number: "4.5", flag: "false", list: '["b", 1]', table: "{", text: "" });
});

test("keywords that documents share come with how many they are, most frequent first", () => {
  const document = (...words) => ({ metadata: { agent: { keywords: words.map((keyword) => ({ keyword })) }, other: 1 } });
  assert.deepEqual(frequent([document("a", "b", "b"), document("b", "c"), document("a", "b"), {}]), [["b", 3], ["a", 2]]);
});
