import { Chart, base, colour } from "./charts.js";
import { fill, h, panel, table } from "./dom.js";
import { strip, waiting } from "./firm.js";
import * as fmt from "./format.js";
import { get } from "./store.js";

const TYPES = { fixed: "Fixed bond", bill: "Bill", floating: "Floater", swap: "Swap" };
const FILTERS = [
  ["account", "Portfolio", (word) => word],
  ["desk", "Desk", (word) => word],
  ["currency", "Currency", (word) => word],
  ["kind", "Type", (word) => TYPES[word] ?? word],
];
const NUMBERS = [
  ["years_from", "Years from", "to maturity, at least"],
  ["years_to", "Years to", "to maturity, at most"],
  ["least_dv01", "Least DV01", "size in the reporting currency"],
];
const TONES = ["accent", "deep", "loss", "ok", "call", "liquidation", "gain", "warning", "unknown"];
const WAIT = 300;
/** Amounts come in units of the reporting currency, as numbers or as text. */
const money = (value) => fmt.usdShort(value === null || value === undefined ? null : Number(value) * 100);
const perPoint = (value) => fmt.signed(money)(value);
const percent = new Intl.NumberFormat("en-US", { style: "percent", minimumFractionDigits: 3, maximumFractionDigits: 3 });
const rate = (value) => (value === null || value === undefined ? "–" : percent.format(value).replace("-", "\u2212"));

export function ratesPage(root) {
  let asked = new URLSearchParams(location.search);
  const body = h("div", { class: "stack" });
  const told = h("p", { class: "held", role: "status" });
  const row = h("div", { class: "filters" });
  const reset = h("button", { type: "button", onclick: clear }, "Clear filters");
  fill(root, h("h1", { class: "unseen" }, "Rates"), h("div", { class: "row" }, row, told), body);
  fill(body, waiting());
  let parts = null;
  let timer = null;
  let choices = "";

  const filter = () => new URLSearchParams([...asked].filter(([name, value]) => name !== "curve" && value !== ""));
  const address = () => `/rates${asked.size ? `?${asked}` : ""}`;

  function ask(name, value) {
    if (value === "") asked.delete(name);
    else asked.set(name, value);
    history.replaceState(null, "", address());
    clearTimeout(timer);
    timer = setTimeout(update, WAIT);
  }

  function clear() {
    const curve = asked.get("curve");
    asked = new URLSearchParams(curve ? { curve } : {});
    history.replaceState(null, "", address());
    for (const input of row.querySelectorAll("[data-name]")) input.value = "";
    update();
  }

  /** Made once for a set of choices: a field that is typed in is never replaced. */
  function showChoices(found) {
    const text = JSON.stringify(found);
    if (text === choices) return;
    choices = text;
    fill(
      row,
      FILTERS.map(([name, title, say]) => {
        // What an address asks for stays a choice, also where nothing has it now.
        const words = [...new Set([...found[name], asked.get(name) ?? ""])].filter(Boolean);
        return h("label", {}, h("span", { class: "unseen" }, title), h("select", { "aria-label": title, "data-name": name, onchange: (event) => ask(name, event.target.value) },
          h("option", { value: "" }, `${title}: all`), words.map((word) => h("option", { value: word, selected: asked.get(name) === word }, say(word)))));
      }),
      NUMBERS.map(([name, title, meaning]) => h("input", { type: "number", min: 0, step: "any", placeholder: title, title: `${title}: ${meaning}`, "aria-label": `${title}, ${meaning}`, "data-name": name, value: asked.get(name) ?? "", oninput: (event) => event.target.validity.valid && ask(name, event.target.value) })),
      reset,
    );
  }

  let turn = 0;
  async function update() {
    const mine = ++turn;
    const query = filter();
    const curve = asked.get("curve");
    try {
      const [book, past, curves] = await Promise.all([
        get(`/api/rates?${query}`),
        get(`/api/rates/history?${query}`),
        get(`/api/rates/curves${curve ? `?curve=${encodeURIComponent(curve)}` : ""}`),
      ]);
      // A slow answer to an older question says nothing any more.
      if (mine === turn) show(book, past, curves);
    } catch (error) {
      if (mine !== turn) return;
      if (error.status === 404) return ask("curve", "");
      told.textContent = error.status === 422 ? "That filter asks for nothing that there could be." : "The rates book cannot be read now; trying again.";
    }
  }

  function show(book, past, curves) {
    if (!curves.curves.length && !book.choices.account.length) {
      return fill(body, h("div", { class: "empty" }, h("p", {}, "No row of the rates book has landed in this lake."), h("p", {}, "A year of it to look at: ", h("code", {}, "margin demo --scenario rates-2022"))));
    }
    showChoices(book.choices);
    told.textContent = said(book, filter());
    if (!parts) parts = made(body, (name) => ask("curve", name));
    parts.show(book, past, curves);
  }

  return { update, leave: () => { clearTimeout(timer); turn += 1; parts?.leave(); } };
}

