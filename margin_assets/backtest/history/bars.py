"""Prices between openings and closes: the bars of a history that count, laid out by instant."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from margin_assets.backtest.faults import Fault
from margin_assets.backtest.history.actions import Actions, price_at_opening
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.money import MICRO

_KEPT = {"at": pl.Int64, "place": pl.Int64, "security": pl.Int64, "micros": pl.Float64}


class Bars(NamedTuple):
    """Ends of bars in order, securities across."""

    instant: Int64Array
    """Microseconds; after the opening of its session and before its close."""
    place: Int64Array
    """Session of each."""
    price: Int64Array
    """[instant, security], micro-dollars: of the last bar, else of the close before."""
    is_there: npt.NDArray[np.bool_]
    """[instant, security]: whether a bar of this session has ended by then."""

    def of(self, place: int) -> range:
        """The instants of one session."""
        first, end = np.searchsorted(self.place, [place, place + 1])
        return range(int(first), int(end))


class Sessions(NamedTuple):
    """What bars are laid over."""

    opens: Int64Array
    closes: Int64Array
    origins: pl.DataFrame
    """symbol, place, security of each close that counts."""
    price: Int64Array
    """[session, security], micro-dollars."""
    splits: Actions


def bars_of(told: pl.DataFrame | None, sessions: Sessions) -> tuple[Bars, list[Fault]]:
    """Bars as arrays, and what was wrong with them; none where none were asked for.

    A bar counts within a session that has a close of its security. The one that ends at the close
    does not: the close tells it.
    """
    if told is None:
        return _laid_out(pl.DataFrame(schema=_KEPT), sessions), []
    placed = _placed(told, sessions)
    is_bad = ~(pl.col("close") > 0.0) | ~pl.col("close").is_finite()
    rows = placed.filter(~is_bad).with_columns(micros=(pl.col("close") * MICRO).round())
    agree = pl.col("micros").n_unique().over("security", "at") == 1
    faults = [
        *_told(placed.filter(is_bad), "bar_not_above_0", "no price at that bar"),
        *_told(rows.filter(~agree), "bar_twice_and_different", "no price at that bar"),
        *_without(told, sessions.origins),
    ]
    kept = rows.filter(agree).unique(["at", "security"], maintain_order=True).sort("at", "security")
    return _laid_out(kept, sessions), faults


def _laid_out(kept: pl.DataFrame, sessions: Sessions) -> Bars:
    """Each security at every instant: its last bar, or the close before."""
    instants = kept.select("at", "place").unique("at", keep="first", maintain_order=True)
    row = np.searchsorted(instants["at"].to_numpy(), kept["at"].to_numpy())
    place = instants["place"].to_numpy().astype(np.int64)
    price = np.zeros((len(place), sessions.price.shape[1]), dtype=np.int64)
    is_there = np.zeros(price.shape, dtype=np.bool_)
    at = (row, kept["security"].to_numpy())
    price[at], is_there[at] = kept["micros"].cast(pl.Int64).to_numpy(), True
    for n in range(len(place)):
        is_first = n == 0 or place[n] != place[n - 1]
        before = (
            price_at_opening(sessions.price, sessions.splits, int(place[n]))
            if is_first
            else price[n - 1]
        )
        price[n] = np.where(is_there[n], price[n], before)
        if not is_first:
            is_there[n] |= is_there[n - 1]
    return Bars(instants["at"].to_numpy().astype(np.int64), place, price, is_there)


def _placed(told: pl.DataFrame, sessions: Sessions) -> pl.DataFrame:
    """Bars with the place of their session and their security, those inside of a session alone."""
    at = told["at"].dt.epoch("us").to_numpy()
    place = np.searchsorted(sessions.closes, at)
    opened = sessions.opens[np.minimum(place, len(sessions.opens) - 1)]
    closed = sessions.closes[np.minimum(place, len(sessions.closes) - 1)]
    within = told.with_columns(at=pl.Series(at), place=pl.Series(place.astype(np.int64))).filter(
        # Before the first close nobody holds anything.
        pl.Series((opened < at) & (at < closed) & (place > 0))
    )
    known = sessions.origins.select(
        "place", "security", "business_date", symbol=pl.col("symbol").str.split("@").list.first()
    )
    return within.join(known, on=["symbol", "place"], how="inner", maintain_order="left")


def _told(rows: pl.DataFrame, fault: str, treatment: str) -> list[Fault]:
    """One a symbol and day."""
    days = rows.select("symbol", "business_date").unique().sort("symbol", "business_date")
    return [Fault(symbol, day, fault, treatment) for symbol, day in days.iter_rows()]


def _without(told: pl.DataFrame, origins: pl.DataFrame) -> list[Fault]:
    tickers = {symbol.partition("@")[0] for symbol in origins["symbol"].unique()}
    lacking = sorted({*told["symbol"].unique()} - tickers)
    return [Fault(one, None, "bars_without_closes", "its bars do not count") for one in lacking]
