"""The pages in a real browser, over a real lake with a real live session."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from margin_assets.lake.published import Published, folder_of
from tests.support import avalanche_rows
from tests.support.live_driver import Firm, account, at, cash, fill, instrument, price
from tests.support.served_dashboard import TOKEN, Served, served, until
from tests.support.watched_page import assert_readable, opened, row

HARM = "<img src=x onerror=alert(1)>"
DEPOSITS = {"ADA": "6000", "BOB": "3400", "CY": "9000", HARM: "9500"}
PAGES = ("/accounts", "/account?id=BOB", "/firm", "/quality", "/executive")


@pytest.fixture(scope="module")
def firm(tmp_path_factory: pytest.TempPathFactory) -> Firm:
    made = Firm(tmp_path_factory.mktemp("firm"))
    made.run(
        accounts=[account(name) for name in DEPOSITS],
        instruments=[instrument("X")],
        prices=[price("X", "100")],
        cash_movements=[cash(f"M{n}", name, usd) for n, (name, usd) in enumerate(DEPOSITS.items())],
        fills=[fill(f"F{name}", "100", "100", account_id=name) for name in DEPOSITS],
    )
    # The avalanche is in the same lake, and belongs to no cycle.
    avalanche_rows.told(made.lake)
    return made


@pytest.fixture(scope="module")
def server(firm: Firm) -> Iterator[Served]:
    with served(firm) as found:
        until(lambda: Published(folder_of(firm.lake)).is_wanted())
        yield found


def test_a_price_falls_and_the_account_turns_red(
    context: BrowserContext, server: Served, firm: Firm
):
    watched = opened(context, server, "/accounts")
    page = watched.page
    expect(row(page, "ADA").get_by_text("OK")).to_be_visible()

    firm.run(prices=[price("X", "50", at(60))])

    # 1,000 of equity against 1,250.
    expect(row(page, "ADA").locator(".state")).to_contain_text("Close-only")
    expect(row(page, "ADA")).to_contain_text("\u2212250")
    row(page, "ADA").locator(".id").click()
    expect(page.locator("h1")).to_have_text("ADA")
    expect(page.locator(".head")).to_contain_text("Call")
    expect(page.locator("main")).to_contain_text("It lacks 250.00 USD")
    expect(page.locator("main")).to_contain_text("Deficiency")
    expect(page.locator("#top")).to_contain_text("cycle 2")
    assert watched.faults == []


def test_the_desk_and_the_avalanche_are_of_one_lake(context: BrowserContext, server: Served):
    watched = opened(context, server, "/avalanche")
    page, main = watched.page, watched.page.locator("main")
    expect(main).to_contain_text("Cut ANNA by a quarter")
    expect(page.locator("#top")).to_contain_text("cycle")

    page.keyboard.press("1")
    expect(row(page, "CY").locator(".state")).to_be_visible()
    page.goto(f"{server.url}/executive")
    expect(page.locator(".sentence").first).to_contain_text("accounts")
    expect(main).to_contain_text("60.0% of the 100M USD at hand")
    assert watched.faults == []


def test_a_name_is_text_whatever_it_says(context: BrowserContext, server: Served):
    watched = opened(context, server, "/accounts?q=onerror")
    expect(watched.page.get_by_text(HARM).first).to_be_visible()
    watched.page.get_by_text(HARM).first.click()

    expect(watched.page.locator("h1")).to_have_text(HARM)
    assert watched.faults == []


def test_the_keys_are_enough(context: BrowserContext, server: Served):
    watched = opened(context, server, "/executive")
    page, press = watched.page, watched.page.keyboard.press
    expect(page.locator(".sentence").first).to_contain_text("accounts")

    press("2")
    expect(page.locator('nav a[aria-current="page"]')).to_contain_text("Firm")
    press("1")
    expect(row(page, "ADA")).to_be_visible()
    press("j")
    press("j")
    expect(page.locator(".ag-cell:focus")).to_be_visible()
    press("Enter")
    # The grid tells of a key a moment later, and before it does Escape leads nowhere.
    expect(page).to_have_url(re.compile(r"/account\?id="))
    expect(page.locator("h1")).to_be_visible()
    press("Escape")
    expect(row(page, "ADA")).to_be_visible()
    press("/")
    page.keyboard.type("BOB")
    press("Enter")
    expect(page).to_have_url(f"{server.url}/accounts?q=BOB")
    press("Escape")
    page.locator("main").focus()
    press("p")
    expect(page.locator("#band")).to_contain_text("Paused")
    press("?")
    expect(page.locator("dialog[open]")).to_contain_text("Keys")
    assert watched.faults == []


def test_an_account_is_followed_and_columns_are_chosen(context: BrowserContext, server: Served):
    watched = opened(context, server, "/accounts?q=BOB")
    page = watched.page
    pinned = page.locator(".ag-row-pinned")
    row(page, "BOB").locator('[col-id="severity"]').first.focus()
    page.keyboard.press("f")
    expect(page).to_have_url(f"{server.url}/accounts?q=BOB&follow=BOB")
    expect(pinned).to_contain_text("BOB")
    page.goto(f"{server.url}/accounts?q=CY&follow=BOB")
    expect(row(page, "CY")).to_be_visible()
    expect(pinned).to_contain_text("BOB")

    # The choice of columns stays with the browser.
    heads = page.locator(".ag-header")
    expect(heads).to_contain_text("Change 1 h")
    page.get_by_text("Columns", exact=True).click()
    page.get_by_label("Change 1 h").uncheck()
    expect(heads).not_to_contain_text("Change 1 h")
    page.reload()
    expect(row(page, "CY")).to_be_visible()
    expect(heads).not_to_contain_text("Change 1 h")
    assert watched.faults == []


def test_issuers_stand_against_moves(context: BrowserContext, server: Served, firm: Firm):
    firm.run(prices=[price("X", "50", at(65))])
    watched = opened(context, server, "/firm")
    found = watched.page.get_by_role("region", name="Lost in the largest issuers")

    expect(found.get_by_role("row").nth(1)).to_contain_text("X")
    assert watched.faults == []


def test_an_empty_state_is_a_sentence(context: BrowserContext, server: Served):
    watched = opened(context, server, "/accounts?q=nobody")

    expect(watched.page.locator(".empty")).to_contain_text("No account fits these filters")


def test_a_lost_connection_is_a_sentence_and_mends(
    context: BrowserContext, firm: Firm, tmp_path: Path
):
    with served(firm) as server:
        watched = opened(context, server, "/accounts")
        expect(row(watched.page, "ADA")).to_be_visible()
    expect(watched.page.locator("#band")).to_contain_text("connection to the server is lost")
    expect(watched.page.locator("body")).to_have_class("old")
    assert tmp_path.is_dir()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_everybody_can_read_it(browser: Browser, server: Served, path: str, theme: str):
    assert_readable(browser, server, path, theme, ".panel, .ag-row")


def test_deadlines_that_cannot_be_read_look_so(
    context: BrowserContext, server: Served, firm: Firm, monkeypatch: pytest.MonkeyPatch
):
    watched = opened(context, server, "/accounts")
    page, band = watched.page, watched.page.locator("#band")
    deadline = row(page, "ADA").locator('[col-id="deadline"]')
    expect(deadline).to_contain_text("m")
    expect(deadline).not_to_contain_text("?")

    def fails(_: object) -> None:
        raise OSError("the store is away")

    monkeypatch.setattr(server.follower._due, "take", fails)
    firm.run(prices=[price("X", "50", at(70))])
    expect(band).to_contain_text("Margin calls cannot be read: OSError: the store is away")
    expect(band).to_contain_text("Deadlines are those of cycle")
    expect(deadline).to_contain_text("? ")
    expect(row(page, "CY").locator('[col-id="deadline"]')).to_contain_text("? not known")

    monkeypatch.undo()
    expect(deadline).not_to_contain_text("?")
    expect(band).not_to_contain_text("Margin calls")
    assert watched.faults == []


def test_a_call_is_extended_in_the_page(context: BrowserContext, server: Served, firm: Firm):
    watched = opened(context, server, "/account?id=ADA")
    page = watched.page
    page.get_by_role("button", name="Extend\u2026").first.click()
    dialog = page.locator("dialog[open]")
    expect(dialog).to_contain_text("call of ADA, 250.00 USD")
    dialog.get_by_label("Who you are").fill("Ada")
    dialog.get_by_label("Why").fill("wires tomorrow")
    dialog.get_by_label("Until").fill("2020-03-11T16:00")
    dialog.get_by_label("Token").fill("not-the-token-of-the-file")
    dialog.get_by_role("button", name="Extend").click()
    expect(dialog).to_contain_text("not the token")
    # The browser tells of a refused request in its console.
    watched.faults.clear()

    dialog.get_by_label("Token").fill(TOKEN)
    dialog.get_by_role("button", name="Extend").click()
    expect(dialog).to_contain_text("Landed as")
    firm.run()

    (outcome,) = firm.table("desk_outcomes").to_dicts()
    assert (outcome["kind"], outcome["outcome"]) == ("call_extend", "done")
    page.reload()
    expect(page.locator("main")).to_contain_text("Extended")
    assert watched.faults == []
