"""Price 0, which says that something is worthless: of options alone, and in what closes them.

A file does not say what its symbols are, so the reader lets 0 through and it is judged here: by
the instrument rows that landed no later than the row itself.
"""

from collections import Counter
from typing import NamedTuple

import polars as pl

from margin_assets.kernels.numeric.money import to_scaled
from margin_assets.live.acceptance.acceptance import Refusal
from margin_assets.live.firm.holdings import Holdings
from margin_assets.live.firm.market import Market

_REASON = "price_out_of_range"
_NO_OPTION = _REASON, "price 0 of what is not known to be an option"
_IS_ZERO = pl.col("price") == 0
Pair = tuple[str, str]


class Known(NamedTuple):
    """What tells of instruments."""

    market: Market
    """As it was last evaluated."""
    accepted: pl.DataFrame | None
    """Rows of instruments accepted since."""


def known_options(rows: pl.DataFrame, known_by: Known) -> pl.Series:
    """Whether the symbol of each row is known to be an option's, at the row's landing."""
    market, accepted = known_by
    names = pl.Series(market.symbols.all, dtype=pl.String)
    sealed = rows["symbol"].is_in(names.gather(market.options()).implode())
    if accepted is None:
        return sealed
    since = accepted.filter(pl.col("asset_class") == "option").group_by("symbol")
    known = rows.select("symbol", "landed_at").join(
        since.agg(since=pl.col("landed_at").min()), on="symbol", how="left", maintain_order="left"
    )
    return sealed | (known["since"] <= known["landed_at"]).fill_null(value=False)


class ZeroFills:
    """Fills at price 0 among rows in landing order, and what is held of what they name."""

    def __init__(self, rows: pl.DataFrame, is_option: pl.Series, holdings: pl.DataFrame) -> None:
        """Takes rows of fills and the positions before them: account, symbol, quantity."""
        self._is_zero = rows["price"] == 0
        self._is_option = is_option
        self._is_correction = rows["corrects_fill_id"].is_not_null()
        self._pairs = list(zip(rows["account_id"], rows["symbol"], strict=True))
        self._quantity = to_scaled(rows["quantity"]).tolist()
        self._held: Counter[Pair] = Counter()
        self._add(holdings)

    def _add(self, rows: pl.DataFrame) -> None:
        pairs = zip(rows["account_id"], rows["symbol"], strict=True)
        for pair, quantity in zip(pairs, rows["quantity"].to_physical().to_list(), strict=True):
            self._held[pair] += quantity

    def after(self, fills: pl.DataFrame | None) -> "ZeroFills":
        """The same, after fills that were accepted and are in no position yet."""
        if fills is not None:
            self._add(fills.filter(pl.col("corrects_fill_id").is_null()))
        return self

    def problem(self, place: int) -> tuple[str, str] | None:
        """Why the row at a place may not have the price 0, if it has it and may not."""
        if not self._is_zero[place]:
            return None
        if not self._is_option[place]:
            return _NO_OPTION
        held, quantity = self._held[self._pairs[place]], self._quantity[place]
        if self._is_correction[place] or (held * quantity < 0 and abs(quantity) <= abs(held)):
            return None
        return _REASON, "price 0 in a fill that closes no position"

    def take(self, place: int) -> None:
        """The row at a place is accepted."""
        if not self._is_correction[place]:
            self._held[self._pairs[place]] += self._quantity[place]


def zero_fills(
    rows: pl.DataFrame, known_by: Known, holdings: Holdings, waiting: pl.DataFrame | None
) -> ZeroFills | None:
    """What judges fills at price 0; None where there are none.

    `waiting` are fills that were accepted and not evaluated yet.
    """
    zero = rows.filter(_IS_ZERO)
    if not zero.height:
        return None
    known = [name for name in zero["account_id"].unique() if name in holdings.accounts]
    places = holdings.accounts.places(pl.Series(known, dtype=pl.String))
    held = holdings.holdings(known_by.market.symbols, places)
    return ZeroFills(rows, known_options(rows, known_by), held).after(waiting)


def split_prices(rows: pl.DataFrame, known_by: Known) -> tuple[pl.DataFrame, list[Refusal]]:
    """Prices that count, and those of 0 of what is not known to be an option."""
    if not rows.filter(_IS_ZERO).height:
        return rows, []
    is_refused = (rows["price"] == 0) & ~known_options(rows, known_by)
    places = rows.filter(is_refused).select("file_number", "file_row").rows()
    return rows.filter(~is_refused), [Refusal(number, row, *_NO_OPTION) for number, row in places]
