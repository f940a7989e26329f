"""Price 0, which says that something is worthless: of options alone, and in what closes them.

A file does not say what its symbols are, so the reader lets 0 through and it is judged here: by
the instrument rows that landed no later than the row itself.
"""

from collections import defaultdict
from typing import NamedTuple

import polars as pl

from margin_assets.kernels.book.fills import FillRow, fill_rows
from margin_assets.kernels.numeric.money import instants
from margin_assets.live.acceptance.acceptance import Lookup, Refusal
from margin_assets.live.acceptance.standing_fills import held_by
from margin_assets.live.state.market import Market

_REASON = "price_out_of_range"
_NO_OPTION = _REASON, "price 0 of what is not known to be an option"
_IS_ZERO = pl.col("price") == 0
_PAIR = ["account_id", "symbol"]
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
    """Fills at price 0 among rows in landing order, and the fills of what they name.

    Whether one closes something is told from what stands at its own time, so that the order in
    which the rows of a plan land does not decide: they are judged after the others.
    """

    def __init__(self, rows: pl.DataFrame, is_option: pl.Series, past: pl.DataFrame) -> None:
        """Takes rows of fills, and those accepted before of the same accounts and symbols."""
        named = rows.filter(_IS_ZERO).select(_PAIR).unique()
        near = rows.with_row_index("place").join(named, on=_PAIR, how="semi", maintain_order="left")
        self._rows = dict(zip(near["place"], _as_rows(near), strict=True))
        self._is_option = is_option
        self._fills: defaultdict[Pair, list[FillRow]] = defaultdict(list)
        for row in _as_rows(past.join(named, on=_PAIR, how="semi")):
            self._take(row)
        is_later = _IS_ZERO & pl.col("fill_id").is_unique()
        self._later = rows.with_row_index("place").filter(is_later).sort("event_time", "place")

    def order(self) -> list[int]:
        """Places of the rows in the order in which they are judged."""
        later = self._later["place"].to_list()
        is_later = set(later)
        return [place for place in range(len(self._is_option)) if place not in is_later] + later

    def problem(self, place: int) -> tuple[str, str] | None:
        """Why the row at a place may not have the price 0, if it has it and may not."""
        row = self._rows.get(place)
        if row is None or row.price != 0:
            return None
        if not self._is_option[place]:
            return _NO_OPTION
        if row.corrects is not None:
            return None
        held = held_by(self._fills[row.account_id, row.symbol], row.event_time)
        if held * row.quantity < 0 and abs(row.quantity) <= abs(held):
            return None
        return _REASON, "price 0 in a fill that closes no position"

    def take(self, place: int) -> None:
        """The row at a place is accepted."""
        if row := self._rows.get(place):
            self._take(row)

    def _take(self, row: FillRow) -> None:
        self._fills[row.account_id, row.symbol].append(row)


def _as_rows(fills: pl.DataFrame) -> list[FillRow]:
    return fill_rows(fills, instants(fills["event_time"]))


def zero_fills(rows: pl.DataFrame, known_by: Known, lookup: Lookup) -> ZeroFills | None:
    """What judges fills at price 0; None where there are none."""
    zero = rows.filter(_IS_ZERO)
    if not zero.height:
        return None
    among = [pl.col(name).is_in(zero[name].unique().implode()) for name in _PAIR]
    past = lookup("fills", pl.all_horizontal(among))
    return ZeroFills(rows, known_options(rows, known_by), past)


def split_prices(rows: pl.DataFrame, known_by: Known) -> tuple[pl.DataFrame, list[Refusal]]:
    """Prices that count, and those of 0 of what is not known to be an option."""
    if not rows.filter(_IS_ZERO).height:
        return rows, []
    is_refused = (rows["price"] == 0) & ~known_options(rows, known_by)
    places = rows.filter(is_refused).select("file_number", "file_row").rows()
    return rows.filter(~is_refused), [Refusal(number, row, *_NO_OPTION) for number, row in places]
