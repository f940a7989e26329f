"""The whole story of one account in a real browser: from the fall of a price to the release.

A fall lands, the account turns red, its call has its deadlines, one notice of it lies in the
outbox, a plan is approved in the page, its orders leave, their fills land, the account is cured
and released; `margin explain` tells it in order, and the lake replays to the same bytes.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from margin_assets.lake.published import Published, folder_of
from tests.support.live_driver import Firm, at, cash, fill, opening, price
from tests.support.margin_command import Margin, landed, place
from tests.support.served_dashboard import TOKEN, Served, served, until
from tests.support.watched_page import opened, row


class Desk(NamedTuple):
    folder: Path
    firm: Firm
    server: Served
    margin: Margin

    def prices(self, usd: str, minutes: float) -> None:
        self.firm.run(prices=[price("X", usd, at(minutes=minutes))])

    def works(self) -> list[dict[str, Any]]:
        """The desk's agent looks once."""
        out = ("--outgoing", self.folder / "outgoing")
        return self.margin("plans", "work", "--once", "--json", *landed(self.folder), *out).document

    def notifies(self) -> None:
        self.margin("notify", *place(self.folder), "--outbox", self.folder / "outbox")

    def messages(self, *words: str) -> list[str]:
        """Messages in the outbox that say all of these."""
        files = sorted((self.folder / "outbox").iterdir())
        return [t for t in (file.read_text() for file in files) if all(word in t for word in words)]


@pytest.fixture
def desk(tmp_path: Path, margin: Margin) -> Iterator[Desk]:
    firm = Firm(tmp_path)
    funds, bought = cash("C", "A", "60000"), fill("F", "1000", "100")
    with served(firm) as server:
        until(lambda: Published(folder_of(firm.lake)).is_wanted())
        firm.run(**opening("A", "B"), cash_movements=[funds], fills=[bought])
        yield Desk(tmp_path, firm, server, margin)


def panel(page: Page, caption: str):
    return page.get_by_role("region", name=caption)


def act(page: Page, button: Locator, named: str, actor: str) -> None:
    """Somebody does in the page what a button says; the dialog names it."""
    verb = (button.text_content() or "").rstrip("\u2026")
    button.click()
    dialog = page.locator("dialog[open]")
    expect(dialog).to_contain_text(named)
    dialog.get_by_label("Who you are").fill(actor)
    dialog.get_by_label("Why").fill("the client does not answer")
    dialog.get_by_label("Token").fill(TOKEN)
    dialog.get_by_role("button", name=verb).click()
    expect(dialog).to_contain_text("Landed as")
    dialog.get_by_role("button", name="Cancel").click()


def test_from_a_fall_to_the_release(desk: Desk, context: BrowserContext):
    accounts = opened(context, desk.server, "/accounts")
    state = row(accounts.page, "A").locator(".state")
    expect(state).to_contain_text("OK")

    # 1,000 at 44 against a debit of 40,000: equity 4,000, and 11,000 are required.
    desk.prices("44", minutes=1)
    expect(state).to_contain_text("Close-only")
    expect(row(accounts.page, "A")).to_contain_text("\u22127,000")
    account = opened(context, desk.server, "/account?id=A")
    is_called_and_told(desk, account.page)

    # An hour later more than half of the requirement is still missing.
    desk.prices("44", minutes=62)
    expect(state).to_contain_text("Liquidation")
    is_cured_by_a_plan(desk, account.page)

    # What is left stands a fall again from 60 on, and after a quarter of an hour it is released.
    for minutes in (75, 91):
        desk.prices("60", minutes=minutes)
    expect(state).to_contain_text("OK")
    expect(account.page.locator(".head")).to_contain_text("OK")
    desk.notifies()
    assert len(desk.messages("maintenance call", "opened")) == 1
    assert accounts.faults == account.faults == []
    assert_told_in_order(desk)
    assert desk.margin("replay", "--verify", *place(desk.folder)).code == 0


