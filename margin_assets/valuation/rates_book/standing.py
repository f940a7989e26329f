"""What landed of the rates book, as it stands: terms, positions, fixings, exchange rates."""

from collections.abc import Mapping
from datetime import date

import polars as pl

from margin_assets.kernels.numeric.money import instants
from margin_assets.valuation.rates_book.terms import Terms, bond_of, swap_of

PositionKey = tuple[str, str, str, str]
"""Account, desk, legal entity, instrument."""
KEYS = ("account_id", "desk", "legal_entity", "instrument_id")
_NO_RATE = (-1, float("nan"))


class Landed:
    """Of each thing the version of the latest event time; of two of one time the later landed."""

    def __init__(self) -> None:
        self.terms: dict[str, Terms] = {}
        self.since: dict[str, int] = {}
        """When the terms in force took effect."""
        self.fixings: dict[str, dict[date, float]] = {}
        self.fx: dict[str, tuple[int, float]] = {}
        """By pair: when it was made, and the rate."""
        self._fixed_at: dict[tuple[str, date], int] = {}
        self._positions: dict[PositionKey, tuple[int, float]] = {}
        self._sorted: pl.DataFrame | None = None
        self._currencies: list[str] | None = None
        self.version = 0
        """Another where terms or positions are others."""
        self.fixed = 0
        """Another where fixings are others."""

    def take(self, events: Mapping[str, pl.DataFrame]) -> None:
        """Takes rows by feed, in order of time and landing."""
        for feed, make in (("bonds", bond_of), ("swaps", swap_of)):
            if feed in events:
                rows, self._currencies = events[feed], None
                for row, at in zip(rows.iter_rows(named=True), _times(rows), strict=True):
                    if at >= self.since.get(row["instrument_id"], at):
                        self.since[row["instrument_id"]] = at
                        self.terms[row["instrument_id"]] = make(row)
        if "fixings" in events:
            self._take_fixings(events["fixings"])
        if "fx_rates" in events:
            rows = events["fx_rates"]
            for (pair, rate), at in zip(
                rows.select("pair", "rate").iter_rows(), _times(rows), strict=True
            ):
                if at >= self.fx.get(pair, (at, 0.0))[0]:
                    self.fx[pair] = (at, rate)
        if "rates_positions" in events:
            self._take_positions(events["rates_positions"])
        self.version += bool(events.keys() & {"bonds", "swaps", "rates_positions"})
        self.fixed += "fixings" in events

    def _take_fixings(self, rows: pl.DataFrame) -> None:
        columns = rows.select("index_name", "fixing_date", "rate").iter_rows()
        for (index, day, rate), at in zip(columns, _times(rows), strict=True):
            if at >= self._fixed_at.get((index, day), at):
                self._fixed_at[index, day] = at
                self.fixings.setdefault(index, {})[day] = rate

    def _take_positions(self, rows: pl.DataFrame) -> None:
        self._sorted = None
        quantities = rows["quantity"].cast(pl.Float64).to_list()
        keys = rows.select(KEYS).iter_rows()
        for key, quantity, at in zip(keys, quantities, _times(rows), strict=True):
            if at >= self._positions.get(key, (at, 0.0))[0]:
                self._positions[key] = (at, quantity)

    def currencies(self) -> list[str]:
        """Currencies of known terms, in order."""
        if self._currencies is None:
            self._currencies = sorted({terms.currency for terms in self.terms.values()})
        return self._currencies

    def positions(self) -> pl.DataFrame:
        """Positions that are not 0, by their keys in order, with their quantity as a float."""
        if self._sorted is None:
            held = [(*key, q) for key, (_, q) in self._positions.items() if q]
            schema = dict.fromkeys(KEYS, pl.String) | {"quantity": pl.Float64}
            self._sorted = pl.DataFrame(held, schema=schema, orient="row").sort(KEYS)
        return self._sorted

    def fx_rate(self, currency: str, reporting: str, since: int) -> float:
        """Price of a unit of a currency in the reporting one, made since then; NaN if none was.

        Of the pair and of the turned one the newer counts; of one time the pair as it is written.
        """
        if currency == reporting:
            return 1.0
        straight = self.fx.get(currency + reporting, _NO_RATE)
        turned = self.fx.get(reporting + currency, _NO_RATE)
        if max(straight[0], turned[0]) < since:
            return float("nan")
        return straight[1] if straight[0] >= turned[0] else 1.0 / turned[1]


def _times(rows: pl.DataFrame) -> list[int]:
    found: list[int] = instants(rows["event_time"]).tolist()
    return found
