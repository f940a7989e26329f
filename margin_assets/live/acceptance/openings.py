"""Opening balances: once an account and symbol, and before the account's first fill."""

import polars as pl

from margin_assets.kernels.corporate.openings import opening_fills
from margin_assets.kernels.numeric.money import instants
from margin_assets.live.acceptance.acceptance import Accepted, Lookup, Refusal, Scan
from margin_assets.live.state.points import PointsOf
from schemas import empty_feed, feed_columns

_FEED = "opening_balances"
_Key = tuple[str, str | None]


class Openings:
    """Accounts that have brought balances along, and rows that come too late for it."""

    def __init__(self, lookup: Lookup, points_of: PointsOf) -> None:
        self._lookup = lookup
        self._points_of = points_of
        self._as_of: dict[str, int] = {}
        """By account the last instant of its balances."""

    def load(self, scan: Scan) -> None:
        """Reads what sealed cycles accepted."""
        self._learn(scan(_FEED).select("account_id", "as_of").collect())

    def _learn(self, rows: pl.DataFrame) -> None:
        for account, time in zip(rows["account_id"], instants(rows["as_of"]).tolist(), strict=True):
            self._as_of[account] = max(time, self._as_of.get(account, time))

    def accept(self, rows: pl.DataFrame) -> Accepted:
        """Rows that count: the same content again is dropped, all else after the first refused."""
        columns = [*feed_columns(_FEED)]
        among = pl.col("account_id").is_in(rows["account_id"].unique().implode())
        dealt = set(self._lookup("fills", among, columns=("account_id",))["account_id"])
        known = self._lookup(_FEED, among).select(columns) if self._as_of else rows.clear()
        contents: dict[_Key, tuple[object, ...]] = {
            (row[0], row[1]): row for row in known.select(columns).iter_rows()
        }
        taken, accepted = Accepted(rows), []
        lines = rows.select("file_number", "file_row").rows()
        for place, row in enumerate(rows.select(columns).iter_rows()):
            (number, line), key = lines[place], (row[0], row[1])
            if contents.get(key) == row:
                taken.duplicates[number] = taken.duplicates.get(number, 0) + 1
            elif problem := self._problem(key, contents, dealt):
                taken.refusals.append(Refusal(number, line, *problem, row[0]))
            else:
                contents[key] = row
                accepted.append(place)
        taken.rows = rows[accepted]
        self._learn(taken.rows)
        return taken

    def _problem(
        self, key: _Key, contents: dict[_Key, tuple[object, ...]], dealt: set[str]
    ) -> tuple[str, str] | None:
        account, symbol = key
        if key in contents:
            return "opening_repeated", f"{account} has opened with another {symbol or 'cash'}"
        if account in dealt:
            return "opening_after_fill", f"{account} has dealt before its balance landed"
        return None

    def split(self, fills: pl.DataFrame) -> tuple[pl.DataFrame, list[Refusal]]:
        """Fills without those from before their account's balance, which has them in it."""
        if not self._as_of:
            return fills, []
        names, times = list(self._as_of), list(self._as_of.values())
        opened = fills["account_id"].replace_strict(
            names, times, default=None, return_dtype=pl.Int64
        )
        is_early = (pl.Series(instants(fills["event_time"])) < opened).fill_null(value=False)
        columns = ("file_number", "file_row", "account_id")
        refused = [
            Refusal(number, line, "fill_before_opening", f"{account} opened after it", account)
            for number, line, account in fills.filter(is_early).select(columns).iter_rows()
        ]
        return fills.filter(~is_early), refused

    def tape(self, among: pl.Expr) -> pl.DataFrame:
        """Balances of sealed cycles that fulfil a condition, as fills with their points."""
        rows = self._lookup(_FEED, among) if self._as_of else empty_feed(_FEED)
        timed = rows.with_columns(event_time="as_of")
        points = pl.Series(self._points_of(timed), dtype=pl.Int64)
        return opening_fills(rows.with_columns(point=points))
