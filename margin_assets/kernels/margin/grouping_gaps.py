"""How far the groupings of accounts may be from the least, and which class groups are large."""

from collections.abc import Iterator

import numpy as np

from margin_assets.kernels.margin.margined import Margined
from margin_assets.kernels.margin.revaluation import mixed_accounts
from margin_assets.kernels.strategies.group_lines import strategy_rates
from margin_assets.kernels.strategies.grouping import PROOF
from margin_assets.kernels.strategies.least_groups import is_large, least_requirements
from margin_assets.kernels.strategies.problems import Problems, problems_of
from margin_assets.kernels.strategies.strategies import Records

_MICROS_A_CENT = 10_000


def grouping_gap(era: Margined) -> int | None:
    """What no grouping of the first account requires less by, cents; None if that is not known."""
    problems = _problems(era)
    if len(problems.leg_position) == 0:
        return 0
    gaps = least_requirements(problems, strategy_rates(era.rules)).gap
    gap = float(gaps[gaps >= PROOF].sum())
    return int(np.ceil(gap / _MICROS_A_CENT)) if np.isfinite(gap) else None


def has_large_group(era: Margined) -> bool:
    """Whether a class group of the first account is too large for the exact search."""
    problems, rates = _problems(era), strategy_rates(era.rules)
    return any(is_large(legs, stocks, rates) for legs, stocks in _each(problems))


def _problems(era: Margined) -> Problems:
    first = np.zeros(1, dtype=np.int64)
    return problems_of(
        era.book, era.series, era.rules, first[mixed_accounts(era.book, era.series, first)]
    )


def _each(problems: Problems) -> Iterator[tuple[Records, Records]]:
    legs, stocks = problems.leg_offsets, problems.stock_offsets
    for p in range(len(legs) - 1):
        yield (
            problems.legs[legs[p] : legs[p + 1]],
            problems.stocks[stocks[p] : stocks[p + 1]],
        )
