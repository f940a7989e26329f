"""What settling reads: terms of options, what was told of lots before, values that decide.

Nothing of it is remembered between cycles: the tables hold it, and rows of the run at work.
"""

from collections.abc import Callable

import numpy as np
import polars as pl

from margin_assets.kernels.book.delivered_terms import (
    delivered_units,
    is_unmodelled,
    paid_a_contract,
    strike_a_unit,
)
from margin_assets.kernels.book.series import INDICES, USABLE
from margin_assets.kernels.corporate.exercises import SETTLED, Terms, settled_rows
from margin_assets.kernels.corporate.settled_units import in_units_of_today
from margin_assets.kernels.corporate.settlement_values import (
    NO_VALUE,
    Windows,
    settlement_values,
    value_today,
    windows,
)
from margin_assets.kernels.numeric.arrays import BoolArray, Int64Array
from margin_assets.kernels.numeric.money import to_instants, to_scaled
from margin_assets.kernels.rules.expiry import SessionTimes
from margin_assets.lake.ledger.sealed import SealedTables
from margin_assets.live.state.market import Market

Tables = Callable[[], SealedTables]
UNKNOWN = NO_VALUE
_PRICE = ("symbol", "event_time", "price")


class SettlementInputs:
    """Reads for the live day what the kernels of settlement ask for."""

    def __init__(self, market: Market, times: SessionTimes, tables: Tables) -> None:
        self._market = market
        self._times = times
        self._tables = tables
        self._prices: pl.DataFrame | None = None
        self._terms: pl.DataFrame | None = None
        self._windows: Windows | None = None

    def begin(self, prices: pl.DataFrame | None) -> None:
        """Takes the prices of the run at work; None of none."""
        self._prices = prices

    def windows(self) -> Windows:
        """When each symbol is settled, by its place."""
        if self._windows is None or self._terms is not self._market.static_terms:
            self._terms = self._market.static_terms
            self._windows = windows(self._terms, self._times)
        return self._windows

    def terms(self, symbol: Int64Array) -> Terms:
        """Terms of options by place: of an adjusted contract by what it delivers."""
        rows = self._market.static_terms[symbol]
        paid = paid_a_contract(rows)
        pays_cash = rows["issuer_class"].is_in(INDICES).fill_null(value=False)
        return Terms(
            underlying=rows["underlying"],
            is_call=(rows["right"] == "call").fill_null(value=False).to_numpy(),
            strike=to_scaled(strike_a_unit(rows).fill_null(0)),
            multiplier=to_scaled(delivered_units(rows)),
            # What no model follows is paid by a stated value, or not settled.
            pays_cash=(pays_cash | is_unmodelled(rows)).to_numpy(),
            paid=np.where(paid.is_null(), -1, to_scaled(paid)),
        )

    def told(self, symbols: list[str], unsealed: pl.DataFrame) -> pl.DataFrame:
        """Rows of `SETTLED` of options in units of today, sealed ones and those not sealed yet."""
        about = pl.col("symbol").is_in(symbols)
        sealed = settled_rows(self._tables()("settlements", about))
        rows = pl.concat([sealed, unsealed.filter(about)])
        place = self._market.symbols.places(rows["symbol"])
        above = self._market.static_terms["underlying"].gather(place).to_list()
        return in_units_of_today(rows, above, self._market.instruments.acted)

    def values(self, symbol: Int64Array, point: int) -> Int64Array:
        """Settlement value of options by place, by the prices up to a grid point."""
        distinct, place = np.unique(symbol, return_inverse=True)
        if not len(distinct):
            return symbol
        known, names = self.windows(), pl.Series(self._market.symbols.all, dtype=pl.String)
        asked = pl.DataFrame(
            {
                "symbol": names.gather(distinct),
                "underlying": names.gather(self._market.underlying[distinct]),
                "starts": known.starts[distinct],
                "ends": np.minimum(known.ends[distinct], point),
                "is_first": known.is_first[distinct],
            }
        )
        found = settlement_values(asked, self._priced(asked))
        rows = asked.select("symbol", "underlying", "ends").iter_rows()
        acted = self._market.instruments.acted
        values = [value_today(found.get(name), above, end, acted) for name, above, end in rows]
        return np.where(self._has_model(distinct), values, UNKNOWN).astype(np.int64)[place]

    def paid_by(
        self, stated: Int64Array, symbol: Int64Array, at: Int64Array, point: int
    ) -> Int64Array:
        """Value that exercises of these times are paid by: the one stated, else by the prices.

        In the session of its settlement that of the rule, before it the underlying's last price.
        """
        asks = np.flatnonzero((stated == UNKNOWN) & self.terms(symbol).pays_cash)
        is_last = at[asks] >= self.windows().starts[symbol[asks]]
        above = self._market.underlying[symbol[asks]]
        is_priced: BoolArray = self._market.prices.state[above] <= USABLE
        is_priced &= self._has_model(symbol[asks])
        found = stated.copy()
        found[asks] = np.where(is_priced, self._market.prices.mark()[above], UNKNOWN)
        found[asks[is_last]] = self.values(symbol[asks[is_last]], point)
        return found

    def _has_model(self, symbol: Int64Array) -> BoolArray:
        """Which contracts deliver what a value is known of."""
        has_model: BoolArray = ~is_unmodelled(self._market.static_terms[symbol]).to_numpy()
        return has_model

    def _priced(self, asked: pl.DataFrame) -> pl.DataFrame:
        """Prices of the underlyings in their sessions, in landing order."""
        bounds = asked.select(pl.col("starts").min(), pl.col("ends").max()).row(0)
        first, last = to_instants(np.array(bounds, dtype=np.int64))
        among = pl.col("symbol").is_in(asked["underlying"].unique().implode())
        among &= pl.col("event_time").is_between(first, last)
        parts = [self._tables().in_landing_order("prices").filter(among).select(_PRICE).collect()]
        if self._prices is not None:
            parts.append(self._prices.filter(among).select(_PRICE))
        return pl.concat(parts)


NOTHING_SETTLED = pl.DataFrame(schema=SETTLED)
