/** Is what was typed into a form sent as it should be, and are errors found in their files? */
import assert from "node:assert/strict";
import { test } from "node:test";

import { frequent } from "../../static/lists.js";
import { changes, place } from "../../static/lists.js";

test("only changed parameters are sent; lists and tables as JSON, the rest as text", () => {
  const field = (name, value, text) => ({ name, value, text });
  assert.deepEqual(changes([
    field("same", 3, "3"), field("flag", true, "true"), field("list", ["a"], '["a"]'), field("text", "", ""),
  ]), {});
  assert.deepEqual(changes([
    field("number", 3, "4.5"), field("flag", true, "false"), field("list", ["a"], '["b", 1]'), field("table", {}, "{"),
    field("text", "a", ""),
  ]), { number: "4.5", flag: "false", list: ["b", 1], table: "{", text: "" });
});

const TOML = `id = "x"
tags = [
  "a",
]
[params]
at = [1]

[step.a]
type = "agent"
limit = 3 # [step.b]
 [ step . "b.c" ]
"type" = "web"
a.b = 1
`;

test("an error is at the line of its key, else of its table, else nowhere", () => {
  const lines = {
    "x.toml:3:4": 3, "x.toml id": 1, "x.toml tags[0]": 2, "x.toml params.at[0]": 6, "x.toml step.a": 8,
    "x.toml step.a.limit": 10, "x.toml step.a.missing": 8, 'x.toml step."b.c".type': 12, 'x.toml step."b.c"': 11,
    'x.toml step."b.c".a.b': 13,
  };
  for (const [where, line] of Object.entries(lines)) assert.equal(place(TOML, where)?.line, line, where);
  for (const where of ["x.toml", "x.toml nothing", "x.toml:99:1", ""]) assert.equal(place(TOML, where), null, where);
  assert.equal(place(TOML, "x.toml step.a.limit").text, "limit = 3 # [step.b]");
});

test("keywords that documents share come with how many they are, most frequent first", () => {
  const document = (...words) => ({ metadata: { agent: { keywords: words.map((keyword) => ({ keyword })) }, other: 1 } });
  assert.deepEqual(frequent([document("a", "b", "b"), document("b", "c"), document("a", "b"), {}]), [["b", 3], ["a", 2]]);
});
