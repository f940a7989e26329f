"""The answer to one run as a document: distributions with their sampling error, by whom and when."""

from typing import Any

import numpy as np

from margin_assets.avalanche.book.building import Built
from margin_assets.avalanche.running import Ran
from margin_assets.kernels.avalanche.answers.quantiles import distribution, proportion, quantile
from margin_assets.kernels.avalanche.results import NEVER, Results
from margin_assets.kernels.numeric.arrays import FloatArray

Document = dict[str, Any]
_DAY = 24
_TAIL = 0.99
_AMOUNTS = (
    *("max_day_call", "max_hour_call", "gross_calls", "im_peak_ratio", "sold", "impact_cost"),
    *("facility_drawn", "hqla_left", "cash_left", "arrears", "pnl"),
)


def document_of(built: Built, ran: Ran) -> Document:
    """The whole answer; amounts in USD, needs and calls are outflows."""
    asked, results = ran.asked, ran.results
    return {
        "run_id": ran.run_id,
        "snapshot_id": ran.snapshot_id,
        "scenario": asked.scenario,
        "arm": asked.arm,
        "seed": asked.seed,
        "paths": asked.paths,
        "peak_need": told_distribution(results.peak_need),
        "peak_hour": _hours(results.peak_hour),
        "exhaustion": _happened(results.exhaustion_hour, built),
        "default": _happened(results.default_hour, built),
        **{name: told_distribution(getattr(results, name)) for name in _AMOUNTS},
        "need_by_day": need_by_day(results),
        "need_by_account": _by_account(built, results),
        "need_by_venue": _by_venue(built, results),
        "initial_margin": margin_today(built),
        "largest_unexplained_cash": float(np.abs(results.balance).max()),
        "warnings": list(built.warnings),
    }


def told_distribution(values: FloatArray) -> Document:
    """Mean, quantiles and shortfall, each beside its error."""
    found = distribution(np.asarray(values, np.float64))
    return {
        "mean": found.mean,
        "mean_error": found.mean_error,
        "quantiles": [one._asdict() for one in found.quantiles],
        "shortfall_975": found.shortfall,
        "shortfall_975_error": found.shortfall_error,
    }


def _hours(hours: np.ndarray) -> Document:
    return {"mean": float(hours.mean()), "median": float(np.median(hours))}


def _happened(hours: np.ndarray, built: Built) -> Document:
    """Probability over the run, and by day, that something has happened."""
    count = len(hours)
    by_day = [
        float(((hours != NEVER) & (hours < _DAY * (day + 1))).mean())
        for day in range(built.settings.days)
    ]
    return {**proportion(int((hours != NEVER).sum()), count)._asdict(), "by_day": by_day}


def need_by_day(results: Results) -> list[Document]:
    """Need at the end of each day: mean, 50, 95 and 99%."""
    ends = results.need_by_hour[:, _DAY - 1 :: _DAY].astype(np.float64)
    return [
        {
            "day": day + 1,
            "mean": float(column.mean()),
            **{f"q{round(100 * at)}": quantile(column, at).value for at in (0.5, 0.95, 0.99)},
        }
        for day, column in enumerate(ends.T)
    ]


def _by_account(built: Built, results: Results) -> list[Document]:
    """Largest need at the end of a day, by entity and currency."""
    peaks = results.need_by_account.max(axis=1).astype(np.float64)
    return [
        {
            "entity_id": entity,
            "ccy": ccy,
            "mean": float(peaks[:, place].mean()),
            "q95": quantile(peaks[:, place], 0.95).value,
            "q99": quantile(peaks[:, place], 0.99).value,
        }
        for place, (entity, ccy) in enumerate(built.holdings.names.accounts)
    ]


def _by_venue(built: Built, results: Results) -> list[Document]:
    """Share of each venue in the peak need, on average and of the paths in the tail."""
    venue = built.platform.sets.venue
    count = len(built.holdings.names.venues)
    by_set = results.peak_by_set.astype(np.float64)
    tail = by_set[results.peak_need >= quantile(results.peak_need, _TAIL).value]
    mean = np.bincount(venue, by_set.mean(axis=0), minlength=count)
    worst = np.bincount(venue, tail.mean(axis=0), minlength=count)
    rows = [
        {"venue_id": name, "mean": float(mean[place]), "tail_mean": float(worst[place])}
        for place, name in enumerate(built.holdings.names.venues)
    ]
    return sorted(rows, key=lambda row: (-float(str(row["tail_mean"])), str(row["venue_id"])))


def margin_today(built: Built) -> Document:
    """Initial margin before the first hour, by family of models, and the worst of their errors."""
    multiplier = built.platform.sets.multiplier
    by_family: dict[str, float] = {}
    for report, multiple in zip(built.report, multiplier, strict=True):
        amount = report.margin * float(multiple)
        by_family[report.family] = by_family.get(report.family, 0.0) + amount
    return {
        "total": sum(by_family.values()),
        "by_family": by_family,
        "worst_mean_error": min((r.positions_mean for r in built.report), default=0.0),
    }
