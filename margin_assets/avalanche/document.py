"""The answer to one run as a document: distributions with their error, by whom and when."""

import numpy as np

from margin_assets.avalanche.answers.case import case_of
from margin_assets.avalanche.answers.documents import Document, distribution_document
from margin_assets.avalanche.answers.need import arm_document, by_account, by_day, venues
from margin_assets.avalanche.book.building import Built
from margin_assets.avalanche.running import Ran
from margin_assets.kernels.avalanche.answers.quantiles import distribution

_BESIDE = (
    *("gross_calls", "facility_drawn", "hqla_left", "cash_left", "arrears", "pnl"),
    "peak_hour",
)


def document_of(built: Built, ran: Ran) -> Document:
    """The whole answer; amounts in USD, needs and calls are outflows."""
    asked, results = ran.asked, ran.results
    case = case_of(built, asked.scenario, asked.paths, asked.seed)
    beside = {
        name: distribution_document(distribution(getattr(results, name).astype(np.float64)))
        for name in _BESIDE
    }
    return {
        "run_id": ran.run_id,
        "snapshot_id": ran.snapshot_id,
        "scenario": asked.scenario,
        "arm": asked.arm,
        "seed": asked.seed,
        "paths": asked.paths,
        **arm_document(results, built.settings.days * 24),
        **beside,
        "by_day": by_day(results),
        "by_account": by_account(case, results),
        "by_venue": venues(case, results),
        "initial_margin": margin_today(built),
        "largest_unexplained_cash": float(np.abs(results.balance).max()),
        "warnings": list(built.warnings),
    }


def margin_today(built: Built) -> Document:
    """Initial margin before the first hour, by family of models, and the worst of their errors."""
    by_family: dict[str, float] = {}
    for report, multiple in zip(built.report, built.platform.sets.multiplier, strict=True):
        amount = report.margin * float(multiple)
        by_family[report.family] = by_family.get(report.family, 0.0) + amount
    return {
        "total": sum(by_family.values()),
        "by_family": by_family,
        "worst_mean_error": min((r.positions_mean for r in built.report), default=0.0),
    }
