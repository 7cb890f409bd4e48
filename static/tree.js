/** What do the rows of a run add up to? A fold without page, network or clock, the same for live rows and history. */

export const STATUSES = [
  "running", "pending", "completed", "completed_with_warnings", "failed", "cancelled", "interrupted", "skipped",
];
export const hasEnded = (status) => STATUSES.indexOf(status) > 1;
export const sum = (counts) => Object.values(counts).reduce((all, n) => all + n, 0);

const MOST_JOBS = 5_000; // and all that run

const blank = () => ({
  status: "pending", reason: null, attempt: 1, started_at: null, finished_at: null, duration: null, eta: null,
  counts: {}, lines: 0, levels: { debug: 0, info: 0, warning: 0, error: 0 },
});

export const emptyTree = (id) => ({
  id,
  seq: 0, // the last row that came, or that a snapshot contains
  known: 0, // the snapshot's: up to there rows are history and change no state
  manager: { ...blank(), id }, // with the whole run's lines
  steps: new Map(),
  own: blank(), // the manager's lines
  jobs: new Map(),
  missing: 0,
  gaps: [],
  receipt: null,
});

export function beginning({ id, manager: { name, definition, params, toml, created_at }, steps }) {
  const pending = [...steps.values()].map(({ name, description, type, depends }) =>
    ({ name, description, type, depends, status: "pending" }));
  const facts = { id, name, definition, params, toml, created_at, status: "pending", last_seq: 0, steps: pending };
  return fold(emptyTree(id), "snapshot", facts);
}

/** Unknown events change nothing. */
export function fold(tree, event, data) {
  if (event === "rows") return data.reduce((all, row) => fold(all, row.event, row), tree);
  return FOLDS[event]?.(tree, data) ?? tree;
}

const FOLDS = {
  snapshot, gap, end, job_log: row(line), job_status: row(turned), step_progress: row(counted),
  manager_progress: row(counted), reset: ({ id }) => emptyTree(id),
  jobs: (tree, items) => {
    for (const one of items) if (!tree.jobs.has(one.job_id)) job(tree, one);
  },
};

function row(take) {
  return (tree, data) => {
    const fresh = data.seq > tree.seq;
    if (fresh) {
      tree.missing += data.seq - tree.seq - 1;
      tree.seq = data.seq;
    } else if (data.seq > tree.known || data.seq <= tree.past) return; // it has been here
    else tree.past = data.seq;
    take(tree, data, fresh);
  };
}

function step(tree, name) {
  if (!name) return tree.own;
  if (!tree.steps.has(name)) tree.steps.set(name, { name, ...blank(), working: new Map() });
  return tree.steps.get(name);
}

function line(tree, { step_name: name, level }, fresh) {
  if (!fresh) return;
  for (const of of [tree.manager, step(tree, name)]) {
    of.lines += 1;
    of.levels[level] += 1;
  }
}

function turned(tree, data, fresh) {
  if (data.job_type === "worker") return job(tree, data);
  if (!fresh) return;
  turn(data.job_type === "manager" ? tree.manager : step(tree, data.step_name), data);
  if (!hasEnded(tree.manager.status)) tree.receipt = null; // retried
}

function turn(of, { status, reason = null, attempt = of.attempt, duration = null, created_at: at, started_at: started }) {
  const ended = hasEnded(status);
  Object.assign(of, { status, reason, attempt, eta: null });
  Object.assign(of, ended ? { finished_at: at, duration } : { finished_at: null, duration: null });
  if (status === "pending") of.started_at = null;
  else if (status === "running") of.started_at = started ?? at;
}

/** From a row or the list: no snapshot has them. */
function job(tree, data) {
  const { job_id: id, step_name: name, progress } = data;
  const one = tree.jobs.get(id) ?? { id, tag: tag(id), step: name, name: data.name };
  turn(one, data);
  Object.assign(one, { done: progress?.done ?? null, total: progress?.total ?? null });
  tree.jobs.delete(id); // to the end: who changed last is forgotten last
  tree.jobs.set(id, one);
  const { working } = step(tree, name);
  if (one.status === "running") working.set(id, one);
  else working.delete(id);
  if (tree.jobs.size <= MOST_JOBS) return;
  for (const [old, { status }] of tree.jobs) if (hasEnded(status)) return void tree.jobs.delete(old);
}

export const tag = (id) => id?.slice(id.lastIndexOf(".") + 1) ?? "";

function counted(tree, data, fresh) {
  const of = data.event === "step_progress" ? step(tree, data.step_name) : tree.manager;
  for (const [id, far] of Object.entries(data.progress ?? {})) {
    if (of.working?.has(id)) Object.assign(of.working.get(id), far); // in no snapshot: history tells it, too
  }
  if (fresh) tally(of, data);
}

function tally(of, facts) {
  const counts = Object.fromEntries(Object.entries(facts).filter(([key]) => /_(jobs|steps)$/.test(key)));
  return Object.assign(of, { counts, eta: facts.eta_seconds ?? null });
}

/** An old one only names what no row has named yet. */
function snapshot(tree, { steps = [], last_seq: last, log_counts: levels, ...manager }) {
  const fresh = last >= tree.seq;
  if (fresh) {
    Object.assign(tree, { seq: last, known: last, past: 0, missing: 0 });
    Object.assign(tally(tree.manager, manager), manager, lines(levels));
    tree.own = { ...blank(), ...lines(rest(levels, steps)) };
    if (!hasEnded(manager.status)) tree.receipt = null;
  } else tree.manager = { ...manager, ...tree.manager };
  const before = tree.steps;
  tree.steps = new Map();
  for (const { log_counts: stepLevels, lines: _, ...facts } of steps) {
    const { name, description, type, depends } = facts;
    if (before.has(name)) tree.steps.set(name, before.get(name));
    const into = Object.assign(step(tree, name), { description, type, depends });
    if (!fresh) continue;
    for (const key of Object.keys(blank())) if (key in facts) into[key] = facts[key];
    Object.assign(tally(into, facts), lines(stepLevels));
  }
  for (const [name, kept] of before) if (!tree.steps.has(name)) tree.steps.set(name, kept);
}

const lines = (levels = blank().levels) => ({ levels: { ...levels }, lines: sum(levels) });

const rest = (levels = {}, steps) => Object.fromEntries(Object.entries(levels).map(([level, n]) =>
  [level, steps.reduce((left, one) => left - (one.log_counts?.[level] ?? 0), n)]));

function gap(tree, { from, to }) {
  if (to <= tree.seq) return;
  tree.gaps.push({ from, to });
  tree.seq = to;
}

function end(tree, { status, total_lines: total, last_seq: last }) {
  tree.manager.status = status;
  const received = tree.manager.lines;
  tree.receipt = { total, received, complete: received === total && tree.seq === last && !tree.missing };
}
