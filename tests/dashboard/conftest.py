import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, expect, sync_playwright

from margin_assets.lake import published
from tests.support.avalanche_rows import kept
from tests.support.margin_command import Margin, calling
from tests.support.served_dashboard import Served, served
from tests.support.watched_page import PATIENCE_MS

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="module", autouse=True)
def _readers_stay() -> Iterator[None]:
    """A machine with much else to do may take long between a reader's word and the next seal."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(published, "LISTENS_SECONDS", 3600.0)
        yield


@pytest.fixture
def margin(capsys: pytest.CaptureFixture[str]) -> Margin:
    return calling(capsys)


# Not longer than a module: while the driver lives its event loop is the thread's, and a Dagster run
# in the same worker cannot close its own.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    assert path, f"no browser: install one of {', '.join(BROWSERS)}"
    with sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    made = browser.new_context(viewport={"width": 1280, "height": 900})
    expect.set_options(timeout=PATIENCE_MS)
    yield made
    made.close()


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A lake in which nothing has happened."""
    with served(kept(tmp_path_factory.mktemp("empty"))) as found:
        yield found
