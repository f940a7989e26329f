"""Everything behind one account as of a sealed cycle, as one document."""

import json
from collections.abc import Iterable
from typing import Any

import polars as pl

from margin_assets.cli.account_more import cycle_of, day_trading, house, rates, rulebooks
from margin_assets.cli.account_sentence import sentence
from margin_assets.cli.output import Refusal, instant
from margin_assets.kernels.book import corrections
from margin_assets.kernels.book.fills import history_effects
from margin_assets.kernels.book.last_fills import last_fills, trades_of, with_places
from margin_assets.lake.ledger.moment import Moment

Document = dict[str, Any]

DIMENSIONS = ("margin_status", "restriction", "liquidation", "minimum_equity")
_POINTS = [f"pnl_down_{n}" for n in (5, 4, 3, 2, 1)] + [f"pnl_up_{n}" for n in (1, 2, 3, 4, 5)]
_FILE = ["cycle", "file_id", "landed_at"]
_ACT = ("kind", "actor", "reason", "details", "event_time")
_ROW = ("file_id", "file_row", "cycle")
_WHERE = ("path", "file_row", "landed_at", "cycle")


class _Tables:
    """The tables as the cycle left them, and the landed path of their rows."""

    def __init__(self, moment: Moment) -> None:
        self.scan = moment.scan
        files = self.scan("landed_files").select(*_FILE, "path", "file_number")
        # A file that came twice at a time has two rows; the first is the one that was read.
        first = files.sort("file_number").unique(_FILE, keep="first")
        self._files = first.drop("file_number")

    def rows(self, name: str, *conditions: pl.Expr) -> pl.DataFrame:
        return self.scan(name).filter(*conditions).collect()

    def landed(self, name: str, *conditions: pl.Expr) -> pl.DataFrame:
        """Rows of a landed table with the `path` they came from, by event time and landing."""
        rows = self.scan(name).filter(*conditions)
        found = rows.join(self._files, on=_FILE, how="left").collect()
        time = "event_time" if "event_time" in found.columns else "as_of_date"
        return found.sort(time, "cycle", "landed_at", "path", "file_row")


def story(moment: Moment, account: str) -> Document:
    """The document of `margin explain`.

    Raises:
        Refusal: the lake does not know the account at that cycle.
    """
    tables, sealed = _Tables(moment), moment.sealed
    mine = pl.col("account_id") == account
    state = tables.rows("account_state", mine)
    if state.is_empty():
        as_of = instant(sealed.as_of)
        raise Refusal(f"unknown account {account!r} in cycle {sealed.cycle} (as of {as_of})")
    decisions = tables.rows("enforcement_decisions", mine).sort("cycle", "decision_number")
    positions = tables.rows("positions", mine).sort("class_group", "symbol")
    summary = tables.rows("margin_summary", mine).row(0, named=True)
    ladder = tables.rows("enforcement_state", mine).row(0, named=True)
    found = {
        "account_id": account,
        "as_of": sealed.as_of,
        "status": summary["status"],
        "reasons": summary["reasons"].split(";") if summary["reasons"] else [],
        "account": _account(tables, state.row(0, named=True), mine),
        "ladder": _ladder(ladder, decisions),
        "figures": _without(summary, "account_id", "account_type", "status", "reasons"),
        "reg_t": _dicts(tables.rows("reg_t_requirements", mine).sort("group_number")),
        "memorandum": _memorandum(tables, mine),
        "portfolio_margin": [_points(row) for row in _class_groups(tables, mine)],
        "stress": _dicts(tables.rows("stress_results", mine).sort("move")),
        "marks": _marks(tables, positions, pl.col("event_time") <= sealed.as_of),
        "fills": _fills(tables, mine),
        "cash_movements": _landed(tables.landed("cash_movements", mine)),
        "calls": _calls(tables, mine),
        "plans": _plans(tables, mine),
        "decisions": [
            row | {"rulebooks": json.loads(row["rulebooks"])}
            for row in _dicts(decisions.drop("decision_number"))
        ],
        "rates": rates(tables, sealed.as_of),
        "house": house(tables, mine),
        "day_trading": day_trading(tables, mine),
        "rulebooks": rulebooks(sealed),
        "cycle": cycle_of(sealed),
    }
    return {"sentence": sentence(found)} | found


