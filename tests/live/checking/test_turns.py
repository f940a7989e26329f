import threading
from functools import partial

import pytest

from margin_assets.live.checking.turns import Turns
from tests.support.served_dashboard import until


def _has_come(turns: Turns, before: int) -> bool:
    return len(turns._waiting) > before


def test_turns_come_in_the_order_of_asking():
    turns, order = Turns(), list[int]()

    def takes(n: int) -> None:
        with turns:
            order.append(n)

    asking = [threading.Thread(target=takes, args=(n,)) for n in range(6)]
    with turns:
        for thread in asking:
            before = len(turns._waiting)
            thread.start()
            until(partial(_has_come, turns, before))
        assert order == []
    for thread in asking:
        thread.join()
    assert order == [0, 1, 2, 3, 4, 5]


def test_a_turn_that_fails_is_handed_on():
    turns = Turns()
    with pytest.raises(LookupError), turns:
        raise LookupError
    with turns:
        pass
