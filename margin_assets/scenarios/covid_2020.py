"""The default scenario: a book of 300 accounts through the real closes of January to April 2020."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from itertools import pairwise

import polars as pl

from margin_assets.scenarios import covid_market
from margin_assets.scenarios.batch import Batch, Scenario, feed_frame
from margin_assets.scenarios.covid_book import book
from margin_assets.scenarios.covid_market import Session

_LIMITS = (
    ("firm-exposure", "beta_weighted_exposure", "firm", None, Decimal(10_000_000), "firm risk"),
    ("issuer-share", "gross_share", "issuer", None, Decimal("0.25"), "firm risk"),
)
"""Limits of the house from the first day on: id, metric, scope, subject, amount, owner."""


def batches() -> Iterator[Batch]:
    """One batch per session, landing at its close, with all that came since the close before."""
    sessions = covid_market.sessions()
    ours = book(sessions)
    yield _first_batch(sessions[0])
    for before, today in pairwise(sessions):
        rows = {feed: _between(frame, before.close, today.close) for feed, frame in ours.items()}
        new_month = today.day.month != before.day.month
        yield Batch(today.close, rows | _market(today, with_betas=new_month))


def _first_batch(session: Session) -> Batch:
    instruments = covid_market.instruments(session.close)
    limits = feed_frame("limits", [(*limit, session.close) for limit in _LIMITS])
    reference = {"instruments": instruments, "limits": limits}
    return Batch(session.close, reference | _market(session, with_betas=True))


def _market(session: Session, *, with_betas: bool) -> dict[str, pl.DataFrame]:
    history = covid_market.closes()
    frames = {
        "volatilities": covid_market.volatilities(history, session.day),
        "prices": covid_market.prices(session),
    }
    return frames | ({"betas": covid_market.betas(history, session.day)} if with_betas else {})


def _between(frame: pl.DataFrame, after: datetime, until: datetime) -> pl.DataFrame:
    return frame.filter(pl.col("event_time").is_between(after, until, closed="right"))


SCENARIO = Scenario(
    name="covid-2020",
    title="The crash of 2020 on real closes",
    summary=(
        "300 invented accounts of every temper hold 20 large US companies at their real daily "
        "closes: the book walks from good order through warnings, calls, restrictions and "
        "liquidation triggers to the lows of March 2020, and some of it is cured."
    ),
    batches=batches,
    batch_count=83,
)
