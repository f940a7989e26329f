"""What the session knows of every symbol: its terms, its latest price, its beta, its values."""

from datetime import date
from functools import cache

import numpy as np
import numpy.typing as npt
import polars as pl

from margin_assets.kernels.book.deciding import UNDECIDED, with_values
from margin_assets.kernels.book.deliverables import adjusted
from margin_assets.kernels.book.marks import marked_by_fill, next_change, next_opening, price_states
from margin_assets.kernels.book.multipliers import (
    multiplier_versions,
    traded_leverage,
    traded_multiplier,
)
from margin_assets.kernels.book.series import (
    FILL,
    MISSING,
    OPTION,
    STALE,
    Series,
    as_shares,
    series_of,
    unmodelled,
)
from margin_assets.kernels.book.terms import INSTRUMENT_COLUMNS, instrument_terms, with_underlyings
from margin_assets.kernels.corporate.actions import Action
from margin_assets.kernels.corporate.carried import carried_volumes
from margin_assets.kernels.corporate.contracts import (
    adjustments_in_force,
    changes_contracts,
    with_since,
)
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
from margin_assets.live.state.last_fills import LastFills
from margin_assets.live.state.names import Names
from margin_assets.live.state.ticks import Ticks
from schemas.landed import HISTORICAL, RATE_NAMES
from schemas.margin import PRICE_STATES

