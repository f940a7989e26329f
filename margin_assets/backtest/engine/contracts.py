"""Options of a history as the kernels take them: terms of the day, volatilities, and their ends."""

from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from margin_assets.backtest.history.building import Contracts, History
from margin_assets.calendar import sessions
from margin_assets.kernels.book.deliverables import adjusted
from margin_assets.kernels.book.series import INDICES, Series, as_shares, series_of, unmodelled
from margin_assets.kernels.book.terms import INSTRUMENT_COLUMNS, instrument_terms
from margin_assets.kernels.corporate.expiry_rules import expiry_rules
from margin_assets.kernels.corporate.settlement_values import windows
from margin_assets.kernels.numeric.arrays import FloatArray, Int64Array
from margin_assets.kernels.numeric.money import MICRO, PPM, instant, to_decimal
from margin_assets.kernels.options.quotes import implied_of
from margin_assets.kernels.rules.instants import NEVER
from margin_assets.kernels.rules.rules import Rules

NO_VALUE = -1
_MARKS: dict[str, pl.DataType | type[pl.DataType]] = {
    "last_price": pl.Decimal(38, 6),
    "underlying_price": pl.Decimal(38, 6),
    "beta": pl.Float64,
    "volatility_annual": pl.Float64,
    "risk_free_rate": pl.Float64,
    "implied_volatility": pl.Float64,
    "underlying_price_state": pl.String,
}


class Ends(NamedTuple):
    """What becomes of each contract that nobody closes; one entry a contract."""

    due: Int64Array
    """Instant at which the rule settles it; beyond all where no value decides."""
    session: Int64Array
    """Session whose close decides; beyond all sessions where the history has none."""
    value: Int64Array
    """Close of the underlying that decides, micro-dollars; `NO_VALUE` without one."""
    threshold: Int64Array
    """Micro-dollars a unit in the money from which it is exercised."""


def bare_series(history: History, at: int, place: int, rules: Rules) -> Series:
    """Terms of all securities at an instant; prices, states and betas are those of no day."""
    symbols = pl.Series("symbol", history.symbols, dtype=pl.String)
    contracts = adjusted(_instruments(history), _adjustments(history, place))
    terms = instrument_terms(symbols, contracts, sessions().times)
    frame = terms.with_columns(
        *(pl.lit(None, kind).alias(name) for name, kind in _MARKS.items()),
        price_state=pl.lit("missing"),
        as_of=instant(at),
    )
    return series_of(frame, rules)


def _instruments(history: History) -> pl.DataFrame:
    """The securities as instrument rows, as live ones come."""
    known: dict[str, pl.Series | pl.Expr] = {
        "symbol": pl.Series(history.symbols, dtype=pl.String),
        "asset_class": pl.Series(history.asset_class, dtype=pl.String),
        "class_group": pl.Series(history.class_group, dtype=pl.String),
        "leverage": pl.Series([1.0] * len(history.symbols)),
        "marginable": pl.Series([True] * len(history.symbols)),
    }
    if history.contracts is not None:
        known |= _option_columns(history, history.contracts)
    return pl.DataFrame(known).with_columns(
        pl.lit(None, kind).alias(name)
        for name, kind in INSTRUMENT_COLUMNS.items()
        if name not in known
    )


def _option_columns(history: History, contracts: Contracts) -> dict[str, pl.Series]:
    terms = contracts.terms
    columns = {
        "underlying": pl.Series([history.symbols[n] for n in contracts.underlying.tolist()]),
        "right": terms["right"],
        "strike": to_decimal(terms["strike"].to_numpy(), 6),
        "expiry": terms["expiry"],
        "style": terms["style"],
        "multiplier": to_decimal(terms["multiplier"].to_numpy() * MICRO, 6),
    }
    return {
        name: pl.concat([pl.Series([None] * contracts.first, dtype=told.dtype), told.alias("")])
        for name, told in columns.items()
    }


