"""Holidays, deadlines and places that take securities, as the loop looks them up."""

from typing import NamedTuple

import numpy as np

from margin_assets.kernels.avalanche.paths.ring import RING
from margin_assets.kernels.avalanche.platform import Platform, Sets
from margin_assets.kernels.numeric.arrays import BoolArray, FloatArray, Int64Array

_DAY = 24


class Patience(NamedTuple):
    """How long what is due may stay unpaid."""

    stretches: Int64Array
    """(J) Hours from falling due to default, of all that there can be."""
    stretch_of: Int64Array
    """(RING) Place of so many hours among them."""
    longest: int
    """The most of them."""
    of_flows: Int64Array
    """(E) The same of flows other than margin."""


class Posting(NamedTuple):
    """Where initial margin can be posted in securities: a place is a venue and an account."""

    of_set: Int64Array
    """(S) Place of a set's calls; -1: none."""
    account: Int64Array
    """(I) Account that a place's calls are due on."""
    takes: BoolArray
    """(A, I) Places that take the asset."""


def days_of(closed: BoolArray, days: int) -> BoolArray:
    """(days, rows): whether a row is closed; open beyond the days that are given."""
    found = np.zeros((days, len(closed)), dtype=np.bool_)
    given = min(days, closed.shape[1])
    found[:given] = closed.T[:given]
    return found


def longest_closing(closed: BoolArray) -> int:
    """Most days in a row on which any row is closed."""
    most = running = 0
    for is_closed in np.asarray(closed.any(axis=0)).tolist():
        running = running + 1 if is_closed else 0
        most = max(most, running)
    return most


def cut_offs(platform: Platform, days: int) -> Int64Array:
    """(days, K): first hour at which an account no longer moves; 0 where it does not all day."""
    closed = days_of(platform.accounts.closed, days)
    return np.where(closed, 0, platform.accounts.cut_off).astype(np.int64)


def patience(platform: Platform, cut: Int64Array, hours: int) -> Patience:
    """Stretches from falling due to default of every call that there can be."""
    sets = platform.sets
    found = {int(hours) for hours in {*sets.grace.tolist(), *platform.entities.grace.tolist()}}
    stretches = {grace + 1 for grace in found}
    for s in np.flatnonzero(sets.deadline >= 0).tolist():
        stretches |= _stretches(sets, s, cut[:, sets.account[s]], hours)
    ordered = np.array(sorted(stretches), dtype=np.int64)
    stretch_of = np.full(RING, -1, dtype=np.int64)
    stretch_of[ordered] = np.arange(len(ordered))
    return Patience(ordered, stretch_of, int(ordered.max()), platform.entities.grace + 1)


def _stretches(sets: Sets, s: int, cut: Int64Array, hours: int) -> set[int]:
    """Of one set's calls that have a deadline of their own, over all its runs."""
    found = set()
    lags = [(int(sets.eod_hour[s]), int(sets.eod_lag[s]))]
    lags += [(h, int(sets.intraday_lag[s])) for h in np.flatnonzero(sets.intraday[s]).tolist()]
    for hour, lag in lags:
        for t in range(hour, hours, _DAY):
            due = t + lag
            while due % _DAY >= cut[due // _DAY]:
                due = (due // _DAY + 1) * _DAY
            late = t + max(lag, int(sets.deadline[s]))
            found.add(max(0, late + int(sets.grace[s]) + 1 - due))
    return found


def posting(platform: Platform) -> Posting:
    """Places whose venue takes some asset of the entity that is called there."""
    sets, collateral, entity = platform.sets, platform.collateral, platform.accounts.entity
    places: dict[tuple[int, int], int] = {}
    of_set = np.full(len(sets.account), -1, dtype=np.int64)
    taken: BoolArray = np.asarray(collateral.posted_at.any(axis=0))
    for s, key in enumerate(zip(sets.venue.tolist(), sets.account.tolist(), strict=True)):
        if key[0] < len(taken) and taken[key[0]]:
            of_set[s] = places.setdefault(key, len(places))
    account = np.array([key[1] for key in places], dtype=np.int64)
    takes = np.zeros((len(collateral.account), len(places)), dtype=np.bool_)
    for (venue, owner), place in places.items():
        is_owned = entity[collateral.account] == entity[owner]
        takes[:, place] = collateral.posted_at[:, venue] & is_owned
    return Posting(of_set, account, takes)


def outflows(ladder: FloatArray, entity: Int64Array, entities: int) -> FloatArray:
    """(hours, E): flows that go out, without those that come in."""
    found = np.zeros((len(ladder), entities))
    for k, owner in enumerate(entity.tolist()):
        found[:, owner] += np.maximum(0.0, ladder[:, k])
    return found
