"""Thirty days of funding by venue: what each calls and returns, and flows that are due to it."""

from collections.abc import Iterator

import numpy as np
import polars as pl

from margin_assets.avalanche.answers.case import Case
from margin_assets.avalanche.answers.documents import Document, document_of
from margin_assets.avalanche.book.building import Built
from margin_assets.avalanche.book.terms import ladder_of
from margin_assets.kernels.avalanche.answers.funding import (
    DAYS,
    LEVELS,
    Cushion,
    FundingDay,
    funding_forecast,
)
from margin_assets.kernels.avalanche.results import CALL, RETURN
from margin_assets.kernels.avalanche.scenario import NO_SALES
from margin_assets.kernels.avalanche.simulation import Simulator
from margin_assets.kernels.numeric.arrays import FloatArray

MOST = 256
"""Paths looked at: a path told event by event costs several times one that is not."""
_BATCH = 32
_HOURS = 24
_BY, _AT_95 = 9, LEVELS.index(0.95)
_OF_CASH = ("buffer", "shortfall")


def margin_by_venue(case: Case) -> FloatArray:
    """[path, day, venue]: margin paid less returned by the end of each day, every due paid; USD.

    Of the first `MOST` paths. Summed over venues it is `need_by_account` summed over accounts.
    """
    settings = case.settings._replace(arm=NO_SALES, unlimited=1)
    simulator = Simulator(case.platform, settings)
    paths, days = min(case.paths, MOST), settings.hours // _HOURS
    venue, venues = case.platform.sets.venue, len(case.holdings.names.venues)
    moved = np.zeros((paths, days, venues))
    for first in range(0, paths, _BATCH):
        ids = np.arange(first, min(first + _BATCH, paths), dtype=np.int64)
        events = simulator.trace(case.scenario, ids).events
        events = events[np.isin(events["kind"], (CALL, RETURN))]
        # What is struck on the last day and due after it is paid in its name.
        day = np.minimum(events["due_hour"] // _HOURS, days - 1)
        place = (events["path"], day, venue[events["subject"]])
        np.add.at(moved, place, events["vm"] + events["im"])
    total: FloatArray = np.cumsum(moved, axis=1)
    return total


def funded_venues(built: Built, case: Case) -> Document:
    """Funding of each venue by day, the largest 95% outflow of ten days first.

    Cash belongs to no venue: a shortfall is told of accounts alone. Flows of no venue are in none.
    """
    margin = margin_by_venue(case)
    flows = dict(_flows(built))
    none = np.zeros(DAYS)
    told = [
        (name, _days(flows.get(name, none), margin[:, :DAYS, place]))
        for place, name in enumerate(case.holdings.names.venues)
    ]
    told.sort(key=lambda row: (-row[1][_BY].outflow[_AT_95], row[0]))
    rows = [{"venue": name, "days": [_document(day) for day in days]} for name, days in told]
    return {"paths": len(margin), "venues": rows}


def _days(flows: FloatArray, margin: FloatArray) -> tuple[FundingDay, ...]:
    return funding_forecast(flows, margin, Cushion(0.0, 0.0, 0.0))


def _document(day: FundingDay) -> Document:
    told = document_of(day)
    return {name: told[name] for name in told if name not in _OF_CASH}


def _flows(built: Built) -> Iterator[tuple[str, FloatArray]]:
    """By venue: contractual outflows of thirty days."""
    ladder = built.tables["cash_ladder"]
    month = built.settings.model_copy(update={"days": DAYS})
    for name in ladder["venue_id"].drop_nulls().unique(maintain_order=True):
        due = built.tables | {"cash_ladder": ladder.filter(pl.col("venue_id") == name)}
        hourly = ladder_of(due, built.holdings.names, month)
        yield name, hourly.reshape(DAYS, -1).sum(axis=1)
