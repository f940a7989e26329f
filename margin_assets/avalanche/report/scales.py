"""Numbers as a page shows them, and where they stand on an axis."""

import math
from collections.abc import Sequence
from typing import NamedTuple

_SIZES = ((1e9, "bn"), (1e6, "m"), (1e3, "k"))
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


def money(amount: float | None, digits: int = 3) -> str:
    """Dollars to so many digits, in thousands, millions or billions; a dash for none."""
    if amount is None or math.isnan(amount):
        return "–"  # noqa: RUF001 (a dash)
    if math.isinf(amount):
        return "unbounded"
    if amount == 0.0:
        return "0"
    for size, name in _SIZES:
        if abs(amount) >= 0.9995 * size:
            return f"{_digits(amount / size, digits)} {name}"
    return _digits(amount, digits)


def _digits(value: float, digits: int) -> str:
    whole = len(str(int(abs(value))))
    return f"{value:,.{max(0, digits - whole)}f}"


def percent(share: float | None, digits: int = 1) -> str:
    """A share in percent; a dash for none."""
    if share is None or not math.isfinite(share):
        return "–"  # noqa: RUF001 (a dash)
    return f"{100.0 * share:.{digits}f}%"


class Axis(NamedTuple):
    """A linear axis: values from `low` to `high` on pixels from `start` to `end`."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """Pixel of a value, to a hundredth."""
        span = self.high - self.low or 1.0
        return round(self.start + (value - self.low) / span * (self.end - self.start), 2)


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Round values within a range, at most about so many."""
    span = high - low
    if span <= 0.0 or not math.isfinite(span):
        return [low]
    size = 10.0 ** math.floor(math.log10(span / most))
    step = next(size * factor for factor in _STEPS if span / (size * factor) <= most)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(place * step, 10) for place in range(first, last + 1)]


def nice_range(values: Sequence[float], *, from_zero: bool = True) -> tuple[float, float]:
    """Lowest and highest finite value, with 0 in it where asked; never of no width."""
    finite = [value for value in values if math.isfinite(value)] or [0.0]
    low, high = min(finite), max(finite)
    if from_zero:
        low, high = min(low, 0.0), max(high, 0.0)
    return (low, high) if high > low else (low, low + 1.0)
