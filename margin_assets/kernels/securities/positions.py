"""Positions with their marks: what is held, valued."""

import numpy as np
import polars as pl
from numba import njit

from margin_assets.kernels.book.book import Book, book_of
from margin_assets.kernels.book.series import SECURITY, Series
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.compiled import OWNS
from margin_assets.kernels.numeric.money import MAX_POSITION, instant, to_decimal, value_cents
from margin_assets.kernels.rules.rules import Rules
from margin_assets.kernels.securities.lines import mark_price


def marked_positions(
    holdings: pl.DataFrame, terms: pl.DataFrame, rules: Rules, as_of: int
) -> pl.DataFrame:
    """Positions with their mark and value, sorted by account, class group and symbol.

    `holdings`: account, symbol, quantity, last fill price, opening sales; flat ones must be gone.
    `terms`: one row a symbol. A long position without a usable price is worth 0; a short one is
    carried at the raised last price.
    """
    held = held_terms(holdings, terms, as_of)
    return with_marks(held, *book_of(held, bare_accounts(held), rules), rules)


def held_terms(holdings: pl.DataFrame, terms: pl.DataFrame, as_of: int) -> pl.DataFrame:
    """What is held with its terms, in the order of `positions`, before it is marked."""
    return (
        holdings.join(terms, on="symbol", how="left", validate="m:1")
        .sort("account_id", "class_group", "symbol", maintain_order=True)
        .with_columns(as_of=instant(as_of))
    )


def with_marks(held: pl.DataFrame, book: Book, series: Series, rules: Rules) -> pl.DataFrame:
    """The `positions` frame of what is held, marked by a book in the same order."""
    price, value = _mark(book, series, rules)
    is_ended = series.is_ended[book.series]
    price[is_ended] = value[is_ended] = 0
    return held.with_columns(
        price=to_decimal(price, 6, _is_unmarked(held, price).to_numpy()),
        market_value=to_decimal(value, 2),
    )


def counted_positions(
    positions: pl.DataFrame, book: Book, series: Series, rules: Rules
) -> pl.DataFrame:
    """Positions in the order of a settled book; what has ended as the shares that it comes to."""
    is_ended = pl.Series(series.is_ended[book.series])
    if not is_ended.any():
        return positions
    price, value = _mark(book, series, rules)
    is_exact = np.abs(book.quantity) <= MAX_POSITION
    is_security = pl.Series(is_exact & (series.kind[book.series] == SECURITY))
    shares: dict[str, pl.Expr | pl.Series] = {
        "symbol": pl.col("underlying"),
        "underlying": pl.lit(None, pl.String),
        "asset_class": pl.col("issuer_class"),
        "is_marginable": pl.col("is_underlying_marginable"),
        "price": to_decimal(price, 6),
    }
    taken = {name: pl.when(is_ended).then(of).otherwise(name) for name, of in shares.items()}
    return positions.with_columns(
        **taken,
        quantity=pl.when(is_security).then(to_decimal(book.quantity, 6)).otherwise("quantity"),
        market_value=pl.when(is_security).then(to_decimal(value, 2)).otherwise("market_value"),
    )


def _is_unmarked(positions: pl.DataFrame, price: Int64Array) -> pl.Series:
    """Which positions have no mark; an option whose last price is 0 is worthless, and marked."""
    return pl.Series(price == 0) & (positions["last_price"] != 0).fill_null(value=True)


def bare_accounts(positions: pl.DataFrame) -> pl.DataFrame:
    """Accounts of positions of which nothing is asked but their marks, in the positions' order."""
    ids = positions.select("account_id").unique(maintain_order=True)
    return ids.with_columns(
        account_type=pl.lit("reg_t"),
        is_registered=pl.lit(value=True),
        is_exempt=pl.lit(value=False),
        cash=pl.lit(0).cast(pl.Decimal(38, 2)),
    )


@njit(**OWNS)
def _mark(book: Book, series: Series, rules: Rules) -> tuple[Int64Array, Int64Array]:
    price = np.empty(len(book.series), dtype=np.int64)
    value = np.empty(len(book.series), dtype=np.int64)
    for i in range(len(book.series)):
        price[i] = mark_price(book, series, rules, i)
        # Beyond the exact range nothing is valued: the account is `beyond_range`.
        is_exact = abs(book.quantity[i]) <= MAX_POSITION
        value[i] = value_cents(book.quantity[i], price[i]) if is_exact else 0
    return price, value
