import pytest

from margin_assets.lake.store.store import Lake


@pytest.fixture
def lake(cycle_lake: Lake) -> Lake:
    """Here every lake is sealed."""
    return cycle_lake