_UNKNOWN = -1
_LONG_AGO = np.iinfo(np.int64).min
_BY_SYMBOL = {
    "price": 0,
    "price_time": _UNKNOWN,
    "price_state": MISSING,
    "change_at": NEVER,
    "beta": np.nan,
    "beta_time": _LONG_AGO,
    "volatility": np.nan,
    "volatility_time": _LONG_AGO,
    "volume": _UNKNOWN,
    "volume_time": _LONG_AGO,
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

    acted: tuple[Action, ...] = ()
    """Actions that have acted and change what contracts deliver."""

    def __init__(self, times: SessionTimes) -> None:
        self._times = times
        self.symbols = Names()
        self.fills = LastFills(self.symbols)
        self.groups = Names()
        self.price = np.zeros(0, dtype=np.int64)
        self.price_time = np.zeros(0, dtype=np.int64)
        self.price_state = np.zeros(0, dtype=np.int8)
        self.change_at = np.zeros(0, dtype=np.int64)
        self.beta, self.volatility = np.zeros((2, 0))
        self.beta_time, self.volatility_time = np.zeros((2, 0), dtype=np.int64)
        # Average daily volume, micro-units; negative where none is known.
        self.volume, self.volume_time = np.zeros((2, 0), dtype=np.int64)
        self.class_group = np.zeros(0, dtype=np.int32)
        self.multiplier = np.zeros(0, dtype=np.int64)
        self.underlying = np.zeros(0, dtype=np.int64)
        """Place of what an option is written on; negative for everything else."""
        self.is_known = np.zeros(0, dtype=np.bool_)
        self.implied_volatility = np.zeros(0)
        self.deciding: Int64Array = np.zeros(0, dtype=np.int64)
        """What decides options that have ended and wait, micro-dollars; negative where unknown."""
        self.rate, self._rate_time = np.nan, _LONG_AGO
        self._instruments, self._adjustments = pl.DataFrame(schema=_VERSIONED), _no_adjustments()
        nobody: Int64Array = np.zeros(0, dtype=np.int64)
        self._multipliers = [multiplier_versions(self._instruments, nobody)]
        """Every version's multiplier and leverage, as `traded_multiplier` takes them."""
        self._terms = _no_terms()
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
            self.fills.grow(new)
            for name, value in _BY_SYMBOL.items():
                old = getattr(self, name)
                setattr(self, name, np.concatenate([old, np.full(new, value, dtype=old.dtype)]))
        return new

    def apply_prices(self, ticks: Ticks, at: int, rules: Rules) -> Int64Array:
        """Takes the prices of a grid point, in order of time and landing; returns who moved."""
        newer = ticks.time >= self.price_time[ticks.place]
        place = ticks.place[newer]
        # Of repeated places the last assigned stands: the latest, and of equals the last landed.
        self.price[place] = ticks.price[newer]
        self.price_time[place] = ticks.time[newer]
        moved = np.unique(place)
        self._age(moved, at, rules)
        return moved

    def put_prices(self, ticks: Ticks, at: int, rules: Rules) -> None:
        """Puts prices in the place of those that stand, whatever times they have."""
        self.price[ticks.place], self.price_time[ticks.place] = ticks.price, ticks.time
        self._age(ticks.place, at, rules)

    def age(self, at: int, rules: Rules) -> Int64Array:
        """Takes the opening of a session; returns whose price state changed."""
        due = np.flatnonzero(self.change_at <= at)
        self._age(due, at, rules)
        if len(due):
            self.fills.forget_others(self.unpriced())
        return due

    def _age(self, places: Int64Array, at: int, rules: Rules) -> None:
        made = self.price_time[places]
        state = price_states(made, at, self._times.opens, rules)
        change = next_change(made, at, self._times.opens, rules)
        is_filled = marked_by_fill(state, self.fills.time[places], at, self._times.opens)
        change[is_filled] = next_opening(at, self._times.opens)
        self.price_state[places] = np.where(is_filled, FILL, state)
        self.change_at[places] = change

    def apply_fills(self, effects: pl.DataFrame, at: int, rules: Rules) -> Int64Array:
        """Takes the fills of a grid point, after its prices; returns whose mark they may change.

        Each has the place of its original among all fills, `landed`.
        """
        lacks_price = self.price_state[self.symbols.places(effects["symbol"])] > STALE
        moved = np.zeros(0, dtype=np.int64)
        if lacks_price.any():
            moved = self.fills.take(effects.filter(pl.Series(lacks_price)))
            self._age(moved, at, rules)
        return moved

    def unpriced(self) -> pl.Series:
        """Symbols whose last price is not usable, or that have none."""
        names = pl.Series(self.symbols.all, dtype=pl.String)
        return names.filter(pl.Series(self.price_state > STALE, dtype=pl.Boolean))

    def mark(self) -> Int64Array:
        """Price that stands for each symbol: the last one, or the last fill's in its session."""
        return np.where(self.price_state == FILL, self.fills.price, self.price)

    def next_opening(self) -> int:
        """Next instant at which a price goes stale or unusable."""
        return int(self.change_at.min(initial=NEVER))

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

    def apply_betas(self, betas: pl.DataFrame) -> Int64Array:
        """Takes betas, in order of date and landing; returns whose beta is another."""
        place, time = self.symbols.places(betas["symbol"]), instants(betas["event_time"])
        newer = time >= self.beta_time[place]
        place = place[newer]
        self.beta[place] = betas["beta"].to_numpy()[newer]
        self.beta_time[place] = time[newer]
        return np.unique(place)

    def apply_volatilities(self, rows: pl.DataFrame) -> Int64Array:
        """Takes volatilities, in order of date and landing; returns whose is another."""
        known = rows.filter(pl.col("kind") == HISTORICAL)
        place, time = self.symbols.places(known["symbol"]), instants(known["event_time"])
        newer = time >= self.volatility_time[place]
        place = place[newer]
        self.volatility[place] = known["volatility_annual"].to_numpy()[newer]
        self.volatility_time[place] = time[newer]
        return np.unique(place)

    def apply_volumes(self, rows: pl.DataFrame) -> None:
        """Takes average daily volumes, in order of date and landing."""
        place, time = self.symbols.places(rows["symbol"]), instants(rows["event_time"])
        newer = time >= self.volume_time[place]
        place = place[newer]
        self.volume[place] = to_scaled(rows["average_daily_volume"])[newer]
        self.volume_time[place] = time[newer]

    def volumes(self) -> pl.DataFrame:
        """Symbols with the average daily volume known of them, as the planner takes them."""
        known = self.volume >= 0
        names = pl.Series("symbol", self.symbols.all, dtype=pl.String).filter(pl.Series(known))
        landed = names.to_frame().with_columns(
            average_daily_volume=to_decimal(self.volume[known], 6),
            event_time=to_instants(self.volume_time[known]),
        )
        return carried_volumes(landed, self.acted).drop("event_time", strict=False)

    def daily_volumes(self) -> Int64Array:
        """The same by place, micro-units; negative where none is known."""
        if not self.acted:
            return self.volume
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
        self._multipliers.append(multiplier_versions(rows, rows["point"].to_numpy()))
        self._instruments = self._with(rows)
        self._grow(pl.concat([rows["symbol"], rows["underlying"].drop_nulls()]))
        self._derive()
        return np.arange(len(self.symbols), dtype=np.int64)

    def apply_adjustments(self, rows: pl.DataFrame) -> Int64Array:
        """Takes what contracts deliver, in order of date and landing; returns whom they touch."""
        known = pl.concat([self._adjustments, rows.select(*_ADJUSTMENTS)])
        self._adjustments = known.sort("event_time", maintain_order=True).unique(
            "symbol", keep="last", maintain_order=True
        )
        self._grow(rows["symbol"])
        self._derive()
        return self.symbols.places(rows["symbol"].unique(maintain_order=True))

    def act_on_contracts(self, acted: list[Action]) -> Int64Array:
        """Takes the actions that have acted by now; returns whose contracts deliver otherwise."""
        changing = tuple(action for action in acted if changes_contracts(action))
        if changing == self.acted:
            return np.zeros(0, dtype=np.int64)
        before = self._in_force()
        self.acted = changing
        self._derive()
        names = pl.concat([before["symbol"], self._in_force()["symbol"]]).unique()
        return self.symbols.places(names.sort())

    def _in_force(self) -> pl.DataFrame:
        """What adjusted contracts deliver, a row a symbol."""
        return adjustments_in_force(self._adjustments, self._instruments, self.acted)

    def _with(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Instruments in force with further versions taken."""
        versions = rows.with_columns(since="event_time").select(*_VERSIONED)
        ordered = with_since(pl.concat([self._instruments, versions]))
        return ordered.unique("symbol", keep="last", maintain_order=True)

    def terms_with(self, symbols: pl.Series, rows: pl.DataFrame) -> pl.DataFrame:
        """Static terms of symbols as they will be with versions accepted and not taken yet."""
        return instrument_terms(symbols, self._with(rows).drop("event_time"), self._times)

    def traded_multiplier(self, effects: pl.DataFrame) -> Int64Array:
        """Multiplier of the trade behind each effect of the grid point at hand."""
        found = self.multiplier[self.symbols.places(effects["symbol"])]
        earlier = (effects["traded"] < effects["point"]).arg_true()
        if len(earlier):
            found[earlier] = self.multiplier_then(effects[earlier])
        return found

    def multiplier_then(self, trades: pl.DataFrame) -> Int64Array:
        """Multiplier of trades of any grid point up to now: `symbol` and `traded` of each."""
        return traded_multiplier(trades, self._versions(trades["symbol"]))

    def terms_then(self, trades: pl.DataFrame) -> tuple[Int64Array, Int64Array]:
        """Multiplier, as `multiplier_then`, and leverage (ppm) of trades."""
        said = self._versions(trades["symbol"])
        return traded_multiplier(trades, said), traded_leverage(trades, said)

    def _versions(self, symbols: pl.Series) -> pl.DataFrame:
        self._multipliers = [pl.concat(self._multipliers)]
        return self._multipliers[0].filter(pl.col("symbol").is_in(symbols.unique().implode()))

    def _derive(self) -> None:
        """Terms of every symbol from the instruments in force."""
        names = pl.Series(self.symbols.all, dtype=pl.String)
        contracts = adjusted(self._instruments.drop("event_time"), self._in_force())
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
        beta = self.beta.copy()
        name = benchmark(day_of(at))
        if name in self.symbols:
            beta[self.symbols.place(name)] = 1.0
        return beta

    def series(self, at: int, rules: Rules) -> Series:
        """The arrays as the kernels read them, in the hour of an instant."""
        static, beta = self._on_day(at, rules), self._betas(at)
        options = self.options()
        above = self.underlying[options]
        mark = self.mark()
        price, state = np.zeros_like(mark), np.zeros_like(self.price_state)
        price[options], state[options] = mark[above], self.price_state[above]
        beta[options] = beta[above]
        now = static._replace(
            price=mark,
            price_state=self.price_state,
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
        states = [PRICE_STATES[code] for code in self.price_state]
        time = np.where(self.price_state == FILL, self.fills.time, self.price_time)
        own = self._terms.with_columns(
            last_price=to_decimal(self.mark(), 6).set(pl.Series(time < 0), None),
            price_state=pl.Series(states, dtype=pl.String),
            price_time=to_instants(time),
            beta=pl.Series(self._betas(at)).fill_nan(None),
            volatility_annual=pl.Series(self.volatility).fill_nan(None),
        )
        rate = None if np.isnan(self.rate) else float(self.rate)
        implied = pl.Series(self.implied_volatility).fill_nan(None)
        known = with_underlyings(own, rate).with_columns(implied_volatility=implied)
        return with_values(known, self.deciding) if (self.deciding >= 0).any() else known


@cache
def _no_adjustments() -> pl.DataFrame:
    """What adjusted contracts deliver, the latest of each; a row a symbol."""
    return pl.DataFrame(schema=_ADJUSTMENTS)


@cache
def _no_terms() -> pl.DataFrame:
    none: Int64Array = np.zeros(0, dtype=np.int64)
    of_nothing = pl.DataFrame(schema=_VERSIONED)
    return instrument_terms(of_nothing["symbol"], of_nothing, SessionTimes(none, none))


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
