"""Refused rows in the live day: whom the open ones name, and how they are closed."""

from collections import Counter
from typing import NamedTuple

import polars as pl

from margin_assets.lake.landing.refused import RefusedRows, Scan, is_of_file_time, is_of_risk
from margin_assets.live.acceptance.acceptance import Lookup
from schemas import TABLES

FLAG = "refused_rows"
"""Among the reasons of an account that an open refused fill or cash movement names."""
ACCEPTANCE = "acceptance"
"""In a manifest: by which rules its rows are accepted; without it, by those before refused rows
had a life: none is closed, none flags an account, no file is read twice."""
WITH_LIFE = 2
NO_END = 1 << 62
"""The last row of a file whose end is read."""
FileKey = tuple[str, str]
"""Feed and id of a file."""

_OUTCOMES = {"quarantine_dismiss": "dismissed", "quarantine_release": "released"}
_SAME = ["feed", "file_id", "file_row", "reasons"]
_KNOWN = ["quarantine_id", *_SAME]
_CLOSED = {"quarantine_id": pl.String, "outcome": pl.String, "action_id": pl.String}
NO_ACTIONS = pl.DataFrame(
    schema={n: c.dtype for n, c in TABLES["desk_actions"].schema.columns().items()}
)


class Again(NamedTuple):
    """A reading of a file that was read before, or of a further stretch of it."""

    number: int
    """The file's, in the plan."""
    first_row: int
    last_row: int
    """Of the `file_row`s that the reading speaks for; 0 is the file as a whole."""

    @property
    def is_whole(self) -> bool:
        """Whether it speaks for all of the file."""
        return self.first_row == 0 and self.last_row == NO_END


class Judged(NamedTuple):
    """What a plan does to refused rows."""

    quarantine: pl.DataFrame
    """Rows that it refuses and that are not there already."""
    accounts: pl.DataFrame
    """Those of them that name an account."""
    closings: pl.DataFrame


