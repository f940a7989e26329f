import { Chart, base, colour } from "./charts.js";
import { fill, h, panel, table } from "./dom.js";
import { strip, waiting } from "./firm.js";
import * as fmt from "./format.js";
import { get, store } from "./store.js";

const EVERY_SECONDS = 5;
const STATES = {
  unfinished: "a cycle is planned and not sealed: one is at work, or the next start ends it",
  behind: "files have landed that no cycle has taken",
  empty: "no cycle yet",
  stale: "nothing new was sealed for too long while the exchange was open",
  degraded: "cycles take too long",
  attention: "inputs are missing, or refused rows wait for a decision",
  ok: "all is processed, nothing waits",
};

export function qualityPage(root) {
  const top = h("div");
  const states = h("div");
  const prices = h("div");
  const lacking = h("div");
  const feeds = h("div");
  const refused = h("div");
  const checks = h("div");
  const cycles = new Chart("Cycle time", "seconds, the last cycles", 170);
  fill(
    root,
    h("h1", { class: "unseen" }, "Data quality"),
    top,
    h("div", { class: "cards two" },
      panel("Health", null, states),
      cycles.element,
      panel("Marks that are not fresh, by what depends on them", "as sealed", prices),
      panel("Accounts that lack an input", null, lacking)),
    panel("Feeds", "all that landed; what was refused first", feeds),
    panel("Open refused rows", null, refused),
    panel("Checks", "newest validated versions, failures first", checks),
  );
  let asked = 0;
  fill(top, waiting());

  async function update() {
    if (Date.now() - asked < EVERY_SECONDS * 1000) return;
    asked = Date.now();
    const found = await get("/api/quality").catch(() => null);
    if (!found) return;
    const { health, landed_to_sealed: took, chain } = found;
    const stale = found.prices.reduce((sum, row) => sum + Number(row.gross_value ?? 0), 0);
    fill(top, strip([
      health.freshness.state === "history"
        ? ["Landed to sealed", "–", "a replay lands at times of its own"]
        : ["Landed to sealed", fmt.span(took.p50), took.p99 === null ? "no file of late" : `p99 ${fmt.span(took.p99)}, ${fmt.count(took.files)} files`],
      ["Backlog", `${fmt.count(health.backlog.files ?? null)} files`, health.backlog.oldest_seconds === null || health.backlog.oldest_seconds === undefined ? "nothing waits" : `oldest ${fmt.span(health.backlog.oldest_seconds)}`],
      ["Refused of late", fmt.pct(health.quarantine.rate ?? null), `${fmt.count(health.quarantine.quarantined ?? null)} of ${fmt.count(health.quarantine.rows ?? null)} rows`],
      ["Open, of fills or cash", fmt.count(health.refused.rows ?? null), "missing from figures"],
      ["Value not freshly marked", fmt.usdShort(stale * 100), `${fmt.count(found.prices.length)} names`],
      ["Chain of seals", chain.broken === null ? `holds to ${fmt.count(chain.cycle)}` : `broken at ${fmt.count(chain.broken.cycle)}`, chain.broken === null ? (chain.cycle < found.cycle ? `of ${fmt.count(found.cycle)}, going on` : "every link") : chain.broken.what],
    ]));
    fill(states, h("ul", { class: "health" }, health.states.map((state) => h("li", { class: state === "ok" ? "" : "on" }, h("b", {}, state), ` ${STATES[state] ?? ""}`))),
      h("p", { class: "say" }, `Freshness: ${health.freshness.state}. Last sealed ${fmt.span(health.freshness.seal_age_seconds)} ago, events ${fmt.span(health.freshness.event_lag_seconds)} old. The chain is walked link by link here; margin audit verify holds tables and files against it.`));
    showCycles(health);
    showTables(found);
  }

  /** How old a feed is against the usual gap between its files; at rest and in a replay nothing is late. */
  function agedFeed(row, health) {
    if (row.age_seconds === null || row.usual_seconds === null) return "–";
    if (health.freshness.state === "history") return `usually each ${fmt.span(row.usual_seconds)}`;
    const text = `${fmt.span(row.age_seconds)}, usually ${fmt.span(row.usual_seconds)}`;
    const times = row.age_seconds / Math.max(row.usual_seconds, 1);
    if (times < 2) return text;
    return h("b", { class: times < 5 ? "stale" : "overdue" }, `${times < 5 ? "△ late" : "✖ overdue"}: ${text}`);
  }

  function showCycles(health) {
    const { axis, ...rest } = base();
    const rows = health.cycle_seconds.map((value, place) => ({ place: place - health.cycle_seconds.length + 1, value }));
    cycles.show({
      none: rows.length ? null : "No cycle time is known.",
      columns: [["Cycle before last", (row) => fmt.count(row.place), "n"], ["Seconds", (row) => fmt.number(row.value), "n"]],
      rows,
      option: {
        ...rest,
        tooltip: { ...rest.tooltip, valueFormatter: (value) => fmt.span(value) },
        xAxis: { type: "category", data: rows.map((row) => fmt.count(row.place)), ...axis, axisLabel: { ...axis.axisLabel, interval: Math.floor(rows.length / 10) } },
        yAxis: { type: "value", ...axis, splitNumber: 3 },
        series: [{ name: "Planned to sealed", type: "bar", itemStyle: { color: colour("accent") }, data: rows.map((row) => row.value) }],
      },
    });
  }

  function showTables(found) {
    fill(prices, table("Marks that are not fresh", [
      ["Name", (row) => h("a", { href: `/accounts?symbol=${encodeURIComponent(row.symbol)}` }, row.symbol)],
      ["Mark", (row) => h("b", { class: "stale" }, `△ ${row.price_state.replaceAll("_", " ")}`)],
      ["Priced at", (row) => fmt.instant(row.price_time)],
      ["Accounts", (row) => fmt.count(row.accounts), "n"],
      ["Value", (row) => fmt.dollars(row.gross_value), "n"],
    ], found.prices, "Every position has a fresh mark."));
    fill(lacking, table("Accounts that lack an input", [
      ["What is missing", (row) => fmt.words(row.reasons)],
      ["Accounts", (row) => h("a", { href: "/accounts?state=indeterminate" }, fmt.count(row.accounts)), "n"],
      ["Requirement", (row) => fmt.usd(row.requirement), "n"],
    ], found.indeterminate, "No account lacks an input."));
    fill(feeds, table("Feeds", [
      ["Feed", (row) => row.feed || "(outside every feed)"],
      ["Last landed", (row) => fmt.instant(row.last_landed_at)],
      ["Age", (row) => agedFeed(row, found.health)],
      ["Files", (row) => fmt.count(row.files), "n"],
      ["Rows of late", (row) => fmt.count(row.recent_rows), "n"],
      ["Rows", (row) => fmt.count(row.rows_read), "n"],
      ["Accepted", (row) => fmt.count(row.rows_accepted), "n"],
      ["Duplicate", (row) => fmt.count(row.rows_duplicate), "n"],
      ["Late", (row) => fmt.count(row.rows_late), "n"],
      ["Refused", (row) => (row.rows_quarantined ? h("b", { class: "stale" }, fmt.count(row.rows_quarantined)) : "0"), "n"],
    ], found.feeds, "Nothing has landed."));
    fill(refused, table("Open refused rows", [
      ["Feed", (row) => row.feed || "–"],
      ["Reasons", (row) => fmt.words(row.reasons)],
      ["Rows", (row) => fmt.count(row.rows), "n"],
      ["Cycles", (row) => `${fmt.count(row.first_cycle)} to ${fmt.count(row.last_cycle)}`],
      ["Newest", (row) => `${row.path}:${row.file_row}`, "path"],
      ["As landed", (row) => h("code", {}, row.example), "raw"],
    ], found.quarantine, "Nothing is refused and open."));
    const failed = found.checks?.filter((row) => !row.success) ?? [];
    fill(checks, found.checks === null
      ? h("p", { class: "none" }, "No table of this lake was validated yet; Dagster does, after a live run.")
      : [h("p", { class: "say" }, `${fmt.count(failed.length)} of the ${fmt.count(found.checks.length)} shown do not hold.`), table("Checks", [
          ["", (row) => (row.success ? "○ holds" : h("b", { class: "stale" }, "✖ broken"))],
          ["Table", (row) => row.table_name],
          ["Version", (row) => fmt.count(row.table_version), "n"],
          ["Expectation", (row) => row.expectation],
          ["Rows", (row) => fmt.count(row.rows), "n"],
          ["Broken", (row) => fmt.count(row.unexpected_rows), "n"],
        ], found.checks.slice(0, 20))]);
  }

  return { update, again: update, leave: () => cycles.leave() };
}
