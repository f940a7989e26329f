"""Lakes for every test that stores: a local folder, and a real S3 server."""

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# Two workers have two cores, and small frames wake a pool for nothing; set before Polars is there.
os.environ.setdefault("POLARS_MAX_THREADS", "1")

from margin_assets.lake.store import faults
from margin_assets.lake.store.store import Lake
from schemas import TABLES
from tests.support import machine, seaweed, store_proxy
from tests.support.empty_lake import created

# Files handed out first, in this order: the long ones, so that none is left over at the end. The
# first compiles every loop where none is compiled yet; the other worker meanwhile does the tests
# of the lake, which need no loop.
FIRST = (
    "test_chaos.py",
    "test_upkeep.py",
    "test_store.py",
    "test_ledger.py",
    "test_io_manager.py",
    "test_objects.py",
    "test_refusals.py",
    "test_batching.py",
    "test_daily_margin.py",
    "test_acceptance_rules.py",
    "test_options_live.py",
    "test_serve_sql.py",
    "test_kill.py",
    "test_daemon.py",
)
# Examples of a law that says no number of its own; `make laws` tries many more. No example has a
# deadline: the first may have to compile its loop.
settings.register_profile("suite", max_examples=50, deadline=None)
settings.register_profile("long", max_examples=1_000, deadline=None)
settings.load_profile("suite")
# What the tests of a store are about: a server takes its time to store a table.
STORED = (
    *("cycles", "landed_files", "fills", "prices", "betas", "instruments"),
    *("positions", "account_state", "margin_summary", "stress_results"),
    *(f"daily/{name}" for name in ("positions", "account_state", "margin_summary")),
    "validation_results",
)
SEALED = {*STORED, *(table.name for table in TABLES.values() if table.in_cycle)}
STORES = ["local", pytest.param("s3", marks=pytest.mark.s3)]


def pytest_configure() -> None:
    machine.keep_to_a_core()
    machine.keep_files_in_memory()


def pytest_collection_finish() -> None:
    # What the collection made stays to the end: no later look for garbage need walk through it.
    gc.collect()
    gc.freeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    order = {name: place for place, name in enumerate(FIRST)}
    items.sort(key=lambda item: order.get(item.path.name, len(order)))


@pytest.fixture(scope="session")
def s3_server() -> Iterator[seaweed.S3Server]:
    """One server for all tests, each of which takes a prefix of its own."""
    with seaweed.running() as server:
        yield server


@pytest.fixture(scope="session")
def s3_proxy(s3_server: seaweed.S3Server) -> Iterator[store_proxy.StoreProxy]:
    """A way to that server on which a test may let things go wrong."""
    with store_proxy.proxied(s3_server) as proxy:
        yield proxy


def _place(request: pytest.FixtureRequest, folder: Path) -> tuple[str, dict[str, str]]:
    if request.param == "local":
        return str(folder / "lake"), {}
    server: seaweed.S3Server = request.getfixturevalue("s3_server")
    return server.uri(), server.storage_options


@pytest.fixture(params=STORES)
def lake_place(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, dict[str, str]]:
    """Where an empty lake may be made: its URI and storage options."""
    return _place(request, tmp_path)


@pytest.fixture
def lake(lake_place: tuple[str, dict[str, str]]) -> Lake:
    """A fresh lake with a few tables, on each kind of store."""
    return created(Lake(*lake_place), STORED)


@pytest.fixture
def cycle_lake(lake_place: tuple[str, dict[str, str]]) -> Lake:
    """A fresh lake with the tables of a cycle: a seal asks each of them for its version."""
    return created(Lake(*lake_place), SEALED)


@pytest.fixture(scope="module", params=STORES)
def shared_lake(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A lake with every table for tests that leave it as it is."""
    return created(Lake(*_place(request, tmp_path_factory.mktemp("shared"))))


@pytest.fixture(autouse=True)
def _disarmed() -> Iterator[None]:
    yield
    faults.arm(None)
