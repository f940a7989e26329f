"""The rates book over rows: figures, named states, curves that fail, and what a restart knows."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from margin_assets import valuation
from margin_assets.kernels.rates import rates_laws
from margin_assets.valuation.rates_book import RatesBook, rates_at
from tests.support.rates_rows import (
    NOW,
    TENORS,
    bond,
    fixings,
    frame,
    micros,
    position,
    quotes,
    results,
    swap,
    taken,
    value,
)

LATER = NOW + timedelta(hours=1)


@pytest.fixture(scope="module")
def book() -> RatesBook:
    """A bond long and short in two books, a fresh swap, a seasoned one, what lacks something."""
    return taken(
        RatesBook(),
        bonds=[bond(), bond("OLD", maturity=date(2025, 12, 1)), bond("EUR", currency="EUR")],
        swaps=[
            swap(),
            swap("RUN", start_date=date(2025, 9, 15), end_date=date(2030, 9, 16)),
            swap("ODD", index_name="USD-NOBODY"),
            swap("BARE", index_name="USD-LIBOR-3M", start_date=date(2025, 9, 15)),
            swap("AHEAD", index_name="USD-LIBOR-3M"),
        ],
        rates_positions=[
            position("T", 1_000_000),
            position("T", -400_000, desk="hedges"),
            position("S", 10_000_000),
            position("RUN", 5_000_000),
            position("OLD", 1_000),
            position("EUR", 1_000),
            position("ODD", 1_000),
            position("BARE", 1_000),
            position("AHEAD", 1_000),
            position("NONE", 1_000),
            position("T", 0, desk="empty"),
        ],
        curve_quotes=quotes() + quotes("EUR-ESTR", tenors=TENORS),
        fixings=fixings("USD-SOFR", date(2025, 9, 15), date(2026, 1, 27)),
    )


def test_a_position_is_worth_what_the_document_says(book: RatesBook):
    sofr = {
        "currency": "USD",
        "index": "USD-SOFR",
        "interpolation": "log_linear_discount",
        "quotes": [
            {"kind": "ois", "tenor": row["tenor"], "rate": row["quote"]} for row in quotes()
        ],
    }
    leg = {"frequency": "annual"}
    answer = valuation.value(
        {
            "valuation_date": "2026-01-28",
            "curves": {"USD-SOFR": sofr},
            "discounting": {"USD": "USD-SOFR"},
            "indices": {"USD-SOFR": {"curve": "USD-SOFR"}},
            "fixings": {
                "USD-SOFR": {
                    row["fixing_date"].isoformat(): row["rate"]
                    for row in fixings("USD-SOFR", date(2025, 9, 15), date(2026, 1, 27))
                }
            },
            "instruments": [
                {
                    "id": "RUN",
                    "kind": "swap",
                    "notional": 5_000_000,
                    "start_date": "2025-09-15",
                    "end_date": "2030-09-16",
                    "legs": [
                        leg
                        | {"kind": "fixed", "side": "pay", "rate": 0.035, "day_count": "act/360"},
                        leg | {"kind": "floating", "side": "receive", "index": "USD-SOFR"},
                    ],
                }
            ],
        }
    )
    [told] = answer["instruments"]
    ours = value(book, "RUN")

    assert float(ours["npv"]) == pytest.approx(told["npv"], abs=0.005)
    assert ours["dv01"] == pytest.approx(told["dv01"], abs=1e-5)
    assert ours["gamma"] == pytest.approx(told["gamma"], abs=1e-5)
    found = results(book).frames["rates_sensitivities"].filter(pl.col("instrument_id") == "RUN")
    keys = dict(found.select("tenor", "dv01").rows())
    assert {t: keys.get(t, 0.0) for t in TENORS} == pytest.approx(told["key_rates"], abs=1e-5)


def test_what_lacks_something_is_named_and_the_rest_is_valued(book: RatesBook):
    rows = results(book).frames["rates_values"].filter(pl.col("desk") == "rates")
    told = {
        name: (status, why)
        for name, status, why in rows.select("instrument_id", "status", "reasons").rows()
    }

    assert told == {
        "T": ("valued", ""),
        "S": ("valued", ""),
        "RUN": ("valued", ""),
        "OLD": ("matured", ""),
        "EUR": ("valued", "no_fx"),
        "ODD": ("unpriced", "no_index"),
        "BARE": ("unpriced", "no_fixing:USD-LIBOR-3M:2025-10-28"),
        "AHEAD": ("unpriced", "no_curve"),
        "NONE": ("unpriced", "no_terms"),
    }


def test_what_has_ended_and_is_still_to_pay_has_no_value_without_its_fixings():
    ended = {"start_date": date(2025, 1, 27), "end_date": date(2026, 1, 27), "payment_lag": 2}
    book = taken(
        RatesBook(),
        swaps=[swap("PAYS", **ended)],
        rates_positions=[position("PAYS", 1e8)],
        curve_quotes=quotes(),
    )
    lost = value(book, "PAYS")

    # The fixed leg alone would be 3.5 million to pay, against 3.65 that is not known.
    assert (lost["status"], lost["npv"]) == ("unpriced", None)
    assert lost["reasons"] == "no_fixing:USD-SOFR:2025-01-27"
    taken(book, fixings=fixings("USD-SOFR", date(2025, 1, 27), date(2026, 1, 26)))
    known = value(book, "PAYS")
    assert (known["status"], known["reasons"]) == ("matured", "")
    # A year's compounding of 3.6% a day on 360ths, less 3.5% simple, a day before it is paid.
    interest = (1 + 0.036 / 360) ** 365 - 1 - 0.035 * 365 / 360
    assert float(known["npv"]) == pytest.approx(1e8 * interest, rel=1e-2)


def test_books_add_up_and_no_currency_counts_for_another(book: RatesBook):
    frames = results(book).frames
    risk = frames["desk_risk"]

    assert risk.select("desk", "currency", "positions", "unpriced").rows() == [
        ("hedges", "USD", 1, 0),
        ("rates", "", 1, 1),
        ("rates", "EUR", 1, 0),
        ("rates", "USD", 6, 3),
    ]
    assert risk.filter(pl.col("currency") == "EUR")["npv_reporting"].to_list() == [None]
    values = frames["rates_values"].filter(pl.col("currency") == "USD")
    by_desk = values.group_by("desk").agg(pl.col("npv").sum(), pl.col("dv01").sum()).sort("desk")
    usd = risk.filter(pl.col("currency") == "USD")
    assert usd["npv"].to_list() == by_desk["npv"].to_list()
    assert usd["dv01"].to_list() == pytest.approx(by_desk["dv01"].to_list(), abs=1e-5)
    # A node's slope is the derivative by its zero rate: on linear curves they add up to DV01.
    slopes = frames["desk_sensitivities"].filter(pl.col("desk") == "rates", currency="USD")
    by_curve = dict(slopes.group_by("curve").agg(pl.col("dv01").sum()).rows())
    assert by_curve[""] == pytest.approx(usd["dv01"][1], abs=1e-4)
    assert by_curve["USD-SOFR"] == pytest.approx(usd["dv01"][1], rel=2e-3)


def test_laws_hold_and_notice_what_breaks_them(book: RatesBook):
    frames = results(book).frames
    values, keys = frames["rates_values"], frames["rates_sensitivities"]
    curves = taken(RatesBook(tells_all_curves=True), curve_quotes=quotes())
    nodes = results(curves).frames["curves"].with_columns(cycle=1)

    assert rates_laws.key_rate_gaps(values, keys).is_empty()
    moved = keys.with_columns(pl.col("dv01") + 0.001)
    assert rates_laws.key_rate_gaps(values, moved).height == 5
    laws = (
        rates_laws.rising_factors,
        rates_laws.forwards_out_of_bounds,
        rates_laws.repricing_gaps,
    )
    assert [law(nodes).height for law in laws] == [0, 0, 0]
    bent = nodes.with_columns(forward_rate=pl.lit(-0.5), repricing_error=pl.lit(1e-8))
    assert [law(bent).height for law in laws] == [1, 1, 1]


@settings(max_examples=8, deadline=None)
@given(st.floats(-5e7, 5e7).filter(lambda q: abs(q) > 1), st.floats(0.05, 0.95))
def test_a_split_position_is_worth_the_whole_and_a_mirrored_one_the_opposite(
    book: RatesBook, quantity: float, share: float
):
    quantity, part = round(quantity, 2), round(quantity * share, 2)
    book = taken(
        book,
        rates_positions=[
            position("S", quantity, LATER, desk="whole"),
            position("S", part, LATER, desk="one"),
            position("S", round(quantity - part, 2), LATER, desk="other"),
            position("S", -quantity, LATER, desk="mirror"),
        ],
    )
    rows = results(book, LATER).frames["rates_values"]
    of = dict(rows.select("desk", pl.struct("npv", "dv01")).rows())

    assert abs(of["whole"]["npv"] - of["one"]["npv"] - of["other"]["npv"]) <= Decimal("0.02")
    assert of["mirror"]["npv"] == -of["whole"]["npv"]
    assert of["mirror"]["dv01"] == -of["whole"]["dv01"]


def test_scenarios_are_what_the_moved_quotes_of_a_flat_shift_come_to():
    feeds = {"bonds": [bond()], "rates_positions": [position("T", 1e6)], "curve_quotes": quotes()}
    gains = results(taken(RatesBook(), **feeds)).frames["rates_scenarios"]
    by_name = dict(gains.select("scenario", pl.col("pnl").cast(float)).rows())
    dv01, gamma = value(taken(RatesBook(), **feeds), "T")["dv01"], 0.06

    assert by_name["up_100"] == pytest.approx(-100 * dv01 + 5000 * gamma, abs=120)
    assert by_name["up_100"] + by_name["down_100"] == pytest.approx(1e4 * gamma, rel=0.3)
    assert by_name["flattener"] < by_name["steepener"] < by_name["down_100"]


def curve_of(book: RatesBook, when: datetime = NOW) -> tuple[str, str | None]:
    rows = results(book, when).frames["curves"]
    return rows.select("status", "problem").row(0)


def test_a_curve_that_cannot_be_built_keeps_its_last_good_nodes_until_it_is_too_old():
    book = taken(
        RatesBook(), bonds=[bond()], rates_positions=[position("T", 1e6)], curve_quotes=quotes()
    )
    before = value(book, "T")
    for up, problem in ((0.05, "forward_out_of_bounds"), (0.75, "not_built")):
        taken(book, curve_quotes=quotes(when=LATER, tenors=["2Y"], up=up))
        assert curve_of(book, LATER) == ("fresh", problem)
        assert value(book, "T", LATER)["npv"] == before["npv"]

    stale, gone = NOW + timedelta(hours=25), NOW + timedelta(hours=101)
    assert value(book, "T", stale)["status"] == "stale"
    assert value(book, "T", stale)["reasons"] == "stale_curve:USD-SOFR"
    lost = value(book, "T", gone)
    assert (lost["status"], lost["reasons"]) == ("unpriced", "no_curve:USD-SOFR")
    assert (lost["npv"], lost["dv01"]) == (None, None)
    taken(book, curve_quotes=quotes(when=gone))
    assert value(book, "T", gone)["status"] == "valued"


@pytest.mark.parametrize(
    "terms",
    [
        pytest.param({"kind": "ois", "tenor": "15Y", "quote": 0.043}, id="a tenor not required"),
        pytest.param(
            {"kind": "ois", "tenor": "10Y", "start": "5Y", "quote": 0.045},
            id="a forward of a required tenor",
        ),
    ],
)
def test_a_quote_nobody_asks_for_leaves_its_curve_when_it_is_old(terms: dict[str, object]):
    extra = {"curve": "USD-SOFR"} | terms
    earlier = NOW - timedelta(hours=23)
    feeds = {"curve_quotes": [*quotes(), extra | {"event_time": earlier}]}
    seen, unseen = taken(RatesBook(), **feeds), taken(RatesBook(), **feeds)

    assert results(seen).frames["curves"].height == 12
    # Two hours on it is beyond a day: whether the book was asked before or not.
    for book in (seen, unseen):
        then = results(book, NOW + timedelta(hours=2)).frames["curves"]
        assert (then.height, then["status"][0]) == (11, "fresh")


@pytest.mark.parametrize(("at", "expected"), [(1, 1.1), (2, 1.25)])
def test_of_a_pair_and_the_turned_one_the_newer_rate_counts(at: int, expected: float):
    when = NOW + timedelta(hours=at)
    rates = [("EURUSD", 1.1, NOW + timedelta(hours=1)), ("USDEUR", 0.8, when)]
    book = taken(
        RatesBook(),
        bonds=[bond("EUR", currency="EUR")],
        rates_positions=[position("EUR", 1e6)],
        curve_quotes=quotes("EUR-ESTR"),
        fx_rates=[{"pair": p, "rate": rate, "event_time": t} for p, rate, t in rates],
    )

    assert results(book, when).frames["desk_risk"]["fx_rate"].to_list() == [expected]


def test_a_missing_tenor_is_no_zero():
    book = taken(
        RatesBook(),
        bonds=[bond()],
        rates_positions=[position("T", 1e6)],
        curve_quotes=quotes(tenors=[t for t in TENORS if t not in ("7Y", "20Y")]),
    )

    assert value(book, "T")["reasons"] == "no_curve:USD-SOFR"
    assert curve_of(taken(book, curve_quotes=quotes(tenors=["20Y"]))) == (
        "unusable",
        "missing:7Y",
    )
    taken(book, curve_quotes=quotes(tenors=["7Y"]))
    assert value(book, "T")["status"] == "valued"


@pytest.mark.parametrize("cured", [["5Y"], ["2Y", "5Y"]], ids=["stands", "builds"])
def test_a_restart_knows_the_nodes_that_stand_and_the_spreads_that_prices_found(cured: list[str]):
    feeds = {"bonds": [bond(clean_price=99.0)], "rates_positions": [position("T", 1e6)]}
    bad = quotes(when=LATER, tenors=["2Y"], up=0.5)
    lived = taken(RatesBook(), **feeds, curve_quotes=quotes())
    written = [results(lived).frames["curves"].with_columns(cycle=1)]
    taken(lived, curve_quotes=bad)
    sealed = results(lived, LATER).frames
    written.append(sealed["curves"].with_columns(cycle=2))

    again = taken(RatesBook(), **feeds, curve_quotes=quotes() + bad)
    again.load(pl.concat(written), sealed["rates_values"], micros(LATER))
    for book in (lived, again):
        taken(book, curve_quotes=quotes(when=LATER, tenors=cured, up=0.0001))
    ours, theirs = results(lived, LATER), results(again, LATER)

    assert ours.frames.keys() == theirs.frames.keys()
    for name, rows in ours.frames.items():
        assert_frame_equal(rows, theirs.frames[name], check_exact=True)


def test_by_date_it_is_what_it_was_that_day():
    days = [NOW + timedelta(n) for n in range(3)]
    closes = pl.DataFrame(
        {"business_date": [day.date() for day in days], "as_of": [micros(day) for day in days]}
    )
    rows = {
        "bonds": [bond()],
        "swaps": [swap()],
        "rates_positions": [position("T", 1e6), position("S", 1e6, days[1])],
        "curve_quotes": [row for n, day in enumerate(days) for row in quotes(when=day, up=n / 1e4)],
        "fixings": fixings("USD-SOFR", date(2026, 1, 28), date(2026, 1, 29)),
        "fx_rates": [],
    }
    found = rates_at({feed: frame(feed, held) for feed, held in rows.items()}, closes)
    live = RatesBook()
    for n, day in enumerate(days):
        now = {
            feed: [row for row in held if row["event_time"] == day] for feed, held in rows.items()
        }
        taken(live, **now)
        ours = results(live, day).frames
        for name in ("rates_values", "desk_risk", "rates_scenarios", "curves"):
            of_day = found[name].filter(pl.col("business_date") == day.date())
            assert_frame_equal(of_day.drop("business_date"), ours[name], check_column_order=False)
        assert found["rates_values"].filter(business_date=day.date()).height == min(n + 1, 2)
