"""Ceilings of the excess that hedges leave: what a lot sets free at most while its group stands.

What grouping saves is a linear program of the legs that are there (Source: FINRA Rule 4210(f)(2) by
way of the strategies), and prices of its rows bound it whatever is sold: saving(held - sold) <=
prices x (rows of held - rows of sold). So a leg of a spread frees little, where alone it freed its
whole requirement. Several prices make several ceilings, each of them valid.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from margin_assets.kernels.book.book import REG_T
from margin_assets.kernels.liquidation.tradable import Tradable
from margin_assets.kernels.margin.margined import Margined
from margin_assets.kernels.numeric.arrays import FloatArray, Int64Array
from margin_assets.kernels.optimize.relaxation import Relaxation, bound_of
from margin_assets.kernels.optimize.sparse import Sparse, SparseProgram, sparse_of
from margin_assets.kernels.strategies.choices import Choices
from margin_assets.kernels.strategies.drafts import draft_of
from margin_assets.kernels.strategies.group_lines import strategy_rates
from margin_assets.kernels.strategies.grouping import (
    WORK,
    requirement,
    write_alone,
)
from margin_assets.kernels.strategies.grouping_parts import Part, alone, labels, positions
from margin_assets.kernels.strategies.grouping_program import boxes_of, common_lot, program_of
from margin_assets.kernels.strategies.problems import Problems, problems_of
from margin_assets.kernels.strategies.solutions import least_grouping
from margin_assets.kernels.strategies.spreads import Layout, layout_of
from margin_assets.kernels.strategies.strategies import NONE, Records

_MOST_LEGS = 40
"""Legs of a class group whose program is written down."""
_MICROS_A_CENT = 10_000


class Ceiling(NamedTuple):
    """No lots leave more regulatory excess than `base` and their rates, cents."""

    base: float
    """On top of the excess that is there: what whole contracts keep the grouping from saving."""
    saved: FloatArray
    """What a lot of each position saves at least by its being grouped, to be taken off its rate."""


class _Group(NamedTuple):
    """One part of a class group and its program."""

    part: Part
    layout: Layout
    program: SparseProgram
    origin: tuple[int, int]
    """First leg and first stock of its class group."""


class Worth(NamedTuple):
    """What selling a lot of each position frees and costs, cents."""

    rate: FloatArray
    """By its own line alone."""
    slope: FloatArray
    """At the least, whatever the size of the order."""


def ceilings_of(
    era: Margined, tradable: Tradable, worth: Worth, prices: Sequence[float]
) -> list[Ceiling]:
    """Ceilings of one margin account with option groups; none where no program tells of them.

    One a price of what is lacking, cents of cost a cent set free: at each price the program says
    what is sold and what is grouped of the rest, and its rows' prices make the ceiling.
    """
    first = np.zeros(1, dtype=np.int64)
    if era.held.account_type[0] != REG_T or era.series.is_ended[era.held.series].any():
        return []
    problems = problems_of(era.held, era.series, era.rules, first)
    groups, saved = list(_groups(era, problems)), _saved(era, problems)
    if not groups or saved is None or any(_is_large(group) for group in groups):
        return []
    uses = [_uses(era, tradable, problems, group) for group in groups]
    found: list[Ceiling] = []
    for price in prices:
        gained = np.rint((worth.rate - worth.slope / price) * _MICROS_A_CENT).astype(np.int64)
        total, less = -saved, np.zeros(len(tradable.place))
        for group, use in zip(groups, uses, strict=True):
            its = _prices(group.program, use, gained, tradable)
            if its is None:
                return found
            total += bound_of(group.program, its)
            np.add.at(less, use.lot, its[use.row] * use.amount)
        found.append(Ceiling(total / _MICROS_A_CENT, less / _MICROS_A_CENT))
    return found


def _records(problems: Problems, p: int) -> tuple[Records, Records]:
    legs, stocks = problems.leg_offsets, problems.stock_offsets
    return problems.legs[legs[p] : legs[p + 1]], problems.stocks[stocks[p] : stocks[p + 1]]


def _saved(era: Margined, problems: Problems) -> float | None:
    """What the groupings save against every position alone, micro-dollars; None if not known."""
    rates, total = strategy_rates(era.rules), 0.0
    for p in range(len(problems.leg_offsets) - 1):
        legs, stocks = _records(problems, p)
        lone = write_alone(legs, stocks, draft_of(legs, stocks))
        whole, _ = requirement(0, lone.written[0], lone.activities, legs, stocks, rates)
        found = least_grouping(legs, stocks, rates, WORK)
        if not 0.0 <= found.gap < np.inf:
            return None
        total += whole - found.maintenance
    return total


def _groups(era: Margined, problems: Problems) -> Iterator[_Group]:
    rates = strategy_rates(era.rules)
    for p in range(len(problems.leg_offsets) - 1):
        legs, stocks = _records(problems, p)
        label, stock_label = labels(legs, stocks)
        shares = draft_of(legs, stocks).shares
        for name in dict.fromkeys(label.tolist()):
            ids, stock_ids = positions(label, name), positions(stock_label, name)
            part = Part(legs, stocks, rates, ids, stock_ids, shares)
            layout = layout_of(part, alone(part))
            origin = int(problems.leg_offsets[p]), int(problems.stock_offsets[p])
            yield _Group(part, layout, sparse_of(program_of(part, layout)), origin)


def _is_large(group: _Group) -> bool:
    return len(group.part.ids) > _MOST_LEGS or boxes_of(group.part) > 0


class _Uses(NamedTuple):
    """What a lot of a tradable position takes of a row of a group's program, one entry each."""

    lot: Int64Array
    """Which tradable position."""
    row: Int64Array
    amount: FloatArray


