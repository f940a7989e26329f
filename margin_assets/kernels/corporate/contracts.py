"""What contracts deliver after actions on what they are written on, where nobody told it.

A contract goes on to be for its strike x multiplier, and delivers what its units have become: more
or fewer of the same, of another symbol, cash. Where the OCC makes n contracts of one at an n-th of
the strike, n for one, that is worth the same to the cent. A landed row of `option_adjustments` of
the ex date or later stands in its place.

Source: OCC By-Laws, article VI, section 11A.
"""

from collections import defaultdict
from collections.abc import Iterable
from fractions import Fraction

import numpy as np
import polars as pl

from margin_assets.kernels.corporate.actions import SAME, Action
from margin_assets.kernels.numeric.money import instants, to_decimal, to_instants, to_scaled

_MICRO, _CENT = 1_000_000, 100
ADJUSTMENTS = {
    "symbol": pl.String,
    "deliverable": pl.String,
    "strike_multiplier": pl.Decimal(38, 6),
    "event_time": pl.Datetime("us", "UTC"),
}


def derived_adjustments(actions: Iterable[Action], instruments: pl.DataFrame) -> pl.DataFrame:
    """Adjustments of contracts by actions that have acted: columns of `ADJUSTMENTS`.

    `instruments`: the latest version of each symbol; an action changes what stands from before it.
    """
    changing = [a for a in actions if a.own != SAME or a.given.units or a.paid]
    options = instruments.filter(
        pl.col("strike").is_not_null(),
        pl.col("underlying").is_in([action.symbol for action in changing]),
    )
    columns = options["symbol"], options["underlying"], to_scaled(options["multiplier"]).tolist()
    rows = []
    for symbol, underlying, multiplier, since in zip(
        *columns, instants(options["event_time"]).tolist(), strict=True
    ):
        later = [action for action in changing if action.at > since]
        text, at = _delivered(underlying, Fraction(multiplier, _MICRO), later)
        if text:
            rows.append((symbol, text, multiplier, at))
    if not rows:
        return pl.DataFrame(schema=ADJUSTMENTS)
    symbols, texts, multipliers, times = (list(column) for column in zip(*rows, strict=True))
    return pl.DataFrame(
        {
            "symbol": symbols,
            "deliverable": texts,
            "strike_multiplier": to_decimal(np.array(multipliers, dtype=np.int64), 6),
            "event_time": to_instants(np.array(times, dtype=np.int64)),
        }
    )


def _delivered(underlying: str, units: Fraction, actions: list[Action]) -> tuple[str, int]:
    """What so many units have become, as `option_adjustments` say it, and since when."""
    parts: dict[str, Fraction] = defaultdict(Fraction, {underlying: units})
    cash, at = Fraction(0), 0
    for action in actions:
        held = parts.pop(action.symbol, None)
        if held is None:
            continue
        at = action.at
        cash += held * action.paid / _MICRO
        if action.own.units:
            parts[action.symbol] += held * Fraction(action.own.units, action.own.per)
        if action.other is not None and action.given.units:
            parts[action.other] += held * Fraction(action.given.units, action.given.per)
    told = [f"{_plain(number, _MICRO)} {symbol}" for symbol, number in sorted(parts.items())]
    told += [f"{_plain(cash, _CENT)} cash"] if cash or not told else []
    return (" + ".join(told), at) if at else ("", 0)


def _plain(number: Fraction, parts: int) -> str:
    """A number with as many decimals as it has, at most those of a part, rounded half up."""
    scaled = (2 * number * parts + 1) // 2
    whole, rest = divmod(int(scaled), parts)
    digits = str(rest).zfill(len(str(parts)) - 1).rstrip("0")
    return f"{whole}.{digits}" if digits else str(whole)
