import { Chart, base, colour } from "./charts.js";
import { fill, h, panel, table } from "./dom.js";
import { strip, waiting } from "./firm.js";
import * as fmt from "./format.js";
import { get, store } from "./store.js";

const MINUTE = 60_000;
const DAY = 24;
const OTHERS = "all others";
/** Model values come in dollars. */
const usd = (value) => fmt.usdShort(value === null || value === undefined ? null : value * 100);
const scenarioOf = (run) => fmt.word(run.scenario);
const bookOf = (run) => (run.as_of ? `book of ${run.as_of}` : `book ${run.book ?? "?"}`);
const LEVEL = { normal: ["○", "ok"], high: ["△", "warning"], critical: ["◆", "close_only"] };

export function levelBadge(level) {
  const [glyph, state] = LEVEL[level];
  return h("span", { class: `state s-${state}` }, h("span", { class: "glyph", "aria-hidden": "true" }, glyph), fmt.word(level));
}

/** What to run where nothing is there yet. */
export function noRuns(kept) {
  const lake = store.about?.lake ?? "./lake";
  return h(
    "div",
    { class: "empty" },
    h("p", {}, kept ? `${fmt.many(kept, "run")} of the avalanche in this lake, none with its answers.` : "No run of the avalanche is in this lake."),
    h("p", {}, "A book is asked everything by ", h("code", {}, `margin avalanche report BOOK --lake ${lake}`)),
    h("p", {}, "A platform to look at is made by ", h("code", {}, `margin avalanche demo --lake ${lake}`)),
  );
}

export function avalanchePage(root, { go }) {
  const body = h("div", { class: "stack" });
  const choice = h("select", { "aria-label": "Run", onchange: () => choose(choice.value) });
  const chosen = () => new URLSearchParams(location.search).get("run");
  const head = h("div", { class: "row" }, h("h1", {}, "Margin-call avalanche"), choice, h("span", { class: "legend" }, "j k: other runs"));
  fill(root, head, body);
  choice.hidden = true;
  fill(body, waiting());
  let asked = 0;
  let runs = [];
  let parts = null;

  function choose(run) {
    go(`/avalanche?run=${run}`);
  }

  async function update() {
    if (Date.now() - asked < MINUTE) return;
    asked = Date.now();
    const named = chosen();
    try {
      show(await get(`/api/avalanche${named ? `?run=${encodeURIComponent(named)}` : ""}`));
    } catch (error) {
      if (error.status === 404 || error.status === 422) return fill(body, h("p", { class: "empty" }, "The lake has no such run with answers. ", h("a", { href: "/avalanche" }, "The newest")));
      asked = 0;
      if (!parts) fill(body, h("p", { class: "empty" }, "The runs of the avalanche cannot be read now; trying again."));
    }
  }

  function show(found) {
    runs = found.runs;
    choice.hidden = !found.run;
    if (!found.run) return fill(body, noRuns(found.kept));
    fill(choice, runs.map((run) => h("option", { value: run.run_id, selected: run.run_id === found.run.run_id }, `${scenarioOf(run)}, ${bookOf(run)}, ${fmt.count(run.paths)} paths, seed ${run.seed}`)));
    if (!parts) parts = made(body);
    parts.show(found);
  }

  function key(event) {
    const step = { j: 1, k: -1 }[event.key];
    if (!step || !runs.length) return false;
    const place = runs.findIndex((run) => run.run_id === choice.value);
    const next = runs[place + step];
    if (next) choose(next.run_id);
    return true;
  }

  return { update, again: update, key, leave: () => parts?.leave() };
}

