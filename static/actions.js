/**
 * What can be done with a run, a step or a worker job? Each action is a button; what cannot be taken back asks
 * once more. Problems stand beside the button.
 */
import { part, post, remove } from "./api.js";
import { h, setText } from "./dom.js";

export class Action {
  /**
   * @param {{name: string, label: string, send: (reason?: string) => Promise, heading: HTMLElement, sent?: () => void,
   *          busy?: string, title?: string, ask?: {confirm: string, keep: string, about?: string, reason?: boolean}}} of
   *   `heading` takes the focus when the control that had it goes away; `busy` is the label until the state changes
   */
  constructor({ name, label, send, heading, sent = () => {}, busy, title, ask }) {
    Object.assign(this, { label, send, heading, sent, busy, possible: null, sending: false });
    this.problem = h("span", { class: "problem", role: "alert" });
    this.open = h("button", { type: "button", class: "open", title, click: () => (ask ? this.turn(true) : this.go()) }, label);
    this.reason = ask?.reason && h("input", {
      name: "reason", placeholder: "Reason (optional)", "aria-label": "Reason", maxlength: "200",
    });
    this.yes = ask && h("button", { type: "submit", class: "danger" }, ask.confirm);
    this.form = ask && h("form", {
      submit: (event) => {
        event.preventDefault();
        this.go();
      },
      keydown: (event) => event.key === "Escape" && this.turn(false),
    }, ask.about && h("span", { class: "about" }, ask.about), this.reason, this.yes,
    h("button", { type: "button", click: () => this.turn(false) }, ask.keep));
    this.element = h("div", { class: `control ${name}` }, this.open, this.problem);
  }

  turn(asking) {
    this.show(asking);
    (asking ? this.reason || this.yes : this.open).focus();
  }

  show(asking) {
    setText(this.problem, "");
    const control = asking ? this.form : this.open;
    if (!control.parentElement) this.element.replaceChildren(control, this.problem); // moved, it would lose the focus
  }

  /** A request at a time; `disabled` would take the focus away from the button. */
  async go() {
    if (this.sending) return;
    this.sending = true;
    setText(this.problem, "");
    try {
      await this.send(this.reason?.value);
      if (this.form?.contains(document.activeElement)) this.heading.focus();
      this.show(false);
      this.open.disabled = Boolean(this.busy);
      setText(this.open, this.busy ?? this.label);
      this.sent();
    } catch (error) {
      setText(this.problem, error.message);
    } finally {
      this.sending = false;
    }
  }

  /** @param {boolean} possible whether the state allows it: else the button is hidden */
  draw(possible, label = this.label) {
    if (possible === this.possible && label === this.label) return;
    if (!possible && this.element.contains(document.activeElement)) this.heading.focus();
    Object.assign(this, { possible, label });
    this.element.hidden = !possible;
    this.show(false);
    this.open.disabled = false;
    if (this.reason) this.reason.value = "";
    setText(this.open, label);
  }
}

/** @param {{step?: string, job?: string}} of nothing is the run itself */
export function cancelling(id, of, heading) {
  const what = Object.keys(of)[0] ?? "run";
  return new Action({
    name: "cancel", label: what === "run" ? "Cancel…" : `Cancel ${what}…`, busy: "Cancelling…", heading,
    ask: { confirm: `Cancel this ${what}`, keep: "Keep running", reason: true },
    send: (reason) => post(`managers/${part(id)}/cancel`, { ...of, ...(reason && { reason }) }),
  });
}

export function retrying(id, of, heading) {
  return new Action({
    name: "retry", label: "Retry failed", title: "Run again what did not complete, and nothing else", heading,
    send: () => post(`managers/${part(id)}/retry`, of),
  });
}

export function deleting(id, heading, sent) {
  return new Action({
    name: "delete", label: "Delete…", heading, sent,
    ask: {
      confirm: "Delete this run", keep: "Keep it",
      about: "Its lines and worker jobs are removed for good; documents stay.",
    },
    send: () => remove(`managers/${part(id)}`),
  });
}
