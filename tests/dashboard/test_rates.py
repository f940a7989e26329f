"""The page of the rates book and its reference data: what is asked, and the page in a browser."""

from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from tests.support.live_driver import Firm
from tests.support.rates_rows import NOW, bond, landed_rows, position, quotes, swap
from tests.support.served_dashboard import Served, served
from tests.support.watched_page import assert_readable, opened

NEXT = NOW + timedelta(days=1)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Three bonds, a swap and one without terms, on two days; a bond's second version."""
    firm = Firm(tmp_path_factory.mktemp("rates"))
    bonds = [
        bond(bond_class="us_treasury"),
        bond("T 30Y", maturity=date(2055, 11, 15), bond_class="us_treasury"),
        bond("AAA", issuer="ACME", currency="EUR"),
    ]
    held = [
        position("T", 1e6),
        position("T 30Y", -2e6, desk="long end"),
        position("ZZZ", 5e6, account_id="B"),
        position("AAA", 1e6, account_id="B"),
        position("<b>NONE</b>", 1e6),
    ]
    firm.cycle(
        NOW,
        bonds=landed_rows(bonds),
        swaps=landed_rows([swap("ZZZ")]),
        rates_positions=landed_rows(held),
        curve_quotes=landed_rows(quotes()),
    )
    later = landed_rows([bond("T", NEXT, bond_class="us_treasury", rating="AA+")])
    firm.cycle(NEXT, bonds=later, curve_quotes=landed_rows(quotes(when=NEXT, up=0.001)))
    with served(firm) as found:
        found.sees(2, "tables")
        yield found


def test_figures_add_up_and_say_what_is_missing(server: Served):
    found = server.ask("/api/rates").json
    totals, desks = found["totals"], {row["desk"]: row for row in found["desks"]}

    assert found["cycle"] == 2
    assert (totals["positions"], totals["unpriced"], totals["without_fx"]) == (5, 2, 0)
    assert sum(row["dv01"] for row in desks.values()) == pytest.approx(totals["dv01"])
    assert sum(found["heat"]["sums"]) == pytest.approx(totals["dv01"], abs=1e-4)
    for row in found["heat"]["rows"]:
        told = next(one for one in found["largest"] if one["instrument_id"] == row["name"])
        assert sum(row["dv01"]) == pytest.approx(told["dv01_reporting"] or 0.0, abs=1e-4)
    largest = [row["instrument_id"] for row in found["largest"]]
    assert largest[0] == "T 30Y"
    assert set(largest[3:]) == {"AAA", "<b>NONE</b>"}
    assert found["concentration"]["top_5"] == pytest.approx(1.0)
    # 2% of two years and nine months, 6% of thirty years, of the values' sizes.
    values = {row["instrument_id"]: float(row["npv_reporting"] or 0) for row in found["largest"]}
    margin = 0.02 * values["T"] + 0.06 * abs(values["T 30Y"])
    assert totals["requirement"] == pytest.approx(margin, abs=0.02)


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ("account=B", {"AAA", "ZZZ"}),
        ("desk=long%20end", {"T 30Y"}),
        ("currency=EUR", {"AAA"}),
        ("kind=swap", {"ZZZ"}),
        ("years_from=3", {"T 30Y", "ZZZ"}),
        ("years_to=3", {"T", "AAA"}),
        ("least_dv01=1000", {"T 30Y", "ZZZ"}),
        ("kind=fixed&years_from=3&account=B", set()),
    ],
)
def test_filters_filter(server: Served, asked: str, names: set[str]):
    found = server.ask(f"/api/rates?{asked}").json

    assert {row["instrument_id"] for row in found["largest"]} == names
    assert found["totals"]["positions"] == len(names)
    assert found["choices"]["currency"] == ["EUR", "USD"]


@pytest.mark.parametrize(
    "asked", ["rates?kind=stock", "rates?years_from=-1", "rates?x=1", "instruments?sort=isin"]
)
def test_what_is_no_question_is_refused(server: Served, asked: str):
    assert server.ask(f"/api/{asked}").status == 422


