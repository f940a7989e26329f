"""What to do about it: measures built from the book, each valued by running it."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import polars as pl

from margin_assets.avalanche.answers.attributing import attribution
from margin_assets.avalanche.answers.case import (
    Case,
    liquid,
    policy_of,
    run,
    run_unlimited,
    uncensored,
)
from margin_assets.avalanche.answers.documents import Document, document_of
from margin_assets.avalanche.answers.rebalancing import portfolio_document, rebalanced
from margin_assets.avalanche.book.building import Built, built
from margin_assets.kernels.avalanche.answers.attribution import Attribution
from margin_assets.kernels.avalanche.answers.policy import Policy
from margin_assets.kernels.avalanche.answers.recommendations import (
    Alone,
    Candidate,
    Horizon,
    Measured,
    Recommendation,
    alone,
    ranked,
)
from margin_assets.kernels.avalanche.answers.scaling import scaled
from margin_assets.kernels.numeric.arrays import FloatArray, Int64Array

_LEVEL = 0.99
_SHARE = 0.05  # of paths, those with the largest needs, that measures are valued on
_PART = 0.5  # of the gap, that one measure of liquidity covers
_MANAGERS = 3
_STEP = 1e6


class Measure(NamedTuple):
    """A candidate and what it changes."""

    candidate: Candidate
    scales: FloatArray | None = None
    """Of managers' books."""
    liquidity: float = 0.0
    """Added, dollars."""
    move: tuple[str, str, str] | None = None
    """Factor, from netting set, to netting set."""


def measures(case: Case, found: Attribution, policy: Policy, gap: float) -> list[Measure]:
    """The measures that this book offers."""
    amount = max(_STEP, math.ceil(_PART * max(gap, 0.0) / _STEP) * _STEP)
    costs = policy.costs
    offered = [
        _liquidity(
            "add_facility", "committed line", amount, costs.undrawn_fee, Horizon.NINETY_DAYS
        ),
        _liquidity("add_hqla", "government bonds", amount, costs.hqla_carry, Horizon.THIRTY_DAYS),
        _liquidity("term_funding", "cash", amount, costs.term_funding, Horizon.IMMEDIATE),
    ]
    offered += _cuts(case, found, policy.adjustment)
    offered += _rebalanced(case, policy.adjustment)
    return offered + _ports(case, costs.porting)


def _liquidity(kind: str, what: str, amount: float, rate: float, horizon: Horizon) -> Measure:
    name = f"{kind.replace('_', ' ')}: {amount / _STEP:,.0f}m of {what}"
    candidate = Candidate(name, kind, what, rate * amount, "treasurer", horizon)
    return Measure(candidate, liquidity=amount)


def _cuts(case: Case, found: Attribution, adjustment: float) -> list[Measure]:
    """The managers with the largest needs, each cut; one whose return is unknown has no cost."""
    names = case.holdings.names.managers
    offered = []
    for place in np.argsort(-found.by_manager, kind="stable")[:_MANAGERS]:
        lost = float(case.holdings.expected_return[place]) * adjustment
        if math.isnan(lost) or found.by_manager[place] <= 0.0:
            continue
        scales = np.ones(len(names))
        scales[place] = 1.0 - adjustment
        name = f"cut {names[place]} by {adjustment:.0%}"
        candidate = Candidate(name, "cut", names[place], lost, "risk chief", Horizon.IMMEDIATE)
        offered.append(Measure(candidate, scales=scales))
    return offered


def _rebalanced(case: Case, adjustment: float) -> list[Measure]:
    if not np.isfinite(case.holdings.expected_return).all():
        return []
    answer = rebalanced(case, adjustment)
    if answer.promised >= answer.before:
        return []
    candidate = Candidate(
        "rebalance managers at the same return",
        "rebalance",
        "all managers",
        0.0,
        "risk chief",
        Horizon.THIRTY_DAYS,
    )
    return [Measure(candidate, scales=answer.scales)]


def _ports(case: Case, rate: float) -> list[Measure]:
    """The move of a factor between two sets of one entity that offset each other most in it."""
    best: tuple[float, int, int, int] | None = None
    table = _by_set_and_factor(case)
    entity = case.platform.accounts.entity[case.platform.sets.account]
    for factor in range(table.shape[1]):
        amounts = table[:, factor]
        for one in np.unique(entity):
            own = np.flatnonzero(entity == one)
            long, short = own[np.argmax(amounts[own])], own[np.argmin(amounts[own])]
            offset = min(amounts[long], -amounts[short]) * case.platform.factors.sigma[factor]
            if offset > 0.0 and (best is None or offset > best[0]):
                source, target = (
                    (long, short) if amounts[long] <= -amounts[short] else (short, long)
                )
                best = (float(offset), factor, int(source), int(target))
    if best is None:
        return []
    _, factor, source, target = best
    names = case.holdings.names
    what = (names.factors[factor], names.sets[source], names.sets[target])
    cost = rate * abs(float(table[source, factor]))
    name = f"port {what[0]} from {what[1]} to {what[2]}"
    candidate = Candidate(name, "port", what[1], cost, "head of trading", Horizon.NINETY_DAYS)
    return [Measure(candidate, move=what)]


def _by_set_and_factor(case: Case) -> FloatArray:
    rows = case.holdings.exposures
    table = np.zeros((len(case.holdings.names.sets), len(case.holdings.names.factors)))
    np.add.at(table, (rows.set, case.platform.units.factor[rows.unit]), rows.delta)
    return table


