"""One path told hour by hour: what moved, who called, what was paid from what, what was sold."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from margin_assets.avalanche.answers.case import Case, traced
from margin_assets.avalanche.answers.documents import Document
from margin_assets.avalanche.book.building import Built
from margin_assets.kernels.avalanche.results import (
    CALL,
    DEFAULT,
    DRAWN,
    LIQUIDITY,
    NEVER,
    PAID,
    RETURN,
    SOLD,
    TURNED,
    Trace,
)

_HOURS = 24
_KINDS = {
    CALL: "called",
    RETURN: "returned",
    PAID: "paid",
    TURNED: "posted or turned into cash",
    DRAWN: "drawn",
    SOLD: "sold",
    DEFAULT: "default",
}
_MOVES = 3
"""Factors whose moves of an hour are told."""


def story(case: Case, arm: str, path: int) -> Document:
    """A path by hour: events in the order in which they happened, and liquidity after each hour.

    Raises:
        ValueError: The path is none of the run's.
    """
    if not 0 <= path < case.paths:
        msg = f"the run has paths 0 to {case.paths - 1}, and no path {path}"
        raise ValueError(msg)
    told = traced(case, arm, np.array([path], dtype=np.int64))
    results = told.results
    hours = [_hour(case, told, hour) for hour in range(told.level.shape[1])]
    return {
        "path": path,
        "arm": arm,
        "scenario": case.scenario_name,
        "peak_need": float(results.peak_need[0]),
        "peak_hour": int(results.peak_hour[0]),
        "exhaustion_hour": _known(int(results.exhaustion_hour[0])),
        "default_hour": _known(int(results.default_hour[0])),
        "hours": [hour for hour in hours if hour["events"] or hour["hour"] % _HOURS == 0],
    }


def _known(hour: int) -> int | None:
    return None if hour == NEVER else hour


def _hour(case: Case, told: Trace, hour: int) -> Document:
    events = told.events[told.events["hour"] == hour]
    return {
        "hour": hour,
        "day": hour // _HOURS + 1,
        "hour_of_day": hour % _HOURS,
        "moves": _moves(case, told, hour),
        "events": [_event(case, event) for event in events],
        "liquidity": dict(zip(LIQUIDITY, told.liquidity[0, hour].tolist(), strict=True)),
    }


def _moves(case: Case, told: Trace, hour: int) -> list[Document]:
    """The largest moves of the hour in deviations of a day."""
    before = told.level[0, hour - 1] if hour else np.zeros(told.level.shape[2])
    moved = (told.level[0, hour] - before) / case.platform.factors.sigma
    order = np.argsort(-np.abs(moved), kind="stable")[:_MOVES]
    names = case.holdings.names.factors
    return [
        {"factor": names[place], "deviations": float(moved[place])}
        for place in order
        if moved[place] != 0.0
    ]


def _event(case: Case, event: Any) -> Document:  # noqa: ANN401 (a record of the trace)
    kind = int(event["kind"])
    subject = _names(case, kind)[int(event["subject"])]
    found: Document = {"kind": _KINDS[kind], "subject": subject, "amount": float(event["amount"])}
    if kind in (CALL, RETURN):
        sets = case.platform.sets
        found |= {
            "venue": case.holdings.names.venues[sets.venue[int(event["subject"])]],
            "vm": float(event["vm"]),
            "im": float(event["im"]),
            "addon": float(event["addon"]),
            "due_hour": int(event["due_hour"]),
            "disputed": float(event["disputed"]),
        }
    return found


def _names(case: Case, kind: int) -> Sequence[str]:
    names = case.holdings.names
    accounts = [f"{entity} {currency}" for entity, currency in names.accounts]
    return {
        CALL: names.sets,
        RETURN: names.sets,
        PAID: accounts,
        TURNED: names.assets,
        DRAWN: names.facilities,
        SOLD: names.units,
        DEFAULT: names.entities,
    }[kind]


def calls_by_hour(case: Case, told: Trace) -> Document:
    """Mean amount called by venue and hour over the traced paths: who calls when."""
    events = told.events[told.events["kind"] == CALL]
    venues, hours = len(case.holdings.names.venues), told.level.shape[1]
    venue = case.platform.sets.venue[events["subject"]]
    flat = np.bincount(venue * hours + events["hour"], events["amount"], venues * hours)
    paths = len(told.results.path)
    return {
        "venues": list(case.holdings.names.venues),
        "hours": hours,
        "amounts": (flat.reshape(venues, hours) / paths).tolist(),
        "paths": paths,
    }


def sources_by_hour(told: Trace, place: int = 0) -> Document:
    """Liquidity of one traced path over the hours."""
    rows = told.liquidity[place]
    return {"path": int(told.results.path[place])} | {
        name: rows[:, column].tolist() for column, name in enumerate(LIQUIDITY)
    }


def told_path(held: Built, case: Case, arm: str, path: int) -> Document:
    """A path of a book in one arm.

    Raises:
        BookError: The arm sells what nobody knows the turnover of.
        ValueError: The path is none of the run's.
    """
    if arm != "A":
        held.require_depth()
    return story(case, arm, path)
