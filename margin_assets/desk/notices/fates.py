"""The table `notifications` as one log: every commit is taken by one sender, or by none.

Each commit is the next application transaction of the table, so of two senders that found the same
messages waiting one commits what it takes in hand, and the other looks again.
"""

from collections.abc import Sequence

import polars as pl

from margin_assets.desk.notices.messages import TABLE, Message, frame_of, messages_of
from margin_assets.lake.store.store import Lake
from schemas import TABLES

_APP_ID = "notifier"
_TEXTS = ("subject", "body")


class Fates:
    """The newest version of every message, and what is appended to them."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._held = lake.held(TABLE)
        self._number = -1
        self._newest: pl.DataFrame | None = None
        """Of every message, as of that commit; None before the table was read."""
        self.ids: set[str] = set()
        """Messages that there are."""

    def newest(self) -> pl.DataFrame:
        """The newest version of every message, without its text.

        The table is read at first, and when another sender has committed since.
        """
        self._held.forget()
        # Looked up before the rows are read: what a rival adds in between is found by the commit.
        number = self._held.number(_APP_ID)
        if self._newest is None or number != self._number:
            self._number = number
            self._newest = self._lake.read(
                TABLE, lambda: _newest(self._lake.scan(TABLE).drop(_TEXTS))
            )
            self.ids = set(self._newest["message_id"])
        return self._newest

    def texts(self, chosen: pl.DataFrame) -> list[Message]:
        """Messages of some rows of `newest`, with their text."""
        if chosen.is_empty():
            return []
        keys = ["message_id", "version"]
        texts = self._lake.scan(TABLE).select(*keys, *_TEXTS)
        rows = chosen.lazy().join(texts, on=keys, how="left", validate="1:1", maintain_order="left")
        whole = self._lake.read(TABLE, lambda: rows)
        return messages_of(whole.select(TABLES[TABLE].schema.columns().keys()))

    def append(self, versions: Sequence[Message]) -> bool:
        """Appends versions in one commit; False if another sender committed since `newest`.

        A message that is there is not begun again: two of a step may lead to one of the next.
        """
        begun = {v.message_id: v for v in versions if v.version == 1}
        later = [version for version in versions if version.version > 1]
        rows = [*(v for one, v in begun.items() if one not in self.ids), *later]
        if not rows:
            return True
        number, frame = self._number + 1, frame_of(rows)
        if not self._held.commit(frame, _APP_ID, number).is_new:
            return False
        self._number = number
        if self._newest is not None:
            both = pl.concat([self._newest, frame.drop(_TEXTS)])
            self._newest = _newest(both.lazy()).collect()
        self.ids |= begun.keys()
        return True


def _newest(rows: pl.LazyFrame) -> pl.LazyFrame:
    return rows.sort("message_id", "version").unique("message_id", keep="last", maintain_order=True)


def newest_messages(lake: Lake) -> pl.DataFrame:
    """The newest version of every message, the newest happening first."""
    rows = lake.read(TABLE, lambda: _newest(lake.scan(TABLE)))
    return rows.sort("created_at", "message_id", descending=[True, False])
