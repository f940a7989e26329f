"""The groups that the rule permits for some legs and stocks, each with what it saves.

What is saved is measured against carrying every position alone; a group that saves nothing is not
listed. Source: FINRA Rule 4210(f)(2)(H).
"""

from typing import NamedTuple

import numpy as np

from margin_assets.kernels.numeric.arrays import Int8Array, Int32Array, Int64Array
from margin_assets.kernels.numeric.compiled import BORROWS, OWNS, inner
from margin_assets.kernels.numeric.money import MICRO
from margin_assets.kernels.strategies.grouping_parts import Part
from margin_assets.kernels.strategies.strategies import (
    COLLAR,
    CONVERSION,
    COVERED_CALL,
    COVERED_PUT,
    LONG_BOX,
    NONE,
    PROTECTED_SHORT,
    PROTECTIVE_PUT,
    REVERSE_CONVERSION,
    SPREAD_LEG,
    STRADDLE,
    Group,
    contract_value,
    group_maintenance,
)

LONG_STOCK_HEDGES = (PROTECTIVE_PUT, CONVERSION, COLLAR)
SHORT_STOCK_HEDGES = (PROTECTED_SHORT, REVERSE_CONVERSION, NONE)
"""With a long option alone, with a short one besides at its strike, and at a higher strike."""
IntTable = np.ndarray[tuple[int, int], np.dtype[np.int32]]


class Choices(NamedTuple):
    """What may be chosen, one entry a choice: a group, or a contract's place in a spread."""

    kind: Int8Array
    members: IntTable
    """Legs, as positions in the part's `ids`; -1 for none."""
    stock: Int32Array
    shares: Int64Array
    spread: Int32Array
    """The spread that a contract may be placed in, -1 for a group."""
    saving: Int64Array
    count: Int64Array  # type: ignore[assignment]  # hides tuple.count, which is not used
    """How many choices there are."""


@inner(**OWNS)
def empty_choices(room: int) -> Choices:
    """Room for a number of choices."""
    return Choices(
        kind=np.empty(room, dtype=np.int8),
        members=np.empty((room, 4), dtype=np.int32),
        stock=np.empty(room, dtype=np.int32),
        shares=np.empty(room, dtype=np.int64),
        spread=np.empty(room, dtype=np.int32),
        saving=np.empty(room, dtype=np.int64),
        count=np.zeros(1, dtype=np.int64),
    )


@inner(**BORROWS)
def _id(part: Part, p: int) -> int:
    return part.ids[p] if p != NONE else NONE


@inner(**BORROWS)
def group_of(part: Part, choices: Choices, j: int) -> Group:
    """The group of choice j, its legs and stock as positions among the records."""
    members = choices.members[j]
    return Group(
        choices.kind[j],
        _id(part, members[0]),
        _id(part, members[1]),
        _id(part, members[2]),
        _id(part, members[3]),
        choices.stock[j],
        choices.shares[j],
    )


class Listing(NamedTuple):
    """A part's groups as they are listed."""

    part: Part
    lone: Int64Array
    """What each leg requires alone."""
    choices: Choices


@inner(**BORROWS)
def _add(
    listing: Listing, kind: int, legs: tuple[int, int, int, int], stock: int, shares: int
) -> None:
    """Lists a group if it saves anything."""
    part, lone, choices = listing
    n = choices.count[0]
    choices.kind[n] = kind
    choices.stock[n] = stock
    choices.shares[n] = shares
    choices.spread[n] = NONE
    saving = contract_value(part.stocks[stock].maintenance, shares) if stock != NONE else 0
    members = choices.members[n]
    members[0], members[1], members[2], members[3] = legs
    for p in members:
        if p != NONE:
            saving += lone[p]
    group = group_of(part, choices, n)
    saving -= group_maintenance(group, part.legs, part.stocks, part.rates)
    choices.saving[n] = saving
    if saving > 0:
        choices.count[0] = n + 1


@inner(**BORROWS)
def add_place(choices: Choices, p: int, spread: int, lone: int) -> None:
    """Lists a contract's place in a spread: it saves what the contract requires alone."""
    n = choices.count[0]
    choices.kind[n] = SPREAD_LEG
    choices.members[n, 0] = p
    choices.members[n, 1] = choices.members[n, 2] = choices.members[n, 3] = NONE
    choices.stock[n] = NONE
    choices.shares[n] = 0
    choices.spread[n] = spread
    choices.saving[n] = lone
    choices.count[0] = n + 1


@inner(**OWNS)
def _sides(part: Part) -> tuple[Int32Array, Int32Array, Int32Array, Int32Array]:
    """Short calls, short puts, long calls, long puts, as positions in the part."""
    found = np.empty((4, len(part.ids)), dtype=np.int32)
    counts = np.zeros(4, dtype=np.int64)
    for p in range(len(part.ids)):
        i = part.ids[p]
        side = (0 if part.legs[i].contracts < 0 else 2) + (0 if part.legs[i].is_call else 1)
        found[side, counts[side]] = p
        counts[side] += 1
    return (
        found[0, : counts[0]],
        found[1, : counts[1]],
        found[2, : counts[2]],
        found[3, : counts[3]],
    )


