"""One account on the ladder, moved from minute to minute by the figures it then has."""

from dataclasses import dataclass, field

import numpy as np

from margin_assets.kernels.book.book import REG_T, Book
from margin_assets.kernels.book.figures import Figures, empty_figures
from margin_assets.kernels.enforcement.ladder import climb
from margin_assets.kernels.enforcement.rungs import (
    DIMENSIONS,
    REASONS,
    STATES,
    Evaluated,
    Ladder,
    empty_ladder,
)
from margin_assets.kernels.rules.instants import NEVER
from tests.support.portfolios import RULES

MINUTE = 60_000_000
SECOND = 1_000_000
START = 1_583_766_000_000_000
Step = tuple[str, str, str, str]
"""Dimension, state before, state after, reason."""

CALLED = ("margin_status", "ok", "call", "deficiency")
STRESSED = ("restriction", "none", "close_only", "stress")
OVERDUE = ("restriction", "none", "close_only", "overdue_call")


@dataclass
class Account:
    """One account that is moved from minute to minute by the figures it then has.

    100,000 long, requirement 25,000: a warning below an excess of 5,000, no more from 6,000 on.
    It gains when SPY falls unless a test says that it loses, so that stress stays out of the way.
    """

    kind: int = REG_T
    quantity: int = 1
    cash: int = -1
    ladder: Ladder = field(default_factory=lambda: empty_ladder(1))

    def at(
        self,
        minute: float,
        excess: int,
        *,
        loss: int = -100_000,
        requirement: int = 25_000,
        states: int = 0,
        shift: int = 0,
    ) -> list[Step]:
        """What changes at a minute, given the excess and the loss at SPY -6% and worse."""
        figures = empty_figures(1, RULES)
        figures.long_value[0] = 10_000_000 if self.quantity > 0 else 0
        figures.short_value[0] = 0 if self.quantity > 0 else 10_000_000
        figures.governing[0] = requirement * 100
        figures.equity[0] = figures.net_liquidation[0] = (requirement + excess) * 100
        figures.pnl[0, :2] = -loss * 100
        figures.states[0] = states
        return self.climb(round(START + minute * MINUTE) + shift, figures)

    def climb(self, point: int, figures: Figures, *, is_spared: bool = False) -> list[Step]:
        everyone, nobody = np.array([0]), np.array([], dtype=np.int64)
        at = Evaluated(point, everyone, everyone if is_spared else nobody)
        steps = climb(self.book(), figures, RULES, self.ladder, at)
        assert set(steps.account.tolist()) <= {0}
        return [
            (DIMENSIONS[d], STATES[d][before], STATES[d][after], REASONS[reason])
            for d, before, after, reason in zip(
                steps.dimension, steps.before, steps.after, steps.reason, strict=True
            )
        ]

    def book(self) -> Book:
        held = 1 if self.quantity else 0
        return Book(
            offsets=np.array([0, held]),
            series=np.zeros(held, dtype=np.int32),
            quantity=np.full(held, self.quantity * 1_000_000),
            last_fill_price=np.ones(held, dtype=np.int64),
            sale_price=np.zeros(held, dtype=np.int64),
            account_type=np.array([self.kind], dtype=np.int8),
            is_registered=np.array([True]),
            is_exempt=np.array([False]),
            cash=np.array([self.cash]),
        )

    @property
    def deadline(self) -> float | None:
        """Minute at which time alone may decide."""
        due = int(self.ladder.deadline[0])
        return None if due == NEVER else (due - START) / MINUTE
