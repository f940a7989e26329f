"""Everything behind one account as of a sealed cycle, as one document."""

import json
from collections.abc import Iterable
from typing import Any

import polars as pl

from margin_assets.calendar import sessions
from margin_assets.cli.account.books import books
from margin_assets.cli.account.desk import calls, notices, plans
from margin_assets.cli.account.more import cycle_of, day_trading, house, rates, rulebooks
from margin_assets.cli.account.rows import WHERE, Document, Tables, dicts
from margin_assets.cli.account.sentence import sentence
from margin_assets.cli.account.settling import cash_account, deposits_on_hold, with_settlement
from margin_assets.cli.account.timeline import timeline
from margin_assets.cli.output import Refusal, instant
from margin_assets.kernels.book import corrections
from margin_assets.kernels.book.fills import history_effects
from margin_assets.kernels.book.last_fills import last_fills, trades_of, with_places
from margin_assets.kernels.corporate.contracts import Told, in_force_at
from margin_assets.kernels.history.acted import NO_ACTIONS
from margin_assets.kernels.numeric.money import instants
from margin_assets.lake.ledger.cycles import Sealed
from margin_assets.lake.ledger.moment import Moment

DIMENSIONS = ("margin_status", "restriction", "liquidation", "minimum_equity")
_POINTS = [f"pnl_down_{n}" for n in (5, 4, 3, 2, 1)] + [f"pnl_up_{n}" for n in (1, 2, 3, 4, 5)]
_ROW = ("file_id", "file_row", "cycle")


def story(moment: Moment, account: str) -> Document:
    """The document of `margin explain`.

    Raises:
        Refusal: the lake does not know the account at that cycle.
    """
    tables, sealed = Tables(moment), moment.sealed
    mine = pl.col("account_id") == account
    state = _state(tables, account, sealed)
    decisions = tables.rows("enforcement_decisions", mine).sort("cycle", "decision_number")
    positions = tables.rows("positions", mine).sort("class_group", "symbol")
    summary = tables.rows("margin_summary", mine).row(0, named=True)
    ladder = tables.rows("enforcement_state", mine).row(0, named=True)
    fills, days = _fills(tables, mine), day_trading(tables, mine)
    found = {
        "account_id": account,
        "as_of": sealed.as_of,
        "status": summary["status"],
        "reasons": summary["reasons"].split(";") if summary["reasons"] else [],
        "account": _account(tables, state.row(0, named=True), mine),
        "ladder": _ladder(ladder, decisions),
        "figures": _without(summary, "account_id", "account_type", "status", "reasons"),
        "reg_t": dicts(tables.rows("reg_t_requirements", mine).sort("group_number")),
        "memorandum": _memorandum(tables, mine),
        "portfolio_margin": [_points(row) for row in _class_groups(tables, mine)],
        "stress": dicts(tables.rows("stress_results", mine).sort("move")),
        "marks": _marks(tables, positions, pl.col("event_time") <= sealed.as_of),
        "fills": with_settlement(fills),
        "cash_account": cash_account(tables, state.row(0, named=True), mine, sealed.as_of),
        "books": books(tables, mine, {row["symbol"] for row in fills}),
        "cash_movements": _landed(tables.landed("cash_movements", mine)),
        "settlements": _settlements(tables, mine),
        "calls": calls(tables, mine),
        "plans": plans(tables, mine),
        "notices": notices(tables, mine),
        "decisions": _decided(decisions),
        "rates": rates(tables, sealed.as_of),
        "house": house(tables, mine),
        "day_trading": days,
        "held_deposits": deposits_on_hold(tables, days, mine, sealed.as_of),
        "rulebooks": rulebooks(moment.lake, sealed),
        "cycle": cycle_of(sealed),
    }
    return {"sentence": sentence(found)} | found | {"timeline": timeline(found)}


def _state(tables: Tables, account: str, sealed: Sealed) -> pl.DataFrame:
    found = tables.rows("account_state", pl.col("account_id") == account)
    if found.is_empty():
        as_of = instant(sealed.as_of)
        raise Refusal(f"unknown account {account!r} in cycle {sealed.cycle} (as of {as_of})")
    return found


def _decided(decisions: pl.DataFrame) -> list[Document]:
    return [
        row | {"rulebooks": json.loads(row["rulebooks"])}
        for row in dicts(decisions.drop("decision_number"))
    ]


def _without(row: Document, *names: str) -> Document:
    left_out = {*names, "as_of", "cycle"}
    return {name: value for name, value in row.items() if name not in left_out}


def _landed(rows: pl.DataFrame) -> list[Document]:
    return rows.drop("account_id", strict=False).to_dicts()


