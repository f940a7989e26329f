"""What is known of each symbol, as arrays that the compiled loops read."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from margin_assets.kernels.book.delivered_terms import (
    delivered_units,
    is_adjusted,
    is_unmodelled,
    strike_a_unit,
)
from margin_assets.kernels.book.states import (
    AWAITING_SETTLEMENT,
    DELIVERABLE_UNMODELLED,
    EXPIRED,
    NO_INSTRUMENT,
    UNSUPPORTED,
)
from margin_assets.kernels.numeric.arrays import Int8Array, Int64Array
from margin_assets.kernels.numeric.compiled import BORROWS, inner
from margin_assets.kernels.numeric.money import in_proportion, to_scaled
from margin_assets.kernels.rules.dated import dated
from margin_assets.kernels.rules.expiry import NEW_YORK, time_left
from margin_assets.kernels.rules.rules import Rules
from schemas.landed import BOND_CLASSES
from schemas.margin import PRICE_STATES, RANGE_CLASSES, RATE_CLASSES

FRESH, STALE, FILL, UNUSABLE, MISSING = (PRICE_STATES.index(name) for name in PRICE_STATES)
USABLE = FILL
"""Last of the states whose price values a position."""


SECURITIES = (
    "equity",
    "etf",
    "narrow_index",
    "broad_index",
    "broad_index_high_cap",
    "volatility_index",
)


INDICES = ("narrow_index", "broad_index", "broad_index_high_cap", "volatility_index")
SUPPORTED = (*SECURITIES, "option")
SECURITY, OPTION, BOND = range(3)


class Series(NamedTuple):
    """What is known of each symbol: its mark and its terms. One entry a symbol."""

    price: Int64Array
    """Last price, micro-dollars; 0 if there is none."""
    price_state: Int8Array
    leverage: Int64Array
    """Multiple of a fund, ppm, signed."""
    is_marginable: npt.NDArray[np.bool_]
    input_state: npt.NDArray[np.int32]
    """Named states that the terms themselves cause (no instrument row, unsupported)."""
    beta: npt.NDArray[np.float64]
    """NaN when none is known."""
    class_group: npt.NDArray[np.int32]
    range_class: Int8Array
    """Valuation range of the class group, by its index in `RANGE_CLASSES`."""
    kind: Int8Array
    """`SECURITY`, `OPTION` or `BOND`; an option that has ended is a security."""
    multiplier: Int64Array
    """Units that a contract is quoted for, micro-units."""
    delivered: Int64Array
    """Units of its underlying that a contract delivers, micro-units: of an option that was not
    adjusted, and of everything else, its multiplier."""
    name: npt.NDArray[np.int32]
    """Code of the symbol, of an option of its underlying: what may be grouped together."""
    covers: npt.NDArray[np.int32]
    """Of an unlevered fund in an index's class group: code of the index; else -1."""
    is_call: npt.NDArray[np.bool_]
    strike: Int64Array
    """Micro-dollars a delivered unit, less the cash that a contract delivers beside."""
    expiry: npt.NDArray[np.int32]
    """Days since 1970."""
    hours_left: npt.NDArray[np.int32]
    """Of an option, to the close of its last trading day."""
    is_ended: npt.NDArray[np.bool_]
    """Options past that close: from then on a share of the underlying, at its price."""
    is_on_index: npt.NDArray[np.bool_]
    """Options on an index, which pay cash."""
    is_american: npt.NDArray[np.bool_]
    is_listed: npt.NDArray[np.bool_]
    is_long_dated: npt.NDArray[np.bool_]
    """Beyond the months in which a long option has no loan value."""
    is_cash_settled: npt.NDArray[np.bool_]
    """Options that pay cash on their last day and never before: European ones on an index."""
    has_fund_cover: npt.NDArray[np.bool_]
    """Options on a broad or narrow index: a fund on it may cover them by value."""
    rate_class: Int8Array
    underlying_price: Int64Array
    underlying_state: Int8Array
    rate: npt.NDArray[np.float64]
    """Risk-free; NaN when none is known."""
    dividend_yield: npt.NDArray[np.float64]
    implied_volatility: npt.NDArray[np.float64]
    """NaN where the price has none."""
    bond_class: Int8Array
    government_band: Int8Array
    """Band of years to maturity of 4210(e)(2)(A)."""
    is_long_zero: npt.NDArray[np.bool_]
    """A zero coupon bond with so many years left that its principal counts."""


