import { act } from "./acts.js";
import { Chart, base, colour } from "./charts.js";
import { fill, h, panel, table } from "./dom.js";
import * as fmt from "./format.js";
import { LEVELS, badge } from "./severity.js";
import { get } from "./store.js";

const NAMES_SECONDS = 30;
const ISSUERS = 12;
export const waiting = () => h("p", { class: "none" }, "Asking the lake…");

export function strip(figures) {
  return h("div", { class: "strip" }, figures.map(([name, value, note]) => h("div", {}, h("span", {}, name), h("b", {}, value), note ? h("small", {}, note) : null)));
}

export const worstOf = (scenarios) =>
  scenarios.reduce((worst, row) => (!worst || Number(row.credit_exposure) > Number(worst.credit_exposure) || (Number(row.credit_exposure) === Number(worst.credit_exposure) && Number(row.pnl) < Number(worst.pnl)) ? row : worst), null);

export function firmPage(root) {
  const top = h("div");
  const states = h("div");
  const issuers = h("div");
  const moved = h("div");
  const names = h("div");
  const accounts = h("div");
  const limits = h("div");
  const scenarios = new Chart("What customers would lack, by move", "USD");
  const deficiency = new Chart("Deficiency", "USD, as of", 160);
  const calls = new Chart("Accounts with a deficiency", "accounts, as of", 160);
  const charts = [scenarios, deficiency, calls];
  fill(
    root,
    h("h1", { class: "unseen" }, "Firm"),
    top,
    h("div", { class: "cards two" }, scenarios.element, panel("Shortfall by state and scenario", "USD, requirement held", states), deficiency.element, calls.element),
    panel("Lost in the largest issuers, by move of SPY", "USD, by those who lose, nobody's gain set against it", issuers),
    h("div", { class: "cards three" }, panel("Accounts that moved", null, moved), panel("Largest shortfalls", "USD", accounts), panel("Largest names", "as sealed", names)),
    panel("Limits", null, limits),
  );

  let named = 0;
  fill(top, waiting());
  fill(names, waiting());

  async function update() {
    const found = await get("/api/firm").catch(() => null);
    if (!found) return;
    const worst = worstOf(found.scenarios);
    const here = found.scenarios.find((row) => row.move === 0) ?? found.scenarios[0];
    const { totals, close } = found;
    const since = (value, name) => (close ? `${fmt.signed(fmt.usdShort)(value - fmt.toCents(close[name]))} since close ${close.day.slice(5)}` : null);
    fill(top, strip([
      ["Beta-weighted exposure", fmt.usdShort(fmt.toCents(here?.beta_weighted_exposure ?? null)), "to SPY"],
      ["Worst move", worst ? fmt.minusText(worst.scenario) : "–", worst ? `P&L ${fmt.usdShort(fmt.toCents(worst.pnl))}` : null],
      ["Owed there", fmt.usdShort(fmt.toCents(worst?.credit_exposure ?? null)), (worst && since(fmt.toCents(worst.credit_exposure), "credit_exposure")) ?? "each customer alone"],
      ["Deficiency now", fmt.usdShort(totals.deficiency), since(totals.deficiency, "deficiency") ?? fmt.many(totals.calls, "open call")],
      ["Gross value", fmt.usdShort(fmt.toCents(here?.gross_market_value ?? null)), `net ${fmt.usdShort(fmt.toCents(here?.net_market_value ?? null))}`],
      ["Accounts", fmt.count(totals.accounts), `${fmt.count(totals.indeterminate)} indeterminate`],
    ]));
    showScenarios(found.scenarios);
    showStates(found.by_state.rows, found.by_state.scenarios);
    showIssuers(found.issuers, found.by_state.scenarios);
    showDay(found.history);
    showMoved(found.moved);
    fill(accounts, table("Largest shortfalls", [
      ["Account", (row) => h("a", { href: `/account?id=${encodeURIComponent(row.account_id)}` }, row.account_id)],
      ["State", (row) => badge(LEVELS[row.level])],
      ["Lacks", (row) => fmt.usd(row.deficiency), "n"],
    ], found.top, "No account lacks anything."));
    showLimits(limits, found.limits);
    await again();
  }

  async function again() {
    if (Date.now() - named < NAMES_SECONDS * 1000) return;
    named = Date.now();
    const found = await get("/api/names").catch(() => null);
    if (found) showNames(found);
    else named = 0;
  }

  function showScenarios(rows) {
    const { axis, ...rest } = base();
    scenarios.show({
      none: rows.length ? null : "No scenario is known yet.",
      columns: [
        ["Scenario", (row) => fmt.minusText(row.scenario)],
        ["P&L", (row) => fmt.dollars(row.pnl), "n"],
        ["Accounts lacking", (row) => fmt.count(row.accounts_deficient), "n"],
        ["Lacking", (row) => fmt.dollars(row.deficiency), "n"],
        ["Owed", (row) => fmt.dollars(row.credit_exposure), "n"],
      ],
      rows,
      option: {
        ...rest,
        grid: { ...rest.grid, top: 34, bottom: 40 },
        legend: { top: 0, right: 8, itemWidth: 12, itemHeight: 9, textStyle: rest.textStyle },
        tooltip: { ...rest.tooltip, valueFormatter: (value) => fmt.usd(value) },
        xAxis: { type: "category", data: rows.map((row) => fmt.minusText(row.scenario)), ...axis, axisLabel: { ...axis.axisLabel, interval: 0, lineHeight: 15, formatter: (name) => name.replace(" ", "\n") } },
        yAxis: { type: "value", ...axis, axisLabel: { ...axis.axisLabel, formatter: (value) => fmt.usdShort(value) } },
        series: [
          { name: "Lacking, requirement struck again", type: "bar", barGap: 0, itemStyle: { color: colour("loss") }, data: rows.map((row) => fmt.toCents(row.deficiency)) },
          { name: "Owed beyond all they own", type: "bar", itemStyle: { color: colour("deep") }, data: rows.map((row) => fmt.toCents(row.credit_exposure)) },
        ],
      },
    });
  }

  function showStates(rows, names) {
    const largest = Math.max(1, ...rows.flatMap((row) => row.deficiency));
    const cell = (row, place) => {
      const value = row.deficiency[place];
      const part = Math.sqrt(value / largest);
      const link = { href: `/accounts?state=${row.level}&breach_at=${encodeURIComponent(names[place])}` };
      return h("td", { class: `heat heat-${Math.round(part * 5)} n` }, value ? h("a", link, fmt.usdShort(value)) : "0");
    };
    fill(
      states,
      rows.length
        ? h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Shortfall by state and scenario" }, h("table", { class: "map" },
            h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "State now"), names.map((name) => h("th", { scope: "col", class: "n" }, fmt.minusText(name).replace("SPY ", ""))))),
            h("tbody", {}, [...rows].reverse().map((row) => h("tr", {}, h("th", { scope: "row" }, badge(row.level)), names.map((_, place) => cell(row, place)))))))
        : h("p", { class: "none" }, "No scenario is known yet."),
      h("p", { class: "say" }, "A figure opens the accounts behind it."),
    );
  }

  function showIssuers(map, names) {
    if (!map) return fill(issuers, h("p", { class: "none" }, "Only a session at work tells this, and none is."));
    const largest = Math.max(1, ...map.loss.flat());
    const cell = (value) => h("td", { class: `heat heat-${Math.round(Math.sqrt(value / largest) * 5)} n` }, value ? fmt.usdShort(value) : "0");
    const line = (name, place) => h("tr", {}, h("th", { scope: "row" }, name), map.loss[place].map(cell));
    fill(
      issuers,
      map.names.length
        ? h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Lost in the largest issuers" }, h("table", { class: "map" },
            h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Issuer"), names.map((name) => h("th", { scope: "col", class: "n" }, fmt.minusText(name).replace("SPY ", ""))))),
            h("tbody", {}, map.names.slice(0, ISSUERS).map(line))))
        : h("p", { class: "none" }, "Nothing is held."),
      h("p", { class: "say" }, `As of cycle ${fmt.count(map.cycle)}; made anew each half minute.`),
    );
  }

  function showDay(history) {
    series(deficiency, history, (row) => row.deficiency, fmt.usdShort, colour("loss"));
    series(calls, history, (row) => row.deficient, fmt.count, colour("call"));
  }

  function showMoved(found) {
    if (!found) return fill(moved, h("p", { class: "none" }, "Nothing older than this cycle was seen since the server began."));
    const rows = found.counts.filter(([before, now]) => before !== now).map(([before, now, count]) => ({ before, now, count }));
    fill(
      moved,
      h("p", { class: "say" }, `Since ${fmt.instant(found.since)} UTC, at most an hour.`),
      table("Accounts that moved", [
        ["Was", (row) => badge(LEVELS[row.before])],
        ["Is", (row) => badge(LEVELS[row.now])],
        ["", (row) => (row.now > row.before ? "worse" : "better")],
        ["Accounts", (row) => fmt.count(row.count), "n"],
      ], rows.sort((a, b) => b.now - b.before - (a.now - a.before)), "None moved."),
    );
  }

  function showNames(found) {
    const isRanked = found.source === "firm_concentrations";
    fill(
      names,
      table("Largest names", isRanked ? [
        ["Name", (row) => row.subject],
        ["Loss", (row) => fmt.dollars(row.loss), "n"],
        ["Accounts", (row) => fmt.count(row.accounts), "n"],
        ["Days to sell", (row) => fmt.number(row.days_to_liquidate), "n"],
      ] : [
        ["Name", (row) => h("a", { href: `/accounts?symbol=${encodeURIComponent(row.symbol)}` }, row.symbol)],
        ["Accounts", (row) => fmt.count(row.accounts), "n"],
        ["Long", (row) => fmt.dollars(row.long), "n"],
        ["Short", (row) => fmt.dollars(row.short), "n"],
      ], found.rows.slice(0, 12), "Nothing is held."),
      h("p", { class: "none" }, isRanked ? `By what their holders would lose at ${fmt.minusText(found.rows[0]?.scenario)}.` : "This lake does not rank losses by name yet; these are values held."),
    );
  }

  return { update, again, leave: () => charts.forEach((chart) => chart.leave()) };
}

