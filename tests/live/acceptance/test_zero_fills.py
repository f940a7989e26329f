"""A fill at price 0 closes what stands at its own time, however the rows of a plan land."""

from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.live_driver import Firm, Row, account, at, fill, instrument, line, price
from tests.support.option_books import CALL, option

LANDED = at(days=400)


def of_call(name: str, quantity: str, usd: str, seconds: float, **more: str) -> Row:
    return fill(name, quantity, usd, at(seconds), symbol=CALL, **more)


STORIES = {
    "opened by another gateway": [
        of_call("open", "3", "2", 5),
        of_call("close", "-3", "0", 9),
    ],
    "corrected before": [
        of_call("open", "1", "2", 5),
        of_call("more", "3", "2", 7, corrects="open"),
        of_call("close", "-3", "0", 9),
    ],
    "busted after": [
        of_call("open", "3", "2", 5),
        of_call("close", "-3", "0", 9),
        of_call("bust", "0", "2", 12, corrects="open"),
    ],
}


@pytest.fixture
def firm(tmp_path: Path) -> Firm:
    made = Firm(tmp_path)
    known = [instrument("X"), option(CALL)]
    made.run(accounts=[account("A")], instruments=known, prices=[price("X", "100")])
    return made


@pytest.mark.parametrize("name", STORIES)
@pytest.mark.parametrize("order", ["in event order", "last first", "a cycle for each"])
def test_it_is_accepted_in_any_order_of_landing(firm: Firm, name: str, order: str):
    rows = STORIES[name]
    for number, row in enumerate(rows):
        file = -number if order == "last first" else number
        firm.put(f"fills/{file + 9}.ndjson", line(row).encode(), LANDED + timedelta(seconds=file))
        if order == "a cycle for each":
            firm.run()
    firm.cycle()

    assert firm.reasons() == []
    assert firm.position(CALL)[0] == (-3 if name == "busted after" else 0)


def test_it_is_refused_where_nothing_stood_at_its_time(firm: Firm):
    firm.run(
        fills=[
            of_call("early", "-2", "0", 3),
            of_call("open", "2", "2", 5),
            of_call("less", "1", "2", 6, corrects="open"),
            of_call("many", "-2", "0", 9),
        ]
    )

    refused = firm.table("quarantine")
    assert refused["file_row"].to_list() == [1, 4]
    assert set(refused["detail"]) == {"price 0 in a fill that closes no position"}
    assert firm.position(CALL)[0] == 1
