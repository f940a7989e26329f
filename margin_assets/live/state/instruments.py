"""Instruments as landed: which version is in force, what contracts deliver, what trades were in."""

from functools import cache

import numpy as np
import polars as pl

from margin_assets.kernels.book.deliverables import adjusted
from margin_assets.kernels.book.multipliers import (
    multiplier_versions,
    traded_leverage,
    traded_multiplier,
)
from margin_assets.kernels.book.terms import INSTRUMENT_COLUMNS, instrument_terms
from margin_assets.kernels.corporate.actions import Action
from margin_assets.kernels.corporate.contracts import (
    adjustments_in_force,
    changes_contracts,
    with_since,
)
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.rules.expiry import SessionTimes


class Instruments:
    """Versions and adjustments up to now, and the actions that changed what contracts deliver."""

    acted: tuple[Action, ...] = ()
    """Actions that have acted and change what contracts deliver."""

    def __init__(self, times: SessionTimes) -> None:
        self._times = times
        self._versions, self._adjustments = pl.DataFrame(schema=_VERSIONED), _no_adjustments()
        nobody: Int64Array = np.zeros(0, dtype=np.int64)
        self._multipliers = [multiplier_versions(self._versions, nobody)]
        """Every version's multiplier and leverage, as `traded_multiplier` takes them."""

    def take(self, rows: pl.DataFrame) -> None:
        """Takes versions, in order of time and landing, each with its grid `point`."""
        self._multipliers.append(multiplier_versions(rows, rows["point"].to_numpy()))
        self._versions = self._with(rows)

    def adjust(self, rows: pl.DataFrame) -> None:
        """Takes what contracts deliver, in order of date and landing."""
        known = pl.concat([self._adjustments, rows.select(*_ADJUSTMENTS)])
        self._adjustments = known.sort("event_time", maintain_order=True).unique(
            "symbol", keep="last", maintain_order=True
        )

    def act(self, acted: list[Action]) -> pl.Series | None:
        """Takes the actions that have acted by now; contracts concerned, None if nothing is new."""
        changing = tuple(action for action in acted if changes_contracts(action))
        if changing == self.acted:
            return None
        before = self.in_force()
        self.acted = changing
        return pl.concat([before["symbol"], self.in_force()["symbol"]]).unique().sort()

    def in_force(self) -> pl.DataFrame:
        """What adjusted contracts deliver, a row a symbol."""
        return adjustments_in_force(self._adjustments, self._versions, self.acted)

    def contracts(self) -> pl.DataFrame:
        """Versions in force, each with what it delivers; a row a symbol."""
        return adjusted(self._versions.drop("event_time"), self.in_force())

    def _with(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Versions in force with further ones taken."""
        versions = rows.with_columns(since="event_time").select(*_VERSIONED)
        ordered = with_since(pl.concat([self._versions, versions]))
        return ordered.unique("symbol", keep="last", maintain_order=True)

    def terms_with(self, symbols: pl.Series, rows: pl.DataFrame) -> pl.DataFrame:
        """Static terms of symbols as they will be with versions accepted and not taken yet."""
        return instrument_terms(symbols, self._with(rows).drop("event_time"), self._times)

    def multiplier_then(self, trades: pl.DataFrame) -> Int64Array:
        """Multiplier of trades of any grid point up to now: `symbol` and `traded` of each."""
        return traded_multiplier(trades, self._of(trades["symbol"]))

    def terms_then(self, trades: pl.DataFrame) -> tuple[Int64Array, Int64Array]:
        """Multiplier, as `multiplier_then`, and leverage (ppm) of trades."""
        said = self._of(trades["symbol"])
        return traded_multiplier(trades, said), traded_leverage(trades, said)

    def _of(self, symbols: pl.Series) -> pl.DataFrame:
        self._multipliers = [pl.concat(self._multipliers)]
        return self._multipliers[0].filter(pl.col("symbol").is_in(symbols.unique().implode()))


@cache
def no_terms() -> pl.DataFrame:
    """Static terms of no symbol."""
    none: Int64Array = np.zeros(0, dtype=np.int64)
    of_nothing = pl.DataFrame(schema=_VERSIONED)
    return instrument_terms(of_nothing["symbol"], of_nothing, SessionTimes(none, none))


@cache
def _no_adjustments() -> pl.DataFrame:
    """What adjusted contracts deliver, the latest of each; a row a symbol."""
    return pl.DataFrame(schema=_ADJUSTMENTS)


_ADJUSTMENTS: dict[str, pl.DataType | type[pl.DataType]] = {
    "symbol": pl.String,
    "deliverable": pl.String,
    "strike_multiplier": pl.Decimal(38, 6),
    "event_time": pl.Datetime("us", "UTC"),
}
_VERSIONED = {
    **INSTRUMENT_COLUMNS,
    "event_time": pl.Datetime("us", "UTC"),
    "since": pl.Datetime("us", "UTC"),
}
