/** What can be run, with which parameters, what has run, and what did it find? */
import { address, all, following, get, later, part, post, serverNow } from "./connection.js";
import { ahead, count, dotted, elapsed, fill, h, icon, keyed, link, moment, plural, set, setIcon, word, write } from "./page.js";
import { STATUSES, sum } from "./tree.js";

export function drawDefinitions(parent, items, started) {
  parent.className = "definitions";
  // Only a changed definition gets a new card: what was typed into it stays, run after run.
  keyed(parent, items, (definition) => JSON.stringify({ ...definition, next_run_at: null, last_skipped: null }),
    (definition) => card(definition, started), drawSchedule);
}

function drawSchedule(element, { schedule, timezone, next_run_at: next, last_skipped: skipped }) {
  if (!schedule) return;
  const [run, skip] = element.querySelectorAll(".schedule");
  write(run, next ? `next run ${ahead((Date.parse(next) - serverNow()) / 1000)}` : `scheduled ${schedule}`);
  set(run, "title", next && `${moment(next)} (${schedule}, ${timezone})`);
  write(skip, skipped && `skipped ${moment(skipped.due_at)}: ${skipped.reason}`);
}

function card(definition, started) {
  const { id, description, enabled = true, errors = [], warnings = [], params, file } = definition;
  const name = definition.name || id;
  const answer = h("div.answer", { role: "alert" });
  const fields = Object.entries(params ?? {}).map(([name, value]) => ({ name, value, input: input(name, value) }));
  const why = errors.length ? "it has errors" : !enabled && "it is disabled";
  let busy = false; // `disabled` would take the focus away
  async function submit(event) {
    event.preventDefault();
    if (busy) return;
    busy = true;
    clear(answer);
    const typed = fields.map(({ input: { type, checked, value: text }, ...field }) =>
      ({ ...field, text: type === "checkbox" ? String(checked) : text }));
    try {
      started(await post(`definitions/${part(id)}/runs`, { params: changes(typed) }));
    } catch ({ message, errors, manager_id: blocker, status }) {
      answer.append(...(errors?.length ? errors.map((one) => fault("error", one)) : [h("p.fault.error",
        message, " ", blocker && h("a", { href: link(blocker) }, "Show that run"))]));
      if (blocker || status === 0) answer.dataset.blocker = blocker ?? "";
    }
    busy = false;
  }
  return h(errors.length ? "li.card.broken" : "li.card", h("form", { submit, novalidate: true },
    h("div.top.flow", h("strong", { title: file }, name), !enabled && h("span.chip", "disabled"), h("button.primary", {
      disabled: Boolean(why), title: why && `Cannot be run: ${why}`, "aria-label": `Run ${name}`,
    }, "Run")),
    h("p.quiet.about", { title: description }, description), h("p.quiet.schedule"), h("p.quiet.schedule"),
    fields.length > 0 && h("details", h("summary", "Parameters"), ...fields.map(({ name, input }) =>
      h("label", h("span", name), input))),
    errors.length > 0 && h("details.errors", h("summary", plural(errors.length, "error")),
      ...errors.map((one, i) => fault("error", one, definition.error_lines[i]))),
    ...warnings.map((one) => fault("warning", one)), answer));
}

const fault = (kind, { where, message }, place) => h(`p.fault.${kind}`, h("b", kind), where ? ` ${where}: ` : " ",
  message, place && h("code", h("span", `line ${place.line}`), ` ${place.text}`));

function clear(answer) {
  answer.replaceChildren();
  delete answer.dataset.blocker;
}

/** What was refused is said no longer than it holds: while a run is in the way, or "", while there is no answer. */
export function clearNotices(over) {
  for (const answer of document.querySelectorAll("[data-blocker]")) if (over(answer.dataset.blocker)) clear(answer);
}

function input(name, value) {
  const [common, text] = [{ name, autocomplete: "off", spellcheck: "false" }, shown(value)];
  const type = { boolean: "checkbox", number: "number", string: "text" }[typeof value];
  if (type && !text.includes("\n")) return h("input", { ...common, type, step: "any", checked: value === true, value });
  const area = h("textarea", { ...common, rows: Math.min(6, text.split("\n").length + 1) });
  return Object.assign(area, { value: text }); // a child would be a part of its label
}

const shown = (value) => (typeof value === "string" ? value : JSON.stringify(value));

/** Only what was changed is sent, as text: the service reads it as what it was. */
export const changes = (fields) =>
  Object.fromEntries(fields.filter(({ value, text }) => text !== shown(value)).map(({ name, text }) => [name, text]));

export function drawManagers(parent, items, more, chosen, now) {
  keyed(parent, items, ({ id }) => id, ({ id }) => h("li", h("a", { href: link(id) }, icon("pending"), h("span.name"),
    h("span.time"), h("span.status"), h("span.when"), h("span.counts"))), ({ firstElementChild: anchor }, manager) => {
    const { id, name, definition, status, attempt, total_steps: steps, total_jobs: jobs } = manager;
    setIcon(anchor.firstChild, status);
    set(anchor, "aria-current", id === chosen ? "true" : null);
    anchor.className = status;
    fill(anchor, {
      name: name || definition, time: elapsed(manager, now), status: word(status),
      when: moment(manager.started_at ?? manager.created_at, now),
      counts: dotted(steps && plural(steps, "step"), jobs && plural(jobs, "job"), attempt > 1 && `attempt ${attempt}`),
    });
  });
  const older = more ? "Older runs are kept, too; these are the newest." : "";
  write(parent.nextElementSibling, items.length ? older : "No runs yet. Start one above.");
}

