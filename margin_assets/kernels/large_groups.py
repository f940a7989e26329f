"""Class groups too large for a dense program: the linear relaxation of the whole, then whole counts.

Source: FINRA Rule 4210(f)(2).
"""

import numpy as np

from margin_assets.kernels.choices import Part, alone
from margin_assets.kernels.grouping import (
    Draft,
    Grouping,
    draft_of,
    grouping_of,
    requirement,
    take,
    with_room,
    write_alone,
    write_spreads,
)
from margin_assets.kernels.grouping_parts import labels, positions
from margin_assets.kernels.grouping_program import program_of
from margin_assets.kernels.relaxation import most_saving_sparse
from margin_assets.kernels.spreads import layout_of
from margin_assets.kernels.strategies import Records, StrategyRates, option_value

_ENOUGH = 1e-4
"""Of what the class group is worth: no better grouping is looked for beyond that."""


def large_grouping(legs: Records, stocks: Records, rates: StrategyRates, work: int) -> Grouping:
    """A grouping of one class group, with a bound of what any other saves."""
    draft = draft_of(legs, stocks)
    unmatched = write_alone(legs, stocks, draft_of(legs, stocks))
    whole, _ = requirement(0, unmatched.written[0], unmatched.activities, legs, stocks, rates)
    label, stock_label = labels(legs, stocks)
    ceiling = 0.0
    for name in dict.fromkeys(label.tolist()):
        ids, stock_ids = positions(label, name), positions(stock_label, name)
        part = Part(legs, stocks, rates, ids, stock_ids, draft.shares)
        draft, saved = _group(part, work, draft)
        ceiling += saved
    draft = write_alone(legs, stocks, write_spreads(legs, draft, False))  # noqa: FBT003
    found = grouping_of(legs, stocks, rates, draft, 0.0)
    return found._replace(gap=max(ceiling - (whole - found.maintenance), 0.0))


def _group(part: Part, work: int, draft: Draft) -> tuple[Draft, float]:
    """Groups a part; what no grouping of it saves more than."""
    lone = alone(part)
    layout = layout_of(part, lone)
    program = program_of(part, layout)
    found = most_saving_sparse(program, _ENOUGH * _worth(part))
    draft = with_room(draft, len(found.counts) + len(part.ids))
    take(part, layout, found.counts, draft)
    return draft, found.ceiling


def _worth(part: Part) -> float:
    """What the options of a part are worth, micro-dollars."""
    counts = np.abs(part.legs["contracts"][part.ids])
    return float(sum(option_value(part.legs[i]) * n for i, n in zip(part.ids, counts, strict=True)))
