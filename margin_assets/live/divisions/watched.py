"""A ledger that others write, looked at again and again."""

from margin_assets.lake.ledger.ledger import Ledger
from margin_assets.lake.store.store import Lake


class WatchedLedger(Ledger):
    """Read again only when its log has grown: a look costs one listing."""

    def __init__(self, lake: Lake) -> None:
        super().__init__(lake)
        self._watched, self._seen = lake, -1
        """The lake, and the newest version of the log at the last look."""

    def look(self) -> None:
        """Sees what others wrote since the last look."""
        newest = self._watched.version("cycles")
        if newest != self._seen:
            self._seen = newest
            self.refresh()
