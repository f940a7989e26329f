"""Versions of margin calls as the frame of their table, and open calls back from it."""

import hashlib
import json
from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple, cast

import dataframely as dy
import numpy as np
import polars as pl

from margin_assets.kernels.calls.call_rules import CALLERS
from margin_assets.kernels.calls.open_calls import CONSEQUENCE, OpenCalls, consequences
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.money import BEYOND, bounded, instants, to_decimal, to_instants
from schemas import TABLES
from schemas.desk.calls import CALL_STATES, CHANGES, CONSEQUENCES, MarginCalls

_SPLIT = ("met_by_deposits", "met_by_trades", "met_by_market")
_KINDS = {(caller.call_type, caller.citation): kind for kind, caller in enumerate(CALLERS)}
Key = tuple[int, int]
"""Account and kind of an open call."""


class Extension(NamedTuple):
    """Who extended a call, and by which act."""

    actor: str
    action_id: str


class Version(NamedTuple):
    """Versions that began at one instant."""

    at: int
    calls: OpenCalls
    change: Int64Array
    """Index of `CHANGES`."""
    extended: list[Extension | None]


def call_id(account: str, call_type: str, opened_at: int) -> str:
    """Deterministic id: hash of who is called, for what and when (microseconds)."""
    content = json.dumps([account, call_type, opened_at], separators=(",", ":"))
    return hashlib.sha256(content.encode()).hexdigest()[:32]


def kind_of(call_type: str, rule: str) -> int:
    """The caller behind a row of the table: index of `CALLERS`."""
    return _KINDS[call_type, rule]


def call_ids(calls: OpenCalls, names: Sequence[str]) -> list[str]:
    """Id of each call."""
    keys = zip(calls.account.tolist(), calls.kind.tolist(), calls.opened_at.tolist(), strict=True)
    return [call_id(names[a], CALLERS[kind].call_type, at) for a, kind, at in keys]


def version_frame(versions: Sequence[Version], names: Sequence[str]) -> dy.DataFrame[MarginCalls]:
    """Versions in their canonical order as `margin_calls`, without cycle."""
    if not versions:
        return cast("dy.DataFrame[MarginCalls]", _no_version())
    rows = pl.concat([_frame(version, names) for version in versions])
    return cast(
        "dy.DataFrame[MarginCalls]", rows.sort("changed_at", "account_id", "call_type", "version")
    )


@cache
def _no_version() -> pl.DataFrame:
    return TABLES["margin_calls"].schema.create_empty().drop("cycle")


def _frame(version: Version, names: Sequence[str]) -> pl.DataFrame:
    calls, extended = version.calls, version.extended
    callers = [CALLERS[kind] for kind in calls.kind.tolist()]
    by_market = calls.first - calls.struck - calls.by_deposits - calls.by_trades
    has_none = np.array([not caller.is_struck_by_figures for caller in callers], dtype=np.bool_)
    split = zip(_SPLIT, (calls.by_deposits, calls.by_trades, by_market), strict=True)
    return pl.DataFrame(
        {
            "call_id": call_ids(calls, names),
            "version": calls.version,
            "account_id": [names[account] for account in calls.account.tolist()],
            "call_type": [caller.call_type for caller in callers],
            "rule": [caller.citation for caller in callers],
            "state": [CALL_STATES[state] for state in calls.state.tolist()],
            "is_open": pl.Series(calls.is_open.astype(np.bool_)),
            "change": [CHANGES[code] for code in version.change.tolist()],
            "opened_at": to_instants(calls.opened_at),
            "changed_at": to_instants(np.full(len(callers), version.at, dtype=np.int64)),
            "first_amount": to_decimal(calls.first, 2),
            "amount": to_decimal(calls.struck, 2),
            **{name: to_decimal(cents, 2, has_none) for name, cents in split},
            "house_due_at": to_instants(calls.house_due),
            "legal_due_at": to_instants(calls.legal_due),
            "extended_until": to_instants(calls.extended_until),
            "extended_by": pl.Series([e and e.actor for e in extended], dtype=pl.String),
            "action_id": pl.Series([e and e.action_id for e in extended], dtype=pl.String),
            "consequence": [CONSEQUENCES[code] for code in consequences(calls).tolist()],
            "consequence_until": to_instants(calls.consequence_until),
        }
    )


def calls_of(
    saved: pl.DataFrame, place: Callable[[pl.Series], Int64Array]
) -> tuple[OpenCalls, dict[Key, Extension]]:
    """Open calls that the versions of a table show, and who extended them."""
    newest = saved.sort("call_id", "version").unique("call_id", keep="last", maintain_order=True)
    rows = newest.filter("is_open").sort("opened_at", "account_id", "call_type")
    callers = rows.select("call_type", "rule").rows()
    amount = {name: bounded(rows[name].fill_null(0), BEYOND) for name in _AMOUNTS}
    moment = {name: instants(rows[name]).copy() for name in _MOMENTS}
    calls = OpenCalls(
        account=place(rows["account_id"]),
        kind=np.array([kind_of(*caller) for caller in callers], dtype=np.int64),
        opened_at=moment["opened_at"],
        version=rows["version"].to_numpy().copy(),
        state=_codes(rows["state"], CALL_STATES),
        is_open=np.ones(rows.height, dtype=np.int64),
        first=amount["first_amount"],
        struck=amount["amount"],
        now=amount["amount"].copy(),
        by_deposits=amount["met_by_deposits"],
        by_trades=amount["met_by_trades"],
        house_due=moment["house_due_at"],
        legal_due=moment["legal_due_at"],
        extended_until=moment["extended_until"],
        consequence=_asked(rows["consequence"]),
        consequence_until=moment["consequence_until"],
    )
    keys = zip(calls.account.tolist(), calls.kind.tolist(), strict=True)
    who = rows.select("extended_by", "action_id").rows()
    return calls, {
        key: Extension(*act) for key, act in zip(keys, who, strict=True) if act[0] is not None
    }


_AMOUNTS = ("first_amount", "amount", "met_by_deposits", "met_by_trades")
_MOMENTS = (
    "opened_at",
    "house_due_at",
    "legal_due_at",
    "extended_until",
    "consequence_until",
)


def _codes(words: pl.Series, known: tuple[str, ...]) -> Int64Array:
    codes = words.replace_strict(list(known), list(range(len(known))), return_dtype=pl.Int64)
    return codes.to_numpy().copy()


def _asked(words: pl.Series) -> Int64Array:
    """Consequences as they were asked: what a deadline adds is found again."""
    codes = _codes(words, CONSEQUENCES)
    return np.where(codes == CONSEQUENCE["reduce_only"], CONSEQUENCE["none"], codes)
