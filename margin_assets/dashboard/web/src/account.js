import { act } from "./acts.js";
import { Chart, base, colour } from "./charts.js";
import { fill, h, panel, table } from "./dom.js";
import { dueText, minutesLeft, trouble } from "./due.js";
import * as fmt from "./format.js";
import { LEVELS, badge } from "./severity.js";
import { get, isLive, store } from "./store.js";

const SLOW_SECONDS = 10;
const ACTED_SECONDS = 20;
const WINDOW = 50;

export function accountPage(root, { go }) {
  const id = new URLSearchParams(location.search).get("id") ?? "";
  const at = (part, more = "") => `/api/accounts/${encodeURIComponent(id)}/${part}${more}`;
  const head = h("header", { class: "head" });
  const told = h("p", { class: "none" });
  const sum = h("div");
  const methods = h("div");
  const lines = h("div");
  const held = h("div");
  const calls = h("div");
  const decisions = h("div");
  const lineage = h("p", { class: "lineage" });
  const stress = new Chart("Stress: what SPY's move leaves", "USD, requirement held");
  const excess = new Chart("Excess, and what was decided", "USD, UTC");
  const charts = [stress, excess];
  fill(
    root,
    head,
    told,
    h(
      "div",
      { class: "cards two" },
      panel("The sum that decides", "USD", sum),
      panel("Methods side by side", "USD", methods),
      stress.element,
      excess.element,
    ),
    panel("Calls, plans and orders", null, calls),
    panel("Positions", "as sealed", held),
    panel("What the requirement is made of", "as sealed", lines),
    panel("Decisions, newest first", null, decisions),
    lineage,
  );
  let offset = 0;
  let slow = 0;
  let now = null;
  let past = null;

  async function update() {
    try {
      const before = standing(now);
      now = await get(at("figures"));
      if (standing(now) !== before) slow = 0;
      told.hidden = true;
      showFigures();
      await again();
    } catch (error) {
      slow = 0;
      if (error.status === 404 || error.status === 422) {
        told.hidden = false;
        told.textContent = id
          ? `No account “${id}” is known in cycle ${fmt.count(store.cycle?.cycle)}.`
          : "Choose an account on the first page, or search for one.";
      }
    }
  }

  async function again() {
    // Whoever has just acted looks for what becomes of it.
    const wait = Date.now() - store.acted < ACTED_SECONDS * 1000 ? 1 : SLOW_SECONDS;
    if (!now || Date.now() - slow < wait * 1000) return;
    slow = Date.now();
    try {
      await Promise.all([showHistory(), showPositions(), showLines(), showDesk()]);
    } catch {
      // The connection is told of in the band; it is asked again when it is there.
    }
  }

  function showFigures() {
    const left = minutesLeft(now.deadline);
    fill(
      head,
      h("h1", {}, now.account_id),
      badge(LEVELS[now.level], now.is_indeterminate, now.reasons),
      h("span", { class: "kind" }, fmt.word(now.account_type)),
      dimension("Margin", ["ok", "warning", "call"][now.margin_status], now.call_opened),
      dimension("Trading", now.restriction ? "close_only" : "none", null, fmt.words(now.restriction)),
      dimension("Liquidation", now.is_liquidating ? "triggered" : "none"),
      dimension("Minimum equity", now.minimum_call ? "call" : "ok"),
      h("span", { class: `dimension${left !== null && left < 30 ? " due" : ""}${trouble() ? " doubtful" : ""}` }, h("small", {}, "Next deadline"), h("span", { class: "left" }, dueText(now.deadline, "none"))),
      h("span", { class: "grow" }),
      h("span", { class: "of" }, `cycle ${fmt.count(now.cycle)}`),
    );
    if (now.is_indeterminate || now.reasons) head.append(h("p", { class: "reasons" }, `Inputs: ${fmt.words(now.reasons)}${now.is_indeterminate ? ". Figures are bounds, on the dear side." : "."}`));
    showSum();
    showMethods();
    showStress();
  }

  function showSum() {
    const debit = now.net_liquidation;
    const largest = Math.max(Math.abs(now.equity), now.governing_requirement, Math.abs(now.excess), 1);
    const bar = (value, kind) => h("td", { class: "barcell", "aria-hidden": "true" }, h("span", { class: `fullbar ${kind}`, style: { width: `${(Math.abs(value) / largest) * 100}%` } }));
    const line = (name, value, kind) => h("tr", { class: kind }, h("th", { scope: "row" }, name), h("td", { class: "n" }, fmt.usdExact(value)), bar(value, kind));
    const fall = now.fall_to_call;
    fill(
      sum,
      h("table", { class: "sum" }, h("tbody", {},
        line("Equity", now.equity, "gain"),
        line(`Requirement (${fmt.word(now.rule)})`, -now.governing_requirement, "loss"),
        line("Excess", now.excess, now.excess < 0 ? "short" : "total"))),
      h("p", { class: "say" },
        now.excess < 0
          ? `It lacks ${fmt.usdExact(-now.excess)} USD, ${fmt.pct(-now.excess / now.governing_requirement)} of what is required.`
          : fall === null
            ? "No fall of SPY in the scenarios brings a call."
            : `A fall of ${fmt.pct(-fall)} in SPY brings a call.`),
      h("dl", { class: "facts" },
        fact("Gross value", fmt.usdExact(now.gross_market_value)),
        fact("Leverage", fmt.times(now.leverage)),
        fact("Excess of gross", fmt.pct(now.excess_ratio)),
        fact("Net liquidation", fmt.usdExact(debit)),
        fact("Beta-weighted", fmt.usdExact(now.exposure))),
    );
  }

  function showMethods() {
    const methods_ = [
      ["reg_t", "Reg T maintenance", now.reg_t_equity, now.reg_t_requirement],
      ["portfolio_margin", "Portfolio margin", now.net_liquidation, now.portfolio_margin_requirement],
      ["house", "Governing, with the house", now.equity, now.governing_requirement],
    ];
    const free = methods_.map(([, , equity, required]) => equity - required);
    const cheaper = free[1] > free[0] ? "Portfolio margin" : "Reg T";
    fill(
      methods,
      table("Methods", [
        ["Method", (row) => [row[1], row[0] === now.rule ? h("b", { class: "governs" }, " governs") : null]],
        ["Equity", (row) => fmt.usdExact(row[2]), "n"],
        ["Requirement", (row) => fmt.usdExact(row[3]), "n"],
        ["Excess", (row) => fmt.usdExact(row[2] - row[3]), "n"],
      ], methods_),
      h("p", { class: "say" }, free[0] === free[1] ? "Both methods leave the same free." : `${cheaper} leaves ${fmt.usdExact(Math.abs(free[1] - free[0]))} USD more free; it does not decide.`),
    );
  }

  function showStress() {
    const { axis, ...rest } = base();
    const rows = now.stress;
    if (!rows.length) return stress.show({ none: "No scenario is known for this cycle." });
    const names = rows.map((row) => fmt.minusText(row.scenario));
    stress.show({
      columns: [
        ["Scenario", (row) => fmt.minusText(row.scenario)],
        ["P&L", (row) => fmt.usd(row.pnl), "n"],
        ["Excess left", (row) => fmt.usd(row.excess), "n"],
        ["Restricts", (row) => (row.restricts ? "yes" : "")],
      ],
      rows,
      option: {
        ...rest,
        grid: { ...rest.grid, right: 58, bottom: 40 },
        tooltip: { ...rest.tooltip, valueFormatter: (value) => fmt.usd(value) },
        xAxis: { type: "category", data: names, ...axis, axisLabel: { ...axis.axisLabel, interval: 0, lineHeight: 15, formatter: (name) => name.replace(" ", "\n") } },
        yAxis: { type: "value", ...axis, axisLabel: { ...axis.axisLabel, formatter: (value) => fmt.usdShort(value) } },
        series: [
          {
            name: "P&L",
            type: "bar",
            data: rows.map((row) => ({ value: row.pnl, itemStyle: { color: colour(row.pnl < 0 ? "loss" : "gain"), opacity: row.restricts ? 1 : 0.65 } })),
          },
          {
            name: "Excess left",
            type: "line",
            symbol: "diamond",
            symbolSize: 8,
            lineStyle: { color: colour("ink"), width: 1.5 },
            itemStyle: { color: colour("ink") },
            data: rows.map((row) => row.excess),
            markLine: { silent: true, symbol: "none", label: { formatter: "call\nbelow 0", lineHeight: 14, color: colour("muted"), position: "end" }, lineStyle: { color: colour("call") }, data: [{ yAxis: 0 }] },
          },
        ],
      },
    });
  }

  async function showHistory() {
    past = await get(at("history"));
    const points = past.excess.map(([when, value]) => [when, value]);
    const flags = past.decisions.map((row) => [row.decided_at, fmt.toCents(row.excess), `${fmt.word(row.dimension)}: ${fmt.word(row.to_state)} (${fmt.word(row.reason)})`]).reverse();
    const line = [...flags.map(([when, value]) => [when, value]), ...points].sort(([a], [b]) => a.localeCompare(b));
    const { axis, ...rest } = base();
    const none = line.length ? null : "Nothing was decided about it, and this page has seen it for less than a minute.";
    excess.show({
      none,
      columns: [["At", (row) => fmt.instant(row[0])], ["Excess", (row) => fmt.usd(row[1]), "n"]],
      rows: line,
      option: {
        ...rest,
        grid: { ...rest.grid, right: 58 },
        tooltip: { ...rest.tooltip, valueFormatter: (value) => fmt.usd(value) },
        useUTC: true,
        xAxis: { type: "time", ...axis, splitLine: { show: false }, axisLabel: { ...axis.axisLabel, hideOverlap: true } },
        yAxis: { type: "value", ...axis, axisLabel: { ...axis.axisLabel, formatter: (value) => fmt.usdShort(value) } },
        series: [
          {
            name: "Excess",
            type: "line",
            step: "end",
            symbol: "none",
            lineStyle: { color: colour("accent"), width: 2 },
            areaStyle: { color: colour("accent"), opacity: 0.08 },
            data: line,
            markLine: { silent: true, symbol: "none", label: { formatter: "call\nbelow 0", lineHeight: 14, color: colour("muted"), position: "end" }, lineStyle: { color: colour("call") }, data: [{ yAxis: 0 }] },
            markPoint: { symbol: "pin", symbolSize: 22, label: { show: false }, itemStyle: { color: colour("call") }, data: flags.slice(-40).map(([when, value, name]) => ({ coord: [when, value], name })) },
          },
        ],
      },
    });
    fill(
      decisions,
      table("Decisions", [
        ["At", (row) => fmt.instant(row.decided_at)],
        ["What", (row) => fmt.word(row.dimension)],
        ["From", (row) => fmt.word(row.from_state)],
        ["To", (row) => fmt.word(row.to_state)],
        ["Why", (row) => fmt.word(row.reason)],
        ["Equity", (row) => fmt.dollars(row.equity), "n"],
        ["Requirement", (row) => fmt.dollars(row.requirement), "n"],
        ["Excess", (row) => fmt.dollars(row.excess), "n"],
        ["Cycle", (row) => fmt.count(row.cycle), "n"],
      ], past.decisions, "Nothing was ever decided about this account."),
    );
    fill(lineage, `Down to the landed line: margin explain ${id}. Figures of cycle ${fmt.count(now.cycle)}${isLive() ? ", published by the session" : ""}; tables of cycle ${fmt.count(past.cycle)}.`);
  }

  async function showPositions() {
    const found = await get(at("positions", `?offset=${offset}&limit=${WINDOW}`));
    const move = (step) => h("button", { type: "button", disabled: step < 0 ? offset === 0 : offset + WINDOW >= found.total, onclick: () => ((offset += step), showPositions()) }, step < 0 ? "Previous" : "Next");
    fill(
      held,
      table("Positions", [
        ["Symbol", (row) => h("a", { href: `/accounts?symbol=${encodeURIComponent(row.symbol)}`, title: "Who else holds it" }, row.symbol)],
        ["Class", (row) => fmt.word(row.asset_class)],
        ["Quantity", (row) => fmt.number(row.quantity), "n"],
        ["Price", (row) => fmt.number(row.price), "n"],
        ["Mark", (row) => (row.price_state === "fresh" ? "fresh" : h("b", { class: "stale" }, `△ ${row.price_state.replaceAll("_", " ")}`))],
        ["Priced at", (row) => fmt.instant(row.price_time)],
        ["Value", (row) => fmt.dollarsExact(row.market_value), "n"],
        ["Beta", (row) => (row.beta === null ? h("b", { class: "stale" }, "△ none") : fmt.number(row.beta)), "n"],
        ["Row as of", (row) => fmt.instant(row.as_of)],
      ], found.rows, "It holds nothing."),
      found.total > WINDOW ? h("p", { class: "row" }, move(-WINDOW), `${offset + 1} to ${Math.min(offset + WINDOW, found.total)} of ${fmt.count(found.total)}`, move(WINDOW)) : null,
    );
  }

  async function showLines() {
    const found = await get(at("requirements"));
    const sma = found.memorandum;
    fill(
      lines,
      h("dl", { class: "facts" },
        fact("Cash", fmt.dollarsExact(found.account?.cash)),
        fact("SMA", fmt.dollarsExact(sma?.sma)),
        fact("Buying power", fmt.dollarsExact(sma?.buying_power)),
        fact("Registered", found.account?.is_registered ? "yes" : "no")),
      h("h3", {}, "Reg T, by group"),
      table("Reg T groups", [
        ["Symbol", (row) => row.symbol],
        ["Strategy", (row) => fmt.word(row.strategy)],
        ["Quantity", (row) => fmt.number(row.quantity), "n"],
        ["Value", (row) => fmt.dollarsExact(row.market_value), "n"],
        ["Maintenance", (row) => fmt.dollarsExact(row.maintenance_requirement), "n"],
        ["Initial", (row) => fmt.dollarsExact(row.initial_requirement), "n"],
        ["Rule", (row) => row.rule],
      ], found.reg_t, "No group: nothing is held."),
      h("h3", {}, "Portfolio margin, by class group"),
      table("Class groups", [
        ["Class group", (row) => row.class_group],
        ["Worst move", (row) => fmt.signed(fmt.pct)(row.worst_move), "n"],
        ["Scan risk", (row) => fmt.dollarsExact(row.scan_risk), "n"],
        ["Minimum", (row) => fmt.dollarsExact(row.minimum), "n"],
        ["Requirement", (row) => fmt.dollarsExact(row.requirement), "n"],
      ], found.portfolio_margin, "No class group: nothing is held."),
      found.house.length ? [h("h3", {}, "House add-ons"), table("House add-ons", [
        ["Overlay", (row) => fmt.word(row.overlay)],
        ["Subject", (row) => row.subject],
        ["Add-on", (row) => fmt.dollarsExact(row.addon), "n"],
      ], found.house)] : null,
    );
  }

  async function showDesk() {
    const found = await get(at("desk"));
    fill(calls, deskParts(found, id));
  }

  return { update, again, tick: () => now && updateDeadline(head, now), leave: () => charts.forEach((chart) => chart.leave()) };
}