def series_of(frame: pl.DataFrame, rules: Rules) -> Series:
    """Series of a frame with the columns of `positions` that belong to the symbol, one row each."""
    on = frame["as_of"].dt.convert_time_zone(NEW_YORK).dt.date()
    last = dated(frame["expiry"], on, rules)
    kind, time = _kinds(frame), time_left(frame["expires_at"], frame["as_of"])
    marginable = pl.when(pl.Series(time.is_over)).then("is_underlying_marginable")
    multiplier = to_scaled(frame["multiplier"])
    series = Series(
        price=to_scaled(frame["last_price"]),
        price_state=codes_of(frame["price_state"], PRICE_STATES),
        leverage=leverage_ppm(frame["leverage"].to_numpy()),
        is_marginable=frame.select(marginable.otherwise("is_marginable")).to_series().to_numpy(),
        input_state=_term_states(frame, kind, last.days_left, time.is_over),
        beta=_floats(frame["beta"]),
        range_class=codes_of(frame["range_class"], RANGE_CLASSES),
        kind=np.where(time.is_over, SECURITY, kind).astype(np.int8),
        multiplier=multiplier,
        delivered=to_scaled(delivered_units(frame)) if is_adjusted(frame) else multiplier,
        expiry=last.expiry,
        hours_left=time.hours,
        is_ended=time.is_over,
        is_long_dated=last.is_long_dated,
        bond_class=codes_of(frame["bond_class"].fill_null(BOND_CLASSES[-1]), BOND_CLASSES),
        government_band=last.government_band,
        is_long_zero=frame["is_zero_coupon"].to_numpy() & last.is_beyond_zero_years,
        **_groups(frame),
        **_options(frame),
        **_model_inputs(frame),
    )
    return as_shares(unmodelled(series))


def _groups(frame: pl.DataFrame) -> dict[str, Any]:
    """What each symbol may be grouped with."""
    group, is_fund = frame["class_group"], _is_index_fund(frame)
    names = pl.concat([frame["symbol"], frame["underlying"].drop_nulls(), group])
    known = names.unique(maintain_order=True)
    code = dict(zip(known.to_list(), range(len(known)), strict=True))

    def coded(column: pl.Series) -> npt.NDArray[np.int32]:
        return column.replace_strict(code, return_dtype=pl.Int32).to_numpy().astype(np.int32)

    return {
        "class_group": (group.rank("dense").cast(pl.Int32) - 1).to_numpy().astype(np.int32),
        "name": coded(_grouped_by(frame)),
        "covers": np.where(is_fund, coded(group), -1).astype(np.int32),
    }


def _grouped_by(frame: pl.DataFrame) -> pl.Series:
    """What each symbol may be grouped by: of what has no model itself alone."""
    alone = pl.Series(is_unmodelled(frame))
    return frame.select(
        pl.when(alone).then("symbol").otherwise(pl.coalesce("underlying", "symbol"))
    ).to_series()


def _options(frame: pl.DataFrame) -> dict[str, Any]:
    """Terms of each option but its last day."""
    return {
        "is_call": (frame["right"] == "call").fill_null(value=False).to_numpy(),
        "strike": to_scaled(strike_a_unit(frame)),
        "is_on_index": _where(frame, pl.col("issuer_class").is_in(INDICES)),
        "is_american": (frame["style"] == "american").fill_null(value=False).to_numpy(),
        "is_listed": frame["is_listed"].to_numpy(),
        "is_cash_settled": _where(frame, _CASH_SETTLED),
        "has_fund_cover": _where(frame, _FUND_COVER),
        "rate_class": codes_of(frame["rate_class"].fill_null(RATE_CLASSES[0]), RATE_CLASSES),
    }


def _model_inputs(frame: pl.DataFrame) -> dict[str, Any]:
    """What each option is valued from."""
    state = frame["underlying_price_state"].fill_null(PRICE_STATES[FRESH])
    return {
        "underlying_price": to_scaled(frame["underlying_price"]),
        "underlying_state": codes_of(state, PRICE_STATES),
        "rate": _floats(frame["risk_free_rate"]),
        "dividend_yield": _floats(frame["dividend_yield"]),
        "implied_volatility": _floats(frame["implied_volatility"]),
    }


