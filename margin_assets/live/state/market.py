"""What the session knows of every symbol: its terms, its latest price, its beta, its values."""

from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from margin_assets.kernels.book.deciding import UNDECIDED, with_values
from margin_assets.kernels.book.series import (
    OPTION,
    Series,
    as_shares,
    series_of,
    unmodelled,
)
from margin_assets.kernels.book.terms import instrument_terms, with_underlyings
from margin_assets.kernels.corporate.actions import Action
from margin_assets.kernels.corporate.carried import carried_volumes
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.money import (
    MICRO,
    instant,
    instants,
    to_decimal,
    to_instants,
    to_scaled,
)
from margin_assets.kernels.options.quotes import implied_of
from margin_assets.kernels.options.valuation import no_options, resized, update_values
from margin_assets.kernels.rules.expiry import SessionTimes, first_hours, next_turns
from margin_assets.kernels.rules.grid import day_of, new_york_day
from margin_assets.kernels.rules.instants import NEVER
from margin_assets.kernels.rules.rules import Rules, benchmark
from margin_assets.live.state.instruments import Instruments, no_terms
from margin_assets.live.state.names import Names
from margin_assets.live.state.newest import Newest
from margin_assets.live.state.prices import Prices
from schemas.landed import HISTORICAL, RATE_NAMES
from schemas.margin import PRICE_STATES

_UNKNOWN = -1
_LONG_AGO = np.iinfo(np.int64).min
_BY_SYMBOL = {
    "class_group": 0,
    "multiplier": MICRO,
    "underlying": _UNKNOWN,
    "is_known": False,
    "implied_volatility": np.nan,
    "deciding": UNDECIDED,
}
"""Arrays by symbol, and what a symbol not seen before has there."""


