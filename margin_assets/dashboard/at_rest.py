"""The figures of every account from the tables of a sealed cycle, where no session publishes."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import polars as pl

from margin_assets.dashboard.figures import AMOUNTS, TABLES, Figures, empty, shown, totals_of
from margin_assets.lake.ledger.adoptions import decided_as
from margin_assets.lake.ledger.cycles import Sealed
from margin_assets.lake.ledger.sealed import SealedTables
from margin_assets.lake.store.store import Lake
from margin_assets.rulebooks import in_force


def read_tables(lake: Lake, sealed: Sealed, sealed_at: datetime | None) -> Figures:
    """The same from the tables of a sealed cycle, where no session publishes."""
    if sealed.as_of is None:
        return empty()
    with decided_as(lake, sealed):
        return _read_tables(lake, sealed, sealed_at) or empty()


def _read_tables(lake: Lake, sealed: Sealed, sealed_at: datetime | None) -> Figures | None:
    scan = SealedTables(lake, sealed)
    names = ["account_id", "account_type", "status", "reasons", *AMOUNTS.values()]
    summary = scan("margin_summary", columns=names).sort("account_id")
    stress = scan("stress_results", columns=("account_id", "scenario", "move", "pnl"))
    firm = scan("firm_risk", pl.col("cycle") == _last_cycle(scan)).sort("move")
    if sealed.as_of is None or (summary.height and not firm.height):
        return None
    if not summary.height:
        # A lake may hold other books than accounts: its cycles are there all the same.
        bare = empty()
        as_of = sealed.as_of.astimezone(UTC)
        return replace(bare, cycle=sealed.cycle, as_of=as_of, sealed_at=sealed_at)
    summary = summary.join(_largest(scan), on="account_id", how="left", maintain_order="left")
    raw = _joined(summary, stress, _standing(scan, sealed.as_of))
    told = stress.select("scenario", "move").unique().sort("move")
    scenarios, moves = told["scenario"].to_list(), told["move"].to_list()
    accounts = shown(raw, scenarios)
    return Figures(
        cycle=sealed.cycle,
        as_of=sealed.as_of.astimezone(UTC),
        sealed_at=sealed_at,
        source=TABLES,
        accounts=accounts,
        scenarios=tuple(scenarios),
        moves=tuple(moves),
        restricting=tuple(_restricts(sealed.as_of, moves)),
        firm=tuple(_plain(firm.drop("cycle"))),
        totals=totals_of(accounts),
    )


def _largest(scan: SealedTables) -> pl.DataFrame:
    """The largest position of each account that holds any, cents."""
    size = (pl.col("market_value").abs().max() * 100).cast(pl.Int64)
    held = scan("positions", columns=("account_id", "market_value"))
    return held.group_by("account_id").agg(largest_position=size)


def _last_cycle(scan: SealedTables) -> int:
    """The last cycle that summed the firm: one that only brings rows up to date does not."""
    found = scan.scan("firm_risk").select(pl.col("cycle").max()).collect().item()
    return int(found or 0)


def _plain(frame: pl.DataFrame) -> list[dict[str, Any]]:
    decimals = [name for name, kind in frame.schema.items() if isinstance(kind, pl.Decimal)]
    return frame.with_columns(
        pl.col(decimals).cast(pl.String), pl.col("as_of").dt.to_string("iso")
    ).to_dicts()


def _restricts(as_of: datetime, moves: Sequence[float]) -> list[bool]:
    worst = in_force("house", as_of.date()).numbers["stress"]["restricts_at_percent"] / 100
    return [move <= worst for move in moves]


def _standing(scan: SealedTables, as_of: datetime) -> pl.DataFrame:
    """The ladder of the tables, with the deadlines that the kernel finds for it."""
    # Loads the compiled loops, which a server beside a live session does without.
    from margin_assets.kernels.enforcement.ladder import set_deadlines
    from margin_assets.kernels.numeric.money import instants
    from margin_assets.kernels.rules.grid import rules_at
    from margin_assets.live.firm.decisions import ladder_arrays

    state = scan("enforcement_state").sort("account_id")
    ladder, point = ladder_arrays(state), int(instants(pl.Series([as_of]))[0])
    set_deadlines(rules_at(point), ladder, point)
    return pl.DataFrame({"account_id": state["account_id"], **ladder._asdict()})


def _joined(summary: pl.DataFrame, stress: pl.DataFrame, ladder: pl.DataFrame) -> pl.DataFrame:
    amounts = {name: _cents(column) for name, column in AMOUNTS.items()}
    by_account = (
        stress.sort("account_id", "move")
        .group_by("account_id", maintain_order=True)
        .agg(pnl=_cents("pnl"))
    )
    width = int(by_account["pnl"].list.len().to_numpy().max(initial=0))
    pnl = by_account.with_columns(pl.col("pnl").list.to_array(width))
    return (
        summary.with_columns(**amounts, is_indeterminate=pl.col("status") == "indeterminate")
        .join(pnl, on="account_id", how="left", maintain_order="left", validate="1:1")
        .join(ladder, on="account_id", how="left", maintain_order="left", validate="1:1")
    )


def _cents(column: str) -> pl.Expr:
    return (pl.col(column) * 100).cast(pl.Int64)