class Refusals:
    """Open refused rows, by whom they name and by file, as of the last cycle."""

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self._rows: Counter[str] = Counter()
        """Open refused fills and movements, by the account that they name."""
        self._again: set[FileKey] = set()
        """Files of which open rows were refused for the file's time."""
        self.changed: set[str] = set()
        """Accounts whose flag may have changed since it was last shown."""

    def load(self, scan: Scan, held_since: int | None = None) -> None:
        """Reads what the sealed cycles left; from `held_since` on no flag was shown."""
        tables = RefusedRows.of(scan)
        self._rows = Counter(dict(tables.open_accounts().collect().iter_rows()))
        of_time = tables.open_rows().filter(is_of_file_time()).select("feed", "file_id")
        self._again = set(of_time.unique().collect().iter_rows())
        if held_since is not None:
            self.changed = tables.accounts_changed_since(held_since)

    def may_land_again(self, file: FileKey) -> bool:
        """Whether a file that was read is read again when it lands again."""
        return file in self._again

    def read(self, file: FileKey, quarantined: pl.DataFrame, *, is_all: bool) -> None:
        """A file was read now: if rows were refused for its time, it may land again.

        Of a stretch, not `is_all`, other rows may have been.
        """
        if is_all:
            self._again.discard(file)
        if quarantined.filter(is_of_file_time()).height:
            self._again.add(file)

    def flagged(self, summary: pl.DataFrame) -> pl.DataFrame:
        """A `margin_summary` with the flag among the reasons of the accounts that have it."""
        names = pl.Series(self.open_accounts(), dtype=pl.String)
        if not len(names):
            return summary
        reasons = pl.col("reasons")
        joined = pl.when(reasons == "").then(pl.lit(FLAG)).otherwise(reasons + f";{FLAG}")
        is_flagged = pl.col("account_id").is_in(names.implode())
        return summary.with_columns(reasons=pl.when(is_flagged).then(joined).otherwise(reasons))

    def open_accounts(self) -> list[str]:
        """Accounts that an open refused fill or cash movement names."""
        return sorted(name for name, rows in self._rows.items() if rows)

    def judge(
        self, refused: pl.DataFrame, again: dict[FileKey, Again], actions: pl.DataFrame
    ) -> Judged:
        """Takes what a plan refuses, what it read `again`, and the acts of people in it.

        `refused` has the columns of the quarantine, `account_id` and the `file_number` of each
        row; `again` the last reading of each file. A row that is refused again for the same
        reasons is there already; any other open row that such a reading speaks for is released.
        """
        known = self._known(refused, again, actions)
        last = pl.DataFrame(
            [(*file, *reading) for file, reading in again.items()], schema=_LAST, orient="row"
        )
        numbers = last.select("feed", "file_id", "last")
        rows = refused.join(numbers, on=["feed", "file_id"], how="left", maintain_order="left")
        still = rows.filter(pl.col("file_number") == pl.col("last"))
        is_first = pl.col("last").is_null() | pl.struct(_SAME).is_first_distinct()
        kept = rows.filter(is_first).join(known, on=_SAME, how="anti", maintain_order="left")
        there = pl.concat([known.filter("is_open").drop("is_open"), kept.select(_KNOWN)])
        landed = there.join(last, on=["feed", "file_id"], maintain_order="left").filter(
            pl.col("file_row").is_between("first_row", "last_row")
        )
        released = landed.join(still, on=_SAME, how="anti", maintain_order="left")
        by_file = released.select(
            "quarantine_id", outcome=pl.lit("released"), action_id=pl.lit(None, pl.String)
        )
        closings = pl.concat([by_file, _acted(there, actions)]).unique(
            "quarantine_id", keep="first", maintain_order=True
        )
        named = kept.filter(is_of_risk(), pl.col("account_id").is_not_null())
        accounts = named.select("quarantine_id", "account_id")
        self._count(accounts, closings)
        if closings.height:
            self._forget(there, closings)
        return Judged(kept.drop("file_number", "last", "account_id"), accounts, closings)

    def _known(
        self, refused: pl.DataFrame, again: dict[FileKey, Again], actions: pl.DataFrame
    ) -> pl.DataFrame:
        """Rows of sealed cycles in files read again or that acts speak of, open or not.

        Of a file of which a stretch was read they are those of the stretch: it may be large.
        """
        subjects = actions["subject"].to_list()
        stretches = {key[1]: part for key, part in again.items() if not part.is_whole}
        files = {key[1] for key, part in again.items() if part.is_whole} | set(subjects)
        if subjects:
            named = pl.col("quarantine_id").is_in(subjects)
            files |= set(self._lookup("quarantine", named, ("file_id",))["file_id"])
        if not files and not stretches:
            return pl.DataFrame(schema=_KNOWN_SCHEMA)
        is_known = pl.col("file_id").is_in(list(files))
        for file_id, part in stretches.items():
            # What the plan refuses of it may lie outside: a correction accepted before.
            others = refused.filter(pl.col("file_id") == file_id)["file_row"].implode()
            is_there = pl.col("file_row").is_between(part.first_row, part.last_row)
            is_there |= pl.col("file_row").is_in(others)
            is_known |= (pl.col("file_id") == file_id) & is_there
        rows = self._lookup("quarantine", is_known, _KNOWN)
        ids = rows["quarantine_id"].implode()
        closed = self._lookup("quarantine_closings", pl.col("quarantine_id").is_in(ids))
        is_closed = pl.col("quarantine_id").is_in(closed["quarantine_id"].implode())
        return rows.with_columns(is_open=~is_closed)

    def _count(self, accounts: pl.DataFrame, closings: pl.DataFrame) -> None:
        """Keeps the count of open rows by account."""
        ended: list[str] = []
        if closings.height:
            is_closed = pl.col("quarantine_id").is_in(closings["quarantine_id"].implode())
            before = self._lookup("refused_accounts", is_closed)
            ended = [*before["account_id"], *accounts.filter(is_closed)["account_id"]]
        self._rows.update(accounts["account_id"].to_list())
        self._rows.subtract(ended)
        self.changed |= {*accounts["account_id"], *ended}

    def _forget(self, there: pl.DataFrame, closings: pl.DataFrame) -> None:
        """Files of which no open row was refused for their time need not be read again."""
        closed = there.join(closings, on="quarantine_id", how="semi")
        left = there.join(closings, on="quarantine_id", how="anti").filter(is_of_file_time())
        ended = closed.select("feed", "file_id").unique()
        self._again -= set(ended.iter_rows()) - set(left.select("feed", "file_id").iter_rows())


_LAST = pl.Schema(
    {
        "feed": pl.String,
        "file_id": pl.String,
        "last": pl.Int64,
        "first_row": pl.Int64,
        "last_row": pl.Int64,
    }
)
_KNOWN_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "quarantine_id": pl.String,
    "feed": pl.String,
    "file_id": pl.String,
    "file_row": pl.Int64,
    "reasons": pl.String,
    "is_open": pl.Boolean,
}


def _acted(there: pl.DataFrame, actions: pl.DataFrame) -> pl.DataFrame:
    """Closings by acts: a row by its id, or all rows of a dismissed file; the first act counts."""
    acts = actions.with_columns(outcome=pl.col("kind").replace_strict(_OUTCOMES, default=None))
    acts = acts.filter(pl.col("outcome").is_not_null())
    parts = [
        acts.join(there, left_on="subject", right_on="quarantine_id", how="inner").select(
            pl.col("subject").alias("quarantine_id"), "outcome", "action_id"
        ),
        acts.filter(pl.col("outcome") == "dismissed")
        .join(there, left_on="subject", right_on="file_id", how="inner")
        .select(*_CLOSED),
    ]
    return pl.concat([pl.DataFrame(schema=_CLOSED), *parts])
