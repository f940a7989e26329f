from collections.abc import Iterator
from threading import current_thread, main_thread

import pytest

from margin_assets.lake.landing.reading.ahead import ahead

WORTH = 10


def made(numbers: list[int], seen: list[bool]) -> Iterator[int]:
    """The numbers, and of each whether it was made by another thread; a negative one fails."""
    for number in numbers:
        seen.append(current_thread() is not main_thread())
        if number < 0:
            raise ValueError("broken")
        yield number


@pytest.mark.parametrize(
    ("numbers", "beside"),
    [
        ([], []),
        ([1, 2, 3], [False, False, False]),
        ([1, WORTH, 2, 3], [False, False, True, True]),
        ([WORTH], [False]),
    ],
)
def test_items_come_in_order_and_a_thread_makes_those_behind_one_that_is_worth_it(
    numbers: list[int], beside: list[bool]
):
    seen: list[bool] = []

    assert list(ahead(made(numbers, seen), lambda number: number >= WORTH)) == numbers
    assert seen == beside


def test_what_cannot_be_made_is_told_where_it_would_have_come():
    items = ahead(made([WORTH, 1, -1, 2], []), lambda number: number >= WORTH)

    assert [next(items), next(items)] == [WORTH, 1]
    with pytest.raises(ValueError, match="broken"):
        next(items)
