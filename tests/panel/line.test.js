/** Do colour codes become colours, and everything else text? */
import assert from "node:assert/strict";
import { test } from "node:test";

class Element {
  constructor() {
    Object.assign(this, { style: { setProperty() {} }, attributes: {}, children: [] });
  }
  setAttribute(name, value) {
    this.attributes[name] = value;
  }
  addEventListener() {}
  append(...children) {
    this.children.push(...children);
  }
}
globalThis.document = { createElement: () => new Element() };
const { coloured } = await import("../../static/page.js");

const shown = (text) => coloured(text).map((node) => (typeof node === "string" ? node
  : [node.children.join(""), node.attributes.class ?? "", node.style.color ?? "", node.style.background ?? ""]));
const mixed = (color) => `color-mix(in oklab, ${color} 78%, var(--text))`;

test("text without codes is one node, control characters can be seen", () => {
  assert.deepEqual(shown("a <b>\tc"), ["a <b>\tc"]);
  assert.deepEqual(shown("a\0\x07\x7fz"), ["a␀␇␡z"]);
  assert.deepEqual(shown(""), []);
});

const themed = (hue, bright = 0) => `light-dark(oklch(${0.5 + bright} .15 ${hue}), oklch(${0.78 + bright} .12 ${hue}))`;

test("16 colours are the theme's, 256 and direct ones are mixed with its text", () => {
  assert.deepEqual(shown("a\x1b[31mred\x1b[0m b"), ["a", ["red", "", mixed(themed(25)), ""], " b"]);
  assert.deepEqual(shown("\x1b[1;92mx\x1b[22;39my"), [["x", "bold", mixed(themed(150, 0.08)), ""], "y"]);
  assert.deepEqual(shown("\x1b[38;5;208mx"), [["x", "", mixed("rgb(255 135 0)"), ""]]);
  assert.deepEqual(shown("\x1b[38;5;244;4mx"), [["x", "underline", mixed("rgb(128 128 128)"), ""]]);
  assert.deepEqual(shown("\x1b[38;2;1;2;3mx"), [["x", "", mixed("rgb(1 2 3)"), ""]]);
  assert.deepEqual(shown("\x1b[37;44mx"), [["x", "", "var(--text)", themed(265)]]);
  assert.deepEqual(shown("\x1b[7mx\x1b[27my"), [["x", "", "var(--page)", "var(--text)"], "y"]);
});

test("all other codes are left out, broken ones can be seen, and none of them is dangerous", () => {
  assert.deepEqual(shown("\x1b[2K\x1b[1;1Hx\x1b]8;;http://evil\x07link\x1b]8;;\x07"), ["x", "link"]);
  assert.deepEqual(shown("\x1b[38;5;999mx")[0][0], "x");
  assert.deepEqual(shown("\x1b[31;\x01z"), ["␛[31;␁z"]);
  const start = performance.now();
  coloured(`\x1b[${"1;".repeat(8_000)}`);
  coloured(`\x1b]${"x".repeat(16_000)}`.repeat(2));
  assert.ok(performance.now() - start < 1_000);
});
