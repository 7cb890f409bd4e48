/** When does the panel do something by itself? Each timer has a name: setting it again replaces it, and all are jittered. */
const timers = new Map();

/** Run `action` once in about `ms` milliseconds (±10 %). */
export function later(name, ms, action) {
  cancel(name);
  timers.set(name, setTimeout(() => {
    timers.delete(name);
    action();
  }, ms * (0.9 + Math.random() * 0.2)));
}

/** Run `action` now and again `ms` after it has ended, also after an error. */
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