function made(body) {
  const top = h("div");
  const near = h("div");
  const arms = h("div");
  const whose = h("div");
  const measures = h("div");
  const breaches = h("div");
  const note = h("p", { class: "none" });
  const fan = new Chart("Need by hour", "USD, every due paid", 260);
  const sources = new Chart("What one bad path is paid from", "USD left, hour by hour", 260);
  const calls = new Chart("Who calls when", "USD by venue and four hours, mean of the worst paths until they default", 420);
  const broken = new Chart("Paths exhausted and in default", "of all, by hour, with sales and their impact", 200);
  const trend = new Chart("How near, book after book", "score, 0 to 1", 200);
  const charts = [fan, sources, calls, broken, trend];
  fill(
    body,
    top,
    h("div", { class: "cards two" }, panel("How near it is", "early warning, from 0 to 1", near), panel("With and without sales", "USD", arms), fan.element, sources.element),
    calls.element,
    panel("Whose need it is", "USD on the worst 1% of paths, by manager and factor; what lowers it has a minus", whose),
    h("div", { class: "cards two" }, broken.element, trend.element),
    panel("What to do first", "USD, each with those before it in place", measures),
    panel("Beyond the limit of its share", "of margin, today or under stress", breaches),
    note,
  );
  return {
    show(found) {
      fill(top, figures(found));
      showNear(near, found);
      showArms(arms, found.arms);
      showFan(fan, found.fan);
      showSources(sources, found.sources);
      showCalls(calls, found.calls);
      showWhose(whose, found.attribution);
      showMeasures(measures, found.measures);
      showBreaches(breaches, found.breaches);
      showBroken(broken, found.fan);
      showTrend(trend, found.trend, found.levels);
      note.textContent = `Run ${found.run.run_id}. One path hour by hour: margin avalanche explain ${found.run.run_id} --path ${found.sources.path[0] ?? 0} --lake ${store.about?.lake ?? ""}`;
    },
    leave: () => charts.forEach((chart) => chart.leave()),
  };
}

function figures({ run, fan, reading, warning, facility }) {
  const worst = fan.need_99_usd.length ? Math.max(...fan.need_99_usd) : null;
  const at = fan.need_99_usd.indexOf(worst);
  const [low, high] = [run.need_q99_low, run.need_q99_high].map((value) => (value === null ? "no bound" : usd(value)));
  return strip([
    ["How near", warning ? fmt.times(warning.score) : "–", warning ? fmt.word(reading?.level ?? warning.level) : null],
    ["Need at 99%", usd(worst), worst === null ? "not told" : `every due paid, on day ${Math.floor(at / DAY) + 1}`],
    ["Peak need at 99%, arm C", usd(run.need_q99), `${low} to ${high}`],
    ["Liquidity", usd(reading?.liquidity_usd), reading ? `moderate need ${usd(reading.need_usd)}` : "no reading"],
    ["Exhausted", fmt.pct(run.exhaustion_probability), `${fmt.pct(run.default_probability)} in default`],
    ["Line asked for", ...lineOf(facility)],
  ]);
}

function lineOf(facility) {
  if (!facility) return ["–", "no committed line"];
  if (facility.verdict === "no_line_suffices") return ["None suffices", "its money comes too late"];
  return [usd(facility.commitment_usd), `${usd(facility.missing_usd)} beyond today's`];
}

const COMPONENTS = [
  ["use", "99% need of the moderate scenario over liquidity"],
  ["proximity", "how far the last days went along the nearest scenario"],
  ["spiral", "how much of a call its own sales call again"],
  ["leading", "mean rank of volatility and of margin growth in three years"],
];

function showNear(target, { warning, reading, levels }) {
  if (!warning) return fill(target, h("p", { class: "none" }, "This run has no reading."));
  const level = reading?.level ?? warning.level;
  const points = reading?.points_to;
  const unknown = warning.unknown ? warning.unknown.split(", ") : [];
  fill(
    target,
    h("p", { class: "sentence" }, h("b", {}, fmt.times(warning.score)), " ", levelBadge(level), points && points !== level ? `, ${points} if the next reading agrees` : ""),
    h("p", { class: "say" }, `High from ${fmt.times(levels.high)}, critical from ${fmt.times(levels.critical)}. ${warning.nearest_scenario ? `The nearest scenario is ${fmt.word(warning.nearest_scenario).toLowerCase()}.` : "No scenario is near."}`),
    table("Components of the early warning", [
      ["Component", ([name]) => fmt.word(name)],
      ["Is", ([name]) => (unknown.includes(name) ? h("span", { class: "unknown" }, "not told: counts in full") : fmt.times(warning[name])), "n"],
      ["Meaning", ([, meaning]) => meaning],
    ], COMPONENTS),
  );
}

