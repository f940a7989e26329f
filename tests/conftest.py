"""Lakes for every test that stores: a local folder, and a real S3 server."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import seaweed
import store_proxy

from margin_assets.lake import faults
from margin_assets.lake.store import Lake
from tests.empty_lake import created

# Numba's threads spin between two loops otherwise, on cores that other tests need: a third of all
# CPU. Read when the first parallel loop is loaded, in processes that tests start too.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

STORES = ["local", pytest.param("s3", marks=pytest.mark.s3)]


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
    """A fresh lake with every table, on each kind of store."""
    return created(Lake(*lake_place))


@pytest.fixture(scope="module", params=STORES)
def shared_lake(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A lake with every table for tests that leave it as it is."""
    return created(Lake(*_place(request, tmp_path_factory.mktemp("shared"))))


@pytest.fixture(autouse=True)
def _disarmed() -> Iterator[None]:
    yield
    faults.arm(None)
