"""What is wrong with what a backtest was given."""

from datetime import date
from typing import NamedTuple


class BacktestError(ValueError):
    """A history, a book, a policy or a range that cannot be run; the line names why."""


class Fault(NamedTuple):
    """One thing that a history lacks or contradicts, and what was done about it."""

    symbol: str
    day: date | None
    fault: str
    treatment: str
