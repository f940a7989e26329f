"""What there is to tell: sealed decisions, versions of calls and plans, deadlines coming due."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl

from margin_assets.desk.notices.policy import UNTOLD, Policy

Row = dict[str, Any]
Scan = Callable[[str], pl.LazyFrame]
"""Tables as of one sealed cycle."""


@dataclass(frozen=True)
class Happening:
    """Something that is told, before anybody is chosen whom to tell."""

    template: str
    about: str
    event: str
    severity: str
    account_id: str
    amount: Decimal | None
    """USD owed or lacking; None where nothing is."""
    at: datetime
    cycle: int
    values: Row
    """What its template may show."""


def sealed_happenings(
    scan: Scan, policy: Policy, is_new: Callable[[str], pl.Expr]
) -> Iterator[Happening]:
    """Decisions, versions of calls and of plans that are told, of the rows that are new.

    `is_new` chooses them by the name of the column with their time.
    """
    versions = scan("margin_calls").filter(is_new("changed_at")).collect()
    told = versions.filter(_is_told("change", policy.calls)).sort("changed_at", "call_id")
    decisions = scan("enforcement_decisions").filter(is_new("decided_at"))
    # Divisions of a firm number the decisions of a cycle each for itself.
    rest = decisions.sort("cycle", "decision_number", "decision_id").collect().to_dicts()
    said = set(told.select("account_id", "changed_at", "change").iter_rows())
    for row in rest:
        severity = policy.of_decision(row["direction"], row["reason"])
        changes = policy.told_by_calls.get(row["reason"], ())
        is_said = any((row["account_id"], row["decided_at"], change) in said for change in changes)
        if severity != UNTOLD and not is_said:
            yield _decision(row, severity)
    for row in told.to_dicts():
        yield _call(row, policy.calls[row["change"]])
    plans = scan("liquidation_plans").filter(is_new("changed_at"), _is_told("state", policy.plans))
    for row in plans.sort("changed_at", "plan_id", "version").collect().to_dicts():
        yield _plan(row, policy.plans[row["state"]])


def _is_told(column: str, severities: Mapping[str, str]) -> pl.Expr:
    known = [word for word, severity in severities.items() if severity != UNTOLD]
    return pl.col(column).is_in(known)


def _decision(row: Row, severity: str) -> Happening:
    lacking = max(-row["excess"], Decimal(0))
    return Happening(
        "decision",
        row["decision_id"],
        row["reason"],
        severity,
        row["account_id"],
        lacking or None,
        row["decided_at"],
        row["cycle"],
        row,
    )


def _call(row: Row, severity: str) -> Happening:
    return Happening(
        "call",
        f"{row['call_id']}:{row['version']}",
        row["change"],
        severity,
        row["account_id"],
        row["amount"],
        row["changed_at"],
        row["cycle"],
        row | {"due_at": due_of(row)},
    )


def _plan(row: Row, severity: str) -> Happening:
    return Happening(
        "plan",
        f"{row['plan_id']}:{row['version']}",
        row["state"],
        severity,
        row["account_id"],
        None,
        row["changed_at"],
        row["cycle"],
        row,
    )


def due_of(row: Row) -> datetime | None:
    """The next deadline of a version of a call."""
    house = [at for at in (row["house_due_at"], row["extended_until"]) if at is not None]
    dues = [at for at in (max(house, default=None), row["legal_due_at"]) if at is not None]
    return min(dues, default=None)


def deadlines_coming(
    calls: pl.DataFrame, policy: Policy, now: datetime, cycle: int
) -> Iterator[Happening]:
    """Deadlines of open calls before which it is told, and which have not passed.

    `calls` has every version of every open call, perhaps of others too.
    Of several times at which one deadline is told, the last that has come. A deadline that became
    known later than that was told by the version that set it.
    """
    if policy.deadlines.severity == UNTOLD:
        return
    for row in _dues(calls, policy, now).to_dicts():
        come = [b for b in policy.deadlines.before[row["which"]] if row["due"] - b <= now]
        if come and row["due"] - min(come) > row["known_at"]:
            yield _deadline(row, min(come), policy.deadlines.severity, cycle)


def _dues(calls: pl.DataFrame, policy: Policy, now: datetime) -> pl.DataFrame:
    """Open calls with each deadline that is near, `which` it is and since when it is `known_at`."""
    house = pl.max_horizontal("house_due_at", "extended_until")
    every = calls.with_columns(house=house, legal=pl.col("legal_due_at"))
    near = {
        which: (pl.col(which) > now) & (pl.col(which) <= now + max(before, default=timedelta()))
        for which, before in policy.deadlines.before.items()
    }
    # Few calls are due soon: all versions of those alone are looked at further.
    soon = every.filter(pl.any_horizontal(near.values())).select("call_id").unique()
    versions = every.join(soon, on="call_id", how="semi")
    newest = versions.sort("version").unique("call_id", keep="last").filter("is_open")
    # An extended payment period is the rule's deadline itself.
    is_own = {"house": pl.col("house").ne_missing(pl.col("legal")), "legal": pl.lit(value=True)}
    found = []
    for which, is_near in near.items():
        rows = newest.filter(is_near & is_own[which])
        rows = rows.with_columns(which=pl.lit(which), due=pl.col(which))
        since = versions.group_by("call_id", due=which).agg(known_at=pl.col("changed_at").min())
        found.append(rows.join(since, on=["call_id", "due"], how="left", validate="1:1"))
    return pl.concat(found).sort("due", "call_id", "which")


def _deadline(row: Row, before: timedelta, severity: str, cycle: int) -> Happening:
    minutes = before // timedelta(minutes=1)
    due = row["due"].astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return Happening(
        "deadline",
        f"{row['call_id']}:{row['which']}:{due}:{minutes}",
        f"{row['which']}_deadline",
        severity,
        row["account_id"],
        row["amount"],
        row["due"] - before,
        cycle,
        row | {"due_at": row["due"]},
    )
