"""All answers to one scenario in one document: what the report shows and the text speaks of."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from margin_assets.avalanche.answers import attributing, need, sizing, standing, telling, watching
from margin_assets.avalanche.answers.advising import advice
from margin_assets.avalanche.answers.case import (
    ARMS,
    Case,
    case_of,
    liquid,
    policy_of,
    run,
    traced,
    uncensored,
)
from margin_assets.avalanche.answers.documents import (
    Document,
    distribution_document,
    plain,
)
from margin_assets.avalanche.answers.venue_funding import funded_venues
from margin_assets.avalanche.book.building import Built
from margin_assets.kernels.avalanche.answers.attribution import Attribution, tail
from margin_assets.kernels.avalanche.answers.quantiles import distribution
from margin_assets.kernels.avalanche.results import Results

_LEVEL = 0.99
_SHOWN = 16  # tail paths whose calls are shown by hour


class Asked(NamedTuple):
    """Which run is asked about."""

    book: str
    scenario: str
    paths: int
    seed: int


class Known(NamedTuple):
    """What was found before: it is not run again."""

    arms: Mapping[str, Results] | None = None
    """Paths of the three arms."""
    warning: Document | None = None
    """Early warning of the book, by the same paths and seed."""


NOTHING = Known()


def everything(
    held: Built,
    asked: Asked,
    told: Callable[[str], None] = lambda _: None,
    known: Known = NOTHING,
) -> Document:
    """Every answer but the reverse stress.

    Args:
        held: The book.
        asked: Which run.
        told: Hears of each part as it begins.
        known: What has been run already.

    Raises:
        BookError: There is no such scenario, or it is not known what can be sold.
    """
    case = case_of(held, asked.scenario, asked.paths, asked.seed)
    held.require_depth()
    told("arms A, B and C")
    arms = known.arms or {arm: run(case, arm) for arm in ARMS}
    free = uncensored(case, arms["A"])
    document = _run_document(held, asked, case) | _need_document(case, arms, free)
    told("calls of the worst paths")
    document |= _paths_document(case, arms["C"])
    told("whose need it is")
    found = attributing.attribution(case, "C", arms["C"])
    document["attribution"] = attributing.attribution_document(case, found)
    told("facility")
    document["facility"] = _facility(case, sizing.Before(free, arms["A"]))
    told("how it stands")
    document |= _standing(held, case, (arms["C"], free), found)
    told("early warning")
    document["warning"] = known.warning or _warning(held, asked, free)
    told("recommendations")
    document["advice"] = advice(case, held, found, free.peak_need)
    return document


def _warning(held: Built, asked: Asked, free: Results) -> Document:
    moderate = case_of(held, watching.MODERATE, asked.paths, asked.seed)
    is_run = asked.scenario == watching.MODERATE
    return watching.reading_of(moderate, held, free.peak_need if is_run else None)


def _run_document(held: Built, asked: Asked, case: Case) -> Document:
    return {
        "run": asked._asdict()
        | {
            "sets": len(case.holdings.names.sets),
            "factors": len(case.holdings.names.factors),
            "managers": len(case.holdings.names.managers),
            "venues": len(case.holdings.names.venues),
            "hours": case.settings.hours,
            "warnings": list(held.warnings),
        },
        "liquidity": plain(liquid(case.platform)) | {"total": liquid(case.platform).total},
    }


def _need_document(case: Case, arms: Mapping[str, Results], free: Results) -> Document:
    hours = case.settings.hours
    return {
        "arms": {arm: need.arm_document(results, hours) for arm, results in arms.items()},
        "uncensored_need": distribution_document(distribution(free.peak_need)),
        "amplification": need.amplification(arms),
        "fan": need.fan(free, hours),
        "by_account": need.by_account(case, free),
        "by_venue": need.venues(case, free),
        "by_day": need.by_day(free),
    }


def _paths_document(case: Case, results: Results) -> Document:
    worst = tail(results.peak_need, _LEVEL)
    spread = np.linspace(0, len(worst) - 1, min(_SHOWN, len(worst))).round().astype(np.int64)
    trace = traced(case, "C", results.path[worst[spread]])
    order = np.argsort(trace.results.peak_need, kind="stable")
    return {
        "calls": telling.calls_by_hour(case, trace),
        "sources": telling.sources_by_hour(trace, int(order[len(order) // 2])),
    }


def _facility(case: Case, before: sizing.Before) -> Document:
    if not case.platform.facilities.committed.any():
        return {"facility": None}
    return sizing.facility_document(case, _LEVEL, before)


def _standing(
    held: Built, case: Case, runs: tuple[Results, Results], found: Attribution
) -> Document:
    results, free = runs
    policy = policy_of(held)
    base = standing.baseline(case)
    shares = standing.concentrations(case, base, found, policy.limits)
    cushion = standing.cushion(case, policy)
    days = standing.funding(held, free, cushion)
    spiral = standing.spiral_of(case, free)
    facts = standing.Facts(results, shares, days, cushion, spiral)
    return {
        "initial_margin_today": float(base.by_set.sum()),
        "concentration": [plain(one) for one in shares],
        "efficiency": standing.efficiencies(case, base, found),
        "funding": [plain(day) for day in days],
        "funding_by_account": standing.funded_accounts(held, free, cushion.share),
        "funding_by_venue": funded_venues(held, case),
        "spiral": standing.spiral_document(case, spiral),
        "standing": standing.standing_document(case, facts, policy),
    }
