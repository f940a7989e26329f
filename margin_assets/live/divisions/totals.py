"""What takes all accounts to tell: the firm's tables of a cycle, from the seals of its divisions.

Sums of scenarios are sums over the divisions. Names, issuers and limits are struck over the rows of
all of them, at cycles at which every row stands at the cut: of a large book a cycle writes a part,
and settling brings the rest up to date. No account is margined again.
"""

from collections.abc import Sequence

import numpy as np
import polars as pl

from margin_assets.calendar import sessions
from margin_assets.kernels.calls.call_rules import NO_CALL
from margin_assets.kernels.corporate.actions import register_of
from margin_assets.kernels.corporate.carried import Traded
from margin_assets.kernels.firm_risk.summed import credit_exposures_sum, firm_risk_sum
from margin_assets.kernels.firm_risk.tables import concentrations, firm_told
from margin_assets.kernels.history.accrued import with_accrued
from margin_assets.kernels.liquidation.plan_states import NO_PLAN
from margin_assets.kernels.numeric.money import instants
from margin_assets.kernels.rules.firm_rules import firm_rules
from margin_assets.kernels.rules.grid import day_of
from margin_assets.lake.ledger.cycles import Sealed
from margin_assets.lake.ledger.ledger import Ledger
from margin_assets.lake.ledger.sealed import SealedTables
from margin_assets.lake.store.declared import conform
from margin_assets.lake.store.store import Lake
from margin_assets.live.acceptance.sealed_points import sealed_points
from margin_assets.live.books.outcomes import Outcomes
from margin_assets.live.books.plans import NO_ACCOUNT
from margin_assets.live.firm.house_limits import ACKNOWLEDGE, BREACHES, NO_BREACH, HouseLimits

_RISK, _CREDIT, _OUTCOMES = "firm_risk", "credit_exposures", "desk_outcomes"
_UNKNOWN = (NO_CALL, NO_PLAN, NO_ACCOUNT, NO_BREACH)
"""Why a division refuses an act on what another division, or the firm, has."""
Frames = dict[str, pl.DataFrame]


class Totals:
    """The firm's limits as of its last sealed cycle, and the tables of the next."""

    def __init__(self, firm: Lake, divisions: Sequence[Lake]) -> None:
        """Reads what the firm's sealed cycles left."""
        self._divisions = divisions
        self._ledgers = [Ledger(lake) for lake in divisions]
        self._outcomes = Outcomes()
        self._limits = HouseLimits(self._outcomes)
        last = Ledger(firm).last_sealed()
        scan = SealedTables(firm, last)
        evaluated = scan.scan(_RISK).select(pl.col("cycle").max()).collect().item()
        self._evaluated: int = evaluated or 0
        """The last cycle that evaluated anything."""
        if last is not None:
            landed = SealedTables(divisions[0], self._ledgers[0].sealed(last.cycle))
            self._limits.load(_limits(landed, 0, self._evaluated), scan(BREACHES))

    def frames(self, seals: Sequence[Sealed]) -> Frames:
        """The firm's tables of a cycle that all divisions sealed; none if nothing evaluated."""
        cycle, as_of = seals[0].cycle, seals[0].as_of
        if as_of is None or _RISK not in seals[0].digests:
            return {}
        tables = [
            SealedTables(lake, sealed) for lake, sealed in zip(self._divisions, seals, strict=True)
        ]
        since, self._evaluated = self._evaluated, cycle
        self._limits.apply_limits(_limits(tables[0], since, cycle))
        self._acknowledge(tables[0], since, cycle)
        found = {
            _RISK: firm_risk_sum(_rows(tables, _RISK, cycle)),
            _CREDIT: credit_exposures_sum(_rows(tables, _CREDIT, cycle)),
        } | self._whole(tables, int(instants(pl.Series([as_of]))[0]))
        told = [_rows(tables, BREACHES, cycle), *self._limits.take().values()]
        own = self._outcomes.take()
        found[BREACHES] = pl.concat([_of(BREACHES, rows, cycle) for rows in told])
        acts = [_rows(tables, _OUTCOMES, cycle), _of(_OUTCOMES, own, cycle)]
        found[_OUTCOMES] = one_of_each(pl.concat(acts))
        return {name: _of(name, rows, cycle) for name, rows in found.items() if rows.height}

    def _acknowledge(self, tables: SealedTables, since: int, cycle: int) -> None:
        acts = tables.in_landing_order("desk_actions").filter(_among(since, cycle))
        rows = acts.filter(pl.col("kind") == ACKNOWLEDGE).collect()
        points = sealed_points(rows, self._ledgers[0].ends)
        for place in np.argsort(points, kind="stable").tolist():
            self._limits.acknowledge(int(points[place]), rows[place])

    def _whole(self, tables: Sequence[SealedTables], at: int) -> Frames:
        """Names and issuers, and limits struck, where every row stands at an instant."""
        accounts = pl.concat([_accounts(one) for one in tables]).sort("account_id")
        is_of_now = (pl.Series(instants(accounts["as_of"])) == at).all()
        if firm_rules(day_of(at)) is None or not accounts.height or not is_of_now:
            return {}
        order = ("account_id", "class_group", "symbol")
        # Columns of what has ended or was adjusted are there where a division has such positions.
        held = pl.concat([one.delivered_positions() for one in tables], how="diagonal")
        positions = held.sort(order)
        landed = tables[0]
        actions = landed.in_landing_order("corporate_actions").collect()
        volumes = landed.in_landing_order("volumes").collect()
        traded = Traded(volumes, register_of(actions, sessions().opens))
        told = [
            pl.concat([one(name) for one in tables]).sort("account_id")
            for name in ("margin_summary", "stress_results")
        ]
        firm = firm_told((positions, accounts), (told[0], told[1]), traded)
        self._limits.strike(firm, at)
        return {
            "firm_concentrations": concentrations(firm).with_columns(as_of=accounts["as_of"][0])
        }


def one_of_each(outcomes: pl.DataFrame) -> pl.DataFrame:
    """One outcome of each act: of who has what it is about, if anybody has.

    To all others it is unknown: they refuse it as an act on nothing.
    """
    is_done = pl.col("outcome") == "done"
    is_known = ~pl.col("reason").is_in(_UNKNOWN).fill_null(value=False)
    ordered = outcomes.sort(is_done, is_known, descending=True, maintain_order=True)
    return ordered.unique("action_id", keep="first", maintain_order=True).sort(
        "decided_at", "action_id"
    )


def _among(since: int, cycle: int) -> pl.Expr:
    return pl.col("cycle").is_between(since + 1, cycle)


def _limits(tables: SealedTables, since: int, cycle: int) -> pl.DataFrame:
    """Versions of limits that cycles after one brought, in order of time and landing."""
    rows = tables.in_landing_order("limits").filter(_among(since, cycle)).collect()
    return rows.sort("event_time", maintain_order=True)


def _rows(tables: Sequence[SealedTables], name: str, cycle: int) -> pl.DataFrame:
    """What a cycle appended to a table in all divisions."""
    return pl.concat([one(name, pl.col("cycle") == cycle) for one in tables])


def _accounts(tables: SealedTables) -> pl.DataFrame:
    return with_accrued(tables("account_state"), tables("accrued_dividends"))


def _of(name: str, rows: pl.DataFrame, cycle: int) -> pl.DataFrame:
    return conform(name, rows.with_columns(cycle=pl.lit(cycle, pl.Int64)))
