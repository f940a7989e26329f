"""The path of special memorandum accounts, walked through the closes and ends of past days.

One walk serves the history by date and the restating of accounts whose fills were corrected.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import polars as pl

from margin_assets.kernels.book.terms import latest
from margin_assets.kernels.history import history
from margin_assets.kernels.history.accrued import with_accrued
from margin_assets.kernels.history.history import Booked, Landed
from margin_assets.kernels.margin.revaluation import revalue
from margin_assets.kernels.margin.settlement import settled_book_of
from margin_assets.kernels.numeric.arrays import BoolArray, Int64Array
from margin_assets.kernels.reg_t.reg_t_book import RegTBook
from margin_assets.kernels.reg_t.sma import RegTFigures, reg_t_figures
from margin_assets.kernels.rules.grid import day_of, rules_at
from margin_assets.kernels.rules.timelines import Calendar


class Firm(NamedTuple):
    """What a walk reads: rows landed, and whose accounts it is about."""

    landed: Landed
    booked: Booked
    calendar: Calendar
    names: pl.Series
    """Accounts, sorted; an account's place is its place here."""


class Path(NamedTuple):
    """What moves accounts between closes, by grid point."""

    entries: pl.DataFrame
    forfeits: pl.DataFrame
    """`point` and `place`: the size of an earlier fill becomes known."""
    restated: pl.DataFrame
    """`point`, `place`, `is_margin`: fills of an account are corrected."""


NetsOf = Callable[[int, Int64Array], Int64Array]
"""Balance less calls, in cents, of accounts by place whose fills are corrected at a point."""


class Now(NamedTuple):
    """Where accounts stand at a close."""

    figures: RegTFigures
    is_margin: BoolArray
    is_there: BoolArray
    """Accounts that had landed by then."""


def walked(
    firm: Firm, book: RegTBook, path: Path, span: tuple[int, int], nets: NetsOf
) -> Iterator[tuple[int, Now | pl.DataFrame]]:
    """Moves a book from an instant to a later one.

    Yields each close before the later one with where accounts stand, once their excess is
    credited, and each end of a business day with the accounts that it left otherwise than the
    day before did (`RegTBook.ended`).
    """
    taken, until = span
    everyone = np.arange(len(firm.names), dtype=np.int64)
    for at, is_end in _boundaries(firm.calendar, span):
        _move(book, path, (taken, at), nets)
        taken = at
        if is_end:
            yield at, book.ended(at, book.end_day(at, _is_margin(firm, at)))
        else:
            now = _now(firm, at)
            book.credit(at, everyone, now.figures, now.is_margin)
            yield at, now
    _move(book, path, (taken, until), nets)


def _boundaries(calendar: Calendar, span: tuple[int, int]) -> list[tuple[int, bool]]:
    """Closes and ends of days (flagged) after an instant and before another, in order."""
    after, until = span
    kinds = ((calendar.closes, False), (calendar.days.ends, True))
    found = [
        (at, is_end)
        for instants, is_end in kinds
        for at in instants[(instants > after) & (instants < until)].tolist()
    ]
    return sorted(found)


def _move(book: RegTBook, path: Path, span: tuple[int, int], nets: NetsOf) -> None:
    """Takes what counts after an instant up to another.

    Of accounts that are none of margin what meets calls counts. At one point sizes become known
    before transactions are taken.
    """
    after, until = span
    acts = pl.concat([path.forfeits["point"], path.restated["point"]]).unique().sort()
    for point in acts.filter((acts > after) & (acts <= until)).to_list():
        _enter(book, path.entries, (after, point - 1))
        book.forfeit(point, _places(path.forfeits.filter(pl.col("point") == point)))
        corrected = _counting(book, path.restated.filter(pl.col("point") == point))
        if corrected.height:
            book.restate(point, _places(corrected), nets(point, _places(corrected)))
        after = point - 1
    _enter(book, path.entries, (after, until))


def _enter(book: RegTBook, entries: pl.DataFrame, span: tuple[int, int]) -> None:
    taken = entries.filter(pl.col("point").is_between(*span, closed="right"))
    book.enter(_counting(book, taken))


def _counting(book: RegTBook, rows: pl.DataFrame) -> pl.DataFrame:
    is_owed = pl.Series(book.owed[_places(rows)] > 0, dtype=pl.Boolean)
    return rows.filter(rows["is_margin"] | is_owed)


def _places(rows: pl.DataFrame) -> Int64Array:
    places: Int64Array = rows["place"].to_numpy().astype(np.int64)
    return places


def _now(firm: Firm, close: int) -> Now:
    """Figures of all accounts at a close; of those not there yet, nothing."""
    day = pl.DataFrame({"business_date": [day_of(close)], "as_of": [close]})
    positions = history.positions_at(firm.landed, day, firm.calendar.times).drop("business_date")
    state = history.account_state_at(firm.booked, day, firm.calendar.times)
    accounts = with_accrued(state, firm.booked.accrued_dividends).drop("business_date")
    rules = rules_at(close)
    book, series = settled_book_of(positions, accounts, rules)
    figures = revalue(book, series, rules)
    everyone = np.arange(accounts.height, dtype=np.int64)
    place = firm.names.search_sorted(accounts["account_id"]).to_numpy()
    now = reg_t_figures(book, series, rules, figures, everyone)
    is_there = np.zeros(len(firm.names), dtype=np.bool_)
    is_there[place] = True
    is_margin = np.zeros(len(firm.names), dtype=np.bool_)
    is_margin[place] = (accounts["account_type"] == "reg_t").to_numpy()
    return Now(
        RegTFigures._make(_spread(c, place, len(is_there)) for c in now), is_margin, is_there
    )


def _spread(column: np.ndarray, place: np.ndarray, count: int) -> np.ndarray:
    wide = np.zeros(count, dtype=column.dtype)
    wide[place] = column
    return wide


def _is_margin(firm: Firm, at: int) -> BoolArray:
    """Which accounts are margin accounts at an instant; what has no row is taken for one."""
    kinds = latest(firm.booked.accounts, "account_id", at)
    others = kinds.filter(pl.col("account_type") != "reg_t")["account_id"]
    return ~firm.names.is_in(others.implode()).to_numpy()
