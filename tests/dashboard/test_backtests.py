"""The page of backtests: what is asked of the tables, and the page in a real browser."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from margin_assets.backtest.policy import BUILT_IN, Policy
from margin_assets.backtest.results.storing import store_tables, tables_of
from margin_assets.backtest.running import run
from tests.support.avalanche_rows import Kept, kept
from tests.support.backtests import Seat, history, plan
from tests.support.served_dashboard import Served, served
from tests.support.watched_page import assert_readable, opened

HARM = "<b>dear</b>"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    """A seat that is called, sold out and owes, under two policies; a month and a bit."""
    made = kept(tmp_path_factory.mktemp("runs"))
    found = history({"X": [100.0] * 30, "Y": [100.0, 62.0, 56.0, 45.0, *([80.0] * 26)]})
    book = plan(found, Seat(10_000, {"Y": 200}))
    dear = {"house": {"ladder": {"warning_below": 0.055}}}
    for policy, sessions in ((Policy(BUILT_IN, {}), range(30)), (Policy(HARM, dear), range(25))):
        store_tables(made.lake, tables_of(run(found, book, policy, sessions)))
    return made


@pytest.fixture(scope="module")
def server(place: Kept) -> Iterator[Served]:
    with served(place) as found:
        yield found


def test_the_longest_run_comes_first_and_its_figures_are_those_of_the_tables(server: Served):
    found = server.ask("/api/backtests").json

    assert [run["policy"] for run in found["runs"]] == [BUILT_IN, HARM]
    assert found["run"]["run_id"] == found["runs"][0]["run_id"]
    # Sold at 45 with 10,000 owed: 200 x 45 leave 1,000.
    assert (found["run"]["calls"], found["run"]["lost"]) == (1, "1000.00")
    months = found["months"]
    assert months["month"] == ["2020-01-01", "2020-02-01"]
    assert (months["calls_made"], months["lost"]) == ([1, 0], [1000.0, 0.0])
    # The first session: from 100 to 62.
    assert months["loss_share"] == [pytest.approx(38 / 100), 0.0]
    assert {row["method"] for row in found["coverage"]} == {"reg_t", "portfolio_margin", "house"}
    assert found["worst"][0]["account_id"] == "A0"


@pytest.mark.parametrize(("run", "status"), [("f" * 32, 404), ("x", 422), ("..%2f", 422)])
def test_a_run_that_is_not_there_is_not_found(server: Served, run: str, status: int):
    assert server.ask(f"/api/backtests?run={run}").status == status


def test_the_page_shows_a_run_and_leads_to_others(context: BrowserContext, server: Served):
    watched = opened(context, server, "/accounts")
    page, main = watched.page, watched.page.locator("main")
    page.keyboard.press("7")
    expect(page.locator('nav a[aria-current="page"]')).to_contain_text("Backtests")
    expect(main).to_contain_text("Lost by the firm")
    # Seven pages and all beside them fit the width of a small screen.
    assert page.evaluate("document.documentElement.scrollWidth") == 1280
    runs = page.get_by_role("region", name="Runs")
    # A policy's name is text, whatever it says.
    expect(runs.get_by_role("row").nth(2)).to_contain_text(f"{HARM} on test")
    page.get_by_role("button", name="Show as table").first.click()
    expect(page.get_by_role("region", name="Requirement and loss")).to_contain_text("38.00%")
    runs.get_by_role("link").nth(1).click()
    expect(page.locator("select")).to_contain_text(f"{HARM} on test")
    assert watched.faults == []
    assert watched.hosts == {f"127.0.0.1:{server.port}"}


def test_where_nothing_was_run_it_says_what_to_run(context: BrowserContext, empty: Served):
    watched = opened(context, empty, "/backtests")

    expect(watched.page.locator("main")).to_contain_text("margin backtest built-in --lake")
    assert watched.faults == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_everybody_can_read_it(browser: Browser, server: Served, theme: str):
    assert_readable(browser, server, "/backtests", theme)