function said({ totals }, query) {
  const all = query.size ? `${fmt.many(totals.positions, "position")} pass` : fmt.many(totals.positions, "position");
  const gaps = [[totals.unpriced, "without a value"], [totals.stale, "off a stale curve"], [totals.without_fx, "without an exchange rate"]].filter(([count]) => count);
  return `${all}${gaps.map(([count, what]) => `, ${fmt.count(count)} ${what}`).join("")}.`;
}

function made(body, choose) {
  const top = h("div");
  const status = h("div");
  const heat = h("div");
  const largest = h("div");
  const names = h("div");
  const now = new Chart("Curves now", "zero rate by years", 260);
  const over = new Chart("Over time", "zero rate, the last of each day", 260);
  const choice = h("select", { "aria-label": "Curve over time", onchange: () => choose(choice.value) });
  const desks = new Chart("DV01 by desk", "gain if rates fall by a basis point", 220);
  const keys = new Chart("Key rates", "DV01 by tenor, of all that pass", 220);
  const dv01 = new Chart("DV01 day by day", "by portfolio, desk and currency alone", 180);
  const npv = new Chart("Value day by day", "by portfolio, desk and currency alone", 180);
  const charts = [now, over, desks, keys, dv01, npv];
  over.element.querySelector("h2 small").after(choice);
  fill(
    body,
    top,
    h("div", { class: "cards two" }, now.element, over.element),
    panel("Curves", null, status),
    h("div", { class: "cards two" }, desks.element, keys.element),
    panel("Key rates of the largest positions", "DV01; what gains when rates rise has a minus", heat),
    h("div", { class: "cards two" }, wide(panel("Largest positions", "by size of DV01", largest)), panel("Concentration", "by issuer or counterparty", names)),
    h("div", { class: "cards two" }, dv01.element, npv.element),
  );
  return {
    show(book, past, curves) {
      fill(top, figures(book));
      showNow(now, curves.curves);
      showOver(over, curves);
      fill(choice, curves.curves.map((one) => h("option", { value: one.curve, selected: one.curve === curves.chosen }, one.curve)));
      choice.hidden = curves.curves.length < 2;
      showStatus(status, curves.curves);
      showBars(desks, book.desks.map((row) => [row.desk, row.dv01]));
      showBars(keys, book.heat.tenors.map((tenor, place) => [tenor, book.heat.sums[place]]));
      showHeat(heat, book.heat);
      showLargest(largest, book.largest);
      showNames(names, book);
      showDays(dv01, past.days, (row) => row.dv01, perPoint);
      showDays(npv, past.days, (row) => (row.npv === null ? null : Number(row.npv)), money);
    },
    leave: () => charts.forEach((chart) => chart.leave()),
  };
}

/** A panel whose table has no room in half a small screen. */
function wide(element) {
  element.classList.add("wide");
  return element;
}

function figures({ totals, concentration, as_of }) {
  return strip([
    ["Value", money(totals.npv), as_of ? `as of ${fmt.instant(as_of)}` : null],
    ["DV01", perPoint(totals.dv01), "gain if rates fall 1 bp"],
    ["Gross DV01", money(totals.gross_dv01), "sizes added up"],
    ["Margin on bonds", money(totals.requirement), "FINRA 4210(e)(2)"],
    ["Largest five", fmt.pct(concentration.top_5), `ten: ${fmt.pct(concentration.top_10)} of gross DV01`],
    ["Without a value", fmt.count(totals.unpriced), `of ${fmt.many(totals.positions, "position")}`],
  ]);
}

