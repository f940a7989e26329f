"""What a special memorandum account would be had its corrected fills stood from the beginning.

A bust or a correction may have left more than its own entry behind: the excess of every close
since, and calls. So the account's path is walked again with each fill as it stands now, in its
original's place; the difference to what the account has is entered when the correction counts.
"""

from collections import defaultdict

import numpy as np
import polars as pl

from margin_assets.kernels.book.fills import standing_fills
from margin_assets.kernels.history.moved import grid_points
from margin_assets.kernels.history.sma_past import (
    NO_CORRECTIONS,
    corrections_of,
    past_path,
    start_of,
)
from margin_assets.kernels.history.sma_walk import Firm, walked
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.money import to_instants
from margin_assets.kernels.reg_t.reg_t_book import RegTBook
from schemas.books import DUE

ENDED: dict[str, pl.DataType | type[pl.DataType]] = {
    "account_id": pl.String,
    "at": pl.Int64,
    "balance": pl.Int64,
    "owed": pl.Int64,
}
"""Accounts at the end (microseconds) of each business day that moved them, cents."""
_BEGINNING = -1
"""Stands for the instant before an account's first transaction."""


def starts(
    ended: pl.DataFrame,
    corrections: pl.DataFrame,
    point: int,
    accounts: pl.Series,
    ends: Int64Array,
) -> pl.DataFrame:
    """From where each account is walked again for what is corrected at a point: `at`, `balance`.

    The last end of a business day at which it owed nothing on calls, and before which everything
    that is corrected by the point had been corrected already; -1 where there is none.

    Args:
        ended: Columns of `ENDED`, of days before the point.
        corrections: Those of `sma_past.corrections_of`.
        point: Grid point, microseconds.
        accounts: Ids.
        ends: Ends of all business days.
    """
    known, trees = defaultdict(list), defaultdict(list)
    for name, *day in ended.sort("at").select("account_id", "at", "balance", "owed").iter_rows():
        known[name].append(tuple(day))
    for name, *span in corrections.select("account_id", "traded", "point").iter_rows():
        if span[1] <= point:
            trees[name].append(tuple(span))
    rows = [(name, *_start(known[name], trees[name], ends)) for name in accounts.to_list()]
    return pl.DataFrame(
        rows, schema={"account_id": pl.String, "at": pl.Int64, "balance": pl.Int64}, orient="row"
    )


def _start(
    days: list[tuple[int, int, int]], trees: list[tuple[int, int]], ends: Int64Array
) -> tuple[int, int]:
    """Last end of a day to begin at, and the balance then, from rows of days that moved it."""
    at = _end_before(max(point for _, point in trees), ends)
    while at != _BEGINNING:
        first = min(traded for traded, point in trees if point > at)
        before = [day for day in days if day[0] <= at]
        if first <= at:
            at = _end_before(first, ends)
        elif not before:
            break
        elif before[-1][2] == 0:
            return at, before[-1][1]
        else:
            at = _end_before(before[-1][0], ends)
    return _BEGINNING, 0


def _end_before(at: int, ends: Int64Array) -> int:
    place = int(np.searchsorted(ends, at)) - 1
    return int(ends[place]) if place >= 0 else _BEGINNING


def restated_nets(firm: Firm, point: int, begun: pl.DataFrame) -> Int64Array:
    """Balance less calls of accounts at a point, transactions of that point among them; cents.

    `begun`: where each is walked from, as `starts` gives it; the nets come in its order.
    """
    nets: dict[str, int] = {}
    for (at,), rows in begun.group_by("at", maintain_order=True):
        mine = _corrected(firm, rows["account_id"].sort(), point)
        first = int(str(at))
        if first == _BEGINNING:
            first = min(start_of(mine), point) - 1
        book = RegTBook(firm.calendar.days)
        book.grow(rows.height)
        book.balance[:] = rows.sort("account_id")["balance"].to_numpy()
        path, span = past_path(mine, (first, point), NO_CORRECTIONS), (first, point)
        for _ in walked(mine, book, path, span, lambda _point, places: places):
            pass
        nets |= dict(zip(mine.names.to_list(), (book.balance - book.owed).tolist(), strict=True))
    return np.array([nets[name] for name in begun["account_id"].to_list()], dtype=np.int64)


def _corrected(firm: Firm, names: pl.Series, point: int) -> Firm:
    """Some accounts alone, with each of their fills as it stands at a point."""
    mine = pl.col("account_id").is_in(names.implode())
    own = firm.landed.fills.filter(mine)
    fills = standing_fills(own, grid_points(own), point)
    movements, accounts = (
        rows.filter(mine) for rows in (firm.booked.movements, firm.booked.accounts)
    )
    settled = firm.landed.settlements.filter(mine)
    booked = firm.booked._replace(
        fills=fills,
        movements=movements,
        accounts=accounts,
        settlements=settled,
        accrued_dividends=_due_from_the_beginning(firm, mine, point),
    )
    landed = firm.landed._replace(fills=fills, settlements=settled)
    return firm._replace(landed=landed, booked=booked, names=names)


def _due_from_the_beginning(firm: Firm, mine: pl.Expr, point: int) -> pl.DataFrame:
    """Dividends by a point, those that a corrected fill changes from their ex date on."""
    rows = firm.booked.accrued_dividends.filter(mine)
    corrected = corrections_of(firm).filter(pl.col("point") <= point)
    changed = corrected.select("account_id", changed_at=to_instants(corrected["point"].to_numpy()))
    found = rows.join(changed.unique(), on=["account_id", "changed_at"], how="semi")
    late = found.filter(pl.col("kind") == DUE).with_columns(changed_at="happened_at")
    others = rows.join(changed.unique(), on=["account_id", "changed_at"], how="anti")
    return pl.concat([others, found.filter(pl.col("kind") != DUE), late])