const ARMS = { A: "A: nothing is sold", B: "B: sold, no price moves", C: "C: sales move prices" };

function showArms(target, rows) {
  fill(
    target,
    table("Arms", [
      ["Arm", (row) => ARMS[row.arm]],
      ["Need 50%", (row) => usd(row.need_q50), "n"],
      ["95%", (row) => usd(row.need_q95), "n"],
      ["99%", (row) => usd(row.need_q99), "n"],
      ["Exhausted", (row) => fmt.pct(row.exhaustion_probability), "n"],
      ["Default", (row) => fmt.pct(row.default_probability), "n"],
    ], rows),
    h("p", { class: "say" }, "A path in default calls no more: what sizes a line is the need by hour with every due paid."),
  );
}

const dayOf = (hour) => `day ${Math.floor(hour / DAY) + 1}, ${String(hour % DAY).padStart(2, "0")} h`;

/** Axes of a chart over the hours of a run. */
function hourly(hours, format) {
  const { axis, ...rest } = base();
  return {
    ...rest,
    grid: { ...rest.grid, top: 30 },
    tooltip: { ...rest.tooltip, valueFormatter: format },
    xAxis: { type: "category", boundaryGap: false, data: hours.map(dayOf), ...axis, axisTick: { show: false }, axisLabel: { ...axis.axisLabel, interval: (place) => place % (DAY * Math.ceil(hours.length / DAY / 10)) === 0, formatter: (text) => text.split(",")[0] } },
    yAxis: { type: "value", ...axis, splitNumber: 4, axisLabel: { ...axis.axisLabel, formatter: format } },
  };
}

/** A named line; its name stands at its end, no key is needed. */
const line = (name, data, tone, more = {}) => ({ name, type: "line", symbol: "none", data, itemStyle: { color: colour(tone) }, lineStyle: { color: colour(tone), width: 2 }, endLabel: { show: true, formatter: name, color: colour("muted"), fontSize: 11 }, ...more });

function showFan(chart, fan) {
  const option = hourly(fan.hour, usd);
  const { need_50_usd: middle, need_90_usd: upper } = fan;
  const band = { type: "line", symbol: "none", stack: "band", lineStyle: { opacity: 0 }, silent: true, tooltip: { show: false } };
  chart.show({
    none: fan.hour.length ? null : "This run was kept without its hours: margin avalanche report writes them.",
    columns: [["Hour", (place) => dayOf(fan.hour[place])], ...[50, 90, 95, 99].map((level) => [`${level}%`, (place) => usd(fan[`need_${level}_usd`][place]), "n"])],
    rows: fan.hour.map((_, place) => place).filter((place) => fan.hour[place] % DAY === DAY - 1),
    option: {
      ...option,
      grid: { ...option.grid, right: 48 },
      series: [
        { ...band, name: "from the median", data: middle },
        { ...band, name: "to 90%", data: upper.map((value, place) => value - middle[place]), areaStyle: { color: colour("loss"), opacity: 0.18 } },
        line("99%", fan.need_99_usd, "deep"),
        line("95%", fan.need_95_usd, "loss", { lineStyle: { color: colour("loss"), width: 2, type: "dashed" } }),
        line("50%", middle, "gain"),
      ],
    },
  });
}

const SOURCES = [["Cash", "cash_usd", "gain"], ["Bonds", "hqla_usd", "ok"], ["Undrawn lines", "undrawn_usd", "unknown"]];

