"""A page in a real browser, of which every request, error and dialog is kept."""

from dataclasses import dataclass, field

from playwright.sync_api import BrowserContext, Locator, Page

from tests.support.served_dashboard import Served

PATIENCE_MS = 90_000


@dataclass
class Watched:
    """A page of which every request, error and dialog is kept."""

    page: Page
    hosts: set[str] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.set_default_timeout(PATIENCE_MS)
        self.page.on("request", lambda request: self.hosts.add(request.url.split("/")[2]))
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("dialog", lambda dialog: self.faults.append(dialog.message))
        self.page.on(
            "console",
            lambda said: (
                self.faults.append(said.text) if said.type in ("error", "warning") else None
            ),
        )


def opened(context: BrowserContext, server: Served, path: str) -> Watched:
    watched = Watched(context.new_page())
    watched.page.goto(f"{server.url}{path}")
    return watched


def row(page: Page, name: str) -> Locator:
    """The row of an account in the grid."""
    return page.locator(f'.ag-row[row-id="{name}"]')
