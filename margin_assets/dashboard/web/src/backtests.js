import { Chart, base, colour } from "./charts.js";
import { fill, h, panel, table } from "./dom.js";
import { strip, waiting } from "./firm.js";
import * as fmt from "./format.js";
import { get, store } from "./store.js";

const MINUTE = 60_000;
const METHODS = [["house", "House", "deep"], ["reg_t", "FINRA 4210(c)", "gain"], ["portfolio_margin", "Portfolio margin", "warning"]];
const NAMES = Object.fromEntries(METHODS.map(([key, name]) => [key, name]));
const usd = (text) => fmt.usdShort(fmt.toCents(text));
const spanOf = (run) => `${run.first_date} to ${run.last_date}`;
const titleOf = (run) => `${run.policy} on ${run.history}, ${spanOf(run)}`;
const share = (value, digits = 2) => (value === null ? "–" : `${(100 * value).toFixed(digits)}%`);

export function backtestsPage(root, { go }) {
  const body = h("div", { class: "stack" });
  const choice = h("select", { "aria-label": "Run", hidden: true, onchange: () => go(`/backtests?run=${choice.value}`) });
  fill(root, h("div", { class: "row" }, h("h1", {}, "Backtests"), choice), body);
  fill(body, waiting());
  let asked = 0;
  let parts = null;

  async function update() {
    if (Date.now() - asked < MINUTE) return;
    asked = Date.now();
    const named = new URLSearchParams(location.search).get("run");
    try {
      show(await get(`/api/backtests${named ? `?run=${encodeURIComponent(named)}` : ""}`));
    } catch (error) {
      if (error.status === 404 || error.status === 422) return fill(body, h("p", { class: "empty" }, "The lake has no such run. ", h("a", { href: "/backtests" }, "The longest")));
      asked = 0;
      if (!parts) fill(body, h("p", { class: "empty" }, "The backtests cannot be read now; trying again."));
    }
  }

  function show(found) {
    choice.hidden = !found.run;
    if (!found.run) {
      return fill(body, h("div", { class: "empty" }, h("p", {}, "No backtest is in this lake."), h("p", {}, "Years of real closes under the rules in force: ", h("code", {}, `margin backtest built-in --lake ${store.about?.lake ?? "./lake"}`))));
    }
    fill(choice, found.runs.map((run) => h("option", { value: run.run_id, selected: run.run_id === found.run.run_id }, titleOf(run))));
    if (!parts) parts = made(body);
    parts.show(found);
  }

  return { update, again: update, leave: () => parts?.leave() };
}

function made(body) {
  const [top, runs, coverage, worst] = ["div", "div", "div", "div"].map((tag) => h(tag));
  const note = h("p", { class: "none" });
  const asked = new Chart("Requirement and loss", "share of gross value by month: the last requirement, and the worst day's loss", 260);
  const calls = new Chart("Calls made", "by month", 180);
  const lost = new Chart("Lost by the firm", "USD by month", 180);
  const charts = [asked, calls, lost];
  fill(
    body,
    top,
    asked.element,
    h("div", { class: "cards two" }, calls.element, lost.element),
    panel("How often the loss was above the requirement", "windows, and how many the rulebook expects", coverage),
    panel("Runs side by side", "what each asks for, and what was lost under it", runs),
    panel("What hurt most", "USD", worst),
    note,
  );
  return {
    show(found) {
      fill(top, figures(found.run));
      showMonths(asked, found.months);
      showSums(calls, found.months, "calls_made", "Calls", fmt.count);
      showSums(lost, found.months, "lost", "Lost", (value) => fmt.usdShort(value * 100));
      showCoverage(coverage, found.coverage);
      showRuns(runs, found.runs);
      showWorst(worst, found.worst);
      note.textContent = `Run ${found.run.run_id}. One of the worst opened: margin backtest explain ${found.run.run_id} 1 --lake ${store.about?.lake ?? ""}`;
    },
    leave: () => charts.forEach((chart) => chart.leave()),
  };
}