/** Where the account stands: a change of it brings calls, plans and decisions. */
const standing = (now) => now && [now.level, now.margin_status, now.restriction, now.call_opened, now.minimum_call].join();

function updateDeadline(head, now) {
  const shown = head.querySelector(".left");
  if (shown) shown.textContent = dueText(now.deadline, "none");
}

const fact = (name, value) => h("div", {}, h("dt", {}, name), h("dd", {}, value));

function dimension(name, state, since, reason) {
  const quiet = ["ok", "none"].includes(state);
  return h("span", { class: `dimension${quiet ? "" : " on"}` }, h("small", {}, name), fmt.word(state), since ? h("em", {}, ` since ${fmt.instant(since)}`) : null, reason ? h("em", {}, ` for ${reason}`) : null);
}

function deskParts(found, id) {
  const parts = [];
  const missing = [];
  if (found.breaks.length) {
    parts.push(h("h3", {}, `△ Differs from the firm's own books at the close of ${found.breaks[0].business_date}`), table("Breaks", [
      ["What", (row) => fmt.word(row.kind)],
      ["Symbol", (row) => row.symbol ?? ""],
      ["Ours", (row) => fmt.number(row.ours), "n"],
      ["Theirs", (row) => fmt.number(row.theirs), "n"],
      ["Value", (row) => fmt.dollarsExact(row.market_value), "n"],
      ["Requirement by theirs", (row) => fmt.dollarsExact(row.requirement_change), "n"],
      ["Excess by theirs", (row) => fmt.dollarsExact(row.excess_change), "n"],
      ["Since", (row) => row.first_seen],
      ["Business days", (row) => fmt.count(row.age), "n"],
    ], found.breaks));
  }
  if (found.margin_calls === null) missing.push("calls");
  else {
    parts.push(table("Margin calls", [
      ["Call", (row) => fmt.word(row.call_type)],
      ["State", (row) => fmt.word(row.state)],
      ["Amount", (row) => fmt.dollarsExact(row.amount), "n"],
      ["First struck", (row) => fmt.dollarsExact(row.first_amount), "n"],
      ["Opened", (row) => fmt.instant(row.opened_at)],
      ["House deadline", (row) => fmt.instant(row.house_due_at)],
      ["Legal deadline", (row) => fmt.instant(row.legal_due_at)],
      ["Extended to", (row) => fmt.instant(row.extended_until)],
      ["Consequence", (row) => (row.is_open && row.consequence !== "none" ? `${fmt.word(row.consequence)}${row.consequence_until ? ` until ${fmt.instant(row.consequence_until)}` : ""}` : "–")],
      ["Rule", (row) => row.rule, "wrap"],
      ["", (row) => mayExtend(row) ? h("button", { type: "button", onclick: () => act({ title: "Extend", subject: row.call_id, named: `The ${fmt.word(row.call_type)} call of ${id}, ${fmt.dollarsExact(row.amount)} USD,`, path: `/api/calls/${encodeURIComponent(row.call_id)}/extend`, until: true }) }, "Extend…") : ""],
    ], openFirst(found.margin_calls), "No call was ever made."));
  }
  if (found.liquidation_plans === null) missing.push("liquidation plans");
  else {
    const decide = (row, verb, title) => h("button", { type: "button", onclick: () => act({ title, subject: row.plan_id, named: `The plan for ${id}, at a cost of ${fmt.dollarsExact(row.cost)} USD,`, path: `/api/plans/${encodeURIComponent(row.plan_id)}/${verb}` }) }, `${title}…`);
    parts.push(h("h3", {}, "Liquidation plans"), table("Liquidation plans", [
      ["State", (row) => fmt.word(row.state)],
      ["Policy", (row) => fmt.word(row.policy)],
      ["Deficiency", (row) => fmt.dollarsExact(row.deficiency), "n"],
      ["Excess after", (row) => fmt.dollarsExact(row.expected_excess), "n"],
      ["Cost", (row) => fmt.dollarsExact(row.cost), "n"],
      ["At least", (row) => fmt.dollarsExact(row.cost_lower_bound), "n"],
      ["Proof", (row) => fmt.word(row.proof)],
      ["Why it stands so", (row) => row.reason ?? ""],
      ["", (row) => row.state === "proposed" ? [decide(row, "approve", "Approve"), decide(row, "reject", "Reject")] : ""],
    ], found.liquidation_plans, "No plan was ever proposed."));
  }
  if (found.liquidation_orders?.length) {
    parts.push(h("h3", {}, "Orders"), table("Orders", [
      ["Side", (row) => fmt.word(row.side)],
      ["Quantity", (row) => fmt.number(row.quantity), "n"],
      ["Symbol", (row) => row.symbol],
      ["Price", (row) => fmt.number(row.price), "n"],
      ["Filled", (row) => fmt.number(row.filled_quantity), "n"],
      ["State", (row) => fmt.word(row.state)],
    ], found.liquidation_orders));
  }
  if (found.notifications === null) missing.push("notices");
  else {
    parts.push(h("h3", {}, "Notices"), table("Notices", [
      ["State", (row) => fmt.word(row.state)],
      ["Channel", (row) => fmt.word(row.channel)],
      ["To", (row) => row.recipient],
      ["Subject", (row) => row.subject],
      ["Sent", (row) => fmt.instant(row.sent_at)],
      ["", (row) => ["sent", "escalated"].includes(row.state) ? h("button", { type: "button", onclick: () => act({ title: "Acknowledge", subject: row.message_id, named: `The notice “${row.subject}”`, path: `/api/notices/${encodeURIComponent(row.message_id)}/acknowledge` }) }, "Acknowledge…") : ""],
    ], found.notifications, "No notice was made."));
  }
  if (found.reg_t_calls.length) {
    parts.push(h("h3", {}, "Regulation T"), table("Regulation T calls", [
      ["Opened", (row) => row.opened_on],
      ["Amount", (row) => fmt.dollarsExact(row.amount), "n"],
      ["Outstanding", (row) => fmt.dollarsExact(row.outstanding), "n"],
      ["Due", (row) => row.due_on],
      ["State", (row) => fmt.word(row.status)],
    ], found.reg_t_calls));
  }
  if (found.intraday_deficits.length) {
    parts.push(h("h3", {}, "Intraday deficits"), table("Intraday deficits", [
      ["Day", (row) => row.deficit_date],
      ["Amount", (row) => fmt.dollarsExact(row.amount), "n"],
      ["Due", (row) => row.due_on],
      ["State", (row) => fmt.word(row.status)],
    ], found.intraday_deficits));
  }
  if (missing.length) parts.push(h("p", { class: "none" }, `This lake keeps no ${missing.join(", no ")} yet.`));
  return parts;
}

/** Open calls, then the others, each newest first. */
function openFirst(calls) {
  return calls.toSorted((a, b) => b.is_open - a.is_open || String(b.opened_at).localeCompare(a.opened_at));
}

const EXTENDED = new Set(["reg_t", "maintenance", "portfolio_margin", "house"]);

/** Whether an open call's rule knows an extension. */
function mayExtend(call) {
  return call.is_open && EXTENDED.has(call.call_type);
}
