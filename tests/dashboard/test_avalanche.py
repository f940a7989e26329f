"""The page of the avalanche: what is asked of the tables, and the page in a real browser."""

from collections.abc import Iterator

import polars as pl
import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from margin_assets.dashboard.pages.avalanche import OTHERS, attribution
from tests.support.avalanche_rows import BARE, BEFORE, HOURS, MODERATE, SEVERE, Kept, kept, told
from tests.support.served_dashboard import Served, served
from tests.support.watched_page import assert_readable, opened


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    made = kept(tmp_path_factory.mktemp("told"))
    told(made.lake)
    return made


@pytest.fixture(scope="module")
def server(place: Kept) -> Iterator[Served]:
    with served(place) as found:
        yield found


def test_the_usual_scenario_of_the_newest_book_comes_first(server: Served):
    found = server.ask("/api/avalanche").json

    assert found["run"]["run_id"] == SEVERE
    # Of the newest book the largest need first; a run without answers is not offered.
    assert [run["run_id"] for run in found["runs"]] == [SEVERE, MODERATE, BEFORE]
    assert found["kept"] == 5
    assert [(row["arm"], row["need_q99"]) for row in found["arms"]] == [("A", 150e6), ("C", 120e6)]
    assert (found["reading"]["score"], found["reading"]["points_to"]) == (0.72, "high")
    assert found["levels"] == {"high": 0.7, "critical": 0.9}
    assert [row["score"] for row in found["trend"]] == [0.40, 0.72]


def test_figures_are_those_of_the_tables(server: Served):
    found = server.ask(f"/api/avalanche?run={MODERATE}").json

    assert found["run"]["scenario"] == "moderate"
    assert found["fan"]["hour"] == [*range(HOURS)]
    assert found["fan"]["need_99_usd"][10] == 99e5
    # Columns of four hours: 3 is in the first, 30 in the eighth.
    calls = dict(zip(found["calls"]["venues"], found["calls"]["amounts"], strict=True))
    assert calls["CLEAR"] == [5e6, 0, 0, 0, 0, 0, 0, 4e6, 0, 0, 0, 0]
    assert found["attribution"] == {
        "managers": ["ANNA", "BORIS"],
        "factors": ["EQ", "IR"],
        "matrix": [[7e6, -2e6], [0.0, 4e6]],
    }


def test_what_is_small_is_put_together_and_adds_up():
    # Manager n needs n through each of 15 factors.
    rows = [(f"M{n:02}", f"F{k:02}", float(n)) for n in range(1, 21) for k in range(15)]
    needs = pl.DataFrame(rows, ("manager_id", "factor_id", "need_usd"), orient="row")

    found = attribution(needs)

    assert found["managers"] == [*(f"M{n:02}" for n in range(20, 8, -1)), OTHERS]
    assert found["factors"] == [*(f"F{k:02}" for k in range(10)), OTHERS]
    # Managers 1 to 8 through five factors.
    assert found["matrix"][-1][-1] == 36 * 5
    assert sum(map(sum, found["matrix"])) == 210 * 15


@pytest.mark.parametrize(
    ("run", "status"), [(BARE, 404), ("f" * 32, 404), ("x", 422), ("..%2f", 422)]
)
def test_a_run_without_answers_is_not_found(server: Served, run: str, status: int):
    assert server.ask(f"/api/avalanche?run={run}").status == status


def test_the_page_shows_a_run_and_keys_lead_to_others(context: BrowserContext, server: Served):
    watched = opened(context, server, "/accounts")
    page, main = watched.page, watched.page.locator("main")
    page.keyboard.press("5")
    expect(page.locator('nav a[aria-current="page"]')).to_contain_text("Avalanche")
    expect(main).to_contain_text("0.72")
    expect(main).to_contain_text("high if the next reading agrees")
    expect(main).to_contain_text("not told: counts in full")
    expect(main).to_contain_text("Cut ANNA by a quarter")
    whose = page.get_by_role("region", name="Need by manager and factor")
    expect(whose.get_by_role("row").nth(1)).to_contain_text("\u22122M")
    # A venue's name is text, whatever it says.
    expect(main).to_contain_text("<b>HARM</b>")

    page.keyboard.press("j")
    expect(page).to_have_url(f"{server.url}/avalanche?run={MODERATE}")
    expect(page.locator("select")).to_have_value(MODERATE)
    page.keyboard.press("k")
    expect(page).to_have_url(f"{server.url}/avalanche?run={SEVERE}")
    page.get_by_role("button", name="Show as table").nth(2).click()
    expect(page.get_by_role("region", name="Who calls when")).to_contain_text("9M")
    page.goto(f"{server.url}/executive")
    expect(main).to_contain_text("60.0% of the 100M USD at hand")
    assert watched.faults == []
    assert watched.hosts == {f"127.0.0.1:{server.port}"}


def test_where_nothing_was_run_it_says_what_to_run(context: BrowserContext, empty: Served):
    watched = opened(context, empty, "/avalanche")

    expect(watched.page.locator("main")).to_contain_text("margin avalanche demo --lake")
    expect(watched.page.locator("main")).to_contain_text("No run of the avalanche")
    assert watched.faults == []


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/avalanche", "/executive"])
def test_everybody_can_read_it(browser: Browser, server: Served, path: str, theme: str):
    assert_readable(browser, server, path, theme)
