"""What a lake must hold after a trial, whatever befell the sessions that wrote it."""

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl

from margin_assets.lake.ledger.audit import verify
from margin_assets.lake.ledger.canonical import canonical_bytes
from margin_assets.lake.ledger.ledger import Ledger
from margin_assets.lake.ledger.sealed import SealedTables
from margin_assets.lake.store.store import Lake
from margin_assets.live.past.replay import replay_into
from schemas import TABLES
from tests.campaigns.exactly_once.cast import MISTAKEN, TWIN
from tests.campaigns.exactly_once.deliveries import Delivery
from tests.campaigns.exactly_once.liquidated import ORDERS, PLANS, STATES
from tests.campaigns.exactly_once.story import Story

SAME_FILES, SAME_CUT, OTHER_CUT = "same files", "same cut", "other cut"
"""How the rows were delivered, compared with the undisturbed run."""
IN_CYCLE = tuple(table.name for table in TABLES.values() if table.in_cycle)
_PLACE = ("file_id", "file_row", "landed_at", "path", "file_number", "bytes", "raw")
_CUT = ("cycle", "decision_number", "is_late")

Text = dict[str, list[str]]
"""Tables as lines of text."""


def told(lake: Lake, how: str) -> Text:
    """Every table as text that must be equal between two lakes with rows delivered this way."""
    ledger = Ledger(lake)
    sealed = ledger.last_sealed()
    scan = SealedTables(lake, sealed)
    tables = {name: scan(name) for name in IN_CYCLE}
    if how == SAME_FILES:
        text = {
            name: canonical_bytes(frame, TABLES[name]).decode().splitlines()
            for name, frame in tables.items()
        }
        return text | {"hashes": [one.hash for one in ledger.all_sealed()]}
    tables.pop("landed_files")
    quarantine = tables["quarantine"].filter(pl.col("reasons") != "file_ignored")
    # A refused row that lands again is refused again.
    known = ["feed", "reasons", "raw_sha256"]
    tables["quarantine"] = quarantine.select(known).unique()
    tables["desk_actions"] = tables["desk_actions"].select("kind", "actor", "reason").unique()
    # By what they are about: ids of refused rows follow from the paths of their files.
    tables["refused_accounts"] = tables["refused_accounts"].select("account_id").unique()
    tables["quarantine_closings"] = tables["quarantine_closings"].select("outcome").unique()
    if how == OTHER_CUT:
        for name in ("firm_risk", "credit_exposures", "firm_concentrations"):
            tables[name] = tables[name].filter(pl.col("cycle") == pl.col("cycle").max())
    dropped = _PLACE if how == SAME_CUT else (*_PLACE, *_CUT)
    return {name: _lines(frame.drop(dropped, strict=False)) for name, frame in tables.items()}


def _lines(frame: pl.DataFrame) -> list[str]:
    number = pl.selectors.float()
    one_zero = pl.when(number == 0).then(0.0).otherwise(number).name.keep()
    return frame.with_columns(one_zero).sort(frame.columns).write_csv().splitlines()


def problems(
    lake: Lake, expected: Text, how: str, story: Story, delivery: Delivery
) -> Iterator[str]:
    """One line for each thing that is not as it must be."""
    verdict = verify(lake)
    if verdict.broken is not None:
        yield f"the chain breaks at cycle {verdict.broken.cycle}: {verdict.broken.what}"
    if verdict.unfinished_cycle is not None:
        yield f"cycle {verdict.unfinished_cycle} is planned and not sealed"
    found = told(lake, how)
    for name, lines in expected.items():
        if found[name] != lines:
            yield f"{name}: {first_difference(found[name], lines)}"
    yield from _fills_and_movements(lake, story)
    yield from _as_the_story_has_it(lake, story)
    yield from _files(lake, delivery, how)


def first_difference(found: list[str], expected: list[str]) -> str:
    """What one table's lines have that the other's have not, by one example of each."""
    extra, missing = Counter(found) - Counter(expected), Counter(expected) - Counter(found)
    if not extra and not missing:
        return "the same rows in another order"
    return "; ".join(
        f"{rows.total()} {what}, e.g. {next(iter(rows))[:300]}"
        for what, rows in (("row(s) too many", extra), ("row(s) missing", missing))
        if rows
    )


