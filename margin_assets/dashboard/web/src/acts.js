import { fill, h } from "./dom.js";
import { store } from "./store.js";

const TOKEN = "token";
const ACTOR = "actor";

/** A dialog that names what is acted on, asks who and why, and lands the act. */
export function act({ title, subject, named, path, until = false }) {
  const told = h("p", { role: "status" });
  const input = (name, label, more = {}) => h("label", {}, label, h("input", { name, required: true, ...more }));
  const send = h("button", { type: "submit", class: "main" }, title);
  const form = h(
    "form",
    { onsubmit: submit },
    h("h2", { id: "act" }, title),
    h("p", {}, named, " ", h("code", {}, subject)),
    input("actor", "Who you are", { value: sessionStorage.getItem(ACTOR) ?? "", maxlength: 128, autocomplete: "name" }),
    input("reason", "Why", { maxlength: 1000 }),
    until ? input("until", "Until (UTC)", { type: "datetime-local" }) : null,
    input("token", "Token of the server's file", { type: "password", value: sessionStorage.getItem(TOKEN) ?? "", autocomplete: "off" }),
    told,
    h("div", { class: "row" }, send, h("button", { type: "button", onclick: () => dialog.close() }, "Cancel")),
  );
  const dialog = h("dialog", { "aria-labelledby": "act", onclose: () => dialog.remove() }, form);

  async function submit(event) {
    event.preventDefault();
    send.disabled = true;
    const { actor, reason, until: end, token } = Object.fromEntries(new FormData(form));
    sessionStorage.setItem(TOKEN, token);
    sessionStorage.setItem(ACTOR, actor);
    const body = end ? { actor, reason, until: new Date(`${end}Z`).toISOString() } : { actor, reason };
    const text = await sent(path, token, body);
    fill(told, text);
    send.disabled = false;
  }
  document.body.append(dialog);
  dialog.showModal();
}

async function sent(path, token, body) {
  try {
    const answer = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json", Authorization: `Bearer ${token}` },
      body: JSON.stringify(body),
    });
    const told = await answer.json();
    if (answer.status === 202) store.acted = Date.now();
    if (answer.status === 202) return `Landed as ${told.action_id}. The next cycle decides whether it counts.`;
    if (answer.status === 401) return "Refused: this is not the token of the server's file.";
    const detail = Array.isArray(told.detail) ? told.detail.map((d) => `${d.loc.at(-1)}: ${d.msg}`).join("; ") : told.detail;
    return `Refused: ${detail}.`;
  } catch (error) {
    return `Not landed: ${error.message}.`;
  }
}
