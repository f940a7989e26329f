"""The plan of one account: orders, what they come to and cost, and how far the cost is proven."""

from collections.abc import Collection
from decimal import Decimal
from typing import NamedTuple

import numpy as np
import polars as pl

from margin_assets.kernels.book.states import BEYOND_RANGE
from margin_assets.kernels.liquidation import starts
from margin_assets.kernels.liquidation.class_groups import least_of
from margin_assets.kernels.liquidation.costs import OrderCosts, order_costs, parts_of
from margin_assets.kernels.liquidation.policy import LiquidationPolicy
from margin_assets.kernels.liquidation.problem import Problem, problem_of
from margin_assets.kernels.liquidation.search import Found, Search
from margin_assets.kernels.liquidation.tradable import LeftAlone, Tradable, tradable_of
from margin_assets.kernels.liquidation.trials import Trials
from margin_assets.kernels.liquidation.trimming import trimmed
from margin_assets.kernels.margin.margined import Margined
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.money import MICRO, PPM, to_decimal
from schemas.desk.liquidation import POLICIES

NODES = 500
"""Boxes that a search looks at: of some, its cost is then not proven the least."""


class Request(NamedTuple):
    """What is asked of a plan."""

    policy: str = "least_cost"
    buffer: int | None = None
    """Excess to be left, ppm of the deficiency; None: the rulebook's."""
    keep: Collection[str] = ()
    """Symbols that are not liquidated, nor options on them."""
    target: int | None = None
    """Excess to be reached, cents, in place of the buffer's."""


class Order(NamedTuple):
    """One order that reduces a position; amounts in USD."""

    symbol: str
    side: str
    """`sell` a long position, `buy` in a short one."""
    quantity: Decimal
    """Shares, contracts or units of a bond; above 0."""
    price: Decimal
    """Mark that the plan fills it at."""
    value: Decimal
    half_spread: Decimal
    impact: Decimal
    commission: Decimal
    cost: Decimal
    flags: tuple[str, ...]
    """What was not known of its cost, and was taken dear."""


class Figures(NamedTuple):
    """An account before or after a plan, USD."""

    equity: Decimal
    requirement: Decimal
    excess: Decimal


class Plan(NamedTuple):
    """Orders that cure one account; amounts in USD."""

    policy: str
    status: str
    deficiency: Decimal
    target: Decimal
    """Excess to be reached."""
    before: Figures
    after: Figures
    """At plan prices, costs not counted."""
    remaining: Decimal
    """What is missing of the target."""
    cost: Decimal
    lower_bound: Decimal | None
    """No orders that cure cost less; None where none cure, or none is known to."""
    proof: str
    """How the bound was found."""
    is_least: bool
    """Whether it is proven that no orders that cure cost less than these."""
    nodes: int
    orders: tuple[Order, ...]
    left_alone: tuple[LeftAlone, ...]


def liquidation_plan(
    era: Margined, volumes: pl.DataFrame, policy: LiquidationPolicy, request: Request
) -> Plan:
    """The plan of one account.

    `volumes`: a row a symbol with `average_daily_volume`. The account is struck again by the
    kernels of margin at its marks; orders fill at them, so that no cost is counted in the excess.

    Raises:
        ValueError: The policy is none, or there is not one account.
    """
    if request.policy not in POLICIES or era.accounts.height != 1:
        msg = f"one account and one policy of {', '.join(POLICIES)} make a plan"
        raise ValueError(msg)
    if int(era.figures.states[0]) & BEYOND_RANGE:
        names = era.positions["symbol"].to_list()
        alone = tuple(LeftAlone(name, "beyond_range") for name in names)
        free, _ = tradable_of(era, volumes, policy, names)
    else:
        free, alone = tradable_of(era, volumes, policy, request.keep)
    trials, costs = Trials(era, free), order_costs(era, free, policy)
    lacking = -int(trials.standing(np.zeros((1, len(free.place)), dtype=np.int64)).excess[0])
    target = _target(max(lacking, 0), policy, request)
    problem = problem_of(era, trials, costs, target)
    if -lacking >= target:
        nothing = np.zeros_like(free.most)
        return _told(era, problem, request, Found(nothing, 0.0, is_least=True, nodes=0), alone)
    found = _solved(era, problem, request.policy)
    return _told(era, problem, request, found, alone)


