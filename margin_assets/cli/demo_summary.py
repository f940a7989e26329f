"""What a demo ends with: decisions, worst accounts, tables, and how to look further."""

from datetime import timedelta
from typing import Any

import polars as pl

from margin_assets.cli import output
from margin_assets.cli.output import Refusal, instant
from margin_assets.lake.ledger.cycles import Sealed
from margin_assets.lake.ledger.ledger import Ledger
from margin_assets.lake.store.store import Lake
from schemas import TABLES

Document = dict[str, Any]
_WORST = 8
_ACCOUNT_COLUMNS = {
    "account_id": "account",
    "equity": "equity",
    "governing_requirement": "required",
    "excess": "excess",
    "margin_status": "status",
    "restriction": "restriction",
    "liquidation": "liquidation",
}
_BY_DAY_UP_TO = timedelta(days=7)


def summary(lake: Lake) -> Document:
    """The document of `margin demo`."""
    ledger = Ledger(lake)
    sealed = ledger.last_sealed()
    if sealed is None:
        raise Refusal("no cycle was sealed")
    decisions = _scan(lake, sealed, "enforcement_decisions").collect()
    worst = _worst_moment(lake, sealed)
    return {
        "cycles": sealed.cycle,
        "as_of": sealed.as_of,
        "hash": sealed.hash,
        "decisions": decisions.height,
        "decisions_by_period": _by_period(decisions),
        "worst_moment": _moment(lake, worst if worst else sealed),
        "end": _moment(lake, sealed),
        "tables": _tables(lake, sealed),
    }


def _scan(lake: Lake, sealed: Sealed, name: str) -> pl.LazyFrame:
    return lake.scan(name, sealed.table_versions[name])


def _by_period(decisions: pl.DataFrame) -> list[Document]:
    """Counts by month, or by day where all lies within two weeks, and kind."""
    if decisions.is_empty():
        return []
    first, last = decisions.select(
        pl.col("decided_at").min(), pl.col("decided_at").max().alias("last")
    ).row(0)
    period = pl.col("decided_at").dt.strftime(
        "%Y-%m-%d" if last - first <= _BY_DAY_UP_TO else "%Y-%m"
    )
    kinds = ["dimension", "direction", "to_state", "reason"]
    return (
        decisions.group_by(period.alias("period"), *kinds)
        .agg(decisions=pl.len(), accounts=pl.col("account_id").n_unique())
        .sort("period", *kinds)
        .to_dicts()
    )


def _worst_moment(lake: Lake, sealed: Sealed) -> Sealed | None:
    """The cycle whose deficits, unmoved, were largest; the first of equals."""
    risk = _scan(lake, sealed, "firm_risk").filter(pl.col("move") == 0)
    worst = risk.sort(["deficiency", "cycle"], descending=[True, False]).head(1).collect()
    return Ledger(lake).sealed(worst["cycle"].item()) if worst.height else None


def _moment(lake: Lake, sealed: Sealed) -> Document:
    """The accounts with the least excess as a cycle left them, by Delta time travel."""
    columns = ("account_id", "account_type", "status", "equity", "governing_requirement", "excess")
    rows = _scan(lake, sealed, "margin_summary").sort("excess", "account_id").head(_WORST)
    ladder = _scan(lake, sealed, "enforcement_state").select(
        "account_id", "margin_status", "restriction", "liquidation"
    )
    accounts = rows.select(columns).join(ladder, on="account_id", how="left")
    ordered = accounts.collect().sort("excess", "account_id")
    return {"cycle": sealed.cycle, "as_of": sealed.as_of, "accounts": ordered.to_dicts()}


def _tables(lake: Lake, sealed: Sealed) -> list[Document]:
    return [
        {
            "table": table.name,
            "rows": _scan(lake, sealed, table.name).select(pl.len()).collect().item(),
            "version": sealed.table_versions[table.name],
            "grain": table.grain,
        }
        for table in TABLES.values()
        if table.in_cycle
    ]


def show(found: Document, uri: str) -> None:
    """The same for a person."""
    _show_decisions(found)
    for title, moment in (("worst moment", found["worst_moment"]), ("end", found["end"])):
        accounts = moment["accounts"]
        if accounts:
            output.table(
                list(_ACCOUNT_COLUMNS.values()),
                ([row[name] for name in _ACCOUNT_COLUMNS] for row in accounts),
                f"{title}: cycle {moment['cycle']}, as of {instant(moment['as_of'])}, least excess",
            )
    rows = [(t["table"], t["rows"], t["version"], t["grain"]) for t in found["tables"]]
    output.table(("table", "rows", "version", "one row"), rows, f"tables in {uri}")
    _show_further(found, uri)


def _show_decisions(found: Document) -> None:
    rows = found["decisions_by_period"]
    title = f"{found['decisions']} enforcement decisions"
    if not rows:
        output.say(title)
        return
    periods = sorted({row["period"] for row in rows})
    kinds: dict[tuple[str, ...], dict[str, int]] = {}
    for row in rows:
        kind = (row["dimension"], row["direction"], row["to_state"], row["reason"])
        kinds.setdefault(kind, {})[row["period"]] = row["decisions"]
    output.table(
        ("dimension", "direction", "to state", "reason", *periods),
        ([*kind, *map(counts.get, periods)] for kind, counts in sorted(kinds.items())),
        title,
    )


def _show_further(found: Document, uri: str) -> None:
    import shlex

    accounts = found["worst_moment"]["accounts"]
    lake = f"--lake {shlex.quote(uri)}"
    output.say("look further:")
    output.say(
        f'  margin sql {lake} "SELECT * FROM enforcement_decisions ORDER BY decided_at LIMIT 20"'
    )
    if accounts:
        account, at = accounts[0]["account_id"], instant(found["worst_moment"]["as_of"])
        output.say(f"  margin explain {lake} {shlex.quote(account)} --at {at}")
    output.say(f"  margin status {lake}")
    output.say(f"  margin audit verify {lake}")
    output.say(f"  margin replay {lake} --verify")
    output.say("  make up    Dagster with the live monitor and the demo feed")
