from collections.abc import Iterator

import pytest

from margin_assets.lake import published


@pytest.fixture(scope="package", autouse=True)
def _readers_stay() -> Iterator[None]:
    """A machine with much else to do may take long between a reader's word and the next seal."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(published, "LISTENS_SECONDS", 3600.0)
        yield