function showSources(chart, rows) {
  const area = ([name, key, tone]) => ({ name, type: "line", step: "end", symbol: "none", stack: "left", data: rows[key].map((value) => Math.max(value, 0)), itemStyle: { color: colour(tone) }, lineStyle: { width: 0 }, areaStyle: { color: colour(tone), opacity: 0.55 } });
  const { axis } = base();
  chart.show({
    none: rows.hour.length ? null : "This run was kept without its hours: margin avalanche report writes them.",
    columns: [["Hour", (place) => dayOf(rows.hour[place])], ["Need", (place) => usd(rows.need_usd[place]), "n"], ...SOURCES.map(([name, key]) => [name, (place) => usd(rows[key][place]), "n"]), ["Unpaid", (place) => usd(rows.arrears_usd[place]), "n"], ["Raised by sales", (place) => usd(rows.raised_usd[place]), "n"]],
    rows: rows.hour.map((_, place) => place).filter((place) => rows.hour[place] % DAY === DAY - 1),
    option: {
      ...hourly(rows.hour, usd),
      legend: { top: 0, left: 60, itemWidth: 14, itemHeight: 8, itemGap: 16, textStyle: axis.axisLabel },
      series: [
        ...SOURCES.map(area),
        { name: "Need", type: "line", symbol: "none", data: rows.need_usd, itemStyle: { color: colour("deep") }, lineStyle: { color: colour("deep"), width: 2 } },
        { name: "Raised by forced sales", type: "line", symbol: "none", data: rows.raised_usd, itemStyle: { color: colour("call") }, lineStyle: { color: colour("call"), width: 2, type: "dashed" } },
      ],
    },
  });
}

function showCalls(chart, { block, venues, amounts }) {
  const { axis, ...rest } = base();
  const starts = (amounts[0] ?? []).map((_, place) => place * block);
  const cells = amounts.flatMap((row, place) => row.flatMap((value, column) => (value > 0 ? [[column, place, value]] : [])));
  // All others together would leave the named venues pale.
  const most = Math.sqrt(Math.max(1, ...cells.filter((cell) => venues[cell[1]] !== OTHERS).map((cell) => cell[2])));
  const total = (row) => row.reduce((sum, value) => sum + value, 0);
  chart.show({
    none: venues.length ? null : "No venue calls anything on the worst paths of this run.",
    columns: [["Venue", (row) => row.venue], ["All hours", (row) => usd(total(row.amounts)), "n"], ...starts.filter((start) => start % DAY === 0).map((start) => [`Day ${start / DAY + 1}`, (row) => usd(total(row.amounts.slice(start / block, (start + DAY) / block))), "n"])],
    rows: venues.map((venue, place) => ({ venue, amounts: amounts[place] })),
    option: {
      ...rest,
      grid: { left: 118, right: 16, top: 8, bottom: 26 },
      tooltip: { ...rest.tooltip, trigger: "item", formatter: ({ value: [column, row, value] }) => `${venues[row]}, ${dayOf(starts[column])}: ${usd(value)}` },
      visualMap: { min: 0, max: most, show: false, dimension: 3, inRange: { color: [1, 2, 3, 4, 5].map((step) => colour(`heat-${step}`)).concat(colour("loss")) } },
      xAxis: { type: "category", data: starts.map(dayOf), ...axis, splitLine: { show: false }, axisTick: { show: false }, axisLabel: { ...axis.axisLabel, interval: (place) => starts[place] % DAY === 0, formatter: (text) => text.split(",")[0], align: "left" } },
      yAxis: { type: "category", inverse: true, data: venues, ...axis, splitLine: { show: false }, axisTick: { show: false }, axisLabel: { ...axis.axisLabel, interval: 0, fontSize: 11, width: 108, overflow: "truncate" } },
      series: [{ name: chart.title, type: "heatmap", itemStyle: { borderColor: colour("panel"), borderWidth: 1 }, data: cells.map(([column, row, value]) => [column, row, value, Math.min(most, Math.sqrt(value))]) }],
    },
  });
}

function showWhose(target, { managers, factors, matrix }) {
  if (!managers.length) return fill(target, h("p", { class: "none" }, "Nobody needs anything on the worst paths of this run."));
  const largest = Math.max(1, ...matrix.flat().map(Math.abs));
  const sum = (row) => row.reduce((total, value) => total + value, 0);
  const cell = (value) => h("td", { class: `heat ${value < 0 ? "relief" : "heat"}-${Math.round(Math.sqrt(Math.abs(value) / largest) * 5)} n` }, value ? usd(value) : "0");
  const columns = factors.map((_, place) => sum(matrix.map((row) => row[place])));
  fill(
    target,
    h("div", { class: "scroll whole", tabindex: 0, role: "region", "aria-label": "Need by manager and factor" }, h("table", { class: "map" },
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Manager"), h("th", { scope: "col", class: "n" }, "All"), factors.map((name) => h("th", { scope: "col", class: "n" }, name)))),
      h("tbody", {},
        managers.map((name, place) => h("tr", {}, h("th", { scope: "row" }, name), h("td", { class: "n" }, h("b", {}, usd(sum(matrix[place])))), matrix[place].map(cell))),
        h("tr", {}, h("th", { scope: "row" }, "All"), h("td", { class: "n" }, h("b", {}, usd(sum(columns)))), columns.map((value) => h("td", { class: "n" }, h("b", {}, usd(value)))))))),
  );
}

