/** What does the address after the # point at? `#/managers/ID`, `…/STEP`, `…/STEP/L40`, `…/STEP/L40-L52`. */
export function parse(hash) {
  const [, room, id, step, lines] = hash.replace(/^#/, "").split("/").map(decode);
  if (room !== "managers" || !id) return { id: null, step: null, lines: null };
  const marked = range(lines);
  return { id, step: step || (marked ? "" : null), lines: marked }; // "" is the manager itself: `…/ID//L3`
}

export function link(id, step = null, lines = null) {
  let hash = `#/managers/${encodeURIComponent(id)}`;
  if (step === null) return hash;
  hash += `/${encodeURIComponent(step)}`;
  if (!lines) return hash;
  return hash + (lines.from === lines.to ? `/L${lines.from}` : `/L${lines.from}-L${lines.to}`);
}

function range(text) {
  const found = /^L(\d{1,9})(?:-L?(\d{1,9}))?$/.exec(text ?? "");
  if (!found) return null;
  const [a, b] = [Number(found[1]), Number(found[2] ?? found[1])];
  return { from: Math.min(a, b), to: Math.max(a, b) };
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a stray % typed by hand
  }
}
