"""What the groups of a grouping are called, and the paragraph of the rule that each is under."""

import numpy as np

from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.compiled import BORROWS, OWNS, inner
from margin_assets.kernels.strategies.problems import Problems
from margin_assets.kernels.strategies.solutions import Solution
from margin_assets.kernels.strategies.strategies import (
    KINDS,
    SHORT_OPTION,
    SPREAD,
    STOCK,
    STRADDLE,
    Records,
)
from schemas.margin import STRATEGIES

# As they stand in the closed list; of the rest the kind is the name.
(
    LONG_STOCK,
    SHORT_STOCK,
    _,
    _,
    _,
    _,
    NAKED_CALL,
    NAKED_PUT,
    VERTICAL,
    BUTTERFLY,
    CONDOR,
    IRON_BUTTERFLY,
    IRON_CONDOR,
    CALENDAR,
    DIAGONAL,
    BOX,
    RATIO,
    SPREAD_NAME,
    STRADDLE_NAME,
    STRANGLE,
    *_FURTHER,
) = range(len(STRATEGIES))
_NAME = {name: code for code, name in enumerate(STRATEGIES)}
_NAME_OF_KIND = np.array([_NAME.get(kind, SPREAD_NAME) for kind in KINDS])
RULES = {
    "long_option": "FINRA 4210(f)(2)(D)",
    "naked_call": "FINRA 4210(f)(2)(E)",
    "naked_put": "FINRA 4210(f)(2)(E)",
    "short_straddle": "FINRA 4210(f)(2)(H)(ii)",
    "short_strangle": "FINRA 4210(f)(2)(H)(ii)",
    "covered_call": "FINRA 4210(f)(2)(H)(iii)",
    "covered_put": "FINRA 4210(f)(2)(H)(iv)",
    "protective_put": "FINRA 4210(f)(2)(H)(v)a",
    "protected_short": "FINRA 4210(f)(2)(H)(v)a",
    "conversion": "FINRA 4210(f)(2)(H)(v)b",
    "reverse_conversion": "FINRA 4210(f)(2)(H)(v)c",
    "collar": "FINRA 4210(f)(2)(H)(v)d",
    "long_box": "FINRA 4210(f)(2)(H)(v)",
    "long_and_short_stock": "FINRA 4210(e)(1)",
}
SPREAD_RULE = "FINRA 4210(f)(2)(H)(i)"


@inner(**OWNS)
def name_of(problems: Problems, solution: Solution, g: int, end: int) -> int:
    """Name of a group, as its place in `STRATEGIES`."""
    kind, legs = solution.kind[g], problems.legs
    if kind == STOCK:
        return LONG_STOCK if problems.stocks[solution.stock[g]].shares > 0 else SHORT_STOCK
    if kind == SHORT_OPTION:
        return NAKED_CALL if legs[solution.legs[g, 0]].is_call else NAKED_PUT
    if kind == STRADDLE:
        same = legs[solution.legs[g, 0]].strike == legs[solution.legs[g, 1]].strike
        return STRADDLE_NAME if same else STRANGLE
    if kind != SPREAD:
        return _NAME_OF_KIND[kind]
    count = np.empty(end - g - 1, dtype=np.int64)
    place = np.empty(end - g - 1, dtype=np.int64)
    for n in range(len(count)):
        place[n] = solution.legs[g + 1 + n, 0]
        sign = 1 if legs[place[n]].contracts > 0 else -1
        count[n] = sign * solution.count[g + 1 + n]
    return _spread_name(legs, place, count)


@inner(**BORROWS)
def _spread_name(legs: Records, place: Int64Array, count: Int64Array) -> int:
    """Legs come by expiry, strike and right, calls first."""
    n, calls, one_day = len(place), 0, True
    for leg in place:
        calls += 1 if legs[leg].is_call else 0
        one_day = one_day and legs[leg].expiry == legs[place[0]].expiry
    one_right = calls == 0 or calls == n
    if n == 2 and one_right:
        if abs(count[0]) != abs(count[1]):
            return RATIO
        if one_day:
            return VERTICAL
        return CALENDAR if legs[place[0]].strike == legs[place[1]].strike else DIAGONAL
    if not one_day:
        return SPREAD_NAME
    if one_right and n == 3 and count[0] == count[2] and count[1] == -2 * count[0]:
        return BUTTERFLY
    if one_right and n == 4 and count[0] == -count[1] == -count[2] == count[3]:
        return CONDOR
    if n == 4 and calls == 2:
        return _four_legs(legs, place, count)
    return SPREAD_NAME


@inner(**OWNS)
def _four_legs(legs: Records, place: Int64Array, count: Int64Array) -> int:
    """Two calls and two puts of one expiry."""
    calls, puts = np.empty(2, dtype=np.int64), np.empty(2, dtype=np.int64)
    c = p = 0
    for n in range(4):
        if legs[place[n]].is_call:
            calls[c] = n
            c += 1
        else:
            puts[p] = n
            p += 1
    low_put, high_put = legs[place[puts[0]]].strike, legs[place[puts[1]]].strike
    low_call, high_call = legs[place[calls[0]]].strike, legs[place[calls[1]]].strike
    wings = count[puts[0]] == -count[puts[1]] and count[calls[0]] == -count[calls[1]]
    if wings and low_put == low_call and high_put == high_call:
        return BOX
    is_iron = wings and count[puts[1]] == count[calls[0]]
    if is_iron and high_put == low_call:
        return IRON_BUTTERFLY
    if is_iron and high_put < low_call:
        return IRON_CONDOR
    return SPREAD_NAME