function showMeasures(target, rows) {
  fill(target, table("Recommendations", [
    ["#", (row) => row.rank],
    ["Measure", (row) => row.name],
    ["Owner", (row) => row.owner],
    ["By", (row) => fmt.word(row.horizon)],
    ["Off need", (row) => usd(row.need_reduction_usd), "n"],
    ["Off gap", (row) => usd(row.gap_reduction_usd), "n"],
    ["A year", (row) => usd(row.cost_usd), "n"],
  ], rows, "Nothing is recommended: no measure takes anything off the need."));
}

function showBreaches(target, rows) {
  const share = (part, limit) => (part > limit ? h("b", { class: "stale" }, fmt.pct(part)) : fmt.pct(part));
  fill(target, table("Shares beyond their limit", [
    ["Of", (row) => fmt.word(row.dimension)],
    ["", (row) => row.member],
    ["Today", (row) => share(row.baseline_share, row.limit), "n"],
    ["Under stress", (row) => share(row.stressed_share, row.limit), "n"],
    ["Limit", (row) => fmt.pct(row.limit), "n"],
  ], rows, "None: every share is within its limit."));
}

function showBroken(chart, fan) {
  const option = hourly(fan.hour, fmt.pct);
  chart.show({
    none: fan.hour.length ? null : "This run was kept without its hours: margin avalanche report writes them.",
    columns: [["Hour", (place) => dayOf(fan.hour[place])], ["Exhausted", (place) => fmt.pct(fan.exhausted_share[place]), "n"], ["In default", (place) => fmt.pct(fan.default_share[place]), "n"]],
    rows: fan.hour.map((_, place) => place).filter((place) => fan.hour[place] % DAY === DAY - 1),
    option: {
      ...option,
      grid: { ...option.grid, right: 76 },
      yAxis: { ...option.yAxis, min: 0, minInterval: 0.001 },
      series: [line("exhausted", fan.exhausted_share, "call", { step: "end" }), line("in default", fan.default_share, "liquidation", { step: "end", lineStyle: { color: colour("liquidation"), width: 2, type: "dashed" } })],
    },
  });
}

/** The early warning of each book, with the marks at which its level changes. */
export function showTrend(chart, rows, levels) {
  const { axis, ...rest } = base();
  const marks = levels ? [["high", levels.high], ["critical", levels.critical]] : [];
  chart.show({
    none: rows.length ? null : "No book was read yet.",
    columns: [["Book", bookLabel], ["Score", (row) => fmt.times(row.score), "n"], ["Level", (row) => levelBadge(row.level)], ["Need", (row) => usd(row.need_usd), "n"], ["Liquidity", (row) => usd(row.liquidity_usd), "n"]],
    rows,
    option: {
      ...rest,
      grid: { ...rest.grid, right: 60 },
      tooltip: { ...rest.tooltip, valueFormatter: fmt.times },
      xAxis: { type: "category", data: rows.map(bookLabel), ...axis, axisLabel: { ...axis.axisLabel, hideOverlap: true } },
      yAxis: { type: "value", min: 0, max: 1, ...axis, splitNumber: 4 },
      series: [{
        name: "Score", type: "line", symbol: "circle", symbolSize: 7, data: rows.map((row) => row.score), itemStyle: { color: colour("accent") }, lineStyle: { color: colour("accent"), width: 2 },
        markLine: { silent: true, symbol: "none", data: marks.map(([name, value]) => ({ yAxis: value, name, label: { formatter: name, color: colour("muted"), position: "end" }, lineStyle: { color: colour("muted"), type: "dashed" } })) },
      }],
    },
  });
}

const bookLabel = (row) => row.as_of ?? `book ${row.book_number}`;
