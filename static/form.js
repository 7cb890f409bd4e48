/** How are the parameters of a definition filled in? A field for each, of the type of its default. */
import { h } from "./dom.js";

/** @returns the fields, and `changed`: what differs from the defaults, as JSON takes it */
export function form(params) {
  const fields = Object.entries(params ?? {}).map(([name, value]) => ({ name, value, input: input(name, value) }));
  return {
    labels: fields.map(({ name, value, input }) =>
      h("label", { title: `default: ${shown(value) || "empty"}` }, h("span", {}, name), input)),
    changed: () => changes(fields.map(({ name, value, input }) =>
      ({ name, value, text: typeof value === "boolean" ? String(input.checked) : input.value }))),
  };
}

function input(name, value) {
  const common = { name, autocomplete: "off", spellcheck: "false" };
  if (typeof value === "boolean") return h("input", { ...common, type: "checkbox", checked: value });
  if (typeof value === "number") return h("input", { ...common, type: "number", step: "any", value });
  if (typeof value === "string" && !value.includes("\n")) return h("input", { ...common, type: "text", value });
  const text = h("textarea", { ...common, rows: Math.min(6, shown(value).split("\n").length + 1) });
  text.value = shown(value);
  return text;
}

const shown = (value) => (typeof value === "string" ? value : JSON.stringify(value));

/** Only what was changed is sent; lists and tables as JSON, the rest as text, which the service reads as its type. */
export function changes(fields) {
  const params = {};
  for (const { name, value, text } of fields) {
    if (text !== shown(value)) params[name] = typeof value === "object" ? parsed(text) : text;
  }
  return params;
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text; // the service says what it expected
  }
}
