/** Which sign stands for which status? Drawn, not typed: glyphs differ from font to font. */
import { s } from "./dom.js";

const RING = "M8 2.5a5.5 5.5 0 1 0 0 11a5.5 5.5 0 0 0 0-11";
const PATHS = {
  pending: RING,
  running: "M8 2.5a5.5 5.5 0 1 1-5.5 5.5",
  completed: "M3 8.6l3.2 3.2L13 4.7",
  completed_with_warnings: "M8 2.2l6.3 11.3H1.7z M8 6.6v3 M8 11.6v.1",
  failed: "M4 4l8 8 M12 4l-8 8",
  cancelled: `${RING} M4.2 4.2l7.6 7.6`,
  skipped: "M3 4l4 4-4 4 M9 4l4 4-4 4",
  interrupted: "M9 1.8L4 9h3.6L7 14.2 12 7H8.4z",
  chevron: "M6 3.5L10.5 8 6 12.5",
};

export const icon = (name) => setIcon(s("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" }, s("path")), name);

export function setIcon(svg, name) {
  if (svg.dataset.name !== name) {
    svg.dataset.name = name;
    svg.setAttribute("class", `icon ${name}`);
    svg.firstElementChild.setAttribute("d", PATHS[name] ?? RING);
  }
  return svg;
}
