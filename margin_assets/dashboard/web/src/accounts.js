import {
  CellStyleModule,
  ColumnApiModule,
  EventApiModule,
  HighlightChangesModule,
  InfiniteRowModelModule,
  ModuleRegistry,
  PinnedRowModule,
  RenderApiModule,
  RowApiModule,
  RowStyleModule,
  ScrollApiModule,
  CellApiModule,
  createGrid,
  themeQuartz,
} from "ag-grid-community";
import { fill, h } from "./dom.js";
import { dueText, minutesLeft, trouble } from "./due.js";
import * as fmt from "./format.js";
import { LEVELS, badge, glyph, legend } from "./severity.js";
import { get, store } from "./store.js";

ModuleRegistry.registerModules([
  CellApiModule,
  CellStyleModule,
  ColumnApiModule,
  EventApiModule,
  HighlightChangesModule,
  InfiniteRowModelModule,
  PinnedRowModule,
  RenderApiModule,
  RowApiModule,
  RowStyleModule,
  ScrollApiModule,
]);

const BLOCK = 100;
const HELD_SECONDS = 15;
const CHIPS = [...LEVELS].reverse().flatMap((l) => (l === "warning" ? [l, "indeterminate"] : [l]));
const VIEWS = [
  ["All", {}],
  ["Due within 1 h", { due_within: "60" }],
  ["Called in the last 15 min", { called_within: "15" }],
  ["Would breach at SPY −6%", { breach_at: "SPY -6%" }],
  ["Indeterminate", { state: "indeterminate" }],
];
const ASKED = ["state", "account_type", "rule", "q", "symbol", "due_within", "called_within", "breach_at", "sort"];
const theme = themeQuartz.withParams({
  accentColor: "var(--accent)",
  backgroundColor: "var(--panel)",
  foregroundColor: "var(--ink)",
  borderColor: "var(--line)",
  headerBackgroundColor: "var(--head)",
  headerTextColor: "var(--muted)",
  headerFontWeight: 600,
  oddRowBackgroundColor: "var(--panel)",
  rowHoverColor: "var(--hover)",
  fontFamily: "inherit",
  fontSize: 13,
  headerFontSize: 12,
  rowHeight: 27,
  headerHeight: 32,
  spacing: 4,
  cellHorizontalPadding: 8,
  wrapperBorderRadius: 6,
  valueChangeValueHighlightBackgroundColor: "transparent",
});

const amount = (field, headerName, more = {}) => ({
  field,
  headerName,
  type: "number",
  valueFormatter: ({ value }) => fmt.usd(value),
  ...more,
});

/** The 5% mark stands at a quarter of the bar, so that what is near a call is seen apart. */
function ratioCell({ value }) {
  if (value === null || value === undefined) return h("span", {}, "–");
  const width = Math.min(Math.abs(value) / 0.2, 1) * 100;
  const bar = h("span", { class: `bar${value < 0 ? " below" : ""}`, style: { width: `${width}%` } });
  return h("span", { class: "ratio" }, h("span", { class: "track", "aria-hidden": "true" }, bar), h("span", {}, fmt.pct(value)));
}

const isWithin = (minutes) => ({ value }) => {
  const left = minutesLeft(value);
  return left !== null && left < minutes;
};