function showNow(chart, curves) {
  const { axis, ...rest } = base();
  const shown = curves.filter((one) => one.nodes.some((node) => node.zero_rate !== null));
  chart.show({
    none: shown.length ? null : "No curve stands.",
    columns: [["Curve", (row) => row.curve], ["Tenor", (row) => row.tenor ?? row.node_date], ["Quote", (row) => fmt.number(row.quote), "n"], ["Zero rate", (row) => rate(row.zero_rate), "n"]],
    rows: shown.flatMap((one) => one.nodes.map((node) => ({ curve: one.curve, ...node }))),
    option: {
      ...rest,
      grid: { ...rest.grid, top: 44 },
      legend: legend(axis),
      tooltip: { ...rest.tooltip, valueFormatter: rate },
      xAxis: { type: "log", ...axis, min: 0.08, max: 30, axisLabel: { ...axis.axisLabel, showMinLabel: false, formatter: (years) => (years < 1 ? `${Math.round(years * 12)}M` : `${Math.round(years)}Y`) }, splitLine: { show: false } },
      yAxis: { type: "value", scale: true, ...axis, splitNumber: 4, axisLabel: { ...axis.axisLabel, formatter: (value) => fmt.pct(value) } },
      series: shown.map((one, place) => line(one.curve, one.nodes.filter((node) => node.zero_rate !== null).map((node) => [node.years, node.zero_rate]), place)),
    },
  });
}

/** Lines are told apart by dashes too, colour alone is no sign. */
const line = (name, data, place) => ({ name, type: "line", symbol: "circle", symbolSize: 4, showSymbol: data.length < 40, data, itemStyle: { color: colour(TONES[place % TONES.length]) }, lineStyle: { width: 2, color: colour(TONES[place % TONES.length]), type: ["solid", "dashed", "dotted"][place % 3] } });
const legend = (axis) => ({ type: "scroll", top: 0, left: 40, itemWidth: 22, itemHeight: 8, itemGap: 12, pageTextStyle: axis.axisLabel, textStyle: axis.axisLabel });

function showOver(chart, { chosen, days }) {
  const { axis, ...rest } = base();
  const tenors = Object.keys(days.rates);
  chart.show({
    none: days.days.length > 1 ? null : `${chosen ?? "The curve"} was built on one day so far; the lines begin with the next.`,
    columns: [["Day", (place) => days.days[place]], ...tenors.map((tenor) => [tenor, (place) => rate(days.rates[tenor][place]), "n"])],
    rows: days.days.map((_, place) => place).reverse(),
    option: {
      ...rest,
      grid: { ...rest.grid, top: 30 },
      legend: legend(axis),
      tooltip: { ...rest.tooltip, valueFormatter: rate },
      xAxis: { type: "category", boundaryGap: false, data: days.days, ...axis, axisLabel: { ...axis.axisLabel, hideOverlap: true } },
      yAxis: { type: "value", scale: true, ...axis, splitNumber: 4, axisLabel: { ...axis.axisLabel, formatter: (value) => fmt.pct(value) } },
      series: tenors.map((tenor, place) => line(tenor, days.rates[tenor], place)),
    },
  });
}

const STATUS = { fresh: ["○", "ok"], stale: ["△", "warning"], unusable: ["■", "close_only"] };

function showStatus(target, curves) {
  fill(target, table("Curves", [
    ["Curve", (row) => row.curve],
    ["Currency", (row) => row.currency],
    ["State", (row) => h("span", { class: `state s-${STATUS[row.status][1]}` }, h("span", { class: "glyph", "aria-hidden": "true" }, STATUS[row.status][0]), fmt.word(row.status))],
    ["Newest quotes", (row) => (row.problem ? h("b", { class: "stale" }, problem(row.problem)) : "made it")],
    ["Nodes", (row) => fmt.count(row.nodes.length), "n"],
    ["Gives back its quotes within", (row) => (row.repricing_error === null ? "–" : row.repricing_error.toExponential(1).replace("-", "\u2212")), "n"],
    ["Stands since", (row) => fmt.instant(row.as_of)],
  ], curves, "No curve has landed."));
}

const problem = (word) => (word.startsWith("missing:") ? `no quote of ${word.slice(8).replaceAll(",", ", ")}` : word.startsWith("no_curve:") ? `its discount curve ${word.slice(9)} does not stand` : word.replaceAll("_", " "));

