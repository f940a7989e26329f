"""DV01 of books by quote: how they move with what is traded, where they are kept by node."""

from collections.abc import Sequence
from datetime import date

import numpy as np
import polars as pl

from margin_assets.kernels.rates.quotes import Bootstrap
from margin_assets.valuation.rates_book.curves import Nodes, StandingCurve
from margin_assets.valuation.rates_book.tables import BOOK, label

_SHOWN = (*BOOK, "curve", "tenor")


def par_slopes(
    standings: Sequence[StandingCurve], by_node: pl.DataFrame, day: date
) -> pl.DataFrame:
    """DV01 by quote of each book: gain if it falls by a basis point and all others stand.

    Args:
        standings: the curves as they stand on the day, in the order of the rules.
        by_node: rows of `desk_sensitivities`; those of key rates are passed over.
        day: the valuation day.

    Returns:
        A row for each book and quote on which it hangs. A future's quote moves by its rate.
        Source: the slope by node times how nodes move with the quote, QuantLib's curves moved.
    """
    known = [one.nodes for one in standings if one.nodes is not None]
    places = _places(known)
    slopes = Bootstrap(day, [one.quoted for one in known], {}).quote_slopes() if known else []
    quotes = np.concatenate([np.zeros((0, len(places))), *slopes])
    rows = by_node.filter(pl.col("curve") != "")
    books = rows.select(BOOK).unique().sort(BOOK)
    held = np.zeros((books.height, len(places)))
    book = {key: number for number, key in enumerate(books.rows())}
    for *key, curve, tenor, dv01 in rows.select(*_SHOWN, "dv01").rows():
        held[book[tuple(key)], places[curve, tenor]] = dv01
    found = np.round(held @ quotes.T, 6)
    at, quote = np.nonzero(found)
    names = pl.DataFrame([*places], schema={"curve": pl.String, "tenor": pl.String}, orient="row")
    return pl.concat([books[at], names[quote]], how="horizontal").with_columns(
        dv01=pl.Series(found[at, quote])
    )


def _places(known: Sequence[Nodes]) -> dict[tuple[str, str], int]:
    """Place of each node among all curves' nodes; each is of one quote."""
    pairs = [(one.built.name, label(quote)) for one in known for quote in one.quotes]
    return {pair: place for place, pair in enumerate(pairs)}
