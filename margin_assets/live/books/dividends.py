"""Dividends in the live day: accrued at the ex date, met by movements, counted in equity."""

from collections.abc import Iterable

import numpy as np
import polars as pl

from margin_assets.kernels.corporate.dividends import Dividends, Entry
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.money import instants, to_decimal, to_instants, to_scaled
from margin_assets.kernels.rules.dividend_rules import counts_due
from margin_assets.live.state.holdings import Holdings

DIVIDEND = "dividend"
ACCRUALS = {**dict.fromkeys(Entry._fields, pl.String), "amount": pl.Int64, "happened_at": pl.Int64}
"""Columns of entries on their way to a grid point."""
_TABLE = ("account_id", "kind", "action_id", "symbol", "amount", "happened_at", "changed_at")


class DividendMonitor:
    """What every account is due and owes, and what of it counts in its equity."""

    def __init__(self, holdings: Holdings) -> None:
        self.book = Dividends()
        self._holdings = holdings
        self._made: list[tuple[object, ...]] = []

    def accrue(self, point: int, entries: Iterable[Entry]) -> Int64Array:
        """Takes changes of what is due at a grid point; returns whose they are."""
        whose = set()
        for entry in entries:
            self._note(point, self.book.accrue(entry))
            whose.add(entry.account)
        return self._count(whose, point)

    def pay(self, point: int, movements: pl.DataFrame) -> None:
        """Takes the dividends among cash movements, in order."""
        paid = movements.filter(pl.col("kind") == DIVIDEND)
        columns = paid["account_id"], paid["movement_id"], to_scaled(paid["amount"]).tolist()
        for account, name, cents, time in zip(
            *columns, instants(paid["event_time"]).tolist(), strict=True
        ):
            self._note(point, self.book.pay(account, name, cents, time))
        self._count(set(paid["account_id"]), point)

    def _note(self, point: int, entries: list[Entry]) -> None:
        self._made += [(*entry, point) for entry in entries]

    def _count(self, whose: set[str], point: int) -> Int64Array:
        """Sets what counts in equity: what is owed, and by house rule what is due."""
        places = sorted(map(self._holdings.accounts.place, whose))
        is_due_counted = counts_due(point)
        for place in places:
            due, owed = self.book.open(self._holdings.accounts.all[place])
            self._holdings.accrue(place, owed + (due if is_due_counted else 0))
        return np.array(places, dtype=np.int64)

    def take(self) -> pl.DataFrame:
        """Rows of `accrued_dividends` made since they were asked for last."""
        found, self._made = self.made(), []
        return found

    def made(self) -> pl.DataFrame:
        """The same, and they stay."""
        schema = {**ACCRUALS, "point": pl.Int64}
        return accrued_frame(pl.DataFrame(self._made, schema=schema, orient="row"))

    def load(self, rows: pl.DataFrame, point: int) -> None:
        """Takes the rows of sealed cycles; their accounts must be known."""
        self.book.load(entries_of(rows))
        self._count(set(rows["account_id"]), point)


def accrued_frame(rows: pl.DataFrame) -> pl.DataFrame:
    """Entries with the `point` that they are made at as `accrued_dividends`, without cycle."""
    values = (
        rows["account"].alias("account_id"),
        *(rows[name] for name in _TABLE[1:4]),
        to_decimal(rows["amount"].to_numpy(), 2).alias("amount"),
        to_instants(rows["happened_at"].to_numpy()).alias("happened_at"),
        to_instants(rows["point"].to_numpy()).alias("changed_at"),
    )
    return pl.DataFrame(values)


def entries_of(rows: pl.DataFrame) -> list[Entry]:
    """Rows of `accrued_dividends` as entries."""
    columns = [rows[name].to_list() for name in _TABLE[:4]]
    amounts, times = to_scaled(rows["amount"]).tolist(), instants(rows["happened_at"]).tolist()
    return [Entry(*entry) for entry in zip(*columns, amounts, times, strict=True)]
