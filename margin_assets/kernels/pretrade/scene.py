"""What orders are measured by, and of it the symbols that one account and its order name."""

from collections.abc import Callable
from datetime import date
from typing import NamedTuple

import numpy as np

from margin_assets.kernels.book.book import PORTFOLIO, Book
from margin_assets.kernels.book.series import OPTION, Series
from margin_assets.kernels.margin.settlement import Asked, settled
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.options.valuation import OptionValues, rescanned
from margin_assets.kernels.pretrade.legs import BEFORE, Held, Legs
from margin_assets.kernels.rules.rules import Rules

Charges = Callable[[Held, Held], Int64Array]
"""House add-ons of the account before and after, cents."""


class Scene(NamedTuple):
    """What every account is measured by: marks and terms, model values, the rules of a day."""

    series: Series
    values: OptionValues
    rules: Rules
    on: date
    charges: Charges
    deciding: Int64Array
    """What decides options that have ended, by place of the series."""


def narrowed(scene: Scene, held: Held, legs: Legs) -> tuple[Scene, Held, Legs]:
    """Scene, holdings and order with nothing in them but what the account holds or trades.

    The loops take terms of every symbol they are given: a check costs what the account has, not
    what the market has. Symbols keep their order.
    """
    places = np.union1d(held.series, legs.series)
    market, values = scene.series, scene.values
    series = Series._make(column[places] for column in market)
    if market.delivered is market.multiplier:
        series = series._replace(delivered=series.multiplier)  # which says: none was adjusted
    slot = values.slot[places] if len(values.slot) else values.slot

    def charges(before: Held, after: Held) -> Int64Array:
        return scene.charges(*(s._replace(series=places[s.series]) for s in (before, after)))

    return (
        scene._replace(
            series=series,
            values=values._replace(slot=slot),
            charges=charges,
            deciding=scene.deciding[places],
        ),
        held._replace(series=np.searchsorted(places, held.series)),
        legs._replace(series=np.searchsorted(places, legs.series)),
    )


def counted(scene: Scene, book: Book) -> tuple[Book, OptionValues]:
    """The book as it counts, and the values of what stands in it, no more."""
    series, rules, values = scene.series, scene.rules, scene.values
    book = settled(book, series, rules, lambda: values, Asked(scene.deciding))
    if book.account_type[BEFORE] != PORTFOLIO:
        return book, values
    options = np.unique(book.series[series.kind[book.series] == OPTION]).astype(np.int64)
    if not len(options):
        return book, values
    return book, rescanned(_rows_of(values, options), series, rules, options)


def _rows_of(values: OptionValues, options: Int64Array) -> OptionValues:
    """Values of some options: what is struck again is as large as what it is struck for."""
    rows = values.slot[options]
    slot = np.full_like(values.slot, -1)
    slot[options] = np.arange(len(options))
    return OptionValues(
        slot=slot,
        scan=values.scan[rows],
        stress=values.stress[rows],
        rescan=values.rescan[:0],
        delta=values.delta[rows],
        scan_bound=values.scan_bound[rows],
        stress_bound=values.stress_bound[rows],
    )
