import { accountsPage } from "./accounts.js";
import { accountPage } from "./account.js";
import { avalanchePage } from "./avalanche.js";
import { backtestsPage } from "./backtests.js";
import { executivePage } from "./executive.js";
import { firmPage } from "./firm.js";
import { qualityPage } from "./quality.js";
import { ratesPage } from "./rates.js";
import { fill, h } from "./dom.js";
import { dueSentence } from "./due.js";
import * as fmt from "./format.js";
import { age, connect, get, isHistory, isLive, listen, store } from "./store.js";

const PAGES = [
  ["/accounts", "Accounts", accountsPage],
  ["/firm", "Firm", firmPage],
  ["/quality", "Data quality", qualityPage],
  ["/executive", "Executive", executivePage],
  ["/avalanche", "Avalanche", avalanchePage],
  ["/rates", "Rates", ratesPage],
  ["/backtests", "Backtests", backtestsPage],
  ["/account", "Account", accountPage],
];
/** The last page is reached from a row alone. */
const NUMBERED = PAGES.length - 1;
const LATE = 3;
const OLD = 10;
const SILENT = 6;
const SAY_EVERY = 10_000;

const page = document.getElementById("page");
const band = document.getElementById("band");
const said = document.getElementById("said");
const status = h("span", { class: "cycle" });
const place = h("span", { class: "env" });
const pause = h("button", { type: "button", onclick: togglePause, title: "Pause updates (P)" }, "Pause");
const search = h("input", {
  type: "search",
  placeholder: "Account",
  "aria-label": "Find an account",
  maxlength: 40,
  autocomplete: "off",
  spellcheck: "false",
  onkeydown: (event) => {
    if (event.key === "Enter") go(`/accounts?q=${encodeURIComponent(search.value)}`);
    if (event.key === "Escape") search.blur();
  },
});

let shown = null;
let leave = null;

export function go(path) {
  history.pushState(null, "", path);
  show();
}

function show() {
  const path = location.pathname === "/" ? "/accounts" : location.pathname;
  const [where, title, make] = PAGES.find(([at]) => at === path) ?? PAGES[0];
  leave?.();
  document.title = `${title} · Margin desk`;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.getAttribute("href") === where) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  fill(page);
  page.className = `at${where.replace("/", "-")}`;
  shown = make(page, { go, say });
  leave = shown.leave ?? null;
  shown.update();
}

function togglePause() {
  store.paused = !store.paused;
  pause.textContent = store.paused ? "Resume" : "Pause";
  pause.setAttribute("aria-pressed", String(store.paused));
  document.body.classList.toggle("paused", store.paused);
  if (!store.paused) update();
  tick();
}

function toggleTheme() {
  const root = document.documentElement;
  root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
  localStorage.setItem("theme", root.dataset.theme);
  // Charts take their colours when they are made.
  show();
}

let lastSaid = 0;
function say(text) {
  if (Date.now() - lastSaid < SAY_EVERY) return;
  lastSaid = Date.now();
  said.textContent = text;
}

let before = null;
function tellChanges() {
  const levels = store.cycle?.totals?.levels;
  if (levels && before) {
    const calls = levels.call + levels.close_only + levels.liquidation;
    const was = before.call + before.close_only + before.liquidation;
    if (calls > was) say(`${calls - was} more accounts in call or restricted`);
    else if (calls < was) say(`${was - calls} fewer accounts in call or restricted`);
  }
  before = levels ?? before;
}

function update() {
  if (store.paused || document.hidden) {
    store.pending = true;
    return;
  }
  store.pending = false;
  shown?.update();
}

/** What is shown of tables is asked for again now and then, also where no cycle comes. */
function again() {
  if (!store.paused && !document.hidden) shown?.again?.();
}

function tick() {
  const seconds = age();
  const cycle = store.cycle;
  const isLost = !store.connected || Date.now() - store.heard > SILENT * 1000;
  status.textContent = cycle?.cycle
    ? `cycle ${fmt.count(cycle.cycle)} · sealed ${fmt.span(seconds)} ago`
    : "nothing sealed yet";
  const isOld = !isHistory() && seconds > OLD;
  const isLate = !isHistory() && seconds > LATE;
  status.className = `cycle${isLost || isOld ? " old" : isLate ? " late" : ""}`;
  document.body.classList.toggle("old", isLost || isOld);
  place.textContent = !cycle?.cycle ? "EMPTY" : !isLive() ? "AT REST" : isHistory() ? "REPLAY" : "LIVE";
  place.className = `env ${place.textContent.toLowerCase().replace(" ", "-")}`;
  const text = sentence(isLost, isOld, isLate, seconds);
  if (band.dataset.text !== text) {
    band.dataset.text = text;
    band.textContent = text;
    band.className = isLost || isOld || dueSentence() ? "old" : text ? "told" : "";
  }
  shown?.tick?.();
}