function showBars(chart, pairs) {
  const { axis, ...rest } = base();
  chart.show({
    none: pairs.length ? null : "Nothing passes.",
    columns: [["", ([name]) => name ?? "not said"], ["DV01", ([, value]) => perPoint(value), "n"]],
    rows: pairs,
    option: {
      ...rest,
      tooltip: { ...rest.tooltip, valueFormatter: perPoint },
      xAxis: { type: "category", data: pairs.map(([name]) => name ?? "not said"), ...axis, splitLine: { show: false }, axisLabel: { ...axis.axisLabel, hideOverlap: true } },
      yAxis: { type: "value", ...axis, splitNumber: 4, axisLabel: { ...axis.axisLabel, formatter: perPoint } },
      series: [{ name: chart.title, type: "bar", barMaxWidth: 48, data: pairs.map(([, value]) => ({ value, itemStyle: { color: colour(value < 0 ? "gain" : "loss") } })) }],
    },
  });
}

function showHeat(target, { tenors, rows }) {
  if (!rows.length) return fill(target, h("p", { class: "none" }, "Nothing passes."));
  const most = Math.max(1e-9, ...rows.flatMap((row) => row.dv01.map(Math.abs)));
  const cell = (value) => h("td", { class: `heat ${value < 0 ? "relief" : "heat"}-${Math.round(Math.sqrt(Math.abs(value) / most) * 5)} n` }, value ? money(value) : "0");
  fill(target, h("div", { class: "scroll whole", tabindex: 0, role: "region", "aria-label": "Key rates of the largest positions" }, h("table", { class: "map" },
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Position"), h("th", { scope: "col" }, "Desk"), h("th", { scope: "col", class: "n" }, "All"), tenors.map((tenor) => h("th", { scope: "col", class: "n" }, tenor)))),
    h("tbody", {}, rows.map((row) => h("tr", {}, h("th", { scope: "row" }, row.name), h("td", {}, row.desk), h("td", { class: "n" }, h("b", {}, money(row.dv01.reduce((sum, value) => sum + value, 0)))), row.dv01.map(cell)))))));
}

function showLargest(target, rows) {
  fill(target, table("Largest positions", [
    ["Instrument", (row) => row.instrument_id],
    ["Type", (row) => TYPES[row.kind] ?? "not known"],
    ["Desk", (row) => row.desk],
    ["Maturity", (row) => row.maturity ?? "–"],
    ["State", (row) => (row.reasons ? h("span", { class: "unknown" }, fmt.words(row.reasons)) : fmt.word(row.status))],
    ["Value", (row) => money(row.npv_reporting), "n"],
    ["DV01", (row) => perPoint(row.dv01_reporting), "n"],
    ["Share", (row) => fmt.pct(row.share), "n"],
    ["Margin", (row) => h("span", { title: row.requirement_rule }, row.requirement === null ? "–" : `${money(row.requirement)} ${row.currency}`), "n"],
  ], rows, "Nothing passes."));
}

function showNames(target, { issuers, totals }) {
  fill(target, table("Concentration", [
    ["Name", (row) => row.issuer ?? "none: cleared"],
    ["Positions", (row) => fmt.count(row.positions), "n"],
    ["Value", (row) => money(row.npv), "n"],
    ["DV01", (row) => perPoint(row.dv01), "n"],
    ["Share of gross DV01", (row) => (totals.gross_dv01 ? fmt.pct(row.gross_dv01 / totals.gross_dv01) : "–"), "n"],
  ], issuers, "Nothing passes."));
}

function showDays(chart, rows, value, format) {
  const { axis, ...rest } = base();
  chart.show({
    none: rows.length > 1 ? null : "One day was seen so far; the line begins with the next.",
    columns: [["Day", (row) => row.day], ["", (row) => format(value(row)), "n"], ["Without a value", (row) => fmt.count(row.unpriced), "n"]],
    rows: [...rows].reverse(),
    option: {
      ...rest,
      tooltip: { ...rest.tooltip, valueFormatter: format },
      xAxis: { type: "category", boundaryGap: false, data: rows.map((row) => row.day), ...axis, axisLabel: { ...axis.axisLabel, hideOverlap: true } },
      yAxis: { type: "value", scale: true, ...axis, splitNumber: 3, axisLabel: { ...axis.axisLabel, formatter: format } },
      series: [{ name: chart.title, type: "line", symbol: "none", lineStyle: { color: colour("accent"), width: 2 }, areaStyle: { color: colour("accent"), opacity: 0.1, origin: "auto" }, data: rows.map(value) }],
    },
  });
}
