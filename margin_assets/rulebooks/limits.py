"""What the numbers of a rulebook may be: a file that contradicts itself is refused when it is read.

A rate finer than a millionth would be rounded before it decides, so it is refused too.
"""

from collections.abc import Iterator
from fnmatch import fnmatch
from typing import Any, NamedTuple

Values = dict[tuple[str, ...], Any]
"""Values by the path of their keys."""
_PPM = 1_000_000
_ROUNDING = 1e-6  # of a step: what a binary fraction may miss its decimal by


class _Bounds(NamedTuple):
    least: float
    most: float
    steps: int = 0
    """Into which a whole is divided; 0 for no end."""


SHARE = _Bounds(0, 1, _PPM)
RATE = _Bounds(0, 10, _PPM)
COUNT = _Bounds(0, 1_000_000, 1)
POSITIVE = _Bounds(1, 1_000_000, 1)
PERIOD = _Bounds(0, 1_000_000)
AMOUNT = _Bounds(0, 1e9)
PERCENT = _Bounds(-100, 100, 1)
CORRELATION = _Bounds(-1, 1)
_ANY = _Bounds(0, 1e12)

_HOUSE = {
    "source": _ANY,
    "grid.interval_seconds": POSITIVE,
    "ladder.warning_below": SHARE,
    "ladder.warning_ends_at": SHARE,
    "ladder.overdue_minutes": PERIOD,
    "ladder.liquidation_minutes": PERIOD,
    "ladder.liquidation_deficiency": SHARE,
    "stress.benchmark": _ANY,
    "stress.moves_percent": PERCENT,
    "stress.restricts_at_percent": PERCENT,
    "stress.release_minutes": PERIOD,
    "stress.missing_beta": AMOUNT,
    "prices.stale_after_sessions": COUNT,
    "prices.unusable_after_sessions": COUNT,
    "prices.short_cushion": RATE,
}
_CHOICES = ("dividends.receivable_counts",)
"""Of the house, yes or no; a version without one says no."""
_MOVES = "stress.moves_percent"
_RISING = (
    ("ladder.warning_below", "ladder.warning_ends_at"),
    ("prices.stale_after_sessions", "prices.unusable_after_sessions"),
)
_OF: dict[str, dict[str, _Bounds]] = {
    "house": _HOUSE,
    "finra_4210": {"*_usd": AMOUNT, "*years": COUNT, "*.months_*": COUNT, "*": RATE},
    "reg_t": {"*_usd": AMOUNT, "*": SHARE},
    "tims": {
        "points_a_side": POSITIVE,
        "range.*": SHARE,
        "*.offset": SHARE,
        "*_usd": AMOUNT,
        "*": COUNT,
    },
    "intraday": {
        "*_usd": AMOUNT,
        "*share*": SHARE,
        "*_equity": SHARE,
        "*leveraged_*": SHARE,
        "*": COUNT,
    },
    "timelines": {"*": COUNT},
    "calls": {"*_share": SHARE, "*": COUNT},
    "cash_account": {"*": COUNT},
    "expiry": {"*_usd": AMOUNT, "*": COUNT},
    "avalanche_scenarios": {"*": _Bounds(-1000, 1000)},
    "notifications": {"*_seconds": POSITIVE, "digest.*": POSITIVE, "*": COUNT},
    "avalanche": {
        "warning.intercept": _Bounds(-100, 100),
        "warning.readings": POSITIVE,
        "warning.high": SHARE,
        "warning.critical": SHARE,
        "warning.hysteresis": SHARE,
        "warning.*": RATE,
        "reverse.answers": POSITIVE,
        "reverse.cosine": SHARE,
        "reverse.assumed": _Bounds(1, 100),
        "reverse.*": RATE,
        "*": SHARE,
    },
    "simm": {"interest_rate.cross_currency_basis": CORRELATION, "*": AMOUNT},
    "backtest": {"*_sessions": POSITIVE, "*.beta_least": POSITIVE, "*_days": POSITIVE, "*": SHARE},
    "index_options": {"*": POSITIVE},
    "clearing": {"scan.*": POSITIVE, "*ratio*": AMOUNT, "*": SHARE},
    "schedule_im": {"limits_years": COUNT, "*": SHARE},
    "overlays": {"*_usd": AMOUNT, "*.riskiest": COUNT, "*": RATE},
    "firm": {
        "price_moves.moves_percent": PERCENT,
        "concentrations.largest": POSITIVE,
        "concentrations.participation": SHARE,
    },
    "liquidation": {
        "*_usd": AMOUNT,
        "*.lot": POSITIVE,
        "*.least": POSITIVE,
        "*.trading_days": POSITIVE,
        "*.volume_share": SHARE,
        "*": RATE,
    },
    "rates": {
        "scenarios.*": _Bounds(-1000, 1000),
        "*_hours": _Bounds(1, 10_000),
        "*_forward": CORRELATION,
    },
}
"""Bounds by family and path: the first pattern that fits. What is no number has none."""


