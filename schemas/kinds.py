"""What a table is beside its schema, and the kinds of table there are."""

from dataclasses import dataclass
from enum import StrEnum

import dataframely as dy


class Mode(StrEnum):
    """How a table is written."""

    APPEND = "append"
    """Rows are added and never rewritten; Delta refuses anything else."""
    STATE = "state"
    """The current state, replaced where it changed."""


@dataclass(frozen=True)
class Table:
    """One table: its schema, and what storage and orchestration need to know of it."""

    name: str
    schema: type[dy.Schema]
    mode: Mode
    group: str
    order: tuple[str, ...]
    """Columns that put rows into their one canonical order."""
    retention_days: int
    """Days of versions kept for time travel, as far as `retention_cycles` goes."""
    is_daily: bool = False
    """Whether history is also computed by business date, in `daily/<name>`."""
    in_cycle: bool = True
    """Whether cycles write it: then it is pinned, digested and replayed."""
    is_whole: bool = False
    """Of a state: whether whatever cycle writes it replaces all of it, not some shards."""
    retention_cycles: int = 500
    """Newest cycles whose versions are kept at most: every commit pays for its log folder."""

    @property
    def grain(self) -> str:
        """What one row is: the first line of the schema's docstring."""
        return (self.schema.__doc__ or "").strip().splitlines()[0]


# Rows that are only added carry their cycle: the past is read in the newest version.
_APPENDED = 100


def landed(name: str, schema: type[dy.Schema]) -> Table:
    """A feed."""
    return added(name, schema, "landed", "file_id", "file_row")


def state(name: str, schema: type[dy.Schema], *order: str) -> Table:
    """A state over margined accounts, which also exists by business date."""
    return Table(name, schema, Mode.STATE, "margin", order, retention_days=1, is_daily=True)


def of_an_account(name: str, schema: type[dy.Schema], *beside: str) -> Table:
    """A state of accounts that the live session alone has."""
    order = ("account_id", *beside)
    return Table(name, schema, Mode.STATE, "enforcement", order, retention_days=1)


def added(
    name: str, schema: type[dy.Schema], group: str, *order: str, is_daily: bool = False
) -> Table:
    """A table whose cycles add rows, each row with its cycle."""
    keys = ("cycle", *order)
    return Table(
        name, schema, Mode.APPEND, group, keys, 7, is_daily=is_daily, retention_cycles=_APPENDED
    )


def of_position(name: str, schema: type[dy.Schema], *beside: str) -> Table:
    """A state of positions of the rates book."""
    order = ("account_id", "desk", "legal_entity", "instrument_id", *beside)
    return Table(name, schema, Mode.STATE, "rates", order, 1, is_daily=True, is_whole=True)


def of_desk(name: str, schema: type[dy.Schema], *beside: str) -> Table:
    """Sums of the rates book by desk."""
    order = ("account_id", "desk", "legal_entity", "currency", *beside)
    return added(name, schema, "rates", *order, is_daily=True)


def beside_cycles(name: str, schema: type[dy.Schema], group: str, *order: str) -> Table:
    """A table that something else than a cycle adds rows to."""
    return Table(name, schema, Mode.APPEND, group, order, retention_days=7, in_cycle=False)


def answer(name: str, schema: type[dy.Schema], *beside: str) -> Table:
    """A table of what follows from a run of the avalanche."""
    return beside_cycles(name, schema, "avalanche", "run_id", *beside)