class Market:
    """Arrays by symbol, grown as symbols appear, updated in place at each grid point."""

    def __init__(self, times: SessionTimes) -> None:
        self._times = times
        self.symbols, self.groups = Names(), Names()
        self.prices = Prices(self.symbols, times)
        self.instruments = Instruments(times)
        self._beta, self._volatility = Newest(np.nan), Newest(np.nan)
        self._volume = Newest(_UNKNOWN)
        """Average daily volume, micro-units; negative where none is known."""
        self.class_group = np.zeros(0, dtype=np.int32)
        self.multiplier = np.zeros(0, dtype=np.int64)
        self.underlying = np.zeros(0, dtype=np.int64)
        """Place of what an option is written on; negative for everything else."""
        self.is_known = np.zeros(0, dtype=np.bool_)
        self.implied_volatility = np.zeros(0)
        self.deciding: Int64Array = np.zeros(0, dtype=np.int64)
        """What decides options that have ended and wait, micro-dollars; negative where unknown."""
        self.rate, self._rate_time = np.nan, _LONG_AGO
        self._terms = no_terms()
        self._turned, self._next_turn = 0, NEVER
        """Instant up to which the hours of last days have been taken, and the next that ends."""
        self.values = no_options()
        self._static: Series | None = None
        self._static_key: tuple[date, int] | None = None

    def add(self, symbols: pl.Series) -> None:
        """Makes room for symbols not seen before: no price, no beta, no instrument row."""
        if self._grow(symbols):
            self._derive()

    def _grow(self, symbols: pl.Series) -> int:
        new = self.symbols.add(symbols.unique(maintain_order=True).to_list())
        if new:
            for held in (self.prices, self._beta, self._volatility, self._volume):
                held.grow(new)
            for name, value in _BY_SYMBOL.items():
                old = getattr(self, name)
                setattr(self, name, np.concatenate([old, np.full(new, value, dtype=old.dtype)]))
        return new

    def next_turn(self) -> int:
        """Next instant at which an option has another hour left of its last day, or none."""
        return self._next_turn

    def turn(self, at: int) -> Int64Array:
        """Takes the hours of last days up to an instant; returns whose time is another."""
        due = np.zeros(0, dtype=np.int64)
        if self._next_turn <= at:
            due = np.flatnonzero(self._turns() <= at)
            self._static_key = None
        self._turned = at
        if len(due):
            self._next_turn = int(self._turns().min(initial=NEVER))
        return due

    def _turns(self) -> Int64Array:
        """Next turn of each symbol after the last instant taken."""
        ends = self._terms["expires_at"]
        return next_turns(instants(ends), first_hours(ends), self._turned)

    def apply_betas(self, rows: pl.DataFrame) -> Int64Array:
        """Takes betas, in order of date and landing; returns whose beta is another."""
        return self._take(self._beta, rows, rows["beta"].to_numpy())

    def apply_volatilities(self, rows: pl.DataFrame) -> Int64Array:
        """Takes volatilities, in order of date and landing; returns whose is another."""
        known = rows.filter(pl.col("kind") == HISTORICAL)
        return self._take(self._volatility, known, known["volatility_annual"].to_numpy())

    def apply_volumes(self, rows: pl.DataFrame) -> None:
        """Takes average daily volumes, in order of date and landing."""
        self._take(self._volume, rows, to_scaled(rows["average_daily_volume"]))

    def _take(self, of: Newest, rows: pl.DataFrame, value: npt.NDArray[Any]) -> Int64Array:
        place = self.symbols.places(rows["symbol"])
        return of.take(place, instants(rows["event_time"]), value)

    def volumes(self) -> pl.DataFrame:
        """Symbols with the average daily volume known of them, as the planner takes them."""
        known = self._volume.value >= 0
        names = pl.Series("symbol", self.symbols.all, dtype=pl.String).filter(pl.Series(known))
        landed = names.to_frame().with_columns(
            average_daily_volume=to_decimal(self._volume.value[known], 6),
            event_time=to_instants(self._volume.time[known]),
        )
        acted = self.instruments.acted
        return carried_volumes(landed, acted).drop("event_time", strict=False)

    def daily_volumes(self) -> Int64Array:
        """The same by place, micro-units; negative where none is known."""
        if not self.instruments.acted:
            return self._volume.value
        known, found = self.volumes(), np.full(len(self.symbols), _UNKNOWN, dtype=np.int64)
        found[self.symbols.places(known["symbol"])] = to_scaled(known["average_daily_volume"])
        return found

    def apply_rates(self, rates: pl.DataFrame) -> Int64Array:
        """Takes interest rates, in order of time and landing; returns whose values they change."""
        known = rates.filter(pl.col("name") == RATE_NAMES[0])
        for rate, time in zip(known["rate_annual"], instants(known["event_time"]), strict=True):
            if time >= self._rate_time:
                self.rate, self._rate_time = rate, int(time)
        return self.options()

    def options(self) -> Int64Array:
        """Places of all options."""
        return np.flatnonzero(self.underlying >= 0)

    def dated(self) -> Int64Array:
        """Places of everything that has a last day."""
        return self._terms["expiry"].is_not_null().arg_true().to_numpy().astype(np.int64)

    def with_options(self, symbols: Int64Array) -> Int64Array:
        """Symbols and the options written on them."""
        options = self.options()
        return np.concatenate([symbols, options[np.isin(self.underlying[options], symbols)]])

    def apply_instruments(self, rows: pl.DataFrame) -> Int64Array:
        """Takes instrument versions, in order of time and landing; returns whom they touch.

        Each has the grid `point` that it counts from. A new index changes the range of its whole
        class group, so everybody may be touched.
        """
        self.instruments.take(rows)
        self._grow(pl.concat([rows["symbol"], rows["underlying"].drop_nulls()]))
        self._derive()
        return np.arange(len(self.symbols), dtype=np.int64)

    def apply_adjustments(self, rows: pl.DataFrame) -> Int64Array:
        """Takes what contracts deliver, in order of date and landing; returns whom they touch."""
        self.instruments.adjust(rows)
        self._grow(rows["symbol"])
        self._derive()
        return self.symbols.places(rows["symbol"].unique(maintain_order=True))

    def act_on_contracts(self, acted: list[Action]) -> Int64Array:
        """Takes the actions that have acted by now; returns whose contracts deliver otherwise."""
        contracts = self.instruments.act(acted)
        if contracts is None:
            return np.zeros(0, dtype=np.int64)
        self._derive()
        return self.symbols.places(contracts)

    def traded_multiplier(self, effects: pl.DataFrame) -> Int64Array:
        """Multiplier of the trade behind each effect of the grid point at hand."""
        found = self.multiplier[self.symbols.of(effects, "symbol")]
        earlier = (effects["traded"] < effects["point"]).arg_true()
        if len(earlier):
            found[earlier] = self.instruments.multiplier_then(effects[earlier])
        return found

    def _derive(self) -> None:
        """Terms of every symbol from the instruments in force."""
        names = pl.Series(self.symbols.all, dtype=pl.String)
        contracts = self.instruments.contracts()
        if self._grow(contracts["underlying"].drop_nulls()):
            names = pl.Series(self.symbols.all, dtype=pl.String)
        terms = instrument_terms(names, contracts, self._times)
        self.groups.add(terms["class_group"].to_list())
        self.class_group = self.groups.places(terms["class_group"]).astype(np.int32)
        self.multiplier = to_scaled(terms["multiplier"])
        self.is_known = terms["asset_class"].is_not_null().to_numpy()
        is_option = terms["underlying"].is_not_null().to_numpy()
        self.underlying = np.full(terms.height, _UNKNOWN, dtype=np.int64)
        self.underlying[is_option] = self.symbols.places(terms["underlying"].drop_nulls())
        self._terms, self._static_key = terms, None
        self._next_turn = int(self._turns().min(initial=NEVER))

    def _betas(self, at: int) -> npt.NDArray[np.float64]:
        """Betas with the benchmark's own, which is 1 by definition."""
        beta = self._beta.value.copy()
        name = benchmark(day_of(at))
        if name in self.symbols:
            beta[self.symbols.place(name)] = 1.0
        return beta

    def series(self, at: int, rules: Rules) -> Series:
        """The arrays as the kernels read them, in the hour of an instant."""
        static, beta = self._on_day(at, rules), self._betas(at)
        options = self.options()
        above = self.underlying[options]
        mark, states = self.prices.mark(), self.prices.state
        price, state = np.zeros_like(mark), np.zeros_like(states)
        price[options], state[options] = mark[above], states[above]
        beta[options] = beta[above]
        now = static._replace(
            price=mark,
            price_state=states,
            beta=beta,
            underlying_price=price,
            underlying_state=state,
            rate=np.where(self.underlying >= 0, self.rate, np.nan),
            implied_volatility=self.implied_volatility,
        )
        return as_shares(unmodelled(now))

    def reprice(self, symbols: Int64Array, at: int, rules: Rules) -> None:
        """Values the options among some symbols again."""
        chosen = symbols[self.underlying[symbols] >= 0]
        if not len(chosen) and len(self.values.slot) == len(self.symbols):
            return
        series = self.series(at, rules)
        self.implied_volatility[chosen] = implied_of(series, chosen, rules)
        self.values = resized(self.values, series, rules)
        update_values(self.values, series, rules, chosen[series.kind[chosen] == OPTION])

    def _on_day(self, at: int, rules: Rules) -> Series:
        day = new_york_day(at)
        key = (day, id(rules))
        if self._static is None or self._static_key != key:
            bare = self.terms(at).with_columns(as_of=instant(at))
            self._static = series_of(bare, rules)._replace(class_group=self.class_group)
            self._static_key = key
        return self._static

    @property
    def static_terms(self) -> pl.DataFrame:
        """Terms of every symbol, one row a place: another frame whenever one of them changes."""
        return self._terms

    def terms(self, at: int) -> pl.DataFrame:
        """The arrays as a frame, one row a symbol, with the benchmark of an instant's day."""
        states = [PRICE_STATES[code] for code in self.prices.state]
        time = self.prices.marked_at()
        own = self._terms.with_columns(
            last_price=to_decimal(self.prices.mark(), 6, time < 0),
            price_state=pl.Series(states, dtype=pl.String),
            price_time=to_instants(time),
            beta=pl.Series(self._betas(at)).fill_nan(None),
            volatility_annual=pl.Series(self._volatility.value).fill_nan(None),
        )
        rate = None if np.isnan(self.rate) else float(self.rate)
        implied = pl.Series(self.implied_volatility).fill_nan(None)
        known = with_underlyings(own, rate).with_columns(implied_volatility=implied)
        return with_values(known, self.deciding) if (self.deciding >= 0).any() else known
