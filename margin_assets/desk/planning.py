"""Liquidation plans of accounts as a sealed cycle left them."""

from collections.abc import Iterable, Sequence
from typing import Any

import polars as pl

from margin_assets.calendar import sessions
from margin_assets.kernels.corporate.actions import register_of
from margin_assets.kernels.corporate.carried import Traded
from margin_assets.kernels.liquidation.plan import Request
from margin_assets.kernels.margin.margined import Margined
from margin_assets.kernels.numeric.money import instants
from margin_assets.kernels.rules.grid import day_of
from margin_assets.kernels.rules.rules import rules_in_force
from margin_assets.lake.ledger.adoptions import decided_as
from margin_assets.lake.ledger.cycles import Sealed
from margin_assets.lake.ledger.sealed import SealedTables
from margin_assets.lake.store.store import Lake
from margin_assets.whatif.liquidation import liquidation_of

Row = dict[str, Any]


def plans_as_sealed(
    lake: Lake, sealed: Sealed, accounts: Sequence[str], request: Request
) -> dict[str, Row]:
    """The plan of each account, as `margin liquidate` tells it; unknown accounts are absent."""
    tables = SealedTables(lake, sealed)
    with decided_as(lake, sealed):
        found = _plans(tables, pl.col("account_id").is_in(list(accounts)), request)
        return {name: plan | {"cycle": sealed.cycle} for name, plan in found}


def _plans(tables: SealedTables, chosen: pl.Expr, request: Request) -> Iterable[tuple[str, Row]]:
    accounts = tables("account_state", chosen).sort("account_id")
    positions = tables.delivered_positions(chosen)
    register = register_of(tables("corporate_actions"), sessions().opens)
    held = {*positions["symbol"], *positions["underlying"].drop_nulls()}
    tied = sorted({name for one in held for name in register.connected(one)})
    names = pl.Series(tied, dtype=pl.String)
    volumes = tables.in_landing_order("volumes").filter(pl.col("symbol").is_in(names.implode()))
    traded = Traded(volumes.collect(), register)
    for account in accounts.partition_by("account_id"):
        name, at = account["account_id"].item(), int(instants(account["as_of"])[0])
        day = day_of(at)
        mine = positions.filter(pl.col("account_id") == name)
        era = Margined(mine, account, rules_in_force(day))
        yield name, liquidation_of(era, traded.at(at), day, request)
