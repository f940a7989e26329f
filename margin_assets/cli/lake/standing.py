"""How a lake stands: its last sealed cycle, what has landed and waits, what lacks its inputs."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from typing import Any

import polars as pl

from margin_assets.calendar import is_open, sessions
from margin_assets.cli import output
from margin_assets.cli.lake.closing import closing, sentence
from margin_assets.kernels.book.corrections import waiting_rows
from margin_assets.lake.landing.backlog import is_ahead, waiting
from margin_assets.lake.landing.places import LandingPlace, landing_at
from margin_assets.lake.landing.refused import RefusedRows
from margin_assets.lake.ledger.cycles import Plan
from margin_assets.lake.ledger.ledger import Ledger
from margin_assets.lake.ledger.sealed import SealedTables
from margin_assets.lake.store.damage import TableDamaged
from margin_assets.lake.store.store import Lake
from margin_assets.monitoring.daily_dates import daily_dates
from margin_assets.monitoring.health import Finding, Health, health, limits
from margin_assets.monitoring.observed import observed
from margin_assets.monitoring.unknown_actions import unknown_actions

_LISTED = 20
_AT_ONCE = 6  # tables looked at: a look waits on the store more than on a core
_DAYS = 5
_HANG = 14  # what a line goes on below

Document = dict[str, Any]


def standing(lake: Lake, landing: LandingPlace, now: datetime) -> Document:
    """The document of `margin status`."""
    ledger = Ledger(lake)
    sealed, plan = ledger.last_sealed(), ledger.open_plan()
    scan = SealedTables(lake, sealed).scan
    refused = RefusedRows.of(scan)
    corrections = _waiting_corrections(scan("fills"), refused.quarantine)
    indeterminate = _indeterminate(scan("margin_summary"))
    entries = list(landing_at(landing).entries())
    ahead = [e for e in waiting(lake, sealed, plan, entries) if is_ahead(e, now)]
    seen = observed(lake, ledger, entries, now)
    damaged = _damaged(lake, {} if sealed is None else sealed.table_versions)
    nobodys = unknown_actions(lake, sealed).to_dicts()
    missing = len(corrections) + len(indeterminate) + len(ahead) + len(damaged) + len(nobodys)
    seen = replace(seen, missing_inputs=missing, daily=daily_dates(lake))
    verdict = health(seen, limits(), sessions())
    found = {
        "health": verdict.state,
        "lake": lake.uri,
        "last_cycle": None if sealed is None else sealed.cycle,
        "as_of": None if sealed is None else sealed.as_of,
        "hash": None if sealed is None else sealed.hash,
        "open_plan": None if plan is None else _plan(plan),
        "backlog": {"landing": str(landing)} | _found(verdict.backlog),
        "waiting_files": [
            {"path": e.path, "landed_at": e.landed_at} for e in sorted(ahead, key=lambda e: e.stamp)
        ],
        "damaged_tables": damaged,
        "waiting_corrections": corrections,
        "indeterminate_accounts": indeterminate,
        "actions_on_unknown_symbols": nobodys,
        "quarantined_rows": refused.open_rows().select(pl.len()).collect().item(),
        "refused_accounts": refused.open_accounts().collect().to_dicts(),
        "limit_breaches": _breaches(scan("limit_breaches")),
        **_judged(verdict),
        "exchange_is_open": is_open(now),
        "limits": limits()._asdict(),
        "seen_at": now,
    }
    return found | {"close": closing(found, now)}


def _judged(verdict: Health) -> Document:
    return {
        "states": verdict.states,
        "freshness": _found(verdict.freshness),
        "cycle_seconds": _found(verdict.cycle_time),
        "recent_quarantine": _found(verdict.quarantine),
        "refused": _found(verdict.refused),
        "daily": _found(verdict.daily),
    }


def _found(finding: Finding) -> Document:
    return {**finding.figures, "state": finding.state}


def _plan(plan: Plan) -> Document:
    files = plan.manifest["files"]
    return {
        "cycle": plan.cycle,
        "files": len(files),
        "bytes": sum(file["bytes"] for file in files),
    }


def _damaged(lake: Lake, versions: Mapping[str, int]) -> list[Document]:
    """Tables of the sealed cycle that no session could open, and why."""

    def problem(name: str) -> str:
        try:
            lake.held(name).open(versions[name])
        except TableDamaged as damage:
            return str(damage)
        return ""

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        found = zip(versions, pool.map(problem, versions), strict=True)
        return [{"table": name, "problem": what} for name, what in found if what]


def _waiting_corrections(fills: pl.LazyFrame, quarantine: pl.LazyFrame) -> list[Document]:
    shown = ("fill_id", "corrects_fill_id", "account_id", "symbol", "event_time")
    return waiting_rows(fills, quarantine).select(shown).to_dicts()


def _indeterminate(summary: pl.LazyFrame) -> list[Document]:
    rows = summary.filter(pl.col("status") == "indeterminate").select("account_id", "reasons")
    return [
        {"account_id": account, "reasons": reasons.split(";")}
        for account, reasons in rows.sort("account_id").collect().iter_rows()
    ]


def _breaches(breaches: pl.LazyFrame) -> list[Document]:
    """Breaches of limits that are not cured, oldest first."""
    shown = ("limit_id", "subject", "state", "value", "limit_value", "owner", "opened_at")
    last = breaches.group_by("breach_id").agg(pl.all().sort_by("version").last())
    alive = last.filter(pl.col("state") != "cured").sort("opened_at", "breach_id")
    return alive.select("breach_id", *shown).collect().to_dicts()


_WORDS = {
    "unfinished": "a cycle is planned and not sealed: one is at work, or the next start ends it",
    "behind": "files have landed that no cycle has taken",
    "empty": "no cycle yet",
    "stale": "nothing new was sealed for too long while the exchange was open",
    "degraded": "cycles take too long",
    "attention": "inputs or daily tables are missing, or refused rows wait for a decision",
    "ok": "all is processed, nothing waits",
}


def show(found: Document) -> None:
    """The same for a person."""
    backlog, plan, fresh = found["backlog"], found["open_plan"], found["freshness"]
    for number, state in enumerate(found["states"]):
        output.say(f"{'also' if number else 'health':13} {state}: {_WORDS[state]}", _HANG)
    output.say(
        f"last cycle    {found['last_cycle'] or '-'}  as of {output.instant(found['as_of'])}"
    )
    if found["hash"]:
        output.say(f"hash          {found['hash']}")
    sealed = _ago("sealed", fresh["seal_age_seconds"], "nothing is sealed")
    events = _ago("events", fresh["event_lag_seconds"], "no event is evaluated")
    exchange = "open" if found["exchange_is_open"] else "closed"
    output.say(
        f"freshness     {fresh['state']}: {sealed}, {events}; the exchange is {exchange}", _HANG
    )
    if plan is not None:
        output.say(f"open plan     cycle {plan['cycle']}, {plan['files']} files")
    size = f"{backlog['files']} files, {backlog['bytes']:,} bytes"
    age = backlog["oldest_seconds"]
    oldest = "" if age is None else f", the oldest for {output.span(age)}"
    output.say(f"backlog       {size} in {backlog['landing']}{oldest}", _HANG)
    _show_recent(found)
    _show_daily(found["daily"])
    output.say(f"last close    {sentence(found['close'])}", _HANG)
    for title, rows in (
        ("damaged tables", found["damaged_tables"]),
        ("files ahead of the clock", found["waiting_files"]),
        ("waiting corrections", found["waiting_corrections"]),
        ("indeterminate accounts", found["indeterminate_accounts"]),
        ("actions on unknown symbols", found["actions_on_unknown_symbols"]),
        ("accounts with refused rows", found["refused_accounts"]),
        ("limits breached", found["limit_breaches"]),
    ):
        _show_rows(title, rows)


def _show_recent(found: Document) -> None:
    took, rows = found["cycle_seconds"], found["recent_quarantine"]
    median, p99 = ("-" if took[name] is None else f"{took[name]:.3f} s" for name in ("p50", "p99"))
    output.say(f"cycle time    {median} median, {p99} p99 of {took['cycles']} cycles")
    recent = rows["rows"]
    last = (
        "" if not recent else f"; {rows['quarantined']:,} of the last {recent:,} rows were refused"
    )
    output.say(
        f"quarantined   {found['quarantined_rows']} rows are open (`margin quarantine list`), "
        f"{found['refused']['rows']} of them fills or cash{last}",
        _HANG,
    )


def _ago(what: str, seconds: float | None, never: str) -> str:
    return never if seconds is None else f"{what} {output.span(seconds)} ago"


def _show_daily(daily: Document) -> None:
    if daily["state"] == "none":
        return
    last = daily["last_finished"] or "-"
    output.say(f"daily tables  {daily['state']}: {daily['finished']} dates, the last {last}")
    for what in ("unfinished", "missing"):
        if days := daily[what]:
            more = f" and {len(days) - _DAYS} more" if len(days) > _DAYS else ""
            output.say(f"  {what:11} {', '.join(map(str, days[:_DAYS]))}{more}")


def _show_rows(title: str, rows: list[Document]) -> None:
    output.say(f"{title}: {len(rows)}")
    if rows:
        cells = (
            [", ".join(v) if isinstance(v, list) else v for v in row.values()]
            for row in rows[:_LISTED]
        )
        output.table(list(rows[0]), cells)
        if len(rows) > _LISTED:
            output.say(f"and {len(rows) - _LISTED} more; --json lists all")