export function showLimits(target, found) {
  if (!found) return fill(target, h("p", { class: "none" }, "This lake keeps no limits yet: exposure, losses and names are shown without any."));
  const open = new Map(found.breaches.filter((row) => row.state !== "cured").map((row) => [row.limit_id, row]));
  fill(
    target,
    table("Limits", [
      ["Limit", (row) => fmt.word(row.metric)],
      ["Of", (row) => row.subject ?? (row.scope === "firm" ? "the firm" : `each ${row.scope}`)],
      ["Amount", (row) => fmt.number(row.amount), "n"],
      ["Owner", (row) => row.owner],
      ["Breach", (row) => (open.has(row.limit_id) ? breach(row, open.get(row.limit_id)) : "within"), "wrap"],
    ], found.limits, "No limit has landed."),
  );
}

function breach(limit, found) {
  const use = found.use === null ? "use not known" : fmt.pct(Number(found.use));
  const asked = { title: "Acknowledge", subject: found.breach_id, named: `The breach of ${fmt.word(limit.metric)}`, path: `/api/breaches/${encodeURIComponent(found.breach_id)}/acknowledge` };
  return [
    h("b", { class: "stale" }, `✖ ${fmt.word(found.state)}, ${use} since ${fmt.instant(found.opened_at)}`),
    found.state === "open" ? h("button", { type: "button", onclick: () => act(asked) }, "Acknowledge…") : "",
  ];
}

export function series(chart, history, value, format, line) {
  const { axis, ...rest } = base();
  chart.show({
    none: history.length > 1 ? null : "One cycle was seen since the server began; the line begins with the next.",
    columns: [["As of", (row) => fmt.instant(row.at)], ["Value", (row) => format(value(row)), "n"]],
    rows: history.slice(-200),
    option: {
      ...rest,
      tooltip: { ...rest.tooltip, valueFormatter: (v) => format(v) },
      useUTC: true,
      xAxis: { type: "time", ...axis, splitLine: { show: false }, axisLabel: { ...axis.axisLabel, hideOverlap: true } },
      yAxis: { type: "value", min: 0, minInterval: 1, ...axis, splitNumber: 3, axisLabel: { ...axis.axisLabel, formatter: (v) => format(v) } },
      series: [{ name: chart.title, type: "line", step: "end", symbol: "none", lineStyle: { color: line, width: 2 }, areaStyle: { color: line, opacity: 0.1 }, data: history.map((row) => [row.at, value(row)]) }],
    },
  });
}
