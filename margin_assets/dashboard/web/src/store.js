/** What the page knows of the newest cycle, and who wants to hear of it. */
export const store = { cycle: null, about: null, paused: false, connected: false, heard: 0, offset: 0, pending: false, acted: 0 };
const listeners = new Set();

export function listen(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export async function get(path) {
  const answer = await fetch(path, { headers: { Accept: "application/json" } });
  if (!answer.ok) {
    const told = await answer.json().catch(() => ({}));
    const error = new Error(typeof told.detail === "string" ? told.detail : `${answer.status}`);
    error.status = answer.status;
    throw error;
  }
  return answer.json();
}

/** Seconds since the seal, by the server's clock. */
export function age() {
  if (!store.cycle?.sealed_at) return null;
  return Math.max(0, (Date.now() + store.offset - Date.parse(store.cycle.sealed_at)) / 1000);
}

/** The instant that deadlines are held against: event time, moved on by the age of a live seal. */
export function eventNow() {
  if (!store.cycle?.as_of) return null;
  const since = isLive() ? age() ?? 0 : 0;
  return Date.parse(store.cycle.as_of) * 1000 + since * 1e6;
}

const DAY = 86_400_000;
export const isLive = () => store.cycle?.source === "live";
/** Event time of another day: a replay or a lake of the past, whose age is no fault. */
export const isHistory = () =>
  store.cycle?.as_of && Math.abs(Date.now() + store.offset - Date.parse(store.cycle.as_of)) > DAY;

/** What a page that was shown for it need not ask for again. */
const identity = (told) => told && [told.cycle, told.source, told.deadlines?.number, told.deadlines?.trouble].join();

function take(told) {
  const isNew = identity(store.cycle) !== identity(told);
  store.offset = Date.parse(told.now) - Date.now();
  store.heard = Date.now();
  store.cycle = told;
  for (const listener of listeners) listener(isNew);
}

let wait = 250;
export function connect() {
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  const socket = new WebSocket(`${scheme}://${location.host}/ws`);
  socket.onopen = () => {
    store.connected = true;
    wait = 250;
  };
  socket.onmessage = (message) => take(JSON.parse(message.data));
  socket.onclose = () => {
    store.connected = false;
    for (const listener of listeners) listener(false);
    // Many viewers of a server that comes back do not come at once.
    setTimeout(connect, wait + Math.random() * wait);
    wait = Math.min(wait * 2, 5000);
  };
}
