/** What can be done with a run or a step of it? Cancel it, asking once more; retry a run that did not complete. */
import { part, post } from "./api.js";
import { h, setText } from "./dom.js";
import { hasEnded } from "./format.js";

/** A request at a time, with its problem beside the button; `disabled` would take the focus away from it. */
function sender(path) {
  const problem = h("span", { class: "problem", role: "alert" });
  let busy = false;
  const clear = () => setText(problem, "");
  async function send(body) {
    if (busy) return false;
    busy = true;
    clear();
    try {
      await post(path, body);
      return true;
    } catch (error) {
      setText(problem, error.message);
      return false;
    } finally {
      busy = false;
    }
  }
  return { problem, clear, send };
}

/**
 * @param {{step?: string, heading: HTMLElement}} of `heading` takes the focus when the control that had it goes away
 */
export function cancelForm(id, { step, heading }) {
  const [label, confirm] = step ? ["Cancel step…", "Cancel this step"] : ["Cancel…", "Cancel this run"];
  const { problem, clear, send } = sender(`managers/${part(id)}/cancel`);
  const reason = h("input", {
    name: "reason", placeholder: "Reason (optional)", "aria-label": "Reason", maxlength: "200",
  });
  const open = h("button", { type: "button", class: "cancel", click: () => turn(true) }, label);
  const form = h("form", { submit, keydown: (event) => event.key === "Escape" && turn(false) },
    reason, h("button", { type: "submit", class: "danger" }, confirm),
    h("button", { type: "button", click: () => turn(false) }, "Keep running"));
  function turn(asking) {
    clear();
    show(asking);
    (asking ? reason : open).focus();
  }
  function show(asking) {
    element.replaceChildren(asking ? form : open, problem);
  }
  async function submit(event) {
    event.preventDefault();
    if (!(await send({ ...(step && { step }), ...(reason.value && { reason: reason.value }) }))) return;
    if (element.contains(document.activeElement)) heading.focus();
    show(false);
    open.disabled = true;
    setText(open, "Cancelling…");
  }
  const element = h("div", { class: "control" }, open, problem);
  return {
    element,
    draw(ended) {
      if (ended === element.classList.contains("ended")) return;
      if (ended && element.contains(document.activeElement)) heading.focus();
      element.classList.toggle("ended", ended); // the button keeps its place
      show(false);
      open.disabled = false;
      reason.value = "";
      clear();
      setText(open, label);
    },
  };
}

/** @param {() => void} retried called when the service has opened the run again */
export function retryButton(id, heading, retried) {
  const { problem, clear, send } = sender(`managers/${part(id)}/retry`);
  const button = h("button", { type: "button", title: "Run again what did not complete", click }, "Retry");
  const element = h("div", { class: "control", hidden: true }, button, problem);
  async function click() {
    if (await send({})) retried();
  }
  return {
    element,
    draw(status) {
      const hidden = !hasEnded(status) || status === "completed";
      if (hidden === element.hidden) return;
      if (hidden && element.contains(document.activeElement)) heading.focus();
      element.hidden = hidden;
      clear();
    },
  };
}
