"""A portfolio document as the frames that the kernels take."""

from datetime import UTC, datetime, time
from decimal import Decimal
from typing import NamedTuple

import numpy as np
import polars as pl

from margin_assets.kernels.book import Book, Series, book_of
from margin_assets.kernels.money import MAX_TOTAL, to_decimal, to_scaled
from margin_assets.kernels.positions import marked_positions
from margin_assets.kernels.revaluation import Figures, revalue
from margin_assets.kernels.rules import Rules, benchmark, rules_in_force
from margin_assets.kernels.terms import TERMS, instrument_terms, marked_terms
from margin_assets.whatif.document import Document, DocumentError, net_quantities
from schemas.columns import MAX_PRICE

SYMBOL = "symbol"
_INSTRUMENTS = {
    "symbol": pl.String,
    "asset_class": pl.String,
    "class_group": pl.String,
    "leverage": pl.Float64,
    "marginable": pl.Boolean,
}


class Case(NamedTuple):
    """One document ready to be margined."""

    positions: pl.DataFrame
    accounts: pl.DataFrame
    rules: Rules
    book: Book
    series: Series
    figures: Figures


def case_of(document: Document) -> Case:
    """Frames, book and figures of a document. Its prices are fresh, at midnight of `as_of`."""
    rules = rules_in_force(document.as_of)
    at = datetime.combine(document.as_of, time(), UTC)
    holdings = _holdings(document)
    terms = _terms(document, holdings[SYMBOL], at)
    positions = marked_positions(holdings, terms, rules, round(at.timestamp() * 1e6))
    accounts = _accounts(document, positions, at)
    book, series = book_of(positions, accounts)
    return Case(positions, accounts, rules, book, series, revalue(book, series, rules))


def scaled(numbers: list[Decimal], scale: int) -> pl.Series:
    """Exact decimals of `scale` places; the numbers have no more."""
    return to_decimal(np.array([int(n.scaleb(scale)) for n in numbers], dtype=np.int64), scale)


def _holdings(document: Document) -> pl.DataFrame:
    """Net position of each symbol. An unpriced short is carried at the dearest last fill known.

    Where none is known, at the largest price there may be: the bound that holds.
    """
    net = {symbol: quantity for symbol, quantity in net_quantities(document).items() if quantity}
    fills: dict[str, Decimal] = {}
    for _, row in document.equities:
        if row.last_fill_price is not None:
            fills[row.symbol] = max(fills.get(row.symbol, Decimal(0)), row.last_fill_price)
    return pl.DataFrame({SYMBOL: pl.Series(list(net), dtype=pl.String)}).select(
        pl.lit(document.account.account_id).alias("account_id"),
        SYMBOL,
        scaled(list(net.values()), 6).alias("quantity"),
        scaled([fills.get(symbol, MAX_PRICE) for symbol in net], 6).alias("last_fill_price"),
    )


def _terms(document: Document, symbols: pl.Series, at: datetime) -> pl.DataFrame:
    known = document.instruments
    instruments = pl.DataFrame(
        [
            (
                symbol,
                row.asset_class,
                row.class_group,
                None if row.leverage is None else float(row.leverage),
                row.marginable is not False and row.asset_class is not None,
            )
            for symbol, row in known.items()
        ],
        schema=_INSTRUMENTS,
        orient="row",
    )
    prices = {symbol: row.price for symbol, row in known.items() if row.price is not None}
    betas = {symbol: float(row.beta) for symbol, row in known.items() if row.beta is not None}
    terms = marked_terms(
        instrument_terms(symbols, instruments),
        pl.DataFrame({SYMBOL: pl.Series(list(prices), dtype=pl.String)}).with_columns(
            price=scaled(list(prices.values()), 6), event_time=pl.lit(at, pl.Datetime("us", "UTC"))
        ),
        pl.DataFrame(
            list(betas.items()), schema={SYMBOL: pl.String, "beta": pl.Float64}, orient="row"
        ),
        benchmark(document.as_of),
    )
    is_priced = pl.col("last_price").is_not_null()
    state = pl.when(is_priced).then(pl.lit("fresh")).otherwise(pl.lit("missing"))
    return terms.with_columns(price_state=state).select(TERMS)


def _accounts(document: Document, positions: pl.DataFrame, at: datetime) -> pl.DataFrame:
    account = document.account
    proceeds = 0
    if not document.options.short_sale_proceeds_in_cash:
        is_priced = pl.col("price_state") == "fresh"
        short = positions.filter(is_priced & (pl.col("quantity") < 0))
        proceeds = -sum(to_scaled(short["market_value"]).tolist())
    cash = int(account.cash.scaleb(2)) + proceeds
    if abs(cash) > MAX_TOTAL:
        raise DocumentError("account.cash: out of range with the proceeds of the short positions")
    return pl.DataFrame(
        {
            "account_id": [account.account_id],
            "account_type": [account.account_type],
            "is_registered": [True],
            "cash": to_decimal(np.array([cash], dtype=np.int64), 2),
            "sma": scaled([account.sma], 2),
            "as_of": pl.Series([at], dtype=pl.Datetime("us", "UTC")),
        }
    )