def _target(deficiency: int, policy: LiquidationPolicy, request: Request) -> int:
    """Excess to be reached, cents, rounded up."""
    if request.target is not None:
        return request.target
    buffer = policy.buffer if request.buffer is None else request.buffer
    return -(-deficiency * buffer // PPM)


def _solved(era: Margined, problem: Problem, policy: str) -> Found:
    first = starts.by_beta(problem, era)
    if policy == "highest_beta":
        bound = Search(problem, first).run(1).bound
        return Found(first, bound, is_least=False, nodes=1)
    found = [first, starts.by_price(problem, problem.rate)]
    if not problem.is_separable:
        found.append(starts.by_price(problem, starts.measured_rates(problem)))
        found.append(starts.by_group(problem, era))
    known = [lots for lots in found if lots is not None]
    best = min(known, key=problem.cost) if known else None
    searched = _searched(era, problem, best)
    if searched.lots is None or searched.is_least:
        return searched
    return searched._replace(lots=trimmed(problem, searched.lots))


def _searched(era: Margined, problem: Problem, best: Int64Array | None) -> Found:
    """The least cost by class groups where they are small, else and beyond by boxes of lots."""
    ways = None if problem.is_separable else least_of(problem, era, best)
    if ways is None:
        return Search(problem.with_ceilings(era, best), best).run(NODES)
    if problem.cost(ways.lots) <= ways.bound:
        return Found(ways.lots, ways.bound, is_least=True, nodes=ways.ways)
    boxes = Search(problem.with_ceilings(era, ways.lots), ways.lots).run(NODES)
    return boxes._replace(bound=max(boxes.bound, ways.bound), nodes=boxes.nodes + ways.ways)


def _most_free(problem: Problem) -> Int64Array:
    """Lots that leave the most excess that was found: all, less what takes excess away."""
    lots = problem.tradable.most.copy()
    excess = int(problem.excess(lots[None])[0])
    while (lots > 0).any():
        ordered = np.flatnonzero(lots)
        rows = np.tile(lots, (len(ordered), 1))
        rows[np.arange(len(ordered)), ordered] = 0
        after = problem.excess(rows)
        best = int(np.argmax(after))
        if after[best] <= excess:
            break
        lots, excess = rows[best], int(after[best])
    return trimmed(problem._replace(target=excess), lots)


def _told(
    era: Margined,
    problem: Problem,
    request: Request,
    found: Found,
    alone: tuple[LeftAlone, ...],
) -> Plan:
    """A plan in dollars of what a search came to."""
    lots = _most_free(problem) if found.lots is None else found.lots
    standing = problem.trials.standing(np.stack([np.zeros_like(lots), lots]))
    before, after = (
        Figures(usd(standing.equity[k]), usd(standing.requirement[k]), usd(standing.excess[k]))
        for k in range(2)
    )
    target, cost = usd(problem.target), problem.cost(lots)
    is_cured = after.excess >= target
    status = "not_deficient" if before.excess >= target else "cured"
    proof, is_least = _proof(problem, found, cost)
    return Plan(
        policy=request.policy,
        status=status if is_cured else "cannot_cure",
        deficiency=max(-before.excess, usd(0)),
        target=target,
        before=before,
        after=after,
        remaining=max(target - after.excess, usd(0)),
        cost=usd(cost),
        lower_bound=usd(int(found.bound)) if np.isfinite(found.bound) else None,
        proof=proof,
        is_least=is_least and is_cured,
        nodes=found.nodes,
        orders=_orders(era, problem.tradable, problem.costs, lots),
        left_alone=alone,
    )


def _proof(problem: Problem, found: Found, cost: int) -> tuple[str, bool]:
    """How the bound is proven, and whether the cost is as low as the bound."""
    if not problem.trials.is_proven:
        return "not_proven", False
    is_least = bool(cost <= found.bound)
    if problem.is_separable:
        return "linear_relaxation", is_least
    return ("branch_and_bound" if found.is_least else "not_proven"), is_least


def _orders(
    era: Margined, tradable: Tradable, costs: OrderCosts, lots: Int64Array
) -> tuple[Order, ...]:
    """Orders in the order of the book."""
    series, held = era.series, era.held
    s = held.series[tradable.place]
    units = np.minimum(lots * tradable.lot, tradable.units)
    price = to_decimal(series.price[s], 6)
    found = []
    for t in np.flatnonzero(lots).tolist():
        parts = parts_of(costs, lots, t)
        quantity = Decimal(int(units[t])) / Decimal(int(series.multiplier[s[t]]))
        value = Decimal(int(units[t])) * price[t] / MICRO
        flags = (
            ("volume_unknown", costs.has_no_volume),
            ("volatility_unknown", costs.has_no_volatility),
        )
        found.append(
            Order(
                symbol=era.positions["symbol"][int(tradable.place[t])],
                side="sell" if held.quantity[tradable.place[t]] > 0 else "buy",
                quantity=quantity,
                price=price[t],
                value=value.quantize(Decimal("0.01")),
                half_spread=usd(parts.half_spread),
                impact=usd(parts.impact),
                commission=usd(parts.commission),
                cost=usd(parts.total),
                flags=tuple(name for name, is_so in flags if is_so[t]),
            )
        )
    return tuple(found)


def usd(cents: int) -> Decimal:
    """Cents as dollars."""
    return Decimal(int(cents)).scaleb(-2)
