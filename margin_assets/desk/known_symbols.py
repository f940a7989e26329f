"""What a lake knows of symbols, whoever holds them, as a portfolio document says it."""

from collections.abc import Iterable

import polars as pl
from pydantic import ValidationError

from margin_assets.calendar import sessions
from margin_assets.desk.account_document import LANDING, NoDocument, Tables, instruments_of
from margin_assets.kernels.corporate.actions import register_of
from margin_assets.kernels.history.history import Landed, dated, marks_at
from margin_assets.whatif.document import Instrument

_BY_SYMBOL = ("fills", "prices", "betas", "volatilities")
_WHOLE = ("instruments", "rates", "corporate_actions", "option_adjustments")


def known_symbols(tables: Tables, symbols: Iterable[str], at: int) -> dict[str, Instrument]:
    """Terms and marks of symbols at an instant (microseconds), by the kernels that mark positions.

    A symbol of which nothing has landed is not in it.

    Raises:
        NoDocument: a document cannot say what the lake knows.
    """
    wanted = pl.Series(sorted(set(symbols)), dtype=pl.String)
    if wanted.is_empty():
        return {}
    times = sessions().times
    mine = pl.col("symbol").is_in(wanted.implode())
    rows = {name: tables(name, mine).sort(LANDING) for name in _BY_SYMBOL}
    rows |= {name: tables(name).sort(LANDING) for name in _WHOLE}
    acted = register_of(rows["corporate_actions"], times.opens).acted(at)
    marked = marks_at(dated(Landed(**rows)), wanted, at, times, acted)
    is_known = pl.col("asset_class").is_not_null() | pl.col("last_price").is_not_null()
    found = instruments_of(marked.filter(mine & is_known).to_dicts())
    try:
        return {symbol: Instrument.model_validate(row) for symbol, row in found.items()}
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise NoDocument(f"what is added cannot be said in a document: {first['msg']}") from None
