/** What can be done with a run, a step or a worker job, and how is that asked and told? */
import { cancel, every, get, pathOf, post, remove } from "./connection.js";
import { h, set, word, write } from "./page.js";
import { hasEnded } from "./tree.js";

class Action {
  /** `heading` takes the focus of a control that goes away; `busy` is its label until the state changes. */
  constructor(heading, { name, label, title, send, sent, busy, ask }) {
    Object.assign(this, { heading, label, send, sent, busy });
    this.problem = h("span.problem", { role: "alert" });
    this.open = h("button.open", { title, click: () => (ask ? this.turn(true) : this.go()) }, label);
    this.element = h(`div.control.flow.${name}`, this.open, this.problem);
    if (!ask) return;
    this.reason = ask.reason && h("input", { placeholder: "Reason (optional)", "aria-label": "Reason", maxlength: 200 });
    this.yes = h("button.danger", ask.confirm);
    const submit = (event) => {
      event.preventDefault();
      this.go();
    };
    this.form = h("form.flow", { submit, keydown: ({ key }) => key === "Escape" && this.turn(false) },
      ask.about, this.reason, this.yes, h("button", { type: "button", click: () => this.turn(false) }, ask.keep));
  }

  turn(asking) {
    this.show(asking);
    (asking ? this.reason || this.yes : this.open).focus();
  }

  show(asking) {
    write(this.problem, "");
    const control = asking ? this.form : this.open;
    if (!control.parentElement) this.element.replaceChildren(control, this.problem); // moved, it would lose the focus
  }

  /** `disabled` would take the focus away. */
  async go() {
    if (this.sending) return;
    this.sending = true;
    write(this.problem, "");
    try {
      await this.send(this.reason?.value);
      if (this.form?.contains(document.activeElement)) this.heading.focus();
      this.show(false);
      this.open.disabled = Boolean(this.busy);
      write(this.open, this.busy ?? this.label);
      this.sent?.();
    } catch (error) {
      write(this.problem, error.message);
    }
    this.sending = false;
  }

  draw(possible, label = this.label) {
    if (possible === this.possible && label === this.label) return;
    if (!possible && this.element.contains(document.activeElement)) this.heading.focus();
    Object.assign(this, { possible, label });
    this.element.hidden = !possible;
    this.show(false);
    this.open.disabled = false;
    if (this.reason) this.reason.value = "";
    write(this.open, label);
  }
}

export function cancelling(id, of, heading) {
  const [what = "run"] = Object.keys(of);
  return new Action(heading, {
    name: "cancel", label: what === "run" ? "Cancel…" : `Cancel ${what}…`, busy: "Cancelling…",
    ask: { confirm: `Cancel this ${what}`, keep: "Keep running", reason: true },
    send: (reason) => post(pathOf(id, "/cancel"), { ...of, ...(reason && { reason }) }),
  });
}

export const retrying = (id, of, heading) => new Action(heading, {
  name: "retry", label: "Retry failed", title: "Run again what did not complete, and nothing else",
  send: () => post(pathOf(id, "/retry"), of),
});

export const deleting = (id, heading, sent) => new Action(heading, {
  name: "delete", label: "Delete…", sent, send: () => remove(pathOf(id)),
  ask: {
    confirm: "Delete this run", keep: "Keep it",
    about: "Its lines and worker jobs are removed for good; documents stay.",
  },
});

let wanted = null; // the run to tell of

export function noticeButton(id) {
  const click = async () => {
    const on = wanted !== id && (await Notification.requestPermission()) === "granted";
    wanted = on ? id : null;
    set(button, "aria-pressed", on);
    // A hidden tab has given its stream back.
    if (on) every("notice", 5_000, async () => document.hidden && ended(await get(pathOf(id))));
    else cancel("notice");
  };
  const button = h("button", { title: "A notice of the browser when this run has ended", click }, "Tell me");
  set(button, "aria-pressed", wanted === id);
  return button;
}

export function ended({ id, name, definition, status }) {
  if (id !== wanted || !hasEnded(status)) return;
  wanted = null;
  cancel("notice");
  new Notification(`${name || definition}: ${word(status)}`, { tag: id });
}
