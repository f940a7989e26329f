"""What a sender that stays follows in sealed cycles: each is read once, and then what it added."""

from collections.abc import Mapping

import polars as pl

from margin_assets.desk.notices.happenings import Scan
from schemas import TABLES

_ACTS, _CALLS = "desk_actions", "margin_calls"
_OF_ACT = ("subject", "actor", "event_time", "action_id")


class Followed:
    """Acknowledgements, and every version of the calls that are open, up to a sealed cycle."""

    def __init__(self) -> None:
        self._forget()

    def _forget(self) -> None:
        self._cycle = 0
        self._acts = TABLES[_ACTS].schema.create_empty().select(_OF_ACT)
        self.calls: pl.DataFrame = TABLES[_CALLS].schema.create_empty()

    def take(self, cycle: int, scan: Scan) -> None:
        """Reads what was sealed since, up to a cycle."""
        if cycle < self._cycle:
            # Another lake under the same name.
            self._forget()
        is_new = (pl.col("cycle") > self._cycle) & (pl.col("cycle") <= cycle)
        acts = scan(_ACTS).filter(is_new, pl.col("kind") == "notice_acknowledge")
        self._acts = pl.concat([self._acts, acts.select(_OF_ACT).collect()])
        versions = pl.concat([self.calls, scan(_CALLS).filter(is_new).collect()])
        newest = versions.sort("version").unique("call_id", keep="last")
        is_open = pl.col("call_id").is_in(newest.filter("is_open")["call_id"].implode())
        self.calls = versions.filter(is_open)
        self._cycle = cycle

    def acknowledgements(self) -> Mapping[str, str]:
        """Who acknowledged, by the message's id; of two acts on one the first counts."""
        ordered = self._acts.sort("event_time", "action_id", descending=True)
        return dict(ordered.select("subject", "actor").iter_rows())