def as_shares(series: Series) -> Series:
    """Series in which every option that has ended has its underlying's price, and its state.

    Where the underlying never had one, the last price is the strike, and not usable.
    """
    if not series.is_ended.any():
        return series
    is_unknown = series.underlying_state == MISSING
    price = np.where(is_unknown, series.strike, series.underlying_price)
    state = np.where(is_unknown, UNUSABLE, series.underlying_state)
    return series._replace(
        price=np.where(series.is_ended, price, series.price),
        price_state=np.where(series.is_ended, state, series.price_state).astype(np.int8),
    )


def unmodelled(series: Series) -> Series:
    """Series in which what delivers more than one thing has an underlying without a price.

    So it is covered by nothing, its losses are bounded, and its account is `indeterminate`.
    """
    is_so = (series.input_state & DELIVERABLE_UNMODELLED) != 0
    if not is_so.any():
        return series
    return series._replace(
        underlying_price=np.where(is_so, 0, series.underlying_price),
        underlying_state=np.where(is_so, MISSING, series.underlying_state).astype(np.int8),
    )


def _kinds(frame: pl.DataFrame) -> Int8Array:
    kind = np.where(frame["asset_class"] == "option", OPTION, SECURITY)
    return np.where(frame["bond_class"].is_not_null(), BOND, kind).astype(np.int8)


def _is_index_fund(frame: pl.DataFrame) -> npt.NDArray[np.bool_]:
    """Unlevered funds in the class group of something else: they may cover its options."""
    is_fund = frame["asset_class"].is_in(["etf", "broad_index", "broad_index_high_cap"])
    is_member = frame["class_group"] != frame["symbol"]
    return (is_fund & is_member & (frame["leverage"] == 1.0)).fill_null(value=False).to_numpy()


# Options on an index that a fund may be in: not on volatility.
_FUND_COVER = (pl.col("asset_class") == "option") & pl.col("issuer_class").is_in(
    ("narrow_index", "broad_index", "broad_index_high_cap")
)
_CASH_SETTLED = pl.col("issuer_class").is_in(INDICES) & (pl.col("style") == "european")


def sizes(series: Series) -> Int64Array:
    """Micro-units that one of each symbol is held in: of what has ended those it delivers."""
    if series.delivered is series.multiplier:
        return series.multiplier
    return np.where(series.is_ended, series.delivered, series.multiplier)


@inner(**BORROWS, forceinline=True)
def quoted(series: Series, s: int, amount: int) -> int:
    """Amount x delivered / multiplier, not negative.

    Of quoted units those that they deliver; of a price of a delivered unit that of a quoted one.
    """
    if series.delivered[s] == series.multiplier[s]:
        return amount
    return in_proportion(amount, series.delivered[s], series.multiplier[s])


def _where(frame: pl.DataFrame, condition: pl.Expr) -> npt.NDArray[np.bool_]:
    # A copy: compiled loops tell arrays that may be written from those that may not.
    return frame.select(condition.fill_null(value=False)).to_series().to_numpy().copy()


def _term_states(
    frame: pl.DataFrame,
    kind: Int8Array,
    days_left: npt.NDArray[np.int32],
    is_over: npt.NDArray[np.bool_],
) -> npt.NDArray[np.int32]:
    is_unknown = frame["asset_class"].is_null()
    is_unknown |= pl.Series(kind == OPTION) & frame["rate_class"].is_null()
    supported = frame["asset_class"].is_in(SUPPORTED) | frame["bond_class"].is_not_null()
    state = np.where(is_unknown, NO_INSTRUMENT, 0)
    state |= np.where(supported.fill_null(value=True), 0, UNSUPPORTED)
    state |= np.where((kind == BOND) & (days_left < 0), EXPIRED, 0)
    state |= np.where(is_over, AWAITING_SETTLEMENT, 0)
    state |= np.where(is_unmodelled(frame), DELIVERABLE_UNMODELLED, 0)
    return state.astype(np.int32)


def _floats(column: pl.Series) -> npt.NDArray[np.float64]:
    # A copy: compiled loops tell arrays that may be written from those that may not.
    return column.cast(pl.Float64).fill_null(np.nan).to_numpy().copy()


def leverage_ppm(leverage: npt.NDArray[np.float64]) -> Int64Array:
    """Multiples as parts per million."""
    return np.rint(leverage * 1e6).astype(np.int64)


def codes_of(series: pl.Series, words: tuple[str, ...], missing: int = 0) -> Int8Array:
    """Words of a closed list as their places in it; nulls as told."""
    places = series.cast(pl.Enum(words)).to_arrow().indices.cast(pa.int8())
    return np.array(places.fill_null(missing) if places.null_count else places, dtype=np.int8)
