"""Books of more legs than the exact search takes: a least known by another route, later searches.

The two books of 64 and 65 legs were solved by a mixed-integer program over explicit groups, which
shares no code with ours: a loss variable held down at every strike, a count a naked leg, a place in
the spread and a pair of a straddle.
"""

import pytest

from margin_assets.kernels.optimize.relaxation import Search
from margin_assets.kernels.strategies.grouping import WORK
from margin_assets.kernels.strategies.least_groups import _by_relaxation, large_grouping
from tests.support.leg_books import MICRO, RATES, Leg, book, gross, records, stock

PUTS = (
    "62:1:0 64:-9:0 68:2:0 70:1:0 72:2:0 74:2:0 76:8:0 78:5:0 80:-2:1 84:-5:5 86:-6:11 88:9:21 "
    "90:3:38 94:-3:107 96:7:163 98:3:238 100:-4:331 102:-5:444 106:-7:722 110:-3:1054 112:-3:1235 "
    "116:-2:1613 118:-8:1808 120:-2:2005 122:4:2203 124:-8:2401 126:-8:2601 128:-2:2800 130:8:3000 "
    "132:9:3200 136:2:3600 138:5:3800"
)
CALLS = (
    "62:5:3800 66:5:3400 68:-5:3200 70:-8:3000 74:2:2600 76:-1:2400 78:-7:2200 80:9:2001 "
    "82:-4:1802 84:7:1605 88:1:1221 90:-5:1038 92:5:866 94:1:707 98:1:438 100:-2:331 104:8:175 "
    "106:-6:122 110:-8:54 112:-9:35 116:9:13 118:6:8 120:-2:5 122:-3:3 126:9:1 128:-6:0 130:-3:0 "
    "132:-7:0 134:5:0 136:3:0 138:-7:0 140:-4:0"
)
"""Strike, contracts and price in cents of options with 28 days left on a stock at 100."""


def told(text: str, *, is_call: bool) -> list[Leg]:
    rows = [tuple(map(int, row.split(":"))) for row in text.split()]
    return [(count, is_call, strike, 28, cents / 100) for strike, count, cents in rows]


@pytest.mark.parametrize(("added", "least"), [("", 191_357), (" 400:1:0", 190_978)])
def test_a_long_call_worth_nothing_lowers_what_a_book_of_64_legs_requires(added: str, least: int):
    """A short call joins the spread with it and leaves a straddle: 379 less, and never more."""
    legs = told(PUTS, is_call=False) + told(CALLS + added, is_call=True)
    held = records(sorted(legs, key=lambda leg: (leg[2], leg[1])))

    found = large_grouping(held, stock(0), RATES, WORK)

    required = gross(held, found)
    assert required - found.gap <= least * MICRO + 1 <= required + 2
    assert required <= 191_357 * MICRO + 1
    assert required <= 1.005 * least * MICRO


def test_what_a_first_dive_leaves_open_is_searched_again():
    """Without the searches that follow the dives this book stays 0.6% above its bound."""
    held = records(book(13, 65, 8))

    found = _by_relaxation(held, stock(0), RATES)

    assert found.gap <= 0.005 * (gross(held, found) - found.gap)


def test_a_dive_that_ends_nowhere_is_not_the_last(monkeypatch: pytest.MonkeyPatch):
    held = records(book(1, 150, 4))
    dive = Search.dive

    def ends_nowhere(search: Search, parts: int) -> None:
        if parts > 2:
            dive(search, parts)

    monkeypatch.setattr(Search, "dive", ends_nowhere)
    monkeypatch.setattr(Search, "again", lambda *_: None)
    found = _by_relaxation(held, stock(0), RATES)

    assert found.gap <= 0.005 * (gross(held, found) - found.gap)
