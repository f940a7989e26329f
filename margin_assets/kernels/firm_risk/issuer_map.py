"""Where accounts are concentrated, for a screen: losses of issuers by scenario, largest positions.

No decision and no table rests on it. The lines are those of the stress and of `names`.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numba import njit

from margin_assets.kernels.book.book import Book
from margin_assets.kernels.book.figures import Figures
from margin_assets.kernels.book.series import Series
from margin_assets.kernels.firm_risk.concentrations import Terms, largest, subjects_of
from margin_assets.kernels.firm_risk.names import kinds_of_names, walked
from margin_assets.kernels.firm_risk.price_moves import Scenarios
from margin_assets.kernels.numeric.arrays import Int64Array, Int64Table
from margin_assets.kernels.numeric.compiled import BORROWS
from margin_assets.kernels.numeric.money import value_cents
from margin_assets.kernels.rules.rules import Rules
from margin_assets.kernels.securities.lines import marked


class IssuerMap(NamedTuple):
    """Issuers by what is lost in them, the most in any scenario first."""

    names: Sequence[str]
    """Class groups."""
    loss: Int64Table
    """By issuer and scenario, cents: what the accounts that lose in it lose; nobody's gain in it
    is set against that."""


def issuer_map(figures: Figures, book: Book, spy: Scenarios, terms: Terms, count: int) -> IssuerMap:
    """The largest issuers of a book under the scenarios of SPY, `count` at most."""
    kinds = kinds_of_names(spy.series, book)
    walk = walked(book, spy, kinds, figures.states)
    scenarios = range(len(spy.rules.stress_moves))
    each = [subjects_of(walk, kinds, spy, terms, place)["issuer"] for place in scenarios]
    loss = np.stack([of.loss for of in each], axis=1)
    most = each[0]._replace(loss=loss.max(axis=1))
    first = largest(most, count)
    return IssuerMap([most.name[place] for place in first], loss[first])


def largest_positions(book: Book, series: Series, rules: Rules) -> Int64Array:
    """The largest position of each account at its mark, long or short, cents; 0 without any."""
    found = np.zeros(len(book.cash), dtype=np.int64)
    _largest(book, series, rules, found)
    return found


@njit(**BORROWS, nogil=True)
def _largest(book: Book, series: Series, rules: Rules, found: Int64Array) -> None:
    for a in range(len(found)):
        for i in range(book.offsets[a], book.offsets[a + 1]):
            position = marked(book, series, rules, i)
            value = abs(value_cents(position.quantity, position.price))
            found[a] = max(found[a], value)
