/**
 * When does the panel do something by itself? Every timer of the panel has a name here; setting a name again
 * replaces its timer, so none can pile up, and all are jittered, so that many tabs do not knock in step.
 */
const timers = new Map();

/** Run `action` once in about `ms` milliseconds (±10 %). */
export function later(name, ms, action) {
  cancel(name);
  timers.set(name, setTimeout(() => {
    timers.delete(name);
    action();
  }, ms * (0.9 + Math.random() * 0.2)));
}

/** Run `action` now and again and again, `ms` after it has ended; an error is reported and stops nothing. */
export async function every(name, ms, action) {
  const turn = {};
  timers.set(name, turn);
  try {
    await action();
  } finally {
    if (timers.get(name) === turn) later(name, ms, () => every(name, ms, action));
  }
}

export function cancel(name) {
  clearTimeout(timers.get(name));
  timers.delete(name);
}
