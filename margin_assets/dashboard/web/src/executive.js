import { levelBadge, noRuns, showTrend } from "./avalanche.js";
import { Chart, base, colour } from "./charts.js";
import { fill, h, panel, svg, table } from "./dom.js";
import { showLimits, worstOf } from "./firm.js";
import * as fmt from "./format.js";
import { LEVELS, badge } from "./severity.js";
import { get } from "./store.js";

const MINUTE = 60_000;

function spark(values) {
  const box = { viewBox: "0 0 120 28", class: "spark", "aria-hidden": "true", preserveAspectRatio: "none" };
  if (values.length < 2) return svg("svg", box);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const y = (value) => (high === low ? 14 : 25 - ((value - low) / (high - low)) * 22);
  const points = values.map((value, i) => `${((i / (values.length - 1)) * 120).toFixed(1)} ${y(value).toFixed(1)}`);
  return svg("svg", box, svg("path", { d: `M${points.join("L")}` }));
}

export function executivePage(root) {
  const sentence = h("p", { class: "sentence" });
  const six = h("div", { class: "six" });
  const exceptions = h("div");
  const limits = h("div");
  const moved = h("div");
  const lacking = new Chart("Deficiency at each day's end", "USD", 200);
  const owed = new Chart("Owed by customers at the worst move, each day's end", "USD", 200);
  const avalanche = h("div");
  const near = new Chart("How near an avalanche, book after book", "score, 0 to 1", 200);
  const charts = [lacking, owed, near];
  const note = h("p", { class: "none" });
  fill(
    root,
    h("h1", {}, "The whole in one page"),
    sentence,
    six,
    h("div", { class: "cards two" }, lacking.element, owed.element, panel("Exceptions", "three at most", exceptions), panel("Limits", null, limits), panel("From level to level", "accounts, since the day before", moved), panel("Margin-call avalanche", "early warning of the newest book", avalanche), near.element),
    note,
  );
  let asked = 0;

  async function update() {
    // Read once a day: nothing here flickers with each cycle.
    if (Date.now() - asked < MINUTE) return;
    asked = Date.now();
    const found = await get("/api/executive").catch(() => null);
    if (!found) return void (asked = 0);
    show(found);
    const told = await get("/api/avalanche/trend").catch(() => null);
    if (told) showAvalanche(told);
  }

  function showAvalanche({ trend, levels }) {
    showTrend(near, trend, levels);
    const last = trend.at(-1);
    if (!last) return fill(avalanche, noRuns(0));
    const before = trend.at(-2);
    const since = before ? `, ${fmt.times(before.score)} the book before` : "";
    fill(
      avalanche,
      h("p", { class: "sentence" }, fmt.times(last.score), " ", levelBadge(last.level), since),
      h("p", { class: "say" }, `In moderate stress ${fmt.usdShort(last.need_usd * 100)} USD are called at 99%, ${fmt.pct(last.need_usd / last.liquidity_usd)} of the ${fmt.usdShort(last.liquidity_usd * 100)} USD at hand. `, h("a", { href: "/avalanche" }, "Who calls, and what pays")),
    );
  }

  function show(found) {
    const { totals, scenarios, history, days } = found;
    const worst = worstOf(scenarios);
    const inCall = totals.levels.call + totals.levels.close_only + totals.levels.liquidation;
    const share = totals.accounts ? inCall / totals.accounts : 0;
    const first = history[0];
    const since = history.length > 1 ? totals.deficiency - first.deficiency : null;
    sentence.textContent = totals.accounts
      ? `${fmt.count(inCall)} of ${fmt.count(totals.accounts)} accounts (${fmt.pct(share)}) are in call or restricted and lack ${fmt.usdShort(totals.deficiency)} USD${since ? `, ${since > 0 ? "up" : "down"} ${fmt.usdShort(Math.abs(since))} since ${fmt.instant(first.at)}` : ""}${worst ? `; at ${fmt.minusText(worst.scenario)} customers would owe ${fmt.usdShort(fmt.toCents(worst.credit_exposure))} USD more than they own` : ""}.`
      : "No account is known yet.";
    const yesterday = days.at(-2);
    const line = (value) => history.map(value);
    const figure = (name, value, told, values = []) => h("div", { class: "figure" }, h("span", {}, name), h("b", {}, value), h("small", {}, told), spark(values));
    fill(
      six,
      figure("In call or restricted", fmt.count(inCall), fmt.pct(share), line((row) => row.levels.call + row.levels.close_only + row.levels.liquidation)),
      figure("Deficiency, USD", fmt.usdShort(totals.deficiency), yesterday ? `${fmt.usdShort(fmt.toCents(yesterday.deficiency))} on ${yesterday.day}` : "no day before", line((row) => row.deficiency)),
      figure("Owed at the worst move, USD", fmt.usdShort(fmt.toCents(worst?.credit_exposure ?? null)), worst ? fmt.minusText(worst.scenario) : "–", line((row) => Number(row.worst?.credit_exposure ?? 0))),
      figure("Equity over requirement", totals.requirement ? fmt.times(totals.equity / totals.requirement) : "–", `${fmt.usdShort(totals.equity)} against ${fmt.usdShort(totals.requirement)}`, line((row) => row.equity)),
      figure("Largest shortfall, USD", fmt.usdShort(found.largest[0]?.deficiency ?? 0), found.largest[0] ? `${found.largest[0].account_id}, ${fmt.pct(totals.deficiency ? found.largest[0].deficiency / totals.deficiency : 0)} of all` : "none"),
      figure("Indeterminate accounts", fmt.count(totals.indeterminate), totals.accounts ? fmt.pct(totals.indeterminate / totals.accounts) : "–", line((row) => row.indeterminate)),
    );
    daily(lacking, days, "deficiency", colour("loss"));
    daily(owed, days, "credit_exposure", colour("deep"));
    fill(
      exceptions,
      found.largest.length
        ? h("ul", { class: "exceptions" }, found.largest.map((row) => h("li", {}, h("a", { href: `/account?id=${encodeURIComponent(row.account_id)}` }, row.account_id), ` lacks ${fmt.usd(row.deficiency)} USD`)))
        : h("p", { class: "none" }, "None: no account lacks anything."),
    );
    showLimits(limits, found.limits);
    showMoved(moved, found.migrations);
    note.textContent = `Cycle ${fmt.count(found.cycle)}. This page is made anew each minute.`;
  }

  return { update, again: update, leave: () => charts.forEach((chart) => chart.leave()) };
}