function sentence(isLost, isOld, isLate, seconds) {
  const cycle = store.cycle;
  if (isLost) {
    return cycle
      ? `The connection to the server is lost. What is shown is cycle ${fmt.count(cycle.cycle)}; trying again.`
      : "The server does not answer yet; trying again.";
  }
  if (store.paused) return `Paused at what was shown. Cycle ${fmt.count(cycle?.cycle)} is sealed; P resumes.`;
  if (cycle?.trouble) return `The lake cannot be read: ${cycle.trouble}. What is shown is the last cycle that could.`;
  if (!cycle?.cycle) return "No cycle is sealed in this lake yet: margin live processes what lands.";
  if (isOld) return `These figures are ${fmt.span(seconds)} old: nothing was sealed since.`;
  if (dueSentence()) return dueSentence();
  if (isLate) return `The last seal was ${fmt.span(seconds)} ago.`;
  if (!isLive()) return `No session is at work. Shown is cycle ${fmt.count(cycle.cycle)} as sealed, as of ${fmt.instant(cycle.as_of)} UTC.`;
  if (isHistory()) return `Event time is ${fmt.instant(cycle.as_of)} UTC: a replay, not today's market.`;
  return "";
}

const KEYS = [
  ["/", "search"],
  [`1–${NUMBERED}`, "pages"],
  ["j k, arrows", "move between rows"],
  ["Enter", "open the account"],
  ["Esc", "back"],
  ["P", "pause, resume"],
  ["R", "release the held order"],
  ["F", "follow an account, above all others"],
  ["T", "light or dark"],
  ["?", "these keys"],
];
const help = h(
  "dialog",
  { "aria-labelledby": "keys" },
  h("h2", { id: "keys" }, "Keys"),
  h("dl", { class: "keys" }, KEYS.map(([key, what]) => h("div", {}, h("dt", {}, h("kbd", {}, key)), h("dd", {}, what)))),
  h("form", { method: "dialog" }, h("button", {}, "Close")),
);

function pressed(event) {
  const isTyping = event.target.closest?.("input, textarea, select, dialog");
  if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
  const number = Number(event.key);
  if (number >= 1 && number <= NUMBERED) go(PAGES[number - 1][0]);
  else if (event.key === "/") search.focus();
  else if (event.key === "?") help.showModal();
  else if (event.key === "p" || event.key === "P") togglePause();
  else if (event.key === "t" || event.key === "T") toggleTheme();
  else if (event.key === "Escape" && location.pathname === "/account") history.back();
  else if (!shown?.key?.(event)) return;
  event.preventDefault();
}

function frame() {
  const links = PAGES.slice(0, NUMBERED).map(([at, title], number) =>
    h("a", { href: at }, h("span", { class: "number", "aria-hidden": "true" }, number + 1), title),
  );
  fill(
    document.getElementById("top"),
    h("a", { href: "/accounts", class: "mark" }, h("b", {}, "Margin"), " desk"),
    h("nav", { "aria-label": "Pages" }, links),
    search,
    h("span", { class: "grow" }),
    place,
    status,
    pause,
    h("button", { type: "button", onclick: toggleTheme, title: "Light or dark (T)" }, "◐", h("span", { class: "unseen" }, "Light or dark")),
    h("button", { type: "button", onclick: () => help.showModal(), title: "Keys (?)" }, "?", h("span", { class: "unseen" }, "Keys")),
  );
  document.body.append(help);
}

function clicked(event) {
  const link = event.target.closest?.("a[href^='/']");
  if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  go(link.getAttribute("href"));
}

async function begin() {
  frame();
  document.addEventListener("keydown", pressed);
  document.addEventListener("click", clicked);
  document.addEventListener("visibilitychange", () => store.pending && update());
  window.addEventListener("popstate", show);
  listen((isNew) => {
    tick();
    if (isNew) {
      tellChanges();
      update();
    }
  });
  store.about = await get("/api/about");
  connect();
  show();
  // Each look is a frame of its own: ten pages on one machine feel them.
  setInterval(tick, 500);
  setInterval(again, 1000);
}

begin().catch((error) => {
  band.className = "old";
  band.textContent = `The server does not answer: ${error.message}. Load the page again.`;
});