def _without(row: Document, *names: str) -> Document:
    left_out = {*names, "as_of", "cycle"}
    return {name: value for name, value in row.items() if name not in left_out}


def _dicts(rows: pl.DataFrame) -> list[Document]:
    shared = ("account_id", "as_of")
    return rows.drop(shared, strict=False).to_dicts()


def _landed(rows: pl.DataFrame) -> list[Document]:
    return rows.drop("account_id", strict=False).to_dicts()


def _account(tables: _Tables, state: Document, mine: pl.Expr) -> Document:
    versions = tables.landed("accounts", mine).select("account_type", "event_time", *_WHERE)
    return {
        "account_type": state["account_type"],
        "is_registered": state["is_registered"],
        "cash": state["cash"],
        "versions": versions.to_dicts(),
    }


def _memorandum(tables: _Tables, mine: pl.Expr) -> Document | None:
    """SMA of the account with its Regulation T calls; null where it has none."""
    found = _dicts(tables.rows("special_memorandum_accounts", mine).drop("cycle"))
    calls = tables.rows("reg_t_calls", mine).drop("cycle").sort("opened_on")
    return found[0] | {"calls": _dicts(calls)} if found else None


def _calls(tables: _Tables, mine: pl.Expr) -> list[Document]:
    """Margin calls, the newest first, each with every version of its life and the acts about it."""
    lives = tables.rows("margin_calls", mine).sort("opened_at", "call_type", "version")
    acts = _acts(tables, lives["call_id"])
    found = []
    for life in lives.partition_by("call_id", maintain_order=True):
        versions = _dicts(life.drop("call_id", "call_type", "rule", "opened_at"))
        head = life.select("call_id", "call_type", "rule", "opened_at", "first_amount")
        about = acts.filter(subject=life["call_id"][0]).drop("subject").to_dicts()
        found.append(head.row(0, named=True) | {"versions": versions, "acts": about})
    return found[::-1]


def _plans(tables: _Tables, mine: pl.Expr) -> list[Document]:
    """Liquidation plans, the newest first, each with its versions, orders and the acts about it."""
    lives = tables.rows("liquidation_plans", mine).sort("proposed_at", "plan_id", "version")
    orders = tables.rows("liquidation_orders", mine).sort("symbol", "version")
    acts = _acts(tables, lives["plan_id"]).drop("details")
    found = []
    for life in lives.partition_by("plan_id", maintain_order=True):
        plan = life["plan_id"][0]
        asked = _dicts(orders.filter(plan_id=plan).drop("plan_id"))
        about = acts.filter(subject=plan).drop("subject").to_dicts()
        versions = _dicts(life.drop("plan_id"))
        found.append({"plan_id": plan, "versions": versions, "orders": asked, "acts": about})
    return found[::-1]


def _acts(tables: _Tables, subjects: pl.Series) -> pl.DataFrame:
    """Acts about these, what became of each, and where it landed."""
    about = pl.col("subject").is_in(subjects.unique().implode())
    outcomes = tables.rows("desk_outcomes", about).select("action_id", "outcome", "reason")
    acts = tables.landed("desk_actions", about)
    done = acts.join(outcomes.rename({"reason": "refusal"}), on="action_id", how="left")
    return done.select("subject", "action_id", *_ACT, "outcome", "refusal", *_WHERE)


def _ladder(state: Document, decisions: pl.DataFrame) -> Document:
    """Each dimension with its state and since when; null since the account is known."""
    found: Document = {}
    for dimension in DIMENSIONS:
        moved = decisions.filter(
            pl.col("dimension") == dimension, pl.col("from_state") != pl.col("to_state")
        )
        last = moved.tail(1).to_dicts()
        found[dimension] = {
            "state": state[dimension],
            "since": last[0]["decided_at"] if last else None,
            "reason": last[0]["reason"] if last else None,
        }
    reasons = {"stress": "is_stress_restricted", "overdue_call": "is_overdue_restricted"}
    found["restriction"]["reasons"] = [name for name, flag in reasons.items() if state[flag]]
    found["call_opened_at"] = state["call_opened_at"]
    found["stress_clear_since"] = state["stress_clear_since"]
    return found


def _class_groups(tables: _Tables, mine: pl.Expr) -> Iterable[Document]:
    return tables.rows("tims_requirements", mine).sort("class_group").to_dicts()