function figures(run) {
  return strip([
    ["Account sessions", fmt.count(run.account_days), `${fmt.many(run.accounts, "account")}, ${fmt.many(run.sessions, "session")}`],
    ["Calls", fmt.count(run.calls), `${run.calls ? share(run.false_calls / run.calls, 1) : "none"} false`],
    ["Sold out", fmt.count(run.liquidations), `${fmt.many(run.missed_sessions, "session")} missed`],
    ["Required, mean", usd(run.mean_required), spanOf(run)],
    ["Lost", usd(run.lost), `${usd(run.avoided)} avoided by selling out`],
    ["Evaluated", run.bars ? fmt.count(run.bars) : "Closes", run.bars ? "ends of bars beside closes" : "and deadlines between them"],
  ]);
}

/** Axes of a chart over months. */
function monthly(months, format) {
  const { axis, ...rest } = base();
  return {
    ...rest,
    tooltip: { ...rest.tooltip, valueFormatter: format },
    xAxis: { type: "category", data: months.month.map((day) => day.slice(0, 7)), ...axis, axisTick: { show: false }, axisLabel: { ...axis.axisLabel, interval: Math.ceil(months.month.length / 8) - 1 } },
    yAxis: { type: "value", ...axis, splitNumber: 4, axisLabel: { ...axis.axisLabel, formatter: format } },
  };
}

function showMonths(chart, months) {
  const lines = [...METHODS.map(([key, name, tone]) => [`${key}_share`, name, tone]), ["loss_share", "Worst day's loss", "loss"]];
  const option = monthly(months, (value) => share(value, 0));
  chart.show({
    none: months.month.length ? null : "This run has no session.",
    columns: [["Month", (place) => months.month[place].slice(0, 7)], ...lines.map(([key, name]) => [name, (place) => share(months[key][place]), "n"])],
    rows: months.month.map((_, place) => place),
    option: {
      ...option,
      grid: { ...option.grid, top: 34 },
      legend: { top: 0, left: 60, itemWidth: 14, itemHeight: 8, itemGap: 16, textStyle: option.yAxis.axisLabel },
      series: lines.map(([key, name, tone]) => ({ name, type: "line", symbol: "none", data: months[key], itemStyle: { color: colour(tone) }, lineStyle: { color: colour(tone), width: 1.5 } })),
    },
  });
}

function showSums(chart, months, key, name, format) {
  chart.show({
    none: months[key].some(Boolean) ? null : "None.",
    columns: [["Month", (place) => months.month[place].slice(0, 7)], [name, (place) => format(months[key][place]), "n"]],
    rows: months.month.map((_, place) => place).filter((place) => months[key][place]),
    option: { ...monthly(months, format), series: [{ name, type: "bar", data: months[key], itemStyle: { color: colour("loss") } }] },
  });
}

function showCoverage(target, rows) {
  fill(
    target,
    table("Coverage", [
      ["Requirement", (row) => NAMES[row.method]],
      ["Sessions ahead", (row) => row.horizon_days, "n"],
      ["Over", (row) => (row.group_kind === "all" ? "all" : `crisis of ${row.group_name}`)],
      ["Windows", (row) => fmt.count(row.account_days), "n"],
      ["Breaches", (row) => fmt.count(row.breaches), "n"],
      ["Expected", (row) => fmt.count(Math.round(row.expected)), "n"],
      ["Share", (row) => share(row.breach_share, 3), "n"],
      ["Beyond, USD", (row) => usd(row.beyond_required), "n"],
    ], rows),
  );
}

function showRuns(target, rows) {
  fill(
    target,
    table("Runs", [
      ["Run", (row) => h("a", { href: `/backtests?run=${row.run_id}` }, titleOf(row))],
      ["Required, mean", (row) => usd(row.mean_required), "n"],
      ["Warnings", (row) => fmt.count(row.warnings), "n"],
      ["Calls", (row) => fmt.count(row.calls), "n"],
      ["Sold out", (row) => fmt.count(row.liquidations), "n"],
      ["Lost", (row) => usd(row.lost), "n"],
      ["Avoided", (row) => usd(row.avoided), "n"],
    ], rows),
  );
}

function showWorst(target, rows) {
  fill(
    target,
    table("Worst sessions", [
      ["Kind", (row) => fmt.word(row.kind)],
      ["Rank", (row) => row.rank, "n"],
      ["Session", (row) => row.business_date],
      ["Account", (row) => row.account_id],
      ["Amount", (row) => usd(row.amount), "n"],
      ["Lost", (row) => usd(row.loss), "n"],
      ["Required", (row) => usd(row.required), "n"],
    ], rows),
  );
}
