"""The page of one account: the sum that decides, what makes it up, and what became of it."""

from typing import Any

import polars as pl

from margin_assets.dashboard.figures import LEVELS, Figures
from margin_assets.dashboard.following import Follower
from margin_assets.dashboard.tables import Sealed, listed
from schemas.stock_record import AGREED

_DECISIONS = 200
_POSITION = (
    "symbol",
    "class_group",
    "asset_class",
    "quantity",
    "price",
    "price_state",
    "price_time",
    "market_value",
    "beta",
    "as_of",
)
_GROUP = (
    "symbol",
    "strategy",
    "rule",
    "quantity",
    "legs",
    "market_value",
    "maintenance_requirement",
    "initial_requirement",
)
_CLASS = ("class_group", "worst_move", "scan_risk", "minimum", "not_margined", "requirement")
_DECISION = (
    "decision_id",
    "decided_at",
    "dimension",
    "from_state",
    "to_state",
    "reason",
    "direction",
    "equity",
    "requirement",
    "excess",
    "stress_move",
    "stress_excess",
    "status",
    "cycle",
)
_BREAK = (
    *("business_date", "kind", "symbol", "ours", "theirs", "market_value"),
    *("requirement_change", "excess_change", "first_seen", "age"),
)


def figures_of(figures: Figures, accounts: pl.DataFrame, account: str) -> dict[str, Any] | None:
    """The figures of one account, cents, with its scenarios; None where nobody has the id."""
    place = accounts["account_id"].index_of(account)
    if place is None:
        return None
    row = accounts.row(place, named=True)
    pnl = row.pop("pnl")
    row["level_name"] = LEVELS[row["level"]]
    row["stress"] = [
        {
            "scenario": name,
            "move": move,
            "restricts": restricts,
            "pnl": gain,
            "excess": row["excess"] + gain,
        }
        for name, move, restricts, gain in zip(
            figures.scenarios, figures.moves, figures.restricting, pnl, strict=True
        )
    ]
    row["fall_to_call"] = fall_to_call(row["excess"], row["stress"])
    return row


def fall_to_call(excess: int, stress: list[dict[str, Any]]) -> float | None:
    """Fall of SPY at which nothing is left of the excess, between the scenarios; None if none.

    Straight between two scenarios, and from 0 to the first: a reading of the chart, no figure
    that decides.
    """
    before = (0.0, excess)
    for row in sorted((r for r in stress if r["move"] < 0), key=lambda r: -r["move"]):
        here = (row["move"], row["excess"])
        if before[1] >= 0 > here[1]:
            part = before[1] / (before[1] - here[1])
            return float(before[0] + part * (here[0] - before[0]))
        before = here
    return None


def requirements(sealed: Sealed, account: str) -> dict[str, Any]:
    """What the requirement is made of, as of the last sealed rows of the account."""
    mine = pl.col("account_id") == account
    state = sealed.rows("account_state", mine)
    ladder = sealed.rows("enforcement_state", mine)
    return {
        "cycle": sealed.cycle(),
        "account": _only(state),
        "ladder": _only(ladder),
        "reg_t": listed(sealed.rows("reg_t_requirements", mine), *_GROUP),
        "portfolio_margin": listed(sealed.rows("tims_requirements", mine), *_CLASS),
        "house": listed(sealed.rows("house_requirements", mine)),
        "memorandum": _only(sealed.rows("special_memorandum_accounts", mine)),
    }


def _only(rows: pl.DataFrame) -> dict[str, Any] | None:
    return next(iter(listed(rows)), None)


def positions(sealed: Sealed, account: str, offset: int, limit: int) -> dict[str, Any]:
    """A window of its positions, the largest first, each with the mark that values it."""
    held = sealed.rows("positions", pl.col("account_id") == account)
    size = pl.col("market_value").abs()
    ordered = held.sort(size, "symbol", descending=[True, False], nulls_last=True)
    return {
        "cycle": sealed.cycle(),
        "total": held.height,
        "rows": listed(ordered.slice(offset, limit), *_POSITION),
    }


def history(sealed: Sealed, follower: Follower, account: str) -> dict[str, Any]:
    """Excess by the minute as seen here, cents, and its decisions, newest first."""
    mine = pl.col("account_id") == account
    decisions = sealed.rows("enforcement_decisions", mine, newest=_DECISIONS)
    return {
        "cycle": sealed.cycle(),
        "excess": [[at.isoformat(), excess] for at, excess in follower.past.of_account(account)],
        "decisions": listed(decisions.reverse(), *_DECISION),
    }


_CYCLES = ("margin_calls", "liquidation_plans", "liquidation_orders")
_NOTICES = "notifications"
_NOTICES_SECONDS = 2.0


def desk(sealed: Sealed, account: str) -> dict[str, Any]:
    """Calls, plans, orders, notices and breaks of the account, the newest version of each.

    A table that this lake does not have yet is null, not empty: nobody said that there is none.
    """
    mine = pl.col("account_id") == account
    found: dict[str, Any] = sealed.once(("desk", account), lambda: _of_cycle(sealed, mine))
    # Messages belong to no cycle: one leaves after the seal that it tells of.
    notices = sealed.for_a_while(
        (_NOTICES, account), _NOTICES_SECONDS, lambda: _newest(sealed, _NOTICES, mine)
    )
    # A close is compared by Dagster, in no cycle either.
    breaks = sealed.for_a_while(
        ("breaks", account), _NOTICES_SECONDS, lambda: _breaks(sealed, mine)
    )
    return found | {_NOTICES: notices, "breaks": breaks}


def _newest(sealed: Sealed, table: str, mine: pl.Expr) -> list[dict[str, Any]] | None:
    return listed(newest(sealed.rows(table, mine))) if sealed.has(table) else None


def _of_cycle(sealed: Sealed, mine: pl.Expr) -> dict[str, Any]:
    found: dict[str, Any] = {"cycle": sealed.cycle()}
    found |= {table: _newest(sealed, table, mine) for table in _CYCLES}
    calls = listed(sealed.rows("reg_t_calls", mine)), listed(sealed.rows("intraday_deficits", mine))
    return found | {"reg_t_calls": calls[0], "intraday_deficits": calls[1]}


_IDS = ("order_id", "plan_id", "call_id", "breach_id", "message_id")


def newest(versions: pl.DataFrame) -> pl.DataFrame:
    """The last version of each thing in a table of versions."""
    key = next((name for name in _IDS if name in versions.columns), None)
    if key is None or versions.is_empty():
        return versions
    return versions.sort("version").unique(key, keep="last", maintain_order=True)


def _breaks(sealed: Sealed, mine: pl.Expr) -> list[dict[str, Any]]:
    """Differences from the firm's own books at the last close that had any; none once it agrees."""
    rows = sealed.daily("breaks", mine)
    if rows.is_empty():
        return []
    last = rows.filter(pl.col("business_date") == pl.col("business_date").max())
    return listed(last.filter(pl.col("kind") != AGREED).sort("kind", "symbol"), *_BREAK)