/** The newest day as a matrix, what was above what is; the days before by how many rose and fell. */
function showMoved(element, days) {
  const [newest, ...older] = days;
  if (!newest) return fill(element, h("p", { class: "none" }, "No day before this one is sealed."));
  const counts = new Map(newest.counts.map(([was, is, count]) => [`${was} ${is}`, count]));
  const cell = (was, is) => (was === is ? "same" : is > was ? "worse" : "better");
  const to = LEVELS.map((level, is) => [fmt.word(level), (row) => h("span", { class: cell(row.was, is), title: cell(row.was, is) }, fmt.count(counts.get(`${row.was} ${is}`) ?? 0)), "n"]);
  const sum = (day, side) => day.counts.filter(([was, is]) => (is - was) * side > 0).reduce((all, [, , count]) => all + count, 0);
  fill(
    element,
    table(`From level to level on ${newest.day}`, [["Was", (row) => badge(row.level)], ...to], LEVELS.map((level, was) => ({ level, was }))),
    h("h3", {}, "Days before"),
    table("Days before", [
      ["Day", (row) => row.day],
      ["Rose to a worse level", (row) => fmt.count(sum(row, 1)), "n"],
      ["Fell to a better one", (row) => fmt.count(sum(row, -1)), "n"],
    ], [newest, ...older].slice(0, 10)),
  );
}

function daily(chart, days, name, line) {
  const { axis, ...rest } = base();
  chart.show({
    none: days.length ? null : "No day is sealed yet.",
    columns: [["Day", (row) => row.day], ["USD", (row) => fmt.dollars(row[name]), "n"]],
    rows: days,
    option: {
      ...rest,
      tooltip: { ...rest.tooltip, valueFormatter: (value) => fmt.usd(value) },
      xAxis: { type: "category", data: days.map((row) => row.day.slice(5)), ...axis, axisLabel: { ...axis.axisLabel, hideOverlap: true } },
      yAxis: { type: "value", min: 0, minInterval: 100, ...axis, splitNumber: 4, axisLabel: { ...axis.axisLabel, formatter: (value) => fmt.usdShort(value) } },
      series: [{ name: chart.title, type: "bar", barMaxWidth: 24, itemStyle: { color: line }, data: days.map((row) => fmt.toCents(row[name])) }],
    },
  });
}
