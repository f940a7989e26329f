"""How a backtest counts, from the rulebook `backtest`: it decides nothing in a cycle."""

from datetime import date
from typing import NamedTuple

from margin_assets.rulebooks import in_force, remembered


class Crisis(NamedTuple):
    """A stretch of days that is told of by itself."""

    key: str
    name: str
    first: date
    last: date


class BacktestRules(NamedTuple):
    """Sessions are of the exchange; shares are fractions of 1."""

    gap_sessions: int
    split_jump: float
    split_tolerance: float
    beta_sessions: int
    beta_least: int
    volatility_sessions: int
    confidence: float
    horizons: tuple[int, ...]
    left_alone: int
    crises: tuple[Crisis, ...]


@remembered
def backtest_rules(on: date) -> BacktestRules:
    """How a backtest counts by the rulebook in force on a day."""
    numbers = in_force("backtest", on).numbers
    history, coverage = numbers["history"], numbers["coverage"]
    return BacktestRules(
        gap_sessions=int(history["gap_sessions"]),
        split_jump=float(history["split_jump"]),
        split_tolerance=float(history["split_tolerance"]),
        beta_sessions=int(history["beta_sessions"]),
        beta_least=int(history["beta_least"]),
        volatility_sessions=int(history["volatility_sessions"]),
        confidence=float(coverage["confidence"]),
        horizons=tuple(coverage["horizons_days"]),
        left_alone=int(numbers["alarms"]["left_alone_sessions"]),
        crises=tuple(
            Crisis(key, crisis["name"], crisis["first"], crisis["last"])
            for key, crisis in numbers["crisis"].items()
        ),
    )
