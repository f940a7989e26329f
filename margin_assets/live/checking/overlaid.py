"""House add-ons of an account before and after an order: the overlays take frames."""

import numpy as np
import polars as pl

from margin_assets.kernels.book.book import Book
from margin_assets.kernels.book.sales import sale_columns
from margin_assets.kernels.margin.margined import Margined
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.money import instant, to_decimal
from margin_assets.kernels.pretrade.legs import Held, book_of_both
from margin_assets.kernels.rules.grid import day_of
from margin_assets.kernels.rules.overlay_rules import overlay_rules
from margin_assets.kernels.rules.rules import Rules
from margin_assets.kernels.securities.positions import held_terms, with_marks
from margin_assets.live.state.market import Market
from schemas.landed import ACCOUNT_TYPES


def house_charges(both: tuple[Held, Held], market: Market, point: int, rules: Rules) -> Int64Array:
    """Add-ons of both sides, cents; 0 where no overlay is switched on."""
    if not overlay_rules(day_of(point)).enabled:
        return np.zeros(len(both), dtype=np.int64)
    series, symbols = market.series(point, rules), pl.Series(market.symbols.all, dtype=pl.String)
    owned = pl.concat([_owned(side, str(n), symbols) for n, side in enumerate(both)])
    numbered = owned.with_columns(place=pl.int_range(pl.len(), dtype=pl.Int64))
    held = held_terms(numbered, market.terms(point), point)
    book = _in_order(book_of_both(*both, series), held["place"].to_numpy())
    positions = with_marks(held.drop("place"), book, series, rules)
    frames = positions, _accounts(both).with_columns(as_of=instant(point))
    era = Margined.of_arrays(frames, (book, series), rules, market.values)
    return era.governed.charge


def _owned(side: Held, name: str, symbols: pl.Series) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "account_id": pl.Series([name] * len(side.series), dtype=pl.String),
            "symbol": symbols.gather(side.series),
            "quantity": to_decimal(side.quantity, 6),
            "last_fill_price": to_decimal(side.last_fill_price, 6),
            **sale_columns(side.sold, side.proceeds),
        }
    )


def _in_order(book: Book, places: Int64Array) -> Book:
    by_position = ("series", "quantity", "last_fill_price", "sale_price")
    return book._replace(**{name: getattr(book, name)[places] for name in by_position})


def _accounts(both: tuple[Held, Held]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "account_id": [str(n) for n in range(len(both))],
            "account_type": [ACCOUNT_TYPES[side.account_type] for side in both],
            "is_registered": [side.is_registered for side in both],
            "is_exempt": [side.is_exempt for side in both],
            "cash": to_decimal(np.array([side.cash for side in both], dtype=np.int64), 2),
        }
    )