def is_called_and_told(desk: Desk, page: Page) -> None:
    """Its call has its deadlines; one notice of it leaves, and is acknowledged in the page."""
    expect(page.locator("main")).to_contain_text("It lacks 7,000.00 USD")
    call = panel(page, "Margin calls")
    # Half an hour by the house; by the rule the end of the fifteenth business day, in New York.
    expect(call).to_contain_text("2020-03-09 16:31:00")
    expect(call).to_contain_text("2020-03-31 00:00:00")
    desk.notifies()
    desk.notifies()
    (message,) = desk.messages("maintenance call", "opened")
    assert "7,000.00" in message
    notice = panel(page, "Notices").get_by_role("row", name="maintenance call")
    act(page, notice.get_by_role("button"), "The notice", "Ann")
    desk.firm.run()
    desk.notifies()
    expect(notice).to_contain_text("Acknowledged")


def is_cured_by_a_plan(desk: Desk, page: Page) -> None:
    """A plan is approved in the page; its orders leave then and not before; their fill cures."""
    (proposed,) = desk.works()
    desk.firm.run()
    expect(panel(page, "Liquidation plans")).to_contain_text("Proposed")
    assert desk.works() == []
    act(page, page.get_by_role("button", name="Approve\u2026"), "The plan for A", "John")
    assert not (desk.folder / "outgoing").exists()
    desk.firm.run()
    expect(panel(page, "Liquidation plans")).to_contain_text("Approved")

    (sent,) = desk.works()
    (order,) = [json.loads(line) for line in Path(sent["note"]).read_text().splitlines()]
    assert (order["side"], order["symbol"], order["quantity"]) == ("sell", "X", "637")
    assert sent["plan_id"] == order["plan_id"] == proposed["plan_id"]
    desk.firm.run()
    desk.firm.run(fills=[fill("S", "-637", "44", at(minutes=70), order=order["order_id"])])
    expect(panel(page, "Orders")).to_contain_text("Filled")
    expect(page.locator("main")).to_contain_text("brings a call")


TOLD = (
    "decision margin_status ok to call: deficiency",
    "decision restriction none to close_only: stress",
    "call maintenance call opened, 7,000.00 owed, due house 2020-03-09T16:31:00Z",
    "notice urgent notice of opened to margin_desk by outbox, acknowledged",
    "act notice_acknowledge done",
    "decision restriction stays close_only, also for overdue_call",
    "decision liquidation none to triggered: deficiency_persists",
    "act plan_propose done",
    "plan plan proposed",
    "act plan_approve done (the client does not answer)",
    "plan plan approved",
    "act plan_send done",
    "plan plan sent",
    "order order to sell 637 X at 44 sent, 0 filled",
    "fill -637 X at 44, counts, of order",
    "decision restriction stays close_only, no longer for overdue_call",
    "decision liquidation triggered to none: call_cured",
    "call maintenance call met, 0.00 owed",
    "plan plan filled",
    "order order to sell 637 X at 44 filled, 637 filled",
    "decision restriction close_only to none: stress",
)
"""Of what happened, the lines that a person asks about, in order."""


def assert_told_in_order(desk: Desk) -> None:
    events = desk.margin("explain", "A", "--json", *place(desk.folder)).document["timeline"]
    lines = iter(f"{event['kind']} {event['text']}" for event in events)
    missing = [wanted for wanted in TOLD if not any(line.startswith(wanted) for line in lines)]
    assert missing == []
    assert [event["at"] for event in events] == sorted(event["at"] for event in events)
    acts = [(event["by"], event["text"].split()[0]) for event in events if event["kind"] == "act"]
    assert acts == [
        ("Ann", "notice_acknowledge"),
        ("planner", "plan_propose"),
        ("John", "plan_approve"),
        ("planner", "plan_send"),
    ]
    said = desk.margin("explain", "A", *place(desk.folder)).out
    assert "what happened, in order" in said
