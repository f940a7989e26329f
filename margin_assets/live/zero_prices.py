"""Price 0, which says that something is worthless: of options alone, and in what closes them.

A file does not say what its symbols are, so the reader lets 0 through and it is judged here: by
the instrument rows that landed no later than the row itself.
"""

import polars as pl

from margin_assets.kernels.money import to_scaled
from margin_assets.live.acceptance import Refusal
from margin_assets.live.holdings import Holdings
from margin_assets.live.market import Market

_REASON = "price_out_of_range"
_NO_OPTION = _REASON, "price 0 of what is not known to be an option"
_IS_ZERO = pl.col("price") == 0
Pair = tuple[str, str]


def known_options(
    rows: pl.DataFrame, instruments: pl.DataFrame | None, market: Market
) -> pl.Series:
    """Whether the symbol of each row is known to be an option's, at the row's landing."""
    names = pl.Series(market.symbols.all, dtype=pl.String)
    sealed = rows["symbol"].is_in(names.gather(market.options()).implode())
    if instruments is None:
        return sealed
    since = instruments.filter(pl.col("asset_class") == "option").group_by("symbol")
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
        pairs = zip(holdings["account_id"], holdings["symbol"], strict=True)
        self._held: dict[Pair, int] = dict(
            zip(pairs, holdings["quantity"].to_physical().to_list(), strict=True)
        )

    def problem(self, place: int) -> tuple[str, str] | None:
        """Why the row at a place may not have the price 0, if it has it and may not."""
        if not self._is_zero[place]:
            return None
        if not self._is_option[place]:
            return _NO_OPTION
        held, quantity = self._held.get(self._pairs[place], 0), self._quantity[place]
        if self._is_correction[place] or (held * quantity < 0 and abs(quantity) <= abs(held)):
            return None
        return _REASON, "price 0 in a fill that closes no position"

    def take(self, place: int) -> None:
        """The row at a place is accepted."""
        if not self._is_correction[place]:
            pair = self._pairs[place]
            self._held[pair] = self._held.get(pair, 0) + self._quantity[place]


def zero_fills(
    rows: pl.DataFrame,
    instruments: pl.DataFrame | None,
    waiting: pl.DataFrame | None,
    market: Market,
    holdings: Holdings,
) -> ZeroFills | None:
    """What judges fills at price 0; None where there are none.

    `instruments` and `waiting` fills have been accepted, and the firm has not taken them yet.
    """
    zero = rows.filter(_IS_ZERO)
    if not zero.height:
        return None
    known = [name for name in zero["account_id"].unique() if name in holdings.accounts]
    places = holdings.accounts.places(pl.Series(known, dtype=pl.String))
    parts = [holdings.holdings(market.symbols, places)]
    if waiting is not None:
        is_own = pl.col("account_id").is_in(zero["account_id"].implode())
        parts.append(waiting.filter(is_own & pl.col("corrects_fill_id").is_null()))
    columns = ("account_id", "symbol", "quantity")
    held = pl.concat([part.select(columns) for part in parts])
    summed = held.group_by("account_id", "symbol", maintain_order=True).sum()
    return ZeroFills(rows, known_options(rows, instruments, market), summed)


def split_prices(
    rows: pl.DataFrame, instruments: pl.DataFrame | None, market: Market
) -> tuple[pl.DataFrame, list[Refusal]]:
    """Prices that count, and those of 0 of what is not known to be an option."""
    if not rows.filter(_IS_ZERO).height:
        return rows, []
    is_refused = (rows["price"] == 0) & ~known_options(rows, instruments, market)
    places = rows.filter(is_refused).select("file_number", "file_row").rows()
    return rows.filter(~is_refused), [Refusal(number, row, *_NO_OPTION) for number, row in places]