@inner(**BORROWS)
def _same_terms(part: Part, p: int, q: int) -> bool:
    """Whether two legs are of one underlying and as many units."""
    legs, a, b = part.legs, part.ids[p], part.ids[q]
    return legs[a].underlying == legs[b].underlying and legs[a].units == legs[b].units


@inner(**BORROWS)
def _same_expiry(part: Part, p: int, q: int) -> bool:
    legs = part.legs
    return _same_terms(part, p, q) and legs[part.ids[p]].expiry == legs[part.ids[q]].expiry


@inner(**BORROWS)
def _own_shares(part: Part, p: int, s: int) -> int:
    """Micro-units of stock s that one contract on that very stock stands for; 0 if too few."""
    i = part.ids[p]
    if part.stocks[s].underlying != part.legs[i].underlying:
        return 0
    return part.legs[i].units if part.legs[i].units <= part.shares[s] else 0


@inner(**BORROWS)
def _cover_shares(part: Part, p: int, s: int) -> int:
    """Micro-units of stock s that cover one contract, whole shares of a fund; 0 if too few."""
    i, index = part.ids[p], part.stocks[s].covers_index
    price = part.stocks[s].price if part.legs[i].has_fund_cover else 0
    if index != part.legs[i].underlying or price <= 0:
        return _own_shares(part, p, s)
    value = contract_value(part.legs[i].spot, part.legs[i].units)
    whole = (value + price - 1) // price
    return whole * MICRO if whole <= part.shares[s] // MICRO else 0


@inner(**BORROWS)
def _list_straddles(listing: Listing, calls: Int32Array, puts: Int32Array) -> None:
    for a in calls:
        for b in puts:
            if _same_terms(listing.part, a, b):
                _add(listing, STRADDLE, (a, b, NONE, NONE), NONE, 0)


@inner(**BORROWS)
def _list_covers(listing: Listing, kind: int, s: int, shorts: Int32Array) -> None:
    for a in shorts:
        shares = _cover_shares(listing.part, a, s)
        if shares > 0:
            _add(listing, kind, (a, NONE, NONE, NONE), s, shares)


@inner(**BORROWS)
def _list_hedges(
    listing: Listing, kinds: tuple[int, int, int], s: int, longs: Int32Array, shorts: Int32Array
) -> None:
    """A stock with the long options that hedge it, and with short ones of the other right."""
    part = listing.part
    alone, level, above = kinds
    for a in longs:
        shares = _own_shares(part, a, s)
        if shares == 0:
            continue
        _add(listing, alone, (a, NONE, NONE, NONE), s, shares)
        strike = part.legs[part.ids[a]].strike
        for b in shorts:
            other = part.legs[part.ids[b]].strike
            kind = level if strike == other else above
            if _same_expiry(part, a, b) and strike <= other and kind != NONE:
                _add(listing, kind, (a, b, NONE, NONE), s, shares)


@inner(**BORROWS)
def _box_leg(part: Part, like: int, strike: int, among: Int32Array) -> int:
    """European leg with the terms and expiry of another at a strike; `NONE` if there is none."""
    legs, i = part.legs, part.ids[like]
    for p in among:
        o = part.ids[p]
        is_like = legs[o].is_european and legs[o].is_listed == legs[i].is_listed
        if is_like and legs[o].strike == strike and _same_expiry(part, like, p):
            return p
    return NONE


@inner(**BORROWS)
def _list_boxes(
    listing: Listing,
    shorts: tuple[Int32Array, Int32Array],
    longs: tuple[Int32Array, Int32Array],
) -> None:
    part = listing.part
    for a in longs[0]:
        low = part.legs[part.ids[a]].strike
        if not part.legs[part.ids[a]].is_european:
            continue
        d = _box_leg(part, a, low, shorts[1])
        if d == NONE:
            continue
        for c in longs[1]:
            high = part.legs[part.ids[c]].strike
            if high > low and _box_leg(part, a, high, longs[1]) == c:
                b = _box_leg(part, a, high, shorts[0])
                if b != NONE:
                    _add(listing, LONG_BOX, (a, b, c, d), NONE, 0)


@inner(**OWNS)
def choices_of(part: Part, lone: Int64Array, places: int) -> Choices:
    """Every group that saves, with room for a number of places in spreads behind them."""
    short_calls, short_puts, long_calls, long_puts = _sides(part)
    shorts, longs = len(short_calls) + len(short_puts), len(long_calls) + len(long_puts)
    pairs = len(short_calls) * len(long_puts) + len(short_puts) * len(long_calls)
    room = len(short_calls) * len(short_puts) + len(long_calls) * len(long_puts)
    room += len(part.stock_ids) * (shorts + longs + pairs) + places
    listing = Listing(part, lone, empty_choices(room))
    _list_straddles(listing, short_calls, short_puts)
    for s in part.stock_ids:
        if part.stocks[s].shares > 0:
            _list_covers(listing, COVERED_CALL, s, short_calls)
            _list_hedges(listing, LONG_STOCK_HEDGES, s, long_puts, short_calls)
        else:
            _list_covers(listing, COVERED_PUT, s, short_puts)
            _list_hedges(listing, SHORT_STOCK_HEDGES, s, long_calls, short_puts)
    _list_boxes(listing, (short_calls, short_puts), (long_calls, long_puts))
    return listing.choices