def _fills_and_movements(lake: Lake, story: Story) -> Iterator[str]:
    """None lost, none doubled: counted against the story, not against another lake."""
    for table, key, expected in (
        ("fills", "fill_id", story.fills),
        ("cash_movements", "movement_id", story.movements),
    ):
        found = Counter(lake.scan(table).select(key).collect()[key].to_list())
        doubled = sorted(name for name, count in found.items() if count > 1)
        if doubled:
            yield f"{table}: doubled {', '.join(doubled)}"
        if set(found) != expected:
            lost, strange = sorted(expected - set(found)), sorted(set(found) - expected)
            yield f"{table}: lost {lost}, of nobody {strange}"


def _as_the_story_has_it(lake: Lake, story: Story) -> Iterator[str]:
    """What the story's rows come to, however they landed and whatever the product makes of them."""
    sealed = Ledger(lake).last_sealed()
    tables = SealedTables(lake, sealed)
    held = tables("positions").filter(pl.col("quantity") != 0)
    summary = tables("margin_summary").select("account_id", pl.col("reasons").str.split(";"))
    why = dict(summary.rows())
    usd = tables("account_state").filter(pl.col("cash") != 0)
    found: dict[str, dict[Any, Any]] = {
        "holdings": {row[:2]: row[2] for row in held["account_id", "symbol", "quantity"].rows()},
        "cash": dict(usd["account_id", "cash"].rows()),
        "awaiting settlement": dict.fromkeys(n for n in why if "awaiting_settlement" in why[n]),
        "flagged": dict.fromkeys(name for name in why if "refused_rows" in why[name]),
        "set right": {"memorandum account": _memorandum(tables, MISTAKEN)},
        "extended": {story.called: _extended_by(tables, story.called)},
        "plans": {who: _lived(tables, PLANS[who][0]) for who in PLANS},
    }
    expected: dict[str, dict[Any, Any]] = {
        "holdings": story.held,
        "cash": story.cash,
        "awaiting settlement": dict.fromkeys(story.awaiting),
        "flagged": dict.fromkeys(story.flagged & set(why)),
        "set right": {"memorandum account": _memorandum(tables, TWIN)},
        "extended": {story.called: [("extended", "desk")]},
        "plans": {who: (*STATES[who], ORDERS[who]) for who in PLANS},
    }
    for what, one in found.items():
        keys = sorted(one.keys() | expected[what].keys())
        for key in (k for k in keys if one.get(k) != expected[what].get(k)):
            yield f"{what}: {key} {one.get(key)}, in the story {expected[what].get(key)}"


def _lived(tables: SealedTables, plan: str) -> tuple[list[str], str | None, tuple[Any, ...]]:
    """Every state that a plan came to, why it came to the last, and how its order stands."""
    plans = tables("liquidation_plans").filter(plan_id=plan).sort("version")
    orders = tables("liquidation_orders").filter(plan_id=plan).sort("version")
    last = orders.select("state", "filled_quantity", "average_price").row(-1)
    return plans["state"].to_list(), plans["reason"][-1], last


def _extended_by(tables: SealedTables, call: str) -> list[tuple[str, str]]:
    """How a call was extended, and by whom: once."""
    versions = tables("margin_calls").filter(call_id=call, change="extended")
    return versions.select("state", "extended_by").rows()


def _memorandum(tables: SealedTables, name: str) -> Decimal:
    """What an account has toward purchases, less what it owes on them."""
    row = tables("special_memorandum_accounts").filter(account_id=name).row(0, named=True)
    return row["sma"] + row["toward_calls"] - row["shortfall"] - row["open_calls"]


def _files(lake: Lake, delivery: Delivery, how: str) -> Iterator[str]:
    """Every file delivered was taken once, and every row in it is accounted for."""
    files = lake.scan("landed_files").collect()
    expected = Counter(file.path for batch in delivery for file in batch)
    found = Counter(files["path"].to_list())
    if found != expected:
        yield f"landed_files: {sorted((found - expected) + (expected - found))} not taken once"
    counts = pl.sum_horizontal("rows_accepted", "rows_duplicate", "rows_quarantined")
    whole = pl.col("status").is_in(["quarantined", "ignored"])
    due = pl.when(whole).then(1).otherwise(pl.col("rows_read"))
    lost = files.filter(counts != due)
    if lost.height:
        yield f"landed_files: rows lost in {lost['path'].to_list()} ({how})"


def replayed(lake: Lake, scratch: Path) -> str | None:
    """The first difference between a lake and its history computed anew."""
    fresh = Lake(str(scratch))
    fresh.create()
    return replay_into(lake, fresh).difference
