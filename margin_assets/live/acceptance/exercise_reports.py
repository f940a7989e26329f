"""Reports of exercise, assignment and expiry that contradict what is known are refused.

A report speaks of contracts that stood in a position at its own time: it is judged by the fills
as they stood then, and by the reports before it. What the rule settled meanwhile is no part of it.
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import NamedTuple

import polars as pl

from margin_assets.kernels.book.fills import FillRow, fill_rows
from margin_assets.kernels.corporate.openings import opening_fills
from margin_assets.kernels.numeric.money import instants, to_scaled
from margin_assets.live.acceptance.acceptance import Lookup
from margin_assets.live.acceptance.standing_fills import held_by
from margin_assets.live.acceptance.zero_prices import Known, known_options

NOT_AN_OPTION = "not_an_option"
BEFORE_LAST_DAY = "before_last_day"
MORE_THAN_HELD = "more_than_held"
CORRECTS_NO_REPORT = "corrects_no_report"
_PAIR = ["account_id", "symbol"]
Pair = tuple[str, str]


class _Report(NamedTuple):
    """One report; the quantity in micro-contracts, the time in microseconds."""

    report_id: str
    account_id: str
    symbol: str
    quantity: int
    kind: str
    event_time: int
    corrects: str | None

    @property
    def lot(self) -> str:
        """Report that it speaks for: the one that it corrects, else itself."""
        return self.corrects or self.report_id


class ExerciseReports:
    """Reports among rows at hand, judged in the order of their own time."""

    def __init__(
        self, rows: pl.DataFrame, ends: dict[str, int], fills: pl.DataFrame, past: pl.DataFrame
    ) -> None:
        """`ends`: last instants of the options; fills and past reports of the same positions."""
        self._rows = _reports(rows)
        self._is_known = rows["is_option"].to_list()
        self._is_european = rows["is_european"].to_list()
        self._ends = ends
        self._fills: defaultdict[Pair, list[FillRow]] = defaultdict(list)
        for fill in fill_rows(fills, instants(fills["event_time"])):
            self._fills[fill.account_id, fill.symbol].append(fill)
        self._taken: defaultdict[Pair, list[_Report]] = defaultdict(list)
        self._lots: dict[str, _Report] = {}
        for report in sorted(_reports(past), key=lambda report: report.corrects is not None):
            self._take(report)

    def order(self) -> list[int]:
        """Places of the rows by their own time, of one time as they landed."""
        return sorted(range(len(self._rows)), key=lambda place: self._rows[place].event_time)

    def problem(self, place: int) -> tuple[str, str] | None:
        """Why the report at a place is refused, if it is."""
        row = self._rows[place]
        if not self._is_known[place]:
            return NOT_AN_OPTION, f"{row.symbol} is not known to be an option"
        if row.corrects is not None:
            original = self._lots.get(row.corrects)
            if original is None or original[1:3] != row[1:3] or original.kind != row.kind:
                return CORRECTS_NO_REPORT, f"{row.corrects} is no report of this kind and position"
            if row.event_time < original.event_time:
                return CORRECTS_NO_REPORT, f"{row.corrects} is later than what corrects it"
        is_bound = row.kind == "expiry" or self._is_european[place]
        if is_bound and row.event_time < self._ends[row.symbol]:
            return BEFORE_LAST_DAY, "before the close of its last trading day"
        held = self._held(row)
        side = _side(row.kind, held)
        if row.quantity > max(side * held, 0):
            word = "long" if side > 0 else "short"
            return MORE_THAN_HELD, f"{max(side * held, 0) / 1e6:g} held {word} at its time"
        return None

    def take(self, place: int) -> None:
        """The report at a place is accepted."""
        self._take(self._rows[place])

    def _take(self, report: _Report) -> None:
        self._taken[report.account_id, report.symbol].append(report)
        self._lots.setdefault(report.lot, report)

    def _held(self, report: _Report) -> int:
        """Position at a report's time, micro-contracts, its own lot left in."""
        pair = report.account_id, report.symbol
        quantity: dict[str, int] = {}
        for other in sorted(self._taken[pair], key=lambda r: (r.event_time, r.report_id)):
            quantity[other.lot] = other.quantity
        quantity.pop(report.lot, None)
        at, moved = self._time(report), 0
        for lot in sorted(map(self._lots.__getitem__, quantity), key=self._time):
            if self._time(lot) <= at:
                held = held_by(self._fills[pair], self._time(lot)) + moved
                moved -= _side(lot.kind, held) * quantity[lot.lot]
        return held_by(self._fills[pair], at) + moved

    def _time(self, report: _Report) -> int:
        """When the contracts of a report left: what is corrected keeps its time."""
        return self._lots.get(report.lot, report).event_time


def _side(kind: str, held: int) -> int:
    """Side of a position that a report speaks of: 1 long, -1 short; what expires is on either."""
    return {"exercise": 1, "assignment": -1}.get(kind, 1 if held > 0 else -1)


def _reports(rows: pl.DataFrame) -> list[_Report]:
    columns = (
        rows["exercise_id"].to_list(),
        rows["account_id"].to_list(),
        rows["symbol"].to_list(),
        to_scaled(rows["quantity"]).tolist(),
        rows["kind"].to_list(),
        instants(rows["event_time"]).tolist(),
        rows["corrects_exercise_id"].to_list(),
    )
    return [_Report(*row) for row in zip(*columns, strict=True)]


def exercise_reports(
    rows: pl.DataFrame, known: Known, lookup: Lookup, accepted: Mapping[str, pl.DataFrame]
) -> ExerciseReports:
    """What judges reports at hand; `accepted`: rows accepted with them, by feed."""
    among = [pl.col(name).is_in(rows[name].unique().implode()) for name in _PAIR]
    is_asked = pl.all_horizontal(among)
    traded, opened = (
        [
            lookup(feed, is_asked),
            *(accepted[feed].filter(is_asked) for _ in [0] if feed in accepted),
        ]
        for feed in ("fills", "opening_balances")
    )
    fills = pl.concat([part.select(_FILL) for part in (*traded, *map(opening_fills, opened))])
    terms = _terms(rows, known)
    judged = rows.with_columns(is_option=known_options(rows, known)).join(
        terms, on="symbol", how="left", maintain_order="left", validate="m:1"
    )
    ends = dict(zip(terms["symbol"], instants(terms["expires_at"]).tolist(), strict=True))
    return ExerciseReports(judged, ends, fills, lookup("exercises", is_asked))


def _terms(rows: pl.DataFrame, known: Known) -> pl.DataFrame:
    """Style and last instant of each symbol, by the newest instrument row accepted."""
    names, accepted = rows["symbol"].unique(), known.accepted
    terms = known.market.static_terms
    if accepted is not None and accepted["symbol"].is_in(names.implode()).any():
        terms = known.market.instruments.terms_with(names, accepted)
    about = terms.filter(pl.col("symbol").is_in(names.implode()))
    return about.select("symbol", "expires_at", is_european=pl.col("style") == "european")


_FILL = (
    "fill_id",
    "account_id",
    "symbol",
    "quantity",
    "price",
    "event_time",
    "corrects_fill_id",
)
