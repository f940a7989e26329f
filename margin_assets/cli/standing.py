"""How a lake stands: its last sealed cycle, what has landed and waits, what lacks its inputs."""

from pathlib import Path
from typing import Any

import polars as pl

from margin_assets.cli import output
from margin_assets.lake.landing import LocalLanding, Pending
from margin_assets.lake.ledger import Ledger, Plan, Sealed
from margin_assets.lake.store import Lake
from schemas import TABLES

_LISTED = 20

Document = dict[str, Any]


def standing(lake: Lake, landing: Path) -> Document:
    """The document of `margin status`."""
    ledger = Ledger(lake)
    sealed, plan = ledger.last_sealed(), ledger.open_plan()
    tables = {name: _at(lake, name, sealed) for name in ("fills", "margin_summary", "quarantine")}
    pending = _pending(lake, landing, sealed, plan)
    quarantined = tables["quarantine"].select(pl.len()).collect().item()
    found: Document = {
        "health": "",
        "lake": lake.uri,
        "last_cycle": None if sealed is None else sealed.cycle,
        "as_of": None if sealed is None else sealed.as_of,
        "hash": None if sealed is None else sealed.hash,
        "open_plan": None if plan is None else _plan(plan),
        "backlog": {
            "landing": str(landing),
            "files": len(pending),
            "bytes": sum(entry.bytes for entry in pending),
            "oldest_landed_at": min((entry.landed_at for entry in pending), default=None),
        },
        "waiting_corrections": waiting_corrections(tables["fills"], tables["quarantine"]),
        "indeterminate_accounts": _indeterminate(tables["margin_summary"]),
        "quarantined_rows": quarantined,
    }
    return found | {"health": _health(found)}


def _at(lake: Lake, name: str, sealed: Sealed | None) -> pl.LazyFrame:
    if sealed is None:
        return TABLES[name].schema.create_empty(lazy=True)
    return lake.scan(name, sealed.table_versions[name])


def _plan(plan: Plan) -> Document:
    files = plan.manifest["files"]
    return {
        "cycle": plan.cycle,
        "files": len(files),
        "bytes": sum(file["bytes"] for file in files),
    }


def _pending(lake: Lake, landing: Path, sealed: Sealed | None, plan: Plan | None) -> list[Pending]:
    """Entries that are in no plan, told by path, size and landing time as the session does."""
    files = _at(lake, "landed_files", sealed).select("path", "bytes", "landed_at", "status")
    known = files.collect()
    stamps = set(known.select("path", "bytes", "landed_at").iter_rows())
    ignored = set(known.filter(pl.col("status") == "ignored")["path"])
    for file in _planned(plan):
        stamps.add((file.path, file.bytes, file.landed_at))
    return [
        entry
        for entry in LocalLanding(landing).entries()
        if entry.stamp not in stamps and not (entry.problem and entry.path in ignored)
    ]


def _planned(plan: Plan | None) -> list[Any]:
    from margin_assets.lake.landing import PlannedFile

    files = [] if plan is None else plan.manifest["files"]
    return [PlannedFile(**file).landed() for file in files]


def waiting_corrections(fills: pl.LazyFrame, quarantine: pl.LazyFrame) -> list[Document]:
    """Corrections whose original has not landed, by event time."""
    refused = quarantine.filter(pl.col("reasons") == "correction_mismatch")
    return (
        fills.filter(pl.col("corrects_fill_id").is_not_null())
        .join(fills, left_on="corrects_fill_id", right_on="fill_id", how="anti")
        .join(refused, on=["file_id", "file_row"], how="anti")
        .sort("event_time", "fill_id")
        .select("fill_id", "corrects_fill_id", "account_id", "symbol", "event_time")
        .collect()
        .to_dicts()
    )


def _indeterminate(summary: pl.LazyFrame) -> list[Document]:
    rows = summary.filter(pl.col("status") == "indeterminate").select("account_id", "reasons")
    return [
        {"account_id": account, "reasons": reasons.split(";")}
        for account, reasons in rows.sort("account_id").collect().iter_rows()
    ]


def _health(found: Document) -> str:
    """One word: the first that applies."""
    if found["open_plan"] is not None:
        return "unfinished"
    if found["backlog"]["files"]:
        return "behind"
    if found["last_cycle"] is None:
        return "empty"
    if found["waiting_corrections"] or found["indeterminate_accounts"]:
        return "attention"
    return "ok"


_WORDS = {
    "unfinished": "a cycle is planned and not sealed: one is at work, or the next start ends it",
    "behind": "files have landed that no cycle has taken",
    "empty": "no cycle yet",
    "attention": "some inputs are missing",
    "ok": "all is processed, nothing waits",
}


def show(found: Document) -> None:
    """The same for a person."""
    backlog, plan = found["backlog"], found["open_plan"]
    output.say(f"health        {found['health']}: {_WORDS[found['health']]}")
    output.say(
        f"last cycle    {found['last_cycle'] or '-'}  as of {output.instant(found['as_of'])}"
    )
    if found["hash"]:
        output.say(f"hash          {found['hash']}")
    if plan is not None:
        output.say(f"open plan     cycle {plan['cycle']}, {plan['files']} files")
    size = f"{backlog['files']} files, {backlog['bytes']:,} bytes"
    output.say(f"backlog       {size} in {backlog['landing']}")
    output.say(f"quarantined   {found['quarantined_rows']} rows (`margin quarantine list`)")
    for title, rows in (
        ("waiting corrections", found["waiting_corrections"]),
        ("indeterminate accounts", found["indeterminate_accounts"]),
    ):
        output.say(f"{title}: {len(rows)}")
        if rows:
            cells = (
                [", ".join(v) if isinstance(v, list) else v for v in row.values()]
                for row in rows[:_LISTED]
            )
            output.table(list(rows[0]), cells)
            if len(rows) > _LISTED:
                output.say(f"and {len(rows) - _LISTED} more; --json lists all")
