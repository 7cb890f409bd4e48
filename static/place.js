/** On which line of its file is what an error speaks of? `step.NAME.key` is the key below the table `[step.NAME]`. */

/**
 * @param {string} where "file.toml:3:6", "file.toml key" or "file.toml step.NAME.key"
 * @returns {{line: number, text: string} | null} null where the file does not show it
 */
export function place(toml, where) {
  const lines = toml.split("\n");
  const exact = /:(\d+):\d+$/.exec(where);
  const index = exact ? exact[1] - 1 : find(lines, path(where.replace(/^.*?\.toml ?/, "")));
  return index in lines ? { line: index + 1, text: lines[index].trim() } : null;
}

/** The line that names most of `keys`: what is missing is missing in its table. */
function find(lines, keys) {
  let [table, best, length] = [[], -1, 0];
  lines.forEach((line, index) => {
    const [, header, key] = /^\s*(?:\[\[?([^\]]+)\]|([^=#]+)=)/.exec(line) ?? [];
    if (header) table = path(header);
    if (!header && !key) return;
    const here = header ? table : [...table, ...path(key)];
    if (here.length > length && here.every((part, at) => part === keys[at])) [best, length] = [index, here.length];
  });
  return best;
}

/** A dotted name in its parts; one in quotes may have dots in it, and a number in brackets is a place in a list. */
function path(name) {
  return (name.match(/"(?:\\.|[^"])*"|'[^']*'|[^.\s]+/g) ?? [])
    .map((part) => (/^["']/.test(part) ? part.slice(1, -1).replace(/\\(.)/g, "$1") : part.replace(/\[\d+\]$/, "")));
}