def _uses(era: Margined, tradable: Tradable, problems: Problems, group: _Group) -> _Uses:
    at = {int(place): t for t, place in enumerate(tradable.place)}
    choices, part = group.layout.choices, group.part
    rows = _rows_of_legs(choices, len(part.ids))
    found: list[tuple[int, int, float]] = []
    for place, row in enumerate(rows):
        t = at.get(int(problems.leg_position[group.origin[0] + part.ids[place]]))
        if t is not None and row != NONE:
            multiplier = era.series.multiplier[era.held.series[tradable.place[t]]]
            found.append((t, int(row), tradable.lot[t] / multiplier))
    row, used = int((rows != NONE).sum()), choices.stock[: choices.count[0]]
    for s in part.stock_ids:
        lot = 0
        for shares in choices.shares[: choices.count[0]][used == s]:
            lot = common_lot(int(shares), lot)
        if lot:
            t = at.get(int(problems.stock_position[group.origin[1] + s]))
            if t is not None:
                found.append((t, row, tradable.lot[t] / lot))
            row += 1
    lots, places, amounts = zip(*found, strict=True) if found else ((), (), ())
    return _Uses(
        np.array(lots, dtype=np.int64),
        np.array(places, dtype=np.int64),
        np.array(amounts, dtype=np.float64),
    )


def _rows_of_legs(choices: Choices, legs: int) -> Int64Array:
    """The row of each leg of a part: in the order in which choices name them."""
    members = choices.members[: choices.count[0]].ravel()
    named, first = np.unique(members[members != NONE], return_index=True)
    rows = np.full(legs, NONE, dtype=np.int64)
    rows[named[np.argsort(first)]] = np.arange(len(named))
    return rows


def _prices(
    program: SparseProgram, use: _Uses, gained: Int64Array, tradable: Tradable
) -> FloatArray | None:
    """Prices of the rows where a lot of each position may be sold for a gain, micro-dollars."""
    if not len(program.saving):
        return np.zeros(len(program.bound))
    relaxation = Relaxation(_with_sales(program, use, gained, tradable))
    return relaxation.prices() if relaxation.solve() else None


def _with_sales(
    program: SparseProgram, use: _Uses, gained: Int64Array, tradable: Tradable
) -> SparseProgram:
    """The program with a column for each sale, behind its choices; a lot is a share of a row."""
    whole, more, entries = program.whole, len(use.lot), program.entries
    # Rows hold whole numbers: sales of a part of a row's unit count by as many as make it whole.
    units = np.maximum(np.rint(1.0 / use.amount), 1.0)
    column = np.where(entries.column >= whole, entries.column + more, entries.column)
    sales = Sparse(
        np.concatenate([entries.row, use.row]),
        np.concatenate([column, whole + np.arange(more)]),
        np.concatenate([entries.value, np.rint(use.amount * units).astype(np.int64)]),
    )
    order = np.lexsort((sales.column, sales.row))
    saving = (gained[use.lot] * units).astype(np.int64)
    most = np.ceil(tradable.most[use.lot] / units).astype(np.int64)
    return SparseProgram(
        np.concatenate([program.saving[:whole], saving, program.saving[whole:]]),
        np.concatenate([program.most[:whole], most, program.most[whole:]]),
        whole + more,
        program.bound,
        np.where(program.loss_of >= whole, program.loss_of + more, program.loss_of).astype(
            np.int32
        ),
        Sparse(*(part[order] for part in sales)),
    )
