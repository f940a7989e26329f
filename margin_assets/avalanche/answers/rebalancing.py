"""Managers' books scaled to the least margin at the same return: the linear programme of a book."""

from collections.abc import Callable

import numpy as np

from margin_assets.avalanche.answers.case import Case
from margin_assets.avalanche.answers.documents import Document
from margin_assets.kernels.avalanche.answers.margins import layout
from margin_assets.kernels.avalanche.answers.portfolio import (
    Asked,
    Margins,
    Scaled,
    least_margin,
)
from margin_assets.kernels.numeric.arrays import FloatArray


def rebalanced(case: Case, adjustment: float) -> Scaled:
    """Scales of managers that keep the expected return at the least margin today.

    Raises:
        ValueError: A manager's expected return is not stated.
    """
    returns = case.holdings.expected_return
    count = len(returns)
    asked = Asked(
        expected_return=returns,
        least_return=float(returns.sum()),
        low=np.full(count, 1.0 - adjustment),
        high=np.full(count, 1.0 + adjustment),
    )
    return least_margin(_margins(case), asked)


def _margins(case: Case) -> Margins:
    """Today's cuts by manager, times multiplier and weight; anchors and constants stay out."""
    where, rows = layout(case.platform), case.holdings.cuts
    owner = where.set_of_group[where.group_of_cut]
    weight = case.platform.groups.weight[where.group_of_cut, 0]
    scale = case.platform.sets.multiplier[owner] * weight
    shape = (len(owner), len(case.holdings.names.managers))
    form = np.zeros(shape)
    np.add.at(form, (rows.cut, rows.manager), (rows.w + rows.w2) * scale[rows.cut])
    kept = np.flatnonzero(where.is_anchor[where.group_of_cut] == 0)
    return Margins(form[kept], where.group_of_cut[kept])


def portfolio_document(
    case: Case, need: Callable[[FloatArray], float], adjustment: float
) -> Document | None:
    """The what-if that keeps the return at the least margin: what it promises, what it realises.

    `need` is the 99% need of a re-run with managers' books scaled. None where a manager's expected
    return is not stated.
    """
    if not np.isfinite(case.holdings.expected_return).all():
        return None
    found = rebalanced(case, adjustment)
    names = case.holdings.names.managers
    return {
        "margin_before": found.before,
        "margin_promised": found.promised,
        "expected_return": found.expected_return,
        "need_reduction_realised": need(np.ones(len(names))) - need(found.scales),
        "scales": dict(zip(names, found.scales.tolist(), strict=True)),
    }
