from itertools import permutations

import pytest

from margin_assets.kernels.corporate.dividends import Dividends, Entry
from schemas.books import AHEAD, DUE, MET


def due(action_id: str, cents: int, ex: int) -> Entry:
    return Entry("A", DUE, action_id, "X", cents, ex)


def test_a_payment_meets_what_is_open_oldest_first():
    book = Dividends()
    book.accrue(due("D2", -300, 20))
    book.accrue(due("D1", -100, 10))

    found = book.pay("A", "M", -250, 30)

    assert [(e.kind, e.action_id, e.amount) for e in found] == [(MET, "D1", 100), (MET, "D2", 150)]
    assert book.open("A") == (0, -150)


def test_what_is_due_is_not_met_by_what_is_owed():
    book = Dividends()
    book.accrue(due("D1", 100, 10))

    (rest,) = book.pay("A", "M", -40, 30)

    assert (rest.kind, rest.amount) == (AHEAD, -40)
    assert book.open("A") == (100, 0)


def test_a_payment_before_the_ex_date_is_for_something_else():
    book = Dividends()
    book.pay("A", "M", -100, 5)

    assert book.accrue(due("D1", -100, 10)) == [due("D1", -100, 10)]
    assert book.open("A") == (0, -100)


STEPS = {
    "one": lambda book: book.accrue(due("D1", -100, 10)),
    "more": lambda book: book.accrue(due("D1", -30, 10)),
    "two": lambda book: book.accrue(due("D2", -50, 20)),
    "paid": lambda book: book.pay("A", "M", -120, 30),
}


@pytest.mark.parametrize("order", list(permutations(STEPS)), ids="-".join)
def test_in_whatever_order_it_lands_the_same_is_open(order: tuple[str, ...]):
    book, told = Dividends(), []
    for step in order:
        told += STEPS[step](book)

    assert book.open("A") == (0, -60)
    again = Dividends()
    again.load(told)
    assert again.open("A") == (0, -60)
