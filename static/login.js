/** How does the panel get in where the service wants a token? It asks once, for all that waits for an answer. */
import { h, setText } from "./dom.js";

let asking = null;

/** Resolves when the service has let this browser in. */
export function login() {
  asking ??= ask().finally(() => (asking = null));
  return asking;
}

function ask() {
  return new Promise((done) => {
    const token = h("input", { type: "password", name: "token", required: true, autocomplete: "current-password" });
    const problem = h("p", { class: "problem", role: "alert" });
    const form = h("form", { submit }, h("h1", { id: "login-title" }, "Log in"),
      h("label", {}, "Token of this service (STEPSTREAM_TOKEN)", token), problem,
      h("button", { type: "submit", class: "primary" }, "Log in"));
    const close = () => dialog.isConnected && dialog.showModal(); // by Escape: there is nothing else to do here
    const dialog = h("dialog", { class: "login", "aria-labelledby": "login-title", close }, form);

    async function submit(event) {
      event.preventDefault();
      setText(problem, "");
      const refused = await send(token.value);
      if (refused) return setText(problem, refused);
      dialog.remove();
      done();
      dispatchEvent(new Event("online")); // the service can be reached: who waits to connect again need not
    }

    document.body.append(dialog);
    dialog.showModal();
  });
}

/** What is wrong; nothing where the service has given its cookie. */
async function send(token) {
  try {
    const response = await fetch(new URL("login", document.baseURI), {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ token }),
    });
    return response.ok ? "" : (await response.json()).detail;
  } catch {
    return "the service does not answer";
  }
}
