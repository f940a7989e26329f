"""The book: positions sorted by account and class group, as offsets and arrays."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from margin_assets.kernels.money import BEYOND, bounded, to_scaled
from margin_assets.kernels.rules import RANGE_CLASSES
from schemas.landed import ACCOUNT_TYPES
from schemas.margin import PRICE_STATES

CASH, REG_T, PORTFOLIO = (ACCOUNT_TYPES.index(name) for name in ACCOUNT_TYPES)
FRESH, STALE, UNUSABLE, MISSING = (PRICE_STATES.index(name) for name in PRICE_STATES)
SUPPORTED = ("equity", "etf", "narrow_index", "broad_index", "broad_index_high_cap")

# Named states of an account's inputs. The first six make it indeterminate.
UNREGISTERED = 1
NO_PRICE = 2
PRICE_UNUSABLE = 4
NO_INSTRUMENT = 8
UNSUPPORTED = 16
BEYOND_RANGE = 32
PRICE_STALE = 64
NO_BETA = 128
INDETERMINATE = 63
STATE_NAMES = (
    "unregistered",
    "price_missing",
    "price_unusable",
    "instrument_missing",
    "asset_class_unsupported",
    "beyond_range",
    "price_stale",
    "beta_missing",
)

Int8Array = npt.NDArray[np.int8]
Int64Array = npt.NDArray[np.int64]


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


class Book(NamedTuple):
    """Accounts and their positions; position i of account a: offsets[a] <= i < offsets[a+1]."""

    offsets: Int64Array
    series: npt.NDArray[np.int32]
    quantity: Int64Array
    """Micro-units, signed."""
    last_fill_price: Int64Array
    """Micro-dollars; marks a short position that never had a price."""
    account_type: Int8Array
    is_registered: npt.NDArray[np.bool_]
    cash: Int64Array
    """Cents, signed."""


def state_names(states: int) -> str:
    """Named states of a bit set, `;`-separated in their fixed order."""
    return ";".join(name for i, name in enumerate(STATE_NAMES) if states >> i & 1)


def book_of(positions: pl.DataFrame, accounts: pl.DataFrame) -> tuple[Book, Series]:
    """Book and series of `positions` and `account_state` frames, both sorted by account.

    Both frames may hold several business dates: then a `business_date` column leads the keys
    and each date's accounts stand on their own.
    """
    date = ["business_date"] if "business_date" in positions.columns else []
    terms = [*date, "symbol", "class_group"]
    series = positions.unique(terms, keep="first", maintain_order=True)
    codes = series.select(*terms, series=pl.int_range(pl.len(), dtype=pl.Int32))
    joined = positions.select(*date, "account_id", "symbol", "class_group").join(
        codes, on=terms, how="left", maintain_order="left", validate="m:1"
    )
    counts = (
        accounts.select(*date, "account_id")
        .join(
            joined.group_by(*date, "account_id").len(),
            on=[*date, "account_id"],
            how="left",
            maintain_order="left",
            validate="1:1",
        )["len"]
        .fill_null(0)
    )
    book = Book(
        offsets=np.concatenate(([0], np.cumsum(counts.to_numpy()))).astype(np.int64),
        series=joined["series"].to_numpy().astype(np.int32),
        quantity=bounded(positions["quantity"], BEYOND),
        last_fill_price=to_scaled(positions["last_fill_price"]),
        account_type=_codes(accounts["account_type"], ACCOUNT_TYPES),
        is_registered=accounts["is_registered"].to_numpy(),
        cash=bounded(accounts["cash"], BEYOND),
    )
    if book.offsets[-1] != positions.height:
        msg = "a position's account is not among the accounts"
        raise ValueError(msg)
    return book, _series_of(series)


def _series_of(frame: pl.DataFrame) -> Series:
    known = frame["asset_class"].is_not_null()
    supported = frame["asset_class"].is_in(SUPPORTED).fill_null(value=True)
    groups = frame["class_group"].rank("dense").cast(pl.Int32) - 1
    return Series(
        price=to_scaled(frame["last_price"]),
        price_state=_codes(frame["price_state"], PRICE_STATES),
        leverage=leverage_ppm(frame["leverage"].to_numpy()),
        is_marginable=frame["is_marginable"].to_numpy(),
        input_state=np.where(known, 0, NO_INSTRUMENT).astype(np.int32)
        | np.where(supported, 0, UNSUPPORTED).astype(np.int32),
        beta=frame["beta"].fill_null(np.nan).to_numpy(),
        class_group=groups.to_numpy().astype(np.int32),
        range_class=_codes(frame["range_class"], RANGE_CLASSES),
    )


def leverage_ppm(leverage: npt.NDArray[np.float64]) -> Int64Array:
    """Multiples as parts per million."""
    return np.rint(leverage * 1e6).astype(np.int64)


def _codes(series: pl.Series, words: tuple[str, ...]) -> Int8Array:
    codes = series.replace_strict(list(words), list(range(len(words))), return_dtype=pl.Int8)
    return codes.to_numpy().astype(np.int8)
