"""The life of refused rows: open, until they are released or dismissed."""

import re
from typing import NamedTuple, Protocol

import polars as pl

FEEDS_OF_RISK = ("fills", "cash_movements", "exercises")
"""Feeds whose refused rows are missing from an account's figures."""
OPEN = "open"
OF_FILE_TIME = re.compile(r"_in_future(?:;|$)")
"""In the reasons of a row: it was refused for the landing time of its file."""
_CLOSED = ("quarantine_id", "outcome", "action_id")


class Scan(Protocol):
    """Reads a table."""

    def __call__(self, table: str, /) -> pl.LazyFrame:
        """Its rows."""


class RefusedRows(NamedTuple):
    """The tables of refused rows as of one moment."""

    quarantine: pl.LazyFrame
    closings: pl.LazyFrame
    accounts: pl.LazyFrame

    @classmethod
    def of(cls, scan: Scan) -> "RefusedRows":
        """Read by `scan`, which knows the moment."""
        return cls(scan("quarantine"), scan("quarantine_closings"), scan("refused_accounts"))

    def with_state(self) -> pl.LazyFrame:
        """Every refused row with its `state` (`open`, `released`, `dismissed`) and `action_id`."""
        closed = self.closings.select(*_CLOSED).rename({"outcome": "state"})
        joined = self.quarantine.join(closed, on="quarantine_id", how="left")
        return joined.with_columns(pl.col("state").fill_null(OPEN))

    def open_rows(self) -> pl.LazyFrame:
        """Refused rows that are neither released nor dismissed."""
        return self.quarantine.join(self.closings, on="quarantine_id", how="anti")

    def closed_rows(self) -> pl.LazyFrame:
        """Refused rows that were released or dismissed."""
        return self.quarantine.join(self.closings, on="quarantine_id", how="semi")

    def open_accounts(self) -> pl.LazyFrame:
        """Accounts that open rows name: `account_id` and how many `rows`, most first."""
        still = self.accounts.join(self.closings, on="quarantine_id", how="anti")
        counts = still.group_by("account_id").agg(rows=pl.len().cast(pl.Int64))
        return counts.sort("account_id")

    def accounts_changed_since(self, cycle: int) -> set[str]:
        """Accounts of which a row was refused or closed in a cycle or later."""
        is_recent = pl.col("cycle") >= cycle
        closed = self.closings.filter(is_recent).select("quarantine_id")
        ended = self.accounts.join(closed, on="quarantine_id", how="semi")
        rows = pl.concat([self.accounts.filter(is_recent), ended])
        return set(rows.collect()["account_id"])

    def open_of_risk(self) -> int:
        """How many open rows and files are missing from accounts' figures."""
        return int(self.open_rows().filter(is_of_risk()).select(pl.len()).collect().item())


def is_of_risk() -> pl.Expr:
    """Whether a refused row is of fills or cash; what was never read as a file of theirs is not."""
    return pl.col("feed").is_in(FEEDS_OF_RISK) & (pl.col("reasons") != "file_ignored")


def is_of_file_time() -> pl.Expr:
    """Whether a row was refused for the landing time of its file, maybe among other reasons."""
    return pl.col("reasons").str.contains(OF_FILE_TIME.pattern)
