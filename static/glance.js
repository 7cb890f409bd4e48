/** What stands out in a run? How fast its lines come, and which errors it has, most frequent first. */
import { get, part } from "./api.js";
import { later } from "./clock.js";
import { h, keyed, s, setAttribute, setText } from "./dom.js";
import { count } from "./format.js";
import { link } from "./route.js";

export class Glance {
  constructor(id) {
    Object.assign(this, { id, path: `managers/${part(id)}`, known: {} });
    this.curve = s("path");
    this.peak = h("span", {});
    this.rate = h("span", { class: "rate quiet", hidden: true },
      s("svg", { viewBox: "0 0 120 20", "aria-hidden": "true" }, this.curve), this.peak);
    this.list = h("ul", { tabindex: "0", "aria-label": "Errors by how often they occur" });
    this.problem = h("span", { class: "problem", role: "alert" });
    this.errors = h("section", { class: "groups", "aria-label": "Errors", hidden: true }, this.list, this.problem);
  }

  draw({ manager: { levels, lines } }) {
    this.ask("rate", lines, async () => this.plot(await get(`${this.path}/log/rate`)));
    this.ask("errors", levels.error, async () => this.group((await get(this.path)).error_groups));
  }

  /** Once a number has changed, and every other second at most. */
  ask(name, n, action) {
    if (!n || this.known[name] === n || this.known[name] === null) return;
    this.known[name] = null;
    later(name, 0, async () => {
      await action().catch(() => {});
      later(name, 2_000, () => (this.known[name] = n));
    });
  }

  plot({ seconds, lines }) {
    const most = Math.max(...lines);
    if (!most) return;
    this.rate.hidden = false;
    const points = lines.map((n, i) => `L${2 * i + 1} ${(19 - (n / most) * 18).toFixed(1)}`);
    setAttribute(this.curve, "d", `M0 20${points.join("")}L120 20Z`);
    setText(this.peak, `up to ${count(Math.ceil(most / seconds))} lines/s`);
  }

  group(groups) {
    this.errors.hidden = !groups.length;
    keyed(this.list, groups, {
      key: ({ first_seq: first }) => first,
      make: (group) => this.one(group),
      update: (item, group) => setText(item.firstElementChild, `${count(group.count)} ×`),
    });
  }

  /** Of a traceback the last line says most. */
  one({ message, first_seq: first }) {
    const text = message.trim().split("\n").at(-1);
    return h("li", {}, h("b", {}), h("button", {
      type: "button", class: "link", title: `Go to the first\n${message}`, click: () => this.go(first),
    }, text || "(empty)"));
  }

  async go(seq) {
    setText(this.problem, "");
    try {
      const [line] = await get(`${this.path}/log?format=ndjson&limit=1&after=${seq - 1}`);
      const at = link(this.id, line.step_name ?? "", { from: line.line_number, to: line.line_number });
      if (location.hash === at) dispatchEvent(new Event("hashchange")); // once more
      else location.hash = at;
    } catch (error) {
      setText(this.problem, error.message);
    }
  }
}
