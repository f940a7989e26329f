"""Whose the platform's exposures and margin are, and what its rows are called.

The loop needs none of it: it is what answers are told by. Indices are those of the platform; P
managers, Q counterparties. The parts of one entry over its managers add up to the platform's.
"""

from collections.abc import Sequence
from typing import NamedTuple

from margin_assets.kernels.numeric.arrays import FloatArray, Int64Array

NOBODY = -1
"""Counterparty of a set that has none."""


class Names(NamedTuple):
    """What the rows of the platform are called, each by its index."""

    factors: Sequence[str]
    classes: Sequence[str]
    """Asset class of each factor."""
    sets: Sequence[str]
    venues: Sequence[str]
    counterparties: Sequence[str]
    accounts: Sequence[tuple[str, str]]
    """Entity and currency."""
    entities: Sequence[str]
    units: Sequence[str]
    assets: Sequence[str]
    facilities: Sequence[str]
    managers: Sequence[str]
    strategies: Sequence[str]
    """Strategy of each manager; empty where none is stated."""


class ManagerExposures(NamedTuple):
    """Exposures of the netting sets by manager; parallel, by set, unit and manager."""

    set: Int64Array
    unit: Int64Array
    manager: Int64Array
    delta: FloatArray
    """Dollars per unit of return."""
    gamma: FloatArray
    theta: FloatArray
    """Dollars an hour."""


class ManagerCuts(NamedTuple):
    """Coefficients of the cuts by manager; parallel, by cut, unit and manager."""

    cut: Int64Array
    unit: Int64Array
    manager: Int64Array
    w: FloatArray
    """Dollars per unit of w, for today's book."""
    w2: FloatArray


class Holdings(NamedTuple):
    """Who holds what."""

    names: Names
    counterparty: Int64Array
    """(S) Counterparty of each set; `NOBODY` where it has none."""
    expected_return: FloatArray
    """(P) Dollars a year; not a number where nobody stated one."""
    exposures: ManagerExposures
    cuts: ManagerCuts
    hidden: FloatArray
    """(2) Concentration add-on on the fund's whole positions, and the sum of the sets', dollars."""
