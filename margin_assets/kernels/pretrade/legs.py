"""What one account holds before and after the legs of an order are dealt at their prices."""

from typing import NamedTuple

import numpy as np

from margin_assets.kernels.book.book import Book, offsets_of
from margin_assets.kernels.book.fills import fill_cash
from margin_assets.kernels.book.sales import UNTOLD, average_prices, take_sales
from margin_assets.kernels.book.series import Series, sizes
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.money import BEYOND, MAX_POSITION, units

BEFORE, AFTER = range(2)
"""Places of the one account in the book of both."""


class Legs(NamedTuple):
    """Orders of one account as the trades they would be, in order: one entry a leg."""

    series: Int64Array
    """Place of the symbol."""
    quantity: Int64Array
    """Contracts, shares or principal, micro-units; negative where sold."""
    price: Int64Array
    """Micro-dollars."""


class Held(NamedTuple):
    """What one account holds: one entry a position, in the order of the book."""

    series: Int64Array
    quantity: Int64Array
    """Micro-units of contracts, shares or principal."""
    last_fill_price: Int64Array
    sold: Int64Array
    """Opening sales of a short position, micro-units; what they brought, micro-dollars."""
    proceeds: Int64Array
    cash: int
    """Cents."""
    account_type: int
    is_registered: bool
    is_exempt: bool


def traded(held: Held, legs: Legs, series: Series) -> tuple[Held, Int64Array]:
    """What is held after the legs, and what was held of its symbol before each of them."""
    places = np.union1d(held.series, legs.series)
    places = places[np.lexsort((places, series.class_group[places]))]
    at = {place: row for row, place in enumerate(places.tolist())}
    kept = [at[place] for place in held.series.tolist()]
    quantity, last, sold, proceeds = (np.zeros(len(places), dtype=np.int64) for _ in range(4))
    columns = (quantity, last, sold, proceeds)
    for column, name in zip(
        columns, ("quantity", "last_fill_price", "sold", "proceeds"), strict=True
    ):
        column[kept] = getattr(held, name)
    rows = np.array([at[place] for place in legs.series.tolist()], dtype=np.int64)
    before = _before_each(quantity, rows, legs.quantity)
    untold = np.full(len(rows), UNTOLD, dtype=np.int64)
    take_sales(rows, (legs.quantity, legs.price), (untold, untold), quantity, (sold, proceeds))
    last[rows] = legs.price
    stays = quantity != 0
    after = Held(
        series=places[stays],
        quantity=quantity[stays],
        last_fill_price=last[stays],
        sold=sold[stays],
        proceeds=proceeds[stays],
        cash=cash_after(held.cash, legs, series),
        account_type=held.account_type,
        is_registered=held.is_registered,
        is_exempt=held.is_exempt,
    )
    return after, before


def _before_each(quantity: Int64Array, rows: Int64Array, change: Int64Array) -> Int64Array:
    held = dict(enumerate(quantity.tolist()))
    found = []
    for row, moved in zip(rows.tolist(), change.tolist(), strict=True):
        found.append(held[row])
        held[row] += moved
    return np.array(found, dtype=np.int64)


def cash_after(cash: int, legs: Legs, series: Series) -> int:
    """Cash with every leg paid for, cents; beyond all bounds where a leg has no exact amount."""
    sized = units(legs.quantity, sizes(series), legs.series.astype(np.int32))
    exact = fill_cash(sized, legs.price)
    paid = np.where(np.abs(sized) > MAX_POSITION, -np.sign(sized) * BEYOND, exact)
    total = cash + sum(paid.tolist())
    return int(max(-BEYOND, min(total, BEYOND)))


def book_of_both(before: Held, after: Held, series: Series) -> Book:
    """The account before and after the order, as two accounts of one book."""
    both = (before, after)

    def joined(name: str) -> Int64Array:
        return np.concatenate([getattr(side, name) for side in both]).astype(np.int64)

    place = joined("series").astype(np.int32)
    counts = np.array([len(side.series) for side in both], dtype=np.int64)
    return Book(
        offsets=offsets_of(counts),
        series=place,
        quantity=units(joined("quantity"), sizes(series), place),
        last_fill_price=joined("last_fill_price"),
        sale_price=average_prices(joined("sold"), joined("proceeds")),
        account_type=np.array([side.account_type for side in both], dtype=np.int8),
        is_registered=np.array([side.is_registered for side in both], dtype=np.bool_),
        is_exempt=np.array([side.is_exempt for side in both], dtype=np.bool_),
        cash=np.array([side.cash for side in both], dtype=np.int64),
    )
