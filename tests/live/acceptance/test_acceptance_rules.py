"""What counts, when it counts, and what it does to one account; each case by hand."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import product

import polars as pl
import pytest

from tests.support.live_driver import (
    NOON,
    Firm,
    account,
    at,
    beta,
    cash,
    fill,
    instrument,
    line,
    opening,
    price,
)

in_one_cycle = pytest.mark.parametrize("firm", ["same process"], indirect=True)
"""Of a story of one cycle, between which no process can take over."""


def tally(firm: Firm):
    """Rows read, accepted, duplicate, quarantined and late, in all."""
    names = ("read", "accepted", "duplicate", "quarantined", "late")
    return firm.table("landed_files").select(pl.sum(f"rows_{name}") for name in names).row(0)


# Identity


def test_a_repeated_id_with_its_content_counts_once(firm: Firm):
    one = fill("f1", "100", "10")
    firm.run(**opening("A"), fills=[one, one])
    firm.land(fills=[one, fill("f2", "1", "10", at(1))])
    firm.run(fills=[one, fill("f3", "1", "10", at(2))])

    assert firm.position() == (102, -1020)
    assert tally(firm) == (9, 6, 3, 0, 0)
    firm.check_nothing_lost()


def test_the_same_bytes_under_another_name_are_a_redelivered_file(firm: Firm):
    firm.run(**opening("A"), fills=[fill("f1", "100", "10")])
    firm.put("fills/again.ndjson", line(fill("f1", "100", "10")).encode(), at(days=2))
    firm.run()

    assert firm.position() == (100, -1000)
    again = firm.table("landed_files").filter(pl.col("cycle") == 2)
    assert again.select("path", "status", "rows_read").rows() == [
        ("fills/again.ndjson", "redelivered", 0)
    ]


def test_a_file_changed_under_its_old_name_is_read_again(firm: Firm):
    firm.run(**opening("A"))
    for number in (1, 2):
        rows = [fill(f"f{n}", "10", "10", at(n)) for n in range(number)]
        firm.put("fills/day.ndjson", "".join(map(line, rows)).encode(), at(days=1 + number))
        firm.run()

    assert firm.position() == (20, -200)


def test_the_same_id_with_other_content_is_refused_and_the_first_stands(firm: Firm):
    firm.run(**opening("A"), fills=[fill("f1", "100", "10"), fill("f1", "999", "10")])
    firm.run(fills=[fill("f1", "100", "11"), fill("f1", "100", "10")])

    assert firm.position() == (100, -1000)
    assert firm.reasons() == ["id_reused", "id_reused"]
    raw = firm.table("quarantine")["raw"].to_list()
    assert raw == [line(fill("f1", q, p)).encode()[:-1] for q, p in (("999", "10"), ("100", "11"))]
    firm.check_nothing_lost()


def test_movements_and_fills_keep_their_ids_apart(firm: Firm):
    firm.run(
        **opening("A"), fills=[fill("same", "1", "10")], cash_movements=[cash("same", "A", "50")]
    )
    firm.run(cash_movements=[cash("same", "A", "51")])

    assert firm.position() == (1, 40)
    assert firm.reasons() == ["id_reused"]


def test_a_quarantined_row_does_not_take_its_id(firm: Firm):
    firm.run(**opening("A"), fills=[fill("f1", "0", "10"), fill("f1", "5", "10")])
    firm.run(fills=[fill("f2", "0", "10", at(1))])
    firm.run(fills=[fill("f2", "7", "10", at(2))])

    assert firm.position() == (12, -120)
    assert firm.reasons() == ["quantity_zero_corrects_nothing"] * 2


def test_rows_without_an_id_are_known_by_their_content(firm: Firm):
    firm.run(**opening("A"))
    firm.run(prices=[price("X", "100"), price("X", "7", at(1)), price("X", "7", at(1))])
    firm.run(prices=[price("X", "100"), price("X", "8", at(2))])

    # 3 at first; then noon's price and the repeated 7 are known; then noon's price again.
    assert tally(firm) == (8, 5, 3, 0, 0)


# Order


def test_files_count_by_landing_time_then_path(firm: Firm):
    firm.run(**opening("A"))
    for path, usd, landed in (
        ("prices/a.ndjson", "3", at(20)),
        ("prices/z.ndjson", "1", at(10)),
        ("prices/b.ndjson", "2", at(10)),
    ):
        firm.put(path, line(price("X", usd, at(5))).encode(), landed)
    firm.run(fills=[fill("f1", "1", "1", at(5))])

    paths = firm.table("landed_files").filter(pl.col("cycle") == 2)["path"].to_list()
    assert paths[:3] == ["prices/b.ndjson", "prices/z.ndjson", "prices/a.ndjson"]
    # All three are of one time: the last landed stands.
    assert firm.rows("positions", "price") == [(3,)]


def test_of_two_prices_at_one_time_the_later_landed_stands(firm: Firm):
    firm.run(**opening("A"), fills=[fill("f1", "1", "1")])
    firm.run(prices=[price("X", "5", at(1)), price("X", "4", at(1)), price("X", "9", at(0.5))])
    assert firm.rows("positions", "price") == [(4,)]

    # Late, but of the same time as the one that stands, and landed after it.
    firm.run(prices=[price("X", "6", at(1))])
    assert firm.rows("positions", "price") == [(6,)]

    # Late and older: it changes nothing.
    firm.run(prices=[price("X", "8", at(0.9))])
    assert firm.rows("positions", "price", "price_time") == [(6, at(1))]


# Late and future


def test_a_late_row_counts_from_the_next_point_and_rewrites_nothing(firm: Firm):
    firm.run(**opening("A"), cash_movements=[cash("m1", "A", "10", at(60))])
    before = firm.everything()
    sealed = firm.run(cash_movements=[cash("m2", "A", "5", at(10))]).sealed

    assert sealed.as_of == at(61)
    assert firm.rows("cash_movements", "movement_id", "is_late") == [("m1", False), ("m2", True)]
    assert firm.rows("account_state", "cash", "as_of") == [(15, at(61))]
    assert firm.everything()["prices"] == before["prices"]
    assert tally(firm)[4] == 1


def test_a_row_at_the_last_point_is_late_and_one_just_after_it_is_not(firm: Firm):
    firm.run(**opening("A"))
    firm.run(cash_movements=[cash("m1", "A", "1"), cash("m2", "A", "2", at(0.000001))])

    assert firm.rows("cash_movements", "movement_id", "is_late") == [("m1", True), ("m2", False)]
    assert firm.session.ledger.last_sealed().as_of == at(1)


@in_one_cycle
def test_the_future_is_five_minutes_after_the_landing_of_the_file(firm: Firm):
    rows = [cash(f"m{n}", "A", "1", at(300 + n / 1e6)) for n in range(2)]
    firm.cycle(NOON, **opening("A"), cash_movements=rows)

    assert firm.position()[1] == 1
    assert firm.reasons() == ["event_time_in_future"]
    firm.check_nothing_lost()


# Corrections


def test_a_correction_stands_in_the_place_of_its_original_from_its_own_time_on(firm: Firm):
    firm.run(**opening("A"), fills=[fill("f1", "100", "10")])
    firm.run(
        fills=[fill("c1", "80", "11", at(60), corrects="f1")],
        cash_movements=[cash("m1", "A", "1", at(30))],
    )

    assert firm.position() == (80, -879)
    assert firm.rows("positions", "last_fill_price") == [(11,)]
    assert firm.session.ledger.last_sealed().as_of == at(60)


def test_a_correction_does_not_act_before_its_own_event_time(firm: Firm):
    # Worth 100 each; bought at 50 on 500 down: fine until the price of the fill is 90.
    firm.run(**opening("A"), fills=[fill("f1", "10", "50", at(1))])
    firm.run(
        fills=[fill("c1", "10", "90", at(60), corrects="f1")],
        prices=[price("X", "80", at(30)), price("X", "80", at(90))],
    )

    # 800 - 500 = 300 of 200; then 800 - 900 < 200 and nothing left: from T+60 on.
    decided = firm.rows("enforcement_decisions", "decided_at", "dimension", "reason")
    calls = [when for when, dimension, reason in decided if reason == "deficiency"]
    assert calls == [at(60)]


def test_a_bust_takes_the_fill_away_and_a_flat_position_goes(firm: Firm):
    firm.run(**opening("A"), fills=[fill("f1", "100", "10")])
    firm.run(fills=[fill("b1", "0", "10", at(1), corrects="f1")])

    assert firm.position() == (0, 0)
    assert firm.table("positions").is_empty()
    assert firm.rows("margin_summary", "equity", "governing_requirement") == [(0, 0)]

    firm.run(fills=[fill("f2", "3", "10", at(2))])
    assert firm.position() == (3, -30)


def test_a_bust_lands_before_the_price_and_leaves_no_trace_of_the_position(firm: Firm):
    firm.run(accounts=[account("A")], fills=[fill("f1", "5", "2")])
    firm.run(fills=[fill("f2", "-5", "3", at(1)), fill("b1", "0", "1", at(2), corrects="f2")])

    assert firm.position() == (5, -10)
    firm.run(prices=[price("X", "9", at(3))], instruments=[instrument("X", at(3))])
    assert firm.rows("positions", "market_value") == [(45,)]


@pytest.mark.parametrize(
    ("order", "together"), [((0, 1, 2), False), ((2, 1, 0), False), ((1, 2, 0), True)]
)
def test_of_several_corrections_the_last_by_time_then_id_stands(
    firm: Firm, order: tuple[int, ...], together: bool
):
    corrections = [
        fill("c9", "70", "10", at(5), corrects="f1"),
        fill("c1", "60", "10", at(9), corrects="f1"),
        fill("c2", "50", "10", at(9), corrects="f1"),
    ]
    firm.run(**opening("A"), fills=[fill("f1", "100", "10")])
    if together:
        firm.run(fills=[corrections[n] for n in order])
    else:
        for n in order:
            firm.run(fills=[corrections[n]])

    assert firm.position() == (50, -500)


@pytest.mark.parametrize("together", [True, False])
def test_a_chain_ends_at_its_last_member(firm: Firm, together: bool):
    chain = [
        fill("c1", "80", "10", at(1), corrects="f1"),
        fill("c2", "0", "10", at(2), corrects="c1"),
        fill("c3", "30", "10", at(3), corrects="c2"),
    ]
    firm.run(**opening("A"), fills=[fill("f1", "100", "10")])
    for rows in [chain] if together else [[row] for row in chain]:
        firm.run(fills=rows)

    assert firm.position() == (30, -300)


@in_one_cycle
def test_a_correction_of_the_original_later_than_its_chain_stands(firm: Firm):
    firm.run(
        **opening("A"),
        fills=[
            fill("f1", "100", "10"),
            fill("c1", "80", "10", at(1), corrects="f1"),
            fill("c2", "70", "10", at(2), corrects="c1"),
            fill("d1", "60", "10", at(3), corrects="f1"),
        ],
    )

    assert firm.position() == (60, -600)


@pytest.mark.parametrize("cycles", [1, 2])
def test_a_correction_waits_for_its_original(firm: Firm, cycles: int):
    early = [fill("c1", "80", "11", at(1), corrects="f1"), fill("g1", "1", "1", at(1))]
    late = [fill("f1", "100", "10", at(2))]
    firm.run(**opening("A"), fills=early if cycles == 2 else early + late)
    if cycles == 2:
        # It is accepted, waits, and has no effect.
        assert firm.position() == (1, -1)
        firm.run(fills=late)

    assert firm.position() == (81, -881)
    assert firm.reasons() == []


@pytest.mark.parametrize("field", ["account_id", "symbol"])
@pytest.mark.parametrize("cycles", [1, 2])
def test_a_correction_that_keeps_not_its_place_is_refused(firm: Firm, field: str, cycles: int):
    wrong = fill("c1", "80", "11", at(1), corrects="f1", **{field: "B"})
    if cycles == 1:
        firm.run(**opening("A", "B"), fills=[fill("f1", "100", "10"), wrong])
    else:
        firm.run(**opening("A", "B"), fills=[fill("f1", "100", "10")])
        firm.run(fills=[wrong])

    assert firm.position() == (100, -1000)
    assert firm.reasons() == ["correction_mismatch"]
    firm.check_nothing_lost()


@pytest.mark.parametrize("cycles", [1, 2])
def test_a_waiting_correction_is_refused_when_its_original_is_another_place(
    firm: Firm, cycles: int
):
    wrong = [fill("c1", "80", "11", at(1), corrects="f1", symbol="Y")]
    original = [fill("f1", "100", "10", at(2))]
    if cycles == 1:
        firm.run(**opening("A"), fills=wrong + original)
    else:
        firm.run(**opening("A"), fills=wrong)
        firm.run(fills=original)

    assert firm.position() == (100, -1000)
    assert firm.rows("quarantine", "reasons", "feed", "file_row") == [
        ("correction_mismatch", "fills", 1)
    ]


def test_a_correction_of_itself_is_a_circle(firm: Firm):
    firm.run(**opening("A"), fills=[fill("c1", "80", "11", corrects="c1")])

    assert firm.reasons() == ["correction_cycle"]
    # It did not take its id.
    firm.run(fills=[fill("c1", "5", "2", at(1))])
    assert firm.position() == (5, -10)


@pytest.mark.parametrize("together", [True, False])
def test_the_row_that_would_close_a_circle_is_refused(firm: Firm, together: bool):
    circle = [
        fill("c1", "1", "1", at(1), corrects="c3"),
        fill("c2", "2", "1", at(2), corrects="c1"),
        fill("c3", "3", "1", at(3), corrects="c2"),
    ]
    firm.run(**opening("A"), cash_movements=[cash("m", "A", "0.01")])
    for rows in [circle] if together else [[row] for row in circle]:
        firm.run(fills=rows)

    assert firm.reasons() == ["correction_cycle"]
    assert firm.table("fills")["fill_id"].sort().to_list() == ["c1", "c2"]
    # The place that c3 did not take may still be taken: both others wait for it.
    firm.run(fills=[fill("c3", "9", "1", at(4))])
    assert firm.position()[0] == 2


@in_one_cycle
def test_the_price_of_the_last_fill_is_that_of_the_last_event(firm: Firm):
    # Never priced and short: in the session of the last fill its price is the mark.
    rows = [
        fill("f2", "-10", "40", at(0.4)),
        fill("f1", "-10", "20", at(0.2)),
        fill("c1", "-5", "30", at(0.3), corrects="f1"),
    ]
    firm.run(accounts=[account("A")], instruments=[instrument("X")], fills=rows)

    assert firm.rows("positions", "quantity", "last_fill_price", "price", "market_value") == [
        (-15, 40, 40, -600)
    ]


# Reference data that is missing


def test_an_account_without_a_row_is_unregistered_and_margined_as_reg_t(firm: Firm):
    firm.run(**opening("A"), fills=[fill("f1", "1", "100", account_id="GHOST")])

    summary = firm.table("margin_summary").filter(pl.col("account_id") == "GHOST")
    row = summary.row(0, named=True)
    assert (row["status"], row["reasons"]) == ("indeterminate", "unregistered;beta_missing")
    assert (row["account_type"], row["governing_requirement"]) == ("reg_t", 25)
    # Equity 0 against 25: a call, however little is known.
    assert ("GHOST", "deficiency") in firm.rows("enforcement_decisions", "account_id", "reason")

    firm.run(accounts=[account("GHOST", "cash", at(5))])
    row = firm.table("margin_summary").filter(pl.col("account_id") == "GHOST").row(0, named=True)
    assert (row["status"], row["account_type"]) == ("determinate", "cash")
    assert row["governing_requirement"] == 100


@in_one_cycle
def test_an_account_row_that_takes_effect_after_the_fills(firm: Firm):
    firm.run(
        accounts=[account("A", "cash", at(60))],
        instruments=[instrument("X")],
        prices=[price("X", "100")],
        cash_movements=[cash("m1", "A", "100")],
        fills=[fill("f1", "1", "100", at(10))],
    )

    # Reg T until T+60: 100 of which 25 are needed; then 100% of 100 against 100: no deficiency.
    assert firm.rows("margin_summary", "account_type", "excess") == [("cash", 0)]
    assert firm.table("enforcement_decisions").is_empty()


@in_one_cycle
def test_a_symbol_without_a_row_is_not_marginable(firm: Firm):
    firm.run(accounts=[account("A")], prices=[price("X", "10")], fills=[fill("f1", "5", "10")])

    row = firm.table("margin_summary").row(0, named=True)
    assert row["reasons"] == "instrument_missing;beta_missing"
    assert row["governing_requirement"] == 50


def test_prices_of_symbols_nobody_holds_move_nobody(firm: Firm):
    firm.run(**opening("A"), cash_movements=[cash("m1", "A", "5")])
    before = firm.state()
    sealed = firm.run(prices=[price("NOBODY", "1", at(10))]).sealed

    assert sealed.as_of == at(10)
    assert firm.rows("account_state", "account_id", "cash") == [("A", 5)]
    assert firm.table("enforcement_decisions").is_empty()
    assert before.keys() == firm.state().keys()


def test_a_missing_price_takes_a_long_value_and_raises_a_short_one(firm: Firm):
    firm.run(
        accounts=[account("A"), account("B")],
        instruments=[instrument("X")],
        cash_movements=[cash("m1", "A", "1000")],
        fills=[fill("f1", "10", "20"), fill("f2", "-10", "20", account_id="B")],
    )
    firm.run(prices=[price("BEAT", "1", opens(10))])

    # In the session after the fills. Short: 20 x 1.5 = 30 each; 30% of 300 = 90, above 5 a share.
    assert firm.rows("positions", "account_id", "price", "market_value", "price_state") == [
        ("A", None, 0, "missing"),
        ("B", 30, -300, "missing"),
    ]
    columns = ("account_id", "status", "reasons", "equity", "governing_requirement")
    assert firm.rows("margin_summary", *columns) == [
        ("A", "indeterminate", "price_missing;beta_missing", 800, 0),
        ("B", "indeterminate", "price_missing;beta_missing", -100, 90),
    ]


# 9 March 2020 is a Monday; sessions open at 13:30 UTC.
def opens(day: int) -> datetime:
    return datetime(2020, 3, day, 13, 30, tzinfo=UTC)


@pytest.mark.parametrize("heartbeats", [True, False])
def test_a_price_goes_stale_and_unusable_at_session_openings(firm: Firm, heartbeats: bool):
    firm.run(
        **opening("A"), cash_movements=[cash("m1", "A", "1000")], fills=[fill("f1", "-10", "100")]
    )
    found = []
    days = (10, 11, 16, 17) if heartbeats else (17,)
    for day in days:
        for moment in (opens(day) - timedelta(seconds=1), opens(day)):
            firm.run(prices=[price("BEAT", "1", moment)])
            found.append((moment, firm.table("positions")["price_state"].item()))

    # Fresh for the session after, stale from the second, unusable from the sixth on: the 17th.
    expected = {10: ("fresh", "fresh"), 11: ("fresh", "stale"), 17: ("stale", "unusable")}
    states = {
        day: [s for when, s in found if when.day == day or when == opens(day)] for day in days
    }
    for day in days:
        assert tuple(states[day]) == expected.get(day, ("stale", "stale"))
    # From 2,000 - 1,000 = 1,000 to 2,000 - 1,500, both above 30%.
    assert firm.rows("margin_summary", "equity", "status") == [(500, "indeterminate")]


def test_the_opening_that_spoils_a_price_is_a_point_of_its_own(firm: Firm):
    # Cash 1,500 and 10 short at 100: 500 of equity against 300; raised, 0 against 450.
    firm.run(
        **opening("A"), cash_movements=[cash("m1", "A", "500")], fills=[fill("f1", "-10", "100")]
    )
    firm.run(prices=[price("BEAT", "1", opens(18))])

    decided = firm.rows("enforcement_decisions", "decided_at", "reason", "status")
    assert (opens(17), "deficiency", "indeterminate") in decided
    # Only the bound leaves nothing: at the last known price 500 are left (semantics 8.6).
    assert "equity_exhausted" not in {reason for _, reason, _ in decided}


def test_nothing_is_relaxed_while_a_price_is_missing(firm: Firm):
    firm.run(**opening("A"), cash_movements=[cash("m1", "A", "10")], fills=[fill("f1", "1", "100")])
    assert firm.rows("enforcement_state", "margin_status") == [("call",)]

    # Money for ten such calls, and a symbol without a price beside it.
    firm.run(
        cash_movements=[cash("m2", "A", "1000", at(1))],
        fills=[fill("f2", "1", "1", at(1), symbol="Y")],
    )
    assert firm.rows("margin_summary", "status") == [("indeterminate",)]
    assert firm.rows("enforcement_state", "margin_status") == [("call",)]

    firm.run(prices=[price("Y", "1", at(2))], instruments=[instrument("Y", at(2))])
    assert firm.rows("enforcement_state", "margin_status") == [("ok",)]
    cured = firm.table("enforcement_decisions").filter(reason="call_cured")
    assert cured["decided_at"].to_list() == [at(2)]


# Terms and types


def test_a_cash_account_is_called_but_neither_warned_nor_restricted(firm: Firm):
    firm.run(
        **opening("B"),
        betas=[beta("X", "5", "2020-03-09")],
        cash_movements=[cash("m1", "C", "1000"), cash("m2", "D", "999")],
        fills=[fill(f"f{a}", "10", "100", account_id=a) for a in "CD"],
    )
    firm.run(accounts=[account(a, "cash", at(1)) for a in "CD"])
    firm.run(prices=[price("X", "1", at(2))])

    # Cash is 0 and -1. As reg_t until T+1, D owed a dollar: so its equity is to be the whole cost.
    decided = firm.rows("enforcement_decisions", "account_id", "decided_at", "reason")
    assert decided == [
        ("D", at(0), "equity_below_minimum"),
        ("D", at(1), "deficiency"),
        ("D", at(1), "equity_at_minimum"),
    ]
    assert firm.rows("margin_summary", "account_id", "excess") == [("B", 0), ("C", 0), ("D", -1)]


RATES = {
    "long: 25%": ({}, "10", 250),
    "short: 30%": ({}, "-10", 300),
    "non-marginable long: all": ({"marginable": False}, "10", 1000),
    "non-marginable short: all": ({"marginable": False}, "-10", 1000),
    "2x long: 50%": ({"asset_class": "etf", "leverage": 2}, "10", 500),
    "-3x long: 75%": ({"asset_class": "etf", "leverage": -3}, "10", 750),
    "10x long: never above 100%": ({"leverage": 10}, "10", 1000),
    "3x short: 90%": ({"asset_class": "etf", "leverage": 3}, "-10", 900),
    "not supported: as non-marginable": ({"asset_class": "option"}, "10", 1000),
}
"""Terms of an instrument, quantity held at 100, and what is required of it."""


@in_one_cycle
def test_the_terms_of_the_instrument_decide_the_rate(firm: Firm):
    firm.run(
        accounts=[account(case) for case in RATES],
        instruments=[instrument(case, **terms) for case, (terms, _, _) in RATES.items()],
        prices=[price(case, "100") for case in RATES],
        fills=[
            fill(case, quantity, "100", account_id=case, symbol=case)
            for case, (_, quantity, _) in RATES.items()
        ],
    )

    found = dict(firm.rows("margin_summary", "account_id", "governing_requirement"))
    assert found == {case: requirement for case, (_, _, requirement) in RATES.items()}


def test_an_instrument_changes_its_group_and_the_book_keeps_its_order(firm: Firm):
    symbols = ("X", "Y", "Z")
    firm.run(
        accounts=[account(a, "portfolio_margin") for a in "AB"],
        instruments=[instrument(s) for s in symbols],
        prices=[price(s, "100") for s in symbols],
        fills=[
            fill(f"{a}{s}", q, "100", account_id=a, symbol=s)
            for (a, (s, q)) in product("AB", zip(symbols, ("10", "-10", "5"), strict=True))
        ],
    )
    # Alone: 15% of 1,000 + 1,000 + 500.
    assert firm.rows("margin_summary", "portfolio_margin_requirement") == [(375,)] * 2

    firm.run(instruments=[instrument(s, at(1), class_group="G") for s in ("X", "Y")])
    # X and Y cancel in their common group.
    assert firm.rows("margin_summary", "portfolio_margin_requirement") == [(75,)] * 2

    firm.run(fills=[fill("more", "10", "100", at(2), symbol="Y")])
    assert firm.rows("margin_summary", "portfolio_margin_requirement") == [(225,), (75,)]


def test_a_beta_counts_from_midnight_in_new_york_of_its_date(firm: Firm):
    # 1,000 long on 600 of cash: 350 of excess; beta 2 takes 120 at SPY -6%, beta 6 takes 360.
    firm.run(
        **opening("A"),
        betas=[beta("X", "2", "2020-03-09"), beta("X", "6", "2020-03-10")],
        cash_movements=[cash("m1", "A", "600")],
        fills=[fill("f1", "10", "100")],
    )
    assert firm.rows("positions", "beta") == [(2.0,)]
    firm.run(prices=[price("BEAT", "1", at(days=1))])

    midnight = datetime(2020, 3, 10, 4, 0, tzinfo=UTC)
    assert firm.rows("positions", "beta") == [(6.0,)]
    decided = firm.table("enforcement_decisions").filter(dimension="restriction")
    assert decided.select("decided_at", "reason").rows() == [(midnight, "stress")]


def test_betas_alone_wait_for_the_day(firm: Firm):
    result = firm.run(betas=[beta("X", "2", "2020-03-09")])
    assert result.sealed.as_of is None
    assert firm.table("account_state").is_empty()

    firm.run(**opening("A"), fills=[fill("f1", "10", "100")])
    assert firm.rows("positions", "beta") == [(2.0,)]


def test_a_first_cycle_of_nothing_but_refused_files_is_sealed(firm: Firm):
    firm.put("fills/broken.csv", b"a,b\n1,2\n", at(days=1))
    result = firm.run()
    assert result.sealed.as_of is None
    assert firm.reasons() == ["missing_column"]

    firm.run(**opening("A"), fills=[fill("f1", "10", "100")])
    assert firm.position() == (10, -1000)


def test_events_before_the_first_session_of_the_calendar(firm: Firm):
    early = datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)
    firm.run(
        accounts=[account("A", when=early)],
        instruments=[instrument("X", early)],
        prices=[price("X", "100", early)],
        fills=[fill("f1", "1", "100", early)],
    )
    assert firm.rows("positions", "price_state", "as_of") == [("fresh", early)]

    firm.run(prices=[price("Y", "1", early + timedelta(days=14))])
    assert firm.rows("positions", "price_state", "market_value") == [("unusable", 0)]


def test_amounts_add_up_to_the_cent(firm: Firm):
    # 0.3333 x 3 = 0.9999: 1.00 a fill; -0.005 rounds away from zero.
    firm.run(**opening("A"), fills=[fill(f"f{n}", "3", "0.3333", at(n)) for n in range(3)])
    assert firm.position() == (9, Decimal("-3.00"))
    firm.run(fills=[fill("g", "0.005", "1", at(5))])
    assert firm.position() == (Decimal("9.005"), Decimal("-3.01"))
