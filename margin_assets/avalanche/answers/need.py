"""How much could be called: peak need by arm, over time, by currency, venue and day."""

from collections.abc import Mapping

import numpy as np

from margin_assets.avalanche.answers.case import Case, by_venue
from margin_assets.avalanche.answers.documents import (
    Document,
    distribution_document,
    quantile_document,
    share_document,
)
from margin_assets.kernels.avalanche.answers.attribution import tail
from margin_assets.kernels.avalanche.answers.quantiles import (
    distribution,
    quantile,
    share_by_hour,
    share_of,
)
from margin_assets.kernels.avalanche.results import NEVER, Results
from margin_assets.kernels.numeric.arrays import FloatArray

FAN = (0.50, 0.90, 0.95, 0.99)
_TAIL = 0.99


def arm_document(results: Results, hours: int) -> Document:
    """What one arm comes to: need, calls, exhaustion, default, sales."""
    return {
        "peak_need": distribution_document(distribution(results.peak_need)),
        "largest_day_call": distribution_document(distribution(results.max_day_call)),
        "largest_hour_call": distribution_document(distribution(results.max_hour_call)),
        "im_peak_ratio": distribution_document(distribution(results.im_peak_ratio)),
        "sold": distribution_document(distribution(results.sold)),
        "impact_cost": distribution_document(distribution(results.impact_cost)),
        "exhaustion": share_document(share_of(results.exhaustion_hour != NEVER)),
        "default": share_document(share_of(results.default_hour != NEVER)),
        "exhaustion_by_hour": share_by_hour(results.exhaustion_hour, hours).tolist(),
        "default_by_hour": share_by_hour(results.default_hour, hours).tolist(),
    }


def amplification(arms: Mapping[str, Results]) -> Document:
    """What selling and its impact change, as ratios of 99% needs and shares of defaults.

    Selling lowers later calls and its impact raises them; one ratio would hide it.
    """
    at_99 = {arm: quantile(results.peak_need, _TAIL).value for arm, results in arms.items()}
    found: Document = {}
    for name, above, below in (("sales", "B", "A"), ("impact", "C", "B")):
        if above in at_99 and below in at_99:
            is_known = at_99[below] > 0.0
            found[f"{name}_on_need"] = at_99[above] / at_99[below] if is_known else None
            shares = [float(np.mean(arms[arm].default_hour != NEVER)) for arm in (above, below)]
            found[f"{name}_on_default"] = shares[0] - shares[1]
    return found


def fan(results: Results, hours: int) -> Document:
    """Quantiles of need over the hours of market; what is only paid after them is left out."""
    ordered = np.sort(results.need_by_hour[:, :hours], axis=0)
    ranks = [int(np.ceil(len(ordered) * level - 1e-9)) - 1 for level in FAN]
    return {"levels": list(FAN), "hours": [ordered[rank].astype(float).tolist() for rank in ranks]}


def by_account(case: Case, results: Results) -> list[Document]:
    """Need of each entity in each currency, at its own worst day; the largest first."""
    worst = results.need_by_account.max(axis=1).astype(np.float64)
    rows = [
        {"entity": entity, "currency": currency} | _told(worst[:, place])
        for place, (entity, currency) in enumerate(case.holdings.names.accounts)
    ]
    return sorted(rows, key=lambda row: -row["q99"]["value"])


def by_day(results: Results) -> list[Document]:
    """Need at the end of each business day."""
    total = results.need_by_account.sum(axis=2, dtype=np.float64)
    return [{"day": day + 1} | _told(total[:, day]) for day in range(total.shape[1])]


def venues(case: Case, results: Results) -> list[Document]:
    """Each venue's part of the need at the peak, and its mean in the worst 1%; largest first."""
    parts = by_venue(case, results.peak_by_set.astype(np.float64))
    worst = parts[tail(results.peak_need, _TAIL)].mean(axis=0)
    rows = [
        {"venue": name, "in_tail": float(worst[place])} | _told(parts[:, place])
        for place, name in enumerate(case.holdings.names.venues)
    ]
    return sorted(rows, key=lambda row: (-row["in_tail"], row["venue"]))


def _told(values: FloatArray) -> Document:
    found = {
        f"q{level * 100:g}": quantile_document(quantile(values, level)) for level in (0.95, _TAIL)
    }
    return {"mean": float(values.mean())} | found