def _points(row: Document) -> Document:
    plain = _without(row, "account_id", *_POINTS)
    return plain | {"pnl_by_point": [row[name] for name in _POINTS]}


def _marks(tables: _Tables, positions: pl.DataFrame, is_past: pl.Expr) -> list[Document]:
    """Positions with their marks, and the landed rows behind price, beta and terms."""
    if positions.is_empty():
        return []
    held = pl.col("symbol").is_in(positions["symbol"].to_list())
    times = pl.col("event_time").is_in(positions["price_time"].drop_nulls().unique().to_list())
    prices = tables.landed("prices", held, times)
    behind = {(row["symbol"], row["event_time"]): row for row in prices.to_dicts()}
    fills = _marking_fills(tables, positions, is_past)
    terms = {row["symbol"]: row for row in tables.landed("instruments", held, is_past).to_dicts()}
    betas = {(r["symbol"], r["beta"]): r for r in tables.landed("betas", held).to_dicts()}
    return [
        row
        | {
            "price_landed": _where(
                fills.get(row["symbol"]) or behind.get((row["symbol"], row["price_time"]))
            ),
            "beta_landed": _where(betas.get((row["symbol"], row["beta"]))),
            "instrument_landed": _where(terms.get(row["symbol"])),
        }
        for row in _dicts(positions)
    ]


def _marking_fills(
    tables: _Tables, positions: pl.DataFrame, is_past: pl.Expr
) -> dict[str, Document]:
    """Last fill of each symbol that it marks, whoever's it was."""
    marked = positions.filter(pl.col("price_state") == "fill_price")["symbol"]
    its = pl.col("symbol").is_in(marked.to_list())
    fills = tables.landed("fills", its, is_past) if len(marked) else pl.DataFrame()
    if fills.is_empty():
        return {}
    # Event time comes first in this order: of two fills at one time the later landed is later.
    last = last_fills(trades_of(with_places(history_effects(fills), fills)))
    rows = fills.filter(pl.col("fill_id").is_in(last["fill_id"].to_list()))
    return {row["symbol"]: row for row in rows.to_dicts()}


def _where(row: Document | None) -> Document | None:
    return None if row is None else {name: row[name] for name in _WHERE}


def _fills(tables: _Tables, mine: pl.Expr) -> list[Document]:
    """Fills in order, each with what became of it through corrections."""
    fills = _landed(tables.landed("fills", mine))
    lost = corrections.overruled(tables.scan("fills").filter(mine), tables.scan("quarantine"))
    overruled = set(lost.select(_ROW).collect().iter_rows())
    standing = [row for row in fills if not _is_refused(row, overruled)]
    corrects = {r["fill_id"]: r["corrects_fill_id"] for r in standing if r["corrects_fill_id"]}
    known = {row["fill_id"] for row in standing}
    waits = corrections.waiting(corrects, known)
    after: dict[str, Document] = {}
    for row in fills:
        if row["corrects_fill_id"] is not None and not _is_refused(row, overruled):
            rival = after.get(row["corrects_fill_id"])
            if rival is None or _turn(rival) < _turn(row):
                after[row["corrects_fill_id"]] = row
    return [row | {"effect": _effect(row, after, waits, overruled)} for row in fills]


def _is_refused(row: Document, overruled: set[tuple[str, int, int]]) -> bool:
    return (row["file_id"], row["file_row"], row["cycle"]) in overruled


def _turn(row: Document) -> tuple[Any, str]:
    return row["event_time"], row["fill_id"]


def _effect(
    row: Document,
    after: dict[str, Document],
    waits: set[str],
    overruled: set[tuple[str, int, int]],
) -> str:
    original = row["corrects_fill_id"]
    if original is not None:
        if _is_refused(row, overruled):
            return f"refused: {original} is of another account or symbol"
        if row["fill_id"] in waits:
            return f"waits for {original}"
        if after[original]["fill_id"] != row["fill_id"]:
            return f"overruled by {after[original]['fill_id']}"
    if row["fill_id"] in after:
        successor = after[row["fill_id"]]
        word = "busted" if successor["quantity"] == 0 else "replaced"
        return f"{word} by {successor['fill_id']}"
    return "counts" if original is None else f"stands for {original}"
