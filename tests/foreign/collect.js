/** How does an EventSource read a stream? Every event is told decoded, and at last that it will not come again. */
const ROWS = ["job_log", "job_status", "step_progress", "manager_progress", "rows"];
const OTHERS = ["snapshot", "ping", "gap", "reset", "bye", "busy", "end"];
// What a line may try to be: a nameless event, or one that nobody sends.
const FORGED = ["message", "forged"];

/** @param {(line: string) => void} tell is given the name, the id and the data of an event, as JSON */
export function collect(Source, url, tell) {
  const source = new Source(url);
  const hear = (event) => tell(JSON.stringify([event.type, event.lastEventId, JSON.parse(event.data)]));
  for (const name of [...ROWS, ...OTHERS, ...FORGED]) source.addEventListener(name, hear);
  source.addEventListener("error", () => {
    if (source.readyState === Source.CLOSED) tell(JSON.stringify(["closed", "", {}]));
  });
}
