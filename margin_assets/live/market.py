"""What the session knows of every symbol: its terms, its latest price, its beta."""

import numpy as np
import numpy.typing as npt
import polars as pl

from margin_assets.kernels.book import (
    MISSING,
    NO_INSTRUMENT,
    SUPPORTED,
    UNSUPPORTED,
    Int64Array,
    Series,
    leverage_ppm,
)
from margin_assets.kernels.marks import NEVER, next_change, price_states
from margin_assets.kernels.money import instants, to_decimal, to_instants, to_scaled
from margin_assets.kernels.rules import RANGE_CLASSES, Rules, benchmark
from margin_assets.kernels.terms import TERMS, range_classes
from margin_assets.live.names import Names
from schemas.landed import ASSET_CLASSES
from schemas.margin import PRICE_STATES

_UNKNOWN = -1
_LONG_AGO = np.iinfo(np.int64).min


class Market:
    """Arrays by symbol, grown as symbols appear, updated in place at each grid point."""

    def __init__(self, opens: Int64Array) -> None:
        self.opens = opens
        self.symbols = Names()
        self.groups = Names()
        self.price = np.zeros(0, dtype=np.int64)
        self.price_time = np.zeros(0, dtype=np.int64)
        self.price_state = np.zeros(0, dtype=np.int8)
        self.change_at = np.zeros(0, dtype=np.int64)
        self.asset_class = np.zeros(0, dtype=np.int8)
        self.leverage = np.zeros(0)
        self.marginable = np.zeros(0, dtype=np.bool_)
        self.terms_time = np.zeros(0, dtype=np.int64)
        self.beta = np.zeros(0)
        self.beta_time = np.zeros(0, dtype=np.int64)
        self.class_group = np.zeros(0, dtype=np.int32)
        self.range_class = np.zeros(0, dtype=np.int8)

    def add(self, symbols: pl.Series) -> None:
        """Makes room for symbols not seen before: no price, no beta, no instrument row."""
        new = self.symbols.add(symbols.to_list())
        if not new:
            return
        names = self.symbols.all[-new:]
        self.groups.add(names)
        fresh = {
            "price": 0,
            "price_time": _UNKNOWN,
            "price_state": MISSING,
            "change_at": NEVER,
            "asset_class": _UNKNOWN,
            "leverage": 1.0,
            "marginable": False,
            "terms_time": _LONG_AGO,
            "beta": np.nan,
            "beta_time": _LONG_AGO,
            "class_group": 0,
            "range_class": 0,
        }
        for name, value in fresh.items():
            old = getattr(self, name)
            setattr(self, name, np.concatenate([old, np.full(new, value, dtype=old.dtype)]))
        self.class_group[-new:] = self.groups.places(pl.Series(names))
        self._range()

    def apply_prices(self, prices: pl.DataFrame, at: int, rules: Rules) -> Int64Array:
        """Takes the prices of a grid point, in order of time and landing; returns who moved."""
        place, time = self.symbols.places(prices["symbol"]), instants(prices["event_time"])
        newer = time >= self.price_time[place]
        place = place[newer]
        # Of repeated places the last assigned stands: the latest, and of equals the last landed.
        self.price[place] = to_scaled(prices["price"])[newer]
        self.price_time[place] = time[newer]
        moved = np.unique(place)
        self._age(moved, at, rules)
        return moved

    def age(self, at: int, rules: Rules) -> Int64Array:
        """Takes the opening of a session; returns whose price state changed."""
        due = np.flatnonzero(self.change_at <= at)
        self._age(due, at, rules)
        return due

    def _age(self, places: Int64Array, at: int, rules: Rules) -> None:
        made = self.price_time[places]
        self.price_state[places] = price_states(made, at, self.opens, rules)
        self.change_at[places] = next_change(made, at, self.opens, rules)

    def next_opening(self) -> int:
        """Next instant at which a price goes stale or unusable."""
        return int(self.change_at.min(initial=NEVER))

    def apply_betas(self, betas: pl.DataFrame) -> Int64Array:
        """Takes betas, in order of date and landing; returns whose beta is another."""
        place, time = self.symbols.places(betas["symbol"]), instants(betas["event_time"])
        newer = time >= self.beta_time[place]
        place = place[newer]
        self.beta[place] = betas["beta"].to_numpy()[newer]
        self.beta_time[place] = time[newer]
        return np.unique(place)

    def apply_instruments(self, rows: pl.DataFrame) -> Int64Array:
        """Takes instrument versions, in order of time and landing; returns whom they touch.

        A new index changes the range of its whole class group, so everybody may be touched.
        """
        place, time = self.symbols.places(rows["symbol"]), instants(rows["event_time"])
        newer = time >= self.terms_time[place]
        place, rows = place[newer], rows.filter(pl.Series(newer))
        classes = rows["asset_class"].replace_strict(
            list(ASSET_CLASSES), list(range(len(ASSET_CLASSES))), return_dtype=pl.Int8
        )
        groups = rows["class_group"].fill_null(rows["symbol"])
        self.groups.add(groups.to_list())
        self.asset_class[place] = classes.to_numpy()
        self.leverage[place] = rows["leverage"].fill_null(1.0).to_numpy()
        supported = rows["asset_class"].is_in(SUPPORTED)
        self.marginable[place] = (rows["marginable"] & supported).to_numpy()
        self.class_group[place] = self.groups.places(groups)
        self.terms_time[place] = time[newer]
        self._range()
        return np.arange(len(self.symbols), dtype=np.int64)

    def _range(self) -> None:
        classes = range_classes(
            pl.Series(self.symbols.all, dtype=pl.String), self._asset_classes(), self._groups()
        )
        codes = classes.replace_strict(
            list(RANGE_CLASSES), list(range(len(RANGE_CLASSES))), return_dtype=pl.Int8
        )
        self.range_class = codes.to_numpy().astype(np.int8)

    def _asset_classes(self) -> pl.Series:
        words: list[str | None] = [*ASSET_CLASSES, None]
        return pl.Series([words[code] for code in self.asset_class], dtype=pl.String)

    def _groups(self) -> pl.Series:
        return pl.Series([self.groups.all[g] for g in self.class_group], dtype=pl.String)

    def benchmarked(self, rules_day: pl.Series) -> npt.NDArray[np.float64]:
        """Betas with the benchmark's own, which is 1 by definition."""
        beta = self.beta.copy()
        name = benchmark(rules_day.item())
        beta[[i for i, symbol in enumerate(self.symbols.all) if symbol == name]] = 1.0
        return beta

    def series(self, beta: npt.NDArray[np.float64]) -> Series:
        """The arrays as the kernels read them."""
        unsupported = [c not in SUPPORTED for c in ASSET_CLASSES] + [False]
        state = np.where(self.asset_class == _UNKNOWN, NO_INSTRUMENT, 0)
        state |= np.where(np.array(unsupported)[self.asset_class], UNSUPPORTED, 0)
        return Series(
            price=self.price,
            price_state=self.price_state,
            leverage=leverage_ppm(self.leverage),
            is_marginable=self.marginable,
            input_state=state.astype(np.int32),
            beta=beta,
            class_group=self.class_group,
            range_class=self.range_class,
        )

    def terms(self, beta: npt.NDArray[np.float64]) -> pl.DataFrame:
        """The arrays as a frame, one row a symbol."""
        ranges = [RANGE_CLASSES[code] for code in self.range_class]
        states = [PRICE_STATES[code] for code in self.price_state]
        return pl.DataFrame(
            {
                "symbol": pl.Series(self.symbols.all, dtype=pl.String),
                "class_group": self._groups(),
                "asset_class": self._asset_classes(),
                "leverage": self.leverage,
                "is_marginable": self.marginable,
                "range_class": pl.Series(ranges, dtype=pl.String),
                "last_price": to_decimal(self.price, 6).set(pl.Series(self.price == 0), None),
                "price_state": pl.Series(states, dtype=pl.String),
                "price_time": to_instants(self.price_time),
                "beta": pl.Series(beta).fill_nan(None),
            }
        ).select(TERMS)