const COLUMNS = [
  {
    field: "level",
    headerName: "State",
    colId: "severity",
    width: 138,
    pinned: "left",
    cellRenderer: ({ data }) => (data ? badge(LEVELS[data.level], data.is_indeterminate, data.reasons) : ""),
  },
  { field: "account_id", headerName: "Account", width: 130, pinned: "left", cellClass: "id" },
  {
    field: "deadline",
    headerName: "Next deadline",
    width: 142,
    type: "number",
    cellClassRules: { due: isWithin(30), soon: isWithin(120), doubtful: () => trouble() !== "" },
    valueFormatter: ({ value }) => dueText(value),
  },
  amount("excess", "Excess", { width: 120, cellClassRules: { negative: ({ value }) => value < 0 } }),
  { field: "excess_ratio", headerName: "Excess % of gross", width: 142, type: "number", cellRenderer: ratioCell },
  {
    field: "change",
    headerName: "Change 1 h",
    width: 116,
    type: "number",
    valueFormatter: ({ value }) =>
      value === null || value === undefined ? "–" : `${value > 0 ? "▲ " : value < 0 ? "▼ " : ""}${fmt.usd(Math.abs(value))}`,
  },
  amount("equity", "Equity", { width: 112 }),
  amount("governing_requirement", "Requirement", { width: 112 }),
  { field: "rule", headerName: "Rule", width: 128, valueFormatter: ({ value }) => fmt.word(value) },
  amount("gross_market_value", "Gross value", { width: 124 }),
  { field: "leverage", headerName: "Leverage", width: 90, type: "number", valueFormatter: ({ value }) => fmt.times(value) },
  amount("worst_pnl", "Worst P&L", { width: 112 }),
  { field: "largest_share", headerName: "Largest name", width: 122, type: "number", valueFormatter: ({ value }) => fmt.pct(value) },
  { field: "worst_scenario", headerName: "Scenario", width: 90, valueFormatter: ({ value }) => fmt.minusText(value) },
  { field: "restriction", headerName: "Restricted for", width: 150, valueFormatter: ({ value }) => fmt.words(value) },
  { field: "account_type", headerName: "Type", width: 128, hide: true, valueFormatter: ({ value }) => fmt.word(value) },
  amount("net_liquidation", "Net liquidation", { width: 124, hide: true }),
  amount("reg_t_requirement", "Reg T requirement", { width: 140, hide: true }),
  amount("portfolio_margin_requirement", "PM requirement", { width: 128, hide: true }),
];
const CHOSEN = "columns";
const idOf = (column) => column.colId ?? column.field;
const isAlways = (column) => column.pinned !== undefined;

/** Columns that this browser chose to see; those of the page where it chose none. */
function chosenColumns() {
  const kept = localStorage.getItem(CHOSEN);
  return new Set(kept === null ? COLUMNS.filter((c) => !c.hide).map(idOf) : kept.split(","));
}