def _account(tables: Tables, state: Document, mine: pl.Expr) -> Document:
    versions = tables.landed("accounts", mine).select("account_type", "event_time", *WHERE)
    return {
        "account_type": state["account_type"],
        "is_registered": state["is_registered"],
        "cash": state["cash"],
        "versions": versions.to_dicts(),
    }


def _memorandum(tables: Tables, mine: pl.Expr) -> Document | None:
    """SMA of the account with its Regulation T calls; null where it has none."""
    found = dicts(tables.rows("special_memorandum_accounts", mine).drop("cycle"))
    calls = tables.rows("reg_t_calls", mine).drop("cycle").sort("opened_on")
    return found[0] | {"calls": dicts(calls)} if found else None


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


def _class_groups(tables: Tables, mine: pl.Expr) -> Iterable[Document]:
    return tables.rows("tims_requirements", mine).sort("class_group").to_dicts()


def _points(row: Document) -> Document:
    plain = _without(row, "account_id", *_POINTS)
    return plain | {"pnl_by_point": [row[name] for name in _POINTS]}


def _marks(tables: Tables, positions: pl.DataFrame, is_past: pl.Expr) -> list[Document]:
    """Positions with their marks, and the landed rows behind price, beta and terms."""
    if positions.is_empty():
        return []
    held = pl.col("symbol").is_in(positions["symbol"].to_list())
    times = pl.col("event_time").is_in(positions["price_time"].drop_nulls().unique().to_list())
    prices = tables.landed("prices", held, times)
    behind = {(row["symbol"], row["event_time"]): row for row in prices.to_dicts()}
    fills = _marking_fills(tables, positions, is_past)
    terms = {row["symbol"]: row for row in tables.landed("instruments", held, is_past).to_dicts()}
    adjustments = _adjustments(tables, held, is_past, positions["as_of"].max())
    betas = {(r["symbol"], r["beta"]): r for r in tables.landed("betas", held).to_dicts()}
    return [
        row
        | {
            "price_landed": _where(
                fills.get(row["symbol"]) or behind.get((row["symbol"], row["price_time"]))
            ),
            "beta_landed": _where(betas.get((row["symbol"], row["beta"]))),
            "instrument_landed": _where(terms.get(row["symbol"])),
            "adjustment": adjustments.get(row["symbol"]),
        }
        for row in dicts(positions)
    ]


def _adjustments(
    tables: Tables,
    held: pl.Expr,
    is_past: pl.Expr,
    as_of: Any,  # noqa: ANN401 (an instant of a frame)
) -> dict[str, Document]:
    """What each adjusted contract delivers at an instant, and the landed row that says so.

    The row of an action, with its `action_id`, where the deliverable follows from it.
    """
    told, listed = tables.landed("option_adjustments", held), tables.landed("instruments", held)
    has_actions = tables.has("corporate_actions")
    actions = tables.landed("corporate_actions", is_past) if has_actions else NO_ACTIONS
    at = int(instants(pl.Series([as_of]))[0])
    rows = in_force_at(Told(listed, actions, told), sessions().opens, at)
    shown = ["symbol", "effective_on", "deliverable", "strike_multiplier", *WHERE]
    if "action_id" in rows.columns:
        behind = actions.select("action_id", *WHERE)
        derived = rows.drop(WHERE).join(behind, on="action_id")
        told = rows.filter(pl.col("action_id").is_null()).select(shown)
        rows, shown = pl.concat([told, derived], how="diagonal"), [*shown, "action_id"]
    found = rows.select(shown).to_dicts()
    return {row.pop("symbol"): row for row in found}


def _marking_fills(
    tables: Tables, positions: pl.DataFrame, is_past: pl.Expr
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
    return None if row is None else {name: row[name] for name in WHERE}


def _fills(tables: Tables, mine: pl.Expr) -> list[Document]:
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
    orders = _orders(tables, [row["fill_id"] for row in fills])
    return [
        row
        | {"effect": _effect(row, after, waits, overruled), "order_id": orders.get(row["fill_id"])}
        for row in fills
    ]


def _settlements(tables: Tables, mine: pl.Expr) -> list[Document]:
    """How options of the account ended, each with the landed line of its report."""
    if not tables.has("settlements"):
        return []
    rows = tables.rows("settlements", mine).sort("settled_at", "symbol", "exercise_id")
    reports = tables.landed("exercises", mine) if rows.height else pl.DataFrame()
    lines = {row["exercise_id"]: {n: row[n] for n in WHERE} for row in reports.to_dicts()}
    return [row | {"landed": lines.get(row["exercise_id"])} for row in dicts(rows)]


def _orders(tables: Tables, fills: list[str]) -> dict[str, str]:
    """The order of a liquidation plan that a fill names."""
    if not tables.has("order_fills"):
        return {}
    found = tables.rows("order_fills", pl.col("fill_id").is_in(fills))
    return dict(found.select("fill_id", "order_id").iter_rows())


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