def _adjustments(history: History, place: int) -> pl.DataFrame:
    """What contracts deliver whose underlying was split since they were first quoted."""
    rows = []
    if history.contracts is not None:
        for number, listed in enumerate(history.contracts.terms["multiplier"].to_list()):
            units = units_of(history, history.contracts, number, place)
            if units != listed:
                symbol = history.symbols[history.contracts.first + number]
                under = history.symbols[int(history.contracts.underlying[number])]
                rows.append((symbol, f"{units.normalize():f} {under}", None))
    text = dict.fromkeys(("symbol", "deliverable"), pl.String)
    schema: dict[str, Any] = text | {"strike_multiplier": pl.Decimal(38, 6)}
    return pl.DataFrame(rows, schema=schema, orient="row")


def units_of(history: History, contracts: Contracts, number: int, place: int) -> Decimal:
    """Units that a contract delivers from the opening of a session on."""
    splits, units = history.splits, Decimal(contracts.terms["multiplier"][number])
    its = splits.security == contracts.underlying[number]
    its &= (splits.place > contracts.since[number]) & (splits.place <= place)
    for ratio in splits.value[its].tolist():
        units = units * ratio / PPM
    return units


def marked(static: Series, known: Series, at: tuple[Contracts, float], rules: Rules) -> Series:
    """Terms of an instant with the prices, states and betas of another series.

    Each option has the volatility that its price implies, or none: NaN, which the kernels name.
    """
    contracts, rate = at
    options = slice(contracts.first, None)
    price, state = np.zeros_like(known.price), np.zeros_like(known.price_state)
    price[options] = known.price[contracts.underlying]
    state[options] = known.price_state[contracts.underlying]
    rates: FloatArray = np.full(len(price), np.nan)
    rates[options] = rate
    series = static._replace(
        price=known.price,
        price_state=known.price_state,
        beta=known.beta,
        underlying_price=price,
        underlying_state=state,
        rate=rates,
        implied_volatility=np.full(len(price), np.nan),
    )
    return implied(as_shares(unmodelled(series)), contracts, rules)


def implied(series: Series, contracts: Contracts, rules: Rules) -> Series:
    """Series with the volatilities that its prices imply."""
    chosen = np.arange(contracts.first, len(series.price), dtype=np.int64)
    found = series.implied_volatility.copy()
    found[chosen] = implied_of(series, chosen, rules)
    return series._replace(implied_volatility=found)


def ends_of(history: History, contracts: Contracts) -> Ends:
    """Ends of the contracts, by the rule for what nobody reports.

    What settles at an opening, or has no threshold, waits: no report is to come, and no price of an
    opening is known. So does what is adjusted to parts of a unit.
    """
    rows, times = _instruments(history), sessions().times
    terms = instrument_terms(rows["symbol"], rows, times)[contracts.first :]
    within = windows(terms, times)
    session = np.searchsorted(history.closes, within.ends)
    at = np.minimum(session, len(history.days) - 1)
    days = [history.days[place] for place in at.tolist()]
    index = terms["issuer_class"].is_in(INDICES).to_list()
    kinds = ["index_threshold" if on_index else "threshold" for on_index in index]
    rules = [getattr(expiry_rules(day), kind) for day, kind in zip(days, kinds, strict=True)]
    threshold = [NO_VALUE if found is None else found for found in rules]
    is_told = (history.closes[at] == within.ends) & ~within.is_first & (np.array(threshold) >= 0)
    is_told &= history.age[at, contracts.underlying] == 0
    return Ends(
        due=np.where(is_told, within.due, NEVER),
        session=np.where(is_told, session, len(history.days)).astype(np.int64),
        value=np.where(is_told, history.price[at, contracts.underlying], NO_VALUE).astype(np.int64),
        threshold=np.array(threshold, dtype=np.int64),
    )


def worth_of(history: History, contracts: Contracts, ends: Ends) -> Int64Array:
    """What a quoted unit of each contract is worth at its end, micro-dollars; `NO_VALUE`."""
    found = np.full(len(ends.value), NO_VALUE, dtype=np.int64)
    terms = contracts.terms
    for number in np.flatnonzero(ends.value != NO_VALUE).tolist():
        ratio = units_of(history, contracts, number, int(ends.session[number]))
        ratio /= terms["multiplier"][number]
        gap = int(int(ends.value[number]) * ratio) - terms["strike"][number]
        found[number] = max(gap if terms["right"][number] == "call" else -gap, 0)
    return found
