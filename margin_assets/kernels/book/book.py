"""The book: positions sorted by account and class group, as offsets and arrays."""

from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from margin_assets.kernels.book.sales import sale_prices
from margin_assets.kernels.book.series import Series, codes_of, series_of, sizes
from margin_assets.kernels.numeric.arrays import Int8Array, Int64Array
from margin_assets.kernels.numeric.money import BEYOND, bounded, to_scaled, units
from margin_assets.kernels.rules.rules import Rules
from schemas.landed import ACCOUNT_TYPES

CASH, REG_T, PORTFOLIO = (ACCOUNT_TYPES.index(name) for name in ACCOUNT_TYPES)


class Book(NamedTuple):
    """Accounts and their positions; position i of account a: offsets[a] <= i < offsets[a+1]."""

    offsets: Int64Array
    series: npt.NDArray[np.int32]
    quantity: Int64Array
    """Micro-units, signed: contracts times their multiplier."""
    last_fill_price: Int64Array
    """Micro-dollars; marks a short position that never had a price. Below 0 none is known."""
    sale_price: Int64Array
    """Micro-dollars that a short position was opened at, on average; 0 where not known."""
    account_type: Int8Array
    is_registered: npt.NDArray[np.bool_]
    is_exempt: npt.NDArray[np.bool_]
    cash: Int64Array
    """Cents, signed."""


def book_of(positions: pl.DataFrame, accounts: pl.DataFrame, rules: Rules) -> tuple[Book, Series]:
    """Book and series of `positions` and `account_state` frames, both sorted by account.

    Both frames may hold several business dates: then a `business_date` column leads the keys
    and each date's accounts stand on their own.
    """
    date = ["business_date"] if "business_date" in positions.columns else []
    terms = [*date, "symbol", "class_group"]
    frame = positions.unique(terms, keep="first", maintain_order=True)
    codes = frame.select(*terms, series=pl.int_range(pl.len(), dtype=pl.Int32))
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
    series = series_of(frame, rules)
    held = joined["series"].to_numpy().astype(np.int32)
    book = Book(
        offsets=offsets_of(counts.to_numpy()),
        series=held,
        quantity=units(bounded(positions["quantity"], BEYOND), sizes(series), held),
        last_fill_price=to_scaled(positions["last_fill_price"].fill_null(Decimal(-1))),
        sale_price=sale_prices(positions),
        account_type=codes_of(accounts["account_type"], ACCOUNT_TYPES),
        is_registered=accounts["is_registered"].to_numpy(),
        is_exempt=accounts["is_exempt"].to_numpy(),
        cash=bounded(accounts["cash"], BEYOND),
    )
    if book.offsets[-1] != positions.height:
        msg = "a position's account is not among the accounts"
        raise ValueError(msg)
    return book, series


def offsets_of(sizes: npt.NDArray[np.integer[Any]]) -> Int64Array:
    """Where each account's positions begin, and where the last one's end."""
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)


def taken(book: Book, places: Int64Array, accounts: Int64Array, sizes: Int64Array) -> Book:
    """A book of some accounts of another: so many of the positions at `places` each, in order.

    An account may be taken more than once, with other positions of its own each time.
    """
    return Book(
        offsets=offsets_of(sizes),
        series=book.series[places],
        quantity=book.quantity[places],
        last_fill_price=book.last_fill_price[places],
        sale_price=book.sale_price[places],
        account_type=book.account_type[accounts],
        is_registered=book.is_registered[accounts],
        is_exempt=book.is_exempt[accounts],
        cash=book.cash[accounts],
    )