def fault_of(family: str, values: Values) -> str | None:
    """What is wrong with a rulebook's values, and with which key; None where nothing is."""
    found = [_keys(values), _kinds(values)] if family == "house" else []
    found.append(_each(family, values))
    if family == "house":
        found.append(_related(values))
    # One kind of fault after the other: a later kind takes for granted what earlier ones ask.
    return next((fault for faults in found for fault in faults), None)


def _each(family: str, values: Values) -> Iterator[str]:
    known = _OF.get(family, {})
    for path, value in values.items():
        name = ".".join(path)
        bounds = next((b for pattern, b in known.items() if fnmatch(name, pattern)), _ANY)
        for number in value if isinstance(value, list) else [value]:
            if fault := _fault(number, bounds):
                yield f"{name} is {value!r}: {fault}"


def _fault(number: object, bounds: _Bounds) -> str | None:
    if isinstance(number, bool) or not isinstance(number, int | float):
        return None
    if not bounds.least <= number <= bounds.most:
        return f"not between {bounds.least:,.10g} and {bounds.most:,.10g}"
    steps = number * bounds.steps
    if abs(steps - round(steps)) > _ROUNDING:
        return "not a whole number" if bounds.steps == 1 else "finer than a millionth"
    return None


def _keys(values: Values) -> Iterator[str]:
    found = {".".join(path) for path in values}
    yield from (f"{name} is missing" for name in _HOUSE if name not in found)
    yield from (f"{name} is unknown" for name in sorted(found - _HOUSE.keys() - {*_CHOICES}))


def _kinds(values: Values) -> Iterator[str]:
    for path, value in values.items():
        name = ".".join(path)
        if name in _CHOICES:
            if not isinstance(value, bool):
                yield f"{name} is {value!r}: not true or false"
            continue
        members = value if isinstance(value, list) else [value]
        kinds = (str,) if _HOUSE[name] is _ANY else (int, float)
        if isinstance(value, list) != (name == _MOVES):
            yield f"{name} is {value!r}: {'a list' if name == _MOVES else 'one value'} is wanted"
        elif not members or any(type(member) not in kinds for member in members):
            yield f"{name} is {value!r}: not {'a text' if kinds == (str,) else 'a number'}"


def _related(values: Values) -> Iterator[str]:
    """Numbers of the house that do not fit one another."""
    of = {".".join(path): value for path, value in values.items()}
    for low, high in _RISING:
        if of[low] > of[high]:
            yield f"{low} is {of[low]!r}: above {high}, {of[high]!r}"
    moves, restricts = of[_MOVES], of["stress.restricts_at_percent"]
    if len(set(moves)) < len(moves):
        yield f"{_MOVES} is {moves!r}: a move stands there twice"
    if 0 not in moves:
        yield f"{_MOVES} is {moves!r}: without 0"
    if restricts not in moves or restricts >= 0:
        yield f"stress.restricts_at_percent is {restricts!r}: not a fall among {_MOVES}"