export function drawToolbar(parent, { managers = {}, jobs = {} }) {
  keyed(parent, [["Managers", managers], ["Worker jobs", jobs]], ([label]) => label, ([label]) =>
    h("div.tally", { role: "group", "aria-label": `${label} by status` },
      h("span.label", label), " ", h("span.total"), " ", h("span.by")), (element, [, counts]) => {
    fill(element, { total: count(sum(counts)) });
    keyed(element.lastChild, STATUSES.filter((status) => counts[status]), (status) => status, (status) =>
      h(`span.count.${status}`, { title: word(status) }, icon(status), h("b"), " ", h("span.word", word(status)), " "),
    (one, status) => write(one.children[1], count(counts[status])));
  });
}

const WEB = /^https?:\/\//i; // nothing else from outside becomes a link

export async function documents(id) {
  const base = `documents?manager_id=${part(id)}`;
  const first = await get(`${base}&limit=200`);
  if (!first.items.length) return null;
  let [query, next] = ["", null];
  const filter = h("input", { type: "search", placeholder: "Filter by words", "aria-label": "Filter documents",
    input: () => later("documents", 200, narrow) });
  const title = h("h2", { "aria-live": "polite" });
  const problem = h("span.problem", { role: "alert" });
  const list = h("ul");
  const more = h("button", { click: guarded(async () => add(await get(next))) }, "More");
  const csv = h("a", { download: `documents-${id}.csv` }, "CSV");
  const json = h("button.link", { click: guarded(save) }, "JSON");
  const common = h("div.keywords", ...frequent(first.items).map(([word, n]) => h("button.chip", { value: word, click() {
    filter.value = filter.value === word ? "" : word;
    narrow();
  } }, word, h("span", count(n)))));
  const credited = first.items.map(({ metadata }) => metadata?.attribution);
  const credits = new Set(credited.filter((one) => typeof one === "string"));

  function guarded(action) {
    return () => {
      write(problem, "");
      action().catch((error) => write(problem, error.message));
    };
  }

  const narrow = guarded(async () => {
    const words = filter.value.trim();
    const asked = (query = words && `&q=${part(words)}`);
    const found = await get(`${base}&limit=200${query}`);
    if (asked === query) show(found);
  });

  function show(page) {
    list.replaceChildren();
    csv.href = address(`${base}&format=csv${query}`);
    for (const button of common.children) set(button, "aria-pressed", button.value === filter.value);
    add(page);
  }

  function add(page) {
    list.append(...page.items.map(one));
    next = following(base, page.next);
    more.hidden = !next;
    const found = plural(list.children.length, "document");
    write(title, `${next ? "The first " : ""}${found}${query && ` with ${filter.value.trim()}`}`);
  }

  async function save() {
    const found = JSON.stringify(await all(`${base}&limit=1000${query}`), null, 1);
    const href = URL.createObjectURL(new Blob([found], { type: "application/json" }));
    h("a", { href, download: `documents-${id}.json` }).click();
    setTimeout(() => URL.revokeObjectURL(href), 60_000);
  }

  show(first);
  return h("section.documents.card", { "aria-label": "Documents" },
    h("div.flow", title, filter, h("span.flow.end", json, csv)), problem, common, list, more,
    h("p.quiet.credit", credits.size > 0 && `Source: ${[...credits].join("; ")}`));
}

function one({ title, source_id: source, source_type: type, url, tags, metadata }) {
  const name = title || source;
  const facts = Object.entries(metadata ?? {}).filter(([key, value]) => key !== "attribution" && typeof value !== "object");
  facts.sort((a, b) => (typeof a[1] === "number") - (typeof b[1] === "number"));
  const about = dotted(type, ...(tags ?? []), ...facts.map(([key, value]) => `${word(key)} ${value}`));
  return h("li",
    WEB.test(url) ? h("a", { href: url, rel: "noreferrer", target: "_blank" }, name) : h("span.name", name),
    h("span.keywords", ...keywords(metadata).map((word) => h("span.chip", word))),
    h("span.quiet.about", { title: about }, about));
}

/** Whatever agent wrote them: every list of that name. */
function keywords(metadata) {
  const lists = Object.values(metadata ?? {}).map((found) => found?.keywords).filter(Array.isArray);
  return lists.flat().map((found) => String(found?.keyword ?? found)).slice(0, 15);
}

export function frequent(items) {
  const counts = new Map();
  const all = items.flatMap(({ metadata }) => [...new Set(keywords(metadata))]);
  for (const word of all) counts.set(word, (counts.get(word) ?? 0) + 1);
  return [...counts].filter(([, n]) => n > 1).sort((a, b) => b[1] - a[1]).slice(0, 12);
}