class Valuer:
    """Needs of the worst paths with measures in place; those that change no need are free."""

    def __init__(self, case: Case, held: Built, offered: list[Measure], worst: Int64Array) -> None:
        self._case, self._held, self._offered, self._worst = case, held, offered, worst
        self._needs: dict[tuple[bytes, tuple[int, ...]], float] = {}
        self._ported: dict[tuple[int, ...], Case] = {(): case}

    def measured(self, done: tuple[int, ...]) -> Measured:
        """Need and gap with the measures done."""
        added = sum(self._offered[place].liquidity for place in done)
        need = self._need(done)
        missing = need - liquid(self._case.platform).total - added
        return Measured(need, max(0.0, missing))

    def _need(self, done: tuple[int, ...]) -> float:
        scales = np.ones(len(self._case.holdings.names.managers))
        for place in done:
            factor = self._offered[place].scales
            scales = scales if factor is None else scales * factor
        moved = tuple(sorted(place for place in done if self._offered[place].move is not None))
        return self.need(scales, moved)

    def need(self, scales: FloatArray, moved: tuple[int, ...] = ()) -> float:
        """The 99% need with managers' books scaled, and with measures that move exposures."""
        key = (scales.tobytes(), moved)
        if key not in self._needs:
            case = self._with_moves(moved)
            platform = scaled(case.platform, case.holdings, scales)
            needs = run_unlimited(case._replace(platform=platform), self._worst).peak_need
            self._needs[key] = _upper(needs, self._case.paths)
        return self._needs[key]

    def _with_moves(self, moved: tuple[int, ...]) -> Case:
        if moved not in self._ported:
            tables = dict(self._held.tables)
            for place in moved:
                factor, source, target = self._offered[place].move or ("", "", "")
                tables["exposure"] = _moved(tables["exposure"], factor, source, target)
            book = built(tables, like=self._held)
            self._ported[moved] = self._case._replace(
                platform=book.platform, holdings=book.holdings
            )
        return self._ported[moved]


def _moved(exposure: pl.DataFrame, factor: str, source: str, target: str) -> pl.DataFrame:
    """Exposures with one factor's rows of a set in another, added to what it has there."""
    is_moved = (pl.col("ns_id") == source) & (pl.col("factor_id") == factor)
    keys = ["ns_id", "manager_id", "factor_id"]
    named = exposure.with_columns(
        ns_id=pl.when(is_moved).then(pl.lit(target)).otherwise(pl.col("ns_id"))
    )
    sums = [pl.col(name).sum() for name in ("delta", "gamma", "theta")]
    rest = [
        pl.col(n).first() for n in exposure.columns if n not in {*keys, "delta", "gamma", "theta"}
    ]
    return named.group_by(keys, maintain_order=True).agg(*sums, *rest).select(exposure.columns)


def _upper(needs: FloatArray, paths: int) -> float:
    """The 99% quantile of all paths from those with the largest needs."""
    beyond = paths - math.ceil(paths * _LEVEL - 1e-9)
    return float(np.sort(needs)[::-1][min(beyond, len(needs) - 1)])


def worst_paths(needs: FloatArray) -> Int64Array:
    """The paths that measures are valued on, in order."""
    count = max(1, math.ceil(len(needs) * _SHARE))
    return np.sort(np.argsort(-needs, kind="stable")[:count]).astype(np.int64)


def advice(
    case: Case,
    held: Built,
    found: Attribution,
    needs: FloatArray,
    told: Callable[[str], None] = lambda _: None,
) -> Document:
    """Measures by what they take off the 99% gap for what they cost.

    Args:
        case: The book in its scenario.
        held: The book.
        found: Whose need it is.
        needs: Peak needs of all paths with every due paid.
        told: Hears of each set of measures as it is valued.
    """
    policy = policy_of(held)
    worst = worst_paths(needs)
    gap = _upper(needs[worst], case.paths) - liquid(case.platform).total
    offered = measures(case, found, policy, gap)
    valuer = Valuer(case, held, offered, worst)

    def measured(done: tuple[int, ...]) -> Measured:
        told(", ".join(offered[place].candidate.kind for place in done) or "as it is")
        return valuer.measured(done)

    candidates = [one.candidate for one in offered]
    picks = ranked(candidates, measured)
    before = valuer.measured(())
    return {
        "need_99": before.need,
        "gap_99": before.gap,
        "considered": [_alone(one) for one in alone(candidates, measured)],
        "portfolio": portfolio_document(case, valuer.need, policy.adjustment),
        "recommendations": [_pick(pick) for pick in picks],
    }


def _alone(one: Alone) -> Document:
    found = document_of(one)
    candidate = found.pop("candidate")
    return {**candidate, **found}


def _pick(pick: Recommendation) -> Document:
    found = document_of(pick)
    candidate = found.pop("candidate")
    found["per_cost"] = None if math.isinf(pick.per_cost) else pick.per_cost
    return {**candidate, **found}


def advised_book(held: Built, case: Case) -> Document:
    """Measures for a book in one scenario; whose need it is, is told of the arm without sales."""
    still = run(case, "A")
    found, needs = attribution(case, "A", still), uncensored(case, still).peak_need
    return {"scenario": case.scenario_name} | advice(case, held, found, needs)
