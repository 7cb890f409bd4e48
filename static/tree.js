/**
 * What do the rows of a run add up to? A fold: no page, no network, no clock. Live rows, rows replayed from
 * the log and rows after a reconnect take the same way, so they cannot disagree.
 *
 * `fold` changes the tree it is given and returns it; a tree belongs to one reader. Copying a step of twenty
 * thousand lines for each further line would make long runs quadratic.
 */
import { hasEnded } from "./format.js";

export const ROWS = ["job_log", "job_status", "step_progress", "manager_progress"];

const lane = () => ({ lines: [], levels: { debug: 0, info: 0, warning: 0, error: 0 } });

const blank = (status) => ({
  status, reason: null, attempt: 1, started_at: null, finished_at: null, duration: null, eta: null,
  counts: {},
});

export function emptyTree(id) {
  return {
    id,
    seq: 0, // the last row seen
    known: 0, // rows up to this one are contained in a snapshot: they add lines and change no state
    manager: { ...blank("pending"), id },
    steps: new Map(), // by name, in file order
    own: lane(), // the manager's own lines
    jobs: new Map(), // worker jobs by id
    received: 0,
    gaps: [],
    receipt: null,
  };
}

/** Take one event into the tree. Unknown events change nothing, rows that were there before neither. */
export function fold(tree, event, data) {
  if (event === "snapshot") return snapshot(tree, data);
  if (event === "reset") return emptyTree(tree.id);
  if (event === "gap") return gap(tree, data);
  if (event === "end") return end(tree, data);
  if (!ROWS.includes(event) || !(data.seq > tree.seq)) return tree;
  tree.seq = data.seq;
  if (data.progress) progress(tree, data);
  if (event === "job_log") line(tree, data);
  else if (event === "job_status" && data.job_type === "worker") worker(tree, data);
  else if (data.seq > tree.known) state(tree, event, data);
  return tree;
}

function step(tree, name) {
  let found = tree.steps.get(name);
  if (!found) {
    found = { name, ...blank("pending"), ...lane(), progress: "", working: new Map(), children: 0 };
    tree.steps.set(name, found);
  }
  return found;
}

/** The tag of a worker job: 3 for the third of its step, 3.1 for the first that it spawned itself. */
function job(tree, { job_id: id, parent_id: parentId, step_name: name }) {
  let found = tree.jobs.get(id);
  if (!found) {
    const parent = tree.jobs.get(parentId);
    const nth = ++(parent ?? step(tree, name)).children;
    found = { tag: parent ? `${parent.tag}.${nth}` : String(nth), children: 0 };
    tree.jobs.set(id, found);
  }
  return found;
}

function worker(tree, row) {
  const { tag } = job(tree, row);
  const { working } = step(tree, row.step_name);
  if (row.status !== "running") working.delete(row.job_id);
  else working.set(row.job_id, { tag, name: row.name, attempt: row.attempt, done: null, total: null });
}

/** How far running worker jobs say they are. No snapshot has that, so rows tell it that are history, too. */
function progress(tree, row) {
  const { working } = step(tree, row.step_name);
  for (const [id, { done, total }] of Object.entries(row.progress)) {
    if (working.has(id)) Object.assign(working.get(id), { done, total });
  }
}

function line(tree, row) {
  const into = row.step_name ? step(tree, row.step_name) : tree.own;
  into.lines.push({
    number: row.line_number,
    at: row.created_at,
    level: row.level,
    message: row.truncated ? `${row.message}… (${row.truncated} bytes in full)` : row.message,
    tag: row.job_id ? job(tree, row).tag : "",
  });
  into.levels[row.level] = (into.levels[row.level] ?? 0) + 1;
  tree.received += 1;
}

function state(tree, event, row) {
  const of = event === "manager_progress" || row.job_type === "manager" ? tree.manager : step(tree, row.step_name);
  if (event === "job_status") turn(of, row);
  else {
    of.counts = counts(row);
    if (event === "step_progress") {
      of.progress = row.progress_text ?? "";
      of.eta = row.eta_seconds ?? null;
    }
  }
  if (!hasEnded(tree.manager.status)) tree.receipt = null; // a retry reopened the run
}

function turn(of, row) {
  of.status = row.status;
  of.reason = row.reason ?? null;
  of.attempt = row.attempt ?? of.attempt;
  of.eta = null;
  if (row.status === "pending") of.started_at = null;
  if (row.status === "running") of.started_at = row.created_at;
  of.finished_at = hasEnded(row.status) ? row.created_at : null;
  of.duration = hasEnded(row.status) ? row.duration ?? null : null;
}

function counts(of) {
  return Object.fromEntries(Object.entries(of).filter(([key]) => key.endsWith("_jobs") || key.endsWith("_steps")));
}

function snapshot(tree, data) {
  const fresh = data.last_seq >= tree.seq;
  const { steps = [], ...manager } = data;
  if (fresh) {
    tree.known = data.last_seq;
    Object.assign(tree.manager, manager, { counts: counts(manager) });
  } else tree.manager = { ...manager, ...tree.manager };
  const later = tree.steps;
  tree.steps = new Map();
  for (const { lines: total, ...facts } of steps) {
    const kept = later.get(facts.name);
    if (kept) tree.steps.set(facts.name, kept);
    const into = step(tree, facts.name);
    into.description = facts.description;
    into.type = facts.type;
    into.depends = facts.depends;
    if (!fresh) continue;
    for (const key of Object.keys(blank())) if (key in facts) into[key] = facts[key];
    Object.assign(into, { total, counts: counts(facts), eta: facts.eta_seconds ?? null });
  }
  for (const [name, kept] of later) if (!tree.steps.has(name)) tree.steps.set(name, kept);
  return tree;
}

function gap(tree, { from, to }) {
  if (to > tree.seq) {
    tree.gaps.push({ from, to });
    tree.seq = to;
  }
  return tree;
}

function end(tree, { status, total_lines: total, last_seq: last }) {
  tree.manager.status = status;
  tree.receipt = { status, total, received: tree.received, complete: tree.received === total && tree.seq === last };
  return tree;
}