def test_curves_are_shown_now_and_over_their_days(server: Served):
    found = server.ask("/api/rates/curves").json
    [sofr] = found["curves"]

    assert (found["chosen"], sofr["status"], len(sofr["nodes"])) == ("USD-SOFR", "fresh", 11)
    assert found["days"]["days"] == ["2026-01-28", "2026-01-29"]
    before, after = found["days"]["rates"]["5Y"]
    # Ten basis points of a yearly rate are a little less of a continuous one.
    assert after - before == pytest.approx(0.001 / 1.0362, rel=0.02)
    assert after == next(node["zero_rate"] for node in sofr["nodes"] if node["tenor"] == "5Y")
    assert server.ask("/api/rates/curves?curve=NONE").status == 404


def test_history_is_the_last_of_each_day(server: Served):
    days = server.ask("/api/rates/history?account=A").json["days"]
    now = server.ask("/api/rates?account=A").json["totals"]

    assert [row["day"] for row in days] == ["2026-01-28", "2026-01-29"]
    assert days[-1]["dv01"] == pytest.approx(now["dv01"], abs=1e-5)


@pytest.mark.parametrize(
    ("order", "names"),
    [
        ("sort=instrument_id", ["AAA", "T", "T 30Y", "ZZZ"]),
        # Equal ones by their id; what names no issuer last.
        ("sort=currency&descends=true", ["T", "T 30Y", "ZZZ", "AAA"]),
        ("sort=issuer", ["AAA", "T", "T 30Y", "ZZZ"]),
        ("sort=maturity&descends=true", ["T 30Y", "ZZZ", "AAA", "T"]),
    ],
)
def test_pages_of_instruments_hold_each_once(server: Served, order: str, names: list[str]):
    pages = [
        server.ask(f"/api/instruments?{order}&offset={offset}&limit=2").json for offset in (0, 2)
    ]

    assert [page["total"] for page in pages] == [4, 4]
    assert [row["instrument_id"] for page in pages for row in page["rows"]] == names


def test_instruments_are_found_by_a_part_of_their_id_and_by_kind(server: Served):
    found = server.ask("/api/instruments?q=T&kind=fixed").json["rows"]

    assert [(row["instrument_id"], row["rating"]) for row in found] == [
        ("T", "AA+"),
        ("T 30Y", None),
    ]


def test_an_instrument_has_all_its_versions(server: Served):
    found = server.ask("/api/instruments/T").json["versions"]

    assert [(row["rating"], row["cycle"]) for row in found] == [(None, 1), ("AA+", 2)]
    assert server.ask("/api/instruments/T%2030Y").json["versions"][0]["maturity"] == "2055-11-15"
    assert server.ask("/api/instruments/NONE").status == 404


def test_the_page_shows_the_book_and_its_filters_are_in_the_address(
    context: BrowserContext, server: Served
):
    watched = opened(context, server, "/accounts")
    page, main = watched.page, watched.page.locator("main")
    page.keyboard.press("6")
    expect(page.locator('nav a[aria-current="page"]')).to_contain_text("Rates")
    expect(main).to_contain_text("5 positions, 2 without a value.")
    # A name is text, whatever it says.
    expect(main).to_contain_text("<b>NONE</b>")
    page.get_by_label("Type", exact=True).select_option("swap")
    expect(main).to_contain_text("1 position pass")
    page.get_by_label("Least DV01").fill("1000000")
    expect(main).to_contain_text("0 positions pass.")
    expect(page).to_have_url(f"{server.url}/rates?kind=swap&least_dv01=1000000")
    page.reload()
    expect(page.get_by_label("Type", exact=True)).to_have_value("swap")
    expect(main).to_contain_text("0 positions pass.")
    page.get_by_role("button", name="Clear filters").click()
    expect(main).to_contain_text("5 positions")
    expect(page).to_have_url(f"{server.url}/rates")
    assert watched.faults == []
    assert watched.hosts == {f"127.0.0.1:{server.port}"}


def test_without_a_rates_book_the_page_says_what_to_run(context: BrowserContext, empty: Served):
    watched = opened(context, empty, "/rates")

    expect(watched.page.locator("main")).to_contain_text("margin demo --scenario rates-2022")
    assert watched.faults == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_everybody_can_read_it(browser: Browser, server: Served, theme: str):
    assert_readable(browser, server, "/rates", theme)
