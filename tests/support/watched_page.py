"""A page in a real browser, of which every request, error and dialog is kept."""

from dataclasses import dataclass, field

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

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


def assert_readable(
    browser: Browser, server: Served, path: str, theme: str, shown: str = ".chart svg"
) -> None:
    """A page in a theme, once something is shown, breaks no serious rule of WCAG for axe."""
    context = browser.new_context(
        viewport={"width": 1600, "height": 1000},
        color_scheme="dark" if theme == "dark" else "light",
    )
    watched = opened(context, server, path)
    expect(watched.page.locator(shown).first).to_be_visible()
    watched.page.wait_for_load_state("networkidle")

    found = Axe().run(watched.page).response["violations"]

    grave = [v for v in found if v["impact"] in ("serious", "critical")]
    assert [(v["id"], [node["html"][:200] for node in v["nodes"][:3]]) for v in grave] == []
    assert watched.faults == []
    assert watched.hosts == {f"127.0.0.1:{server.port}"}
    context.close()


def row(page: Page, name: str) -> Locator:
    """The row of an account in the grid."""
    return page.locator(f'.ag-row[row-id="{name}"]')