export function accountsPage(root, { go }) {
  let asked = new URLSearchParams(location.search);
  const chips = h("div", { class: "chips", role: "group", "aria-label": "States" });
  const strip = h("div", { class: "strip" });
  const views = h("div", { class: "views", role: "group", "aria-label": "Views" });
  const told = h("p", { class: "held", role: "status" });
  const none = h("p", { class: "empty", hidden: true });
  const where = h("div", { class: "grid" });
  const filters = filterRow();
  fill(root, h("h1", { class: "unseen" }, "Accounts"), chips, strip, h("div", { class: "row" }, views, filters, told), none, where, legend(store.about));

  let api = null;
  let total = null;
  let fresh = new Map();
  // What a refresh asked for and found in another order: the grid need not ask for it again.
  let ready = new Map();
  let touched = 0;
  let busy = false;
  let again = false;
  let loading = 0;
  let columns = [];

  const isHeld = () => Date.now() - touched < HELD_SECONDS * 1000 || where.querySelector(".ag-cell:focus") !== null;
  const release = () => {
    touched = 0;
    document.activeElement?.closest?.(".grid") && document.activeElement.blur();
    reload();
  };

  function path(offset, limit = BLOCK) {
    const query = new URLSearchParams();
    for (const name of ASKED) if (asked.get(name)) query.set(name, asked.get(name));
    query.set("offset", offset);
    query.set("limit", limit);
    return `/api/accounts?${query}`;
  }

  const objects = (answer) => {
    columns = answer.columns;
    return answer.rows.map((row) => Object.fromEntries(columns.map((name, i) => [name, row[i]])));
  };

  const source = {
    getRows: async ({ startRow, successCallback, failCallback }) => {
      loading += 1;
      try {
        const answer = ready.get(startRow) ?? (await get(path(startRow)));
        if (!api) return;
        ready.delete(startRow);
        const rows = objects(answer);
        tellTotal(answer.total);
        fresh.set(startRow, rows);
        successCallback(rows, answer.total);
        where.dataset.cycle = answer.cycle;
      } catch (error) {
        if (!api) return;
        none.hidden = false;
        none.textContent = `These rows cannot be shown: ${error.message}.`;
        failCallback();
      } finally {
        loading -= 1;
        if (again && !loading) {
          again = false;
          refresh();
        }
      }
    },
  };

  function tellTotal(found) {
    total = found;
    none.hidden = found > 0;
    where.hidden = found === 0;
    if (found === 0) none.textContent = emptySentence();
  }

  function emptySentence() {
    const totals = store.cycle?.totals;
    if (!totals?.accounts) return "No account is known yet: nothing has landed, or nothing is sealed.";
    const state = asked.get("state");
    const what = state && !state.includes(",") ? `is in state ${fmt.word(state)}` : "fits these filters";
    return `No account ${what}. ${fmt.count(totals.accounts)} are known, ${fmt.count(totals.levels.ok)} of them within limits.`;
  }

  /** Visible blocks anew: values in place where the order stands or is held, rows anew where not. */
  async function refresh() {
    // A block that is on its way is of the newest cycle, or the one after asks again.
    if (!api || busy || loading || total === null) {
      again = true;
      return;
    }
    busy = true;
    try {
      const first = Math.max(0, api.getFirstDisplayedRowIndex());
      const last = Math.max(first, api.getLastDisplayedRowIndex());
      let moved = 0;
      let isNew = total === 0;
      for (let start = first - (first % BLOCK); start <= last && !isNew; start += BLOCK) {
        const answer = await get(path(start));
        if (!api) return;
        const rows = objects(answer);
        const held = fresh.get(start) ?? [];
        const differs = answer.total !== total || rows.some((row, i) => row.account_id !== held[i]?.account_id);
        if (differs && !isHeld()) {
          isNew = true;
          ready.set(start, answer);
        } else moved += await inPlace(held, rows);
        where.dataset.cycle = answer.cycle;
      }
      if (isNew) reload();
      else fill(told, moved ? [`Order held while you point: ${fmt.count(moved)} moved. `, h("button", { type: "button", onclick: release }, "Release (R)")] : []);
    } catch {
      // The connection is told of in the band; the next cycle asks again.
    } finally {
      busy = false;
      if (again) {
        again = false;
        refresh();
      }
    }
  }

  /** New values under the rows that are shown; how many of them have another place by now. */
  async function inPlace(held, rows) {
    const now = new Map(rows.map((row) => [row.account_id, row]));
    const gone = held.filter((row) => !now.has(row.account_id)).map((row) => row.account_id);
    if (gone.length) {
      const query = new URLSearchParams(gone.map((id) => ["id", id]));
      for (const row of objects(await get(`/api/accounts?${query}&limit=${BLOCK}`))) now.set(row.account_id, row);
    }
    let moved = 0;
    held.forEach((row, i) => {
      const next = now.get(row.account_id);
      if (next) {
        held[i] = next;
        api?.getRowNode(row.account_id)?.updateData(next);
      }
      if (rows[i]?.account_id !== row.account_id) moved += 1;
    });
    return moved;
  }

  /** The account that is followed, above all others, whatever its place in the order. */
  async function showFollowed() {
    const id = asked.get("follow");
    const rows = id ? objects(await get(`/api/accounts?${new URLSearchParams({ id })}&limit=1`).catch(() => ({ columns: [], rows: [] }))) : [];
    api?.setGridOption("pinnedTopRowData", rows);
  }

  function follow(id) {
    id && id !== asked.get("follow") ? asked.set("follow", id) : asked.delete("follow");
    history.replaceState(null, "", `/accounts${asked.size ? `?${asked}` : ""}`);
    showFollowed();
  }

  function columnChooser() {
    const chosen = chosenColumns();
    const choice = (column) => {
      const toggle = ({ target }) => {
        target.checked ? chosen.add(idOf(column)) : chosen.delete(idOf(column));
        localStorage.setItem(CHOSEN, [...chosen].join());
        api?.setColumnsVisible([idOf(column)], target.checked);
      };
      return h("label", {}, h("input", { type: "checkbox", checked: chosen.has(idOf(column)), onchange: toggle }), column.headerName);
    };
    return h("details", { class: "chooser" }, h("summary", {}, "Columns"), h("div", {}, COLUMNS.filter((c) => !isAlways(c)).map(choice)));
  }

  function reload() {
    fresh = new Map();
    fill(told);
    api?.refreshInfiniteCache();
  }

  function ask(changes) {
    for (const [name, value] of Object.entries(changes)) value ? asked.set(name, value) : asked.delete(name);
    history.replaceState(null, "", `/accounts${asked.size ? `?${asked}` : ""}`);
    showFilters();
    fresh = new Map();
    ready = new Map();
    total = null;
    where.hidden = false;
    api?.setGridOption("datasource", source);
  }

  function filterRow() {
    const choice = (name, label, options) =>
      h(
        "label",
        {},
        h("span", { class: "unseen" }, label),
        h(
          "select",
          { "data-name": name, onchange: (event) => ask({ [name]: event.target.value }) },
          h("option", { value: "" }, label),
          options.map((value) => h("option", { value }, fmt.word(value))),
        ),
      );
    const text = (name, label, size) =>
      h("input", {
        "data-name": name,
        type: "search",
        placeholder: label,
        "aria-label": label,
        maxlength: size,
        onchange: (event) => ask({ [name]: event.target.value.trim() }),
      });
    return h(
      "div",
      { class: "filters" },
      choice("account_type", "Any type", ["cash", "reg_t", "portfolio_margin"]),
      choice("rule", "Any rule", ["reg_t", "portfolio_margin", "house"]),
      text("symbol", "Holds symbol", 32),
      text("q", "Id contains", 40),
      columnChooser(),
    );
  }

  function showFilters() {
    for (const input of filters.querySelectorAll("[data-name]")) input.value = asked.get(input.dataset.name) ?? "";
    const states = (asked.get("state") ?? "").split(",").filter(Boolean);
    fill(
      views,
      VIEWS.map(([title, wants]) => {
        const names = ["state", "due_within", "called_within", "breach_at"];
        const isOn = names.every((name) => (asked.get(name) ?? "") === (wants[name] ?? ""));
        const cleared = Object.fromEntries(names.map((name) => [name, ""]));
        return h("button", { type: "button", "aria-pressed": String(isOn), onclick: () => ask({ ...cleared, ...wants }) }, title);
      }),
    );
    showChips(states);
  }

  function showChips(states) {
    const totals = store.cycle?.totals;
    const counts = totals ? { ...totals.levels, indeterminate: totals.indeterminate } : {};
    const past = store.cycle?.before;
    const toggled = (level) => (states.includes(level) ? states.filter((s) => s !== level) : [...states, level]).join(",");
    const focused = chips.contains(document.activeElement) ? document.activeElement.dataset.level : null;
    fill(
      chips,
      CHIPS.map((level) => {
        const change = past && counts[level] !== undefined ? counts[level] - past[level] : null;
        return h(
          "button",
          {
            type: "button",
            class: `chip s-${level}`,
            "data-level": level,
            "aria-pressed": String(states.includes(level)),
            onclick: () => ask({ state: toggled(level) }),
          },
          glyph(level),
          h("span", { class: "name" }, fmt.word(level)),
          h("b", {}, fmt.count(counts[level] ?? null)),
          h("small", {}, change === null ? "" : `${fmt.signed(fmt.count)(change)} in 15 min`),
        );
      }),
    );
    if (focused) chips.querySelector(`[data-level="${focused}"]`)?.focus();
  }

  function showStrip() {
    const totals = store.cycle?.totals;
    const worst = store.cycle?.worst;
    const figures = [
      ["Open calls", fmt.count(totals?.calls)],
      ["Deficiency", fmt.usdShort(totals?.deficiency)],
      ["Equity", fmt.usdShort(totals?.equity)],
      ["Requirement", fmt.usdShort(totals?.requirement)],
      ["Accounts", fmt.count(totals?.accounts)],
      [
        `Owed at ${worst ? fmt.minusText(worst.scenario) : "the worst move"}`,
        fmt.usdShort(fmt.toCents(worst?.credit_exposure)),
      ],
    ];
    fill(strip, figures.map(([name, value]) => h("div", {}, h("span", {}, name), h("b", {}, value))));
  }

  const sorted = () => {
    const text = asked.get("sort") ?? "";
    return text ? text.split(",").map((s) => [s.replace("-", ""), s.startsWith("-") ? "desc" : "asc"]) : [];
  };
  showFilters();
  showStrip();
  api = createGrid(where, {
    theme,
    styleNonce: document.querySelector("meta[name=csp-nonce]").content,
    rowModelType: "infinite",
    rowBuffer: 3,
    cacheBlockSize: BLOCK,
    maxBlocksInCache: 4,
    blockLoadDebounceMillis: 40,
    datasource: source,
    getRowId: ({ data }) => data.account_id,
    columnTypes: { number: { cellClass: "n", headerClass: "n" } },
    defaultColDef: { sortable: true, resizable: true, suppressMovable: false, enableCellChangeFlash: true, sortingOrder: ["desc", "asc", null], comparator: () => 0 },
    columnDefs: COLUMNS.map((column) => {
      const found = sorted().findIndex(([name]) => name === idOf(column));
      const seen = { ...column, hide: !isAlways(column) && !chosenColumns().has(idOf(column)) };
      return found < 0 ? seen : { ...seen, sort: sorted()[found][1], sortIndex: found };
    }),
    cellFlashDuration: 600,
    cellFadeDuration: 0,
    rowClassRules: {
      "row-call": ({ data }) => data?.level === 2,
      "row-close_only": ({ data }) => data?.level === 3,
      "row-liquidation": ({ data }) => data?.level === 4,
      "row-unknown": ({ data }) => data?.is_indeterminate,
    },
    onSortChanged: ({ api: grid }) => {
      const by = grid
        .getColumnState()
        .filter((c) => c.sort)
        .sort((a, b) => a.sortIndex - b.sortIndex)
        .map((c) => (c.sort === "desc" ? `-${c.colId}` : c.colId));
      asked = new URLSearchParams(location.search);
      by.length ? asked.set("sort", by.join(",")) : asked.delete("sort");
      history.replaceState(null, "", `/accounts${asked.size ? `?${asked}` : ""}`);
      fresh = new Map();
      ready = new Map();
    },
    onBodyScrollEnd: () => refresh(),
    onRowDoubleClicked: ({ data }) => data && open(data.account_id),
    onCellClicked: ({ data, column }) => data && column.getColId() === "account_id" && open(data.account_id),
    onCellKeyDown: ({ event, data, node, api: grid }) => {
      if (event.key === "Enter" && data) open(data.account_id);
      if ((event.key === "f" || event.key === "F") && data) follow(data.account_id);
      const step = event.key === "j" ? 1 : event.key === "k" ? -1 : 0;
      if (step) moveTo(grid, node.rowIndex + step);
    },
  });
  const open = (id) => go(`/account?id=${encodeURIComponent(id)}`);
  function moveTo(grid, index) {
    if (index < 0 || index >= (total ?? 0)) return;
    grid.ensureIndexVisible(index);
    grid.setFocusedCell(index, grid.getFocusedCell()?.column ?? "account_id");
  }
  showFollowed();
  where.addEventListener("pointermove", () => (touched = Date.now()));
  where.addEventListener("pointerleave", () => (touched = 0));

  return {
    update() {
      showStrip();
      const states = (asked.get("state") ?? "").split(",").filter(Boolean);
      showChips(states);
      refresh();
      showFollowed();
    },
    // Time goes on where nothing else changes.
    again: () => api?.refreshCells({ columns: ["deadline"], force: true, suppressFlash: true }),
    key(event) {
      if (event.key === "r" || event.key === "R") release();
      else if ((event.key === "f" || event.key === "F") && asked.get("follow") && !api.getFocusedCell()) follow(null);
      else if (event.key === "j" || event.key === "k") moveTo(api, api.getFocusedCell()?.rowIndex ?? 0);
      else return false;
      return true;
    },
    leave: () => {
      // What was asked for may still come.
      const grid = api;
      api = null;
      grid.destroy();
    },
  };
}
