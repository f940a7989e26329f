"""The firm under each scenario, summed from the figures of its accounts without shaping tables."""

from decimal import Decimal
from typing import Any, NamedTuple, cast

import dataframely as dy
import numpy as np
import numpy.typing as npt
import polars as pl
from numba import njit

from margin_assets.kernels.book.figures import Figures
from margin_assets.kernels.firm_risk.exact_parts import Summed
from margin_assets.kernels.firm_risk.kept import Kept, Part
from margin_assets.kernels.numeric.arrays import (
    FloatArray,
    Int8Array,
    Int64Array,
    Int64Cube,
    Int64Table,
)
from margin_assets.kernels.numeric.compiled import BORROWS
from margin_assets.kernels.numeric.money import instant
from margin_assets.kernels.rules.firm_rules import FirmRules, price_move_names
from margin_assets.kernels.rules.rules import Rules, scenario_names
from schemas.firm import CreditExposures
from schemas.landed import ACCOUNT_TYPES
from schemas.margin import FirmRisk

_DOLLARS = pl.Decimal(38, 2)
_PNL, _REQUIREMENT, _DEFICIENCY, _CREDIT, _DEFICIENT, _OWING, _MEASURES = range(7)
_ACCOUNTS, _EQUITY, _OWNED, _GROSS, _NET, _EXPOSURE, _GROSS_EXPOSURE, _STANDING = range(8)


class Scenario(NamedTuple):
    """One scenario over accounts, exact cents of any size; one entry an account type."""

    name: str
    move: float
    pnl: npt.NDArray[Any]
    requirement: npt.NDArray[Any]
    deficiency: npt.NDArray[Any]
    credit_exposure: npt.NDArray[Any]
    deficient: npt.NDArray[Any]
    """Accounts with a negative excess."""
    owing: npt.NDArray[Any]
    """Accounts with a negative net liquidation."""


class FirmSums(NamedTuple):
    """All accounts together: before any move, and in each scenario, from below."""

    standing: npt.NDArray[Any]
    """By account type: accounts, then cents."""
    scenarios: list[Scenario]

    @property
    def gross(self) -> int:
        """Gross market value, cents."""
        return int(self.standing[:, _GROSS].sum())

    @property
    def exposure(self) -> int:
        """Beta-weighted exposure, cents, signed."""
        return int(self.standing[:, _EXPOSURE].sum())

    @property
    def gross_exposure(self) -> int:
        """Sum of the absolute exposures of accounts, cents."""
        return int(self.standing[:, _GROSS_EXPOSURE].sum())

    @property
    def worst(self) -> Scenario:
        """The scenario of most credit exposure, then of most loss, then of the lowest move."""
        return min(self.scenarios, key=_how_bad)


def _how_bad(scenario: Scenario) -> tuple[int, int, float, str]:
    owed, gained = int(scenario.credit_exposure.sum()), int(scenario.pnl.sum())
    return -owed, gained, scenario.move, scenario.name


def firm_sums(
    figures: Figures,
    kinds: Int8Array,
    rules: Rules,
    moved: tuple[FirmRules, Int64Table] | None = None,
    kept: Kept | None = None,
) -> FirmSums:
    """Sums of the figures of accounts of these types.

    `moved` is the P&L in the scenarios of prices; there the requirement is held, not struck again.
    `kept` is what is known of the accounts as they were.
    """
    kept, moves = kept or Kept(), rules.stress_moves
    of_spy = scenario_names(rules), moves, kept.part("spy_sums", len(moves))
    scenarios = _scenarios(figures, kinds, (figures.pnl, figures.restruck), of_spy)
    if moved is not None:
        firm, pnl = moved
        part = kept.part("price_sums", firm.price_moves)
        of_prices = price_move_names(firm), np.array(firm.price_moves), part
        scenarios += _scenarios(figures, kinds, (pnl, figures.governing[:, None]), of_prices)
    scenarios.sort(key=lambda scenario: (scenario.move, scenario.name))

    def summed(some: Int64Array) -> Summed:
        sums = np.zeros((len(ACCOUNT_TYPES), _STANDING), dtype=np.int64)
        return (sums,), _stand(figures, kinds, some, sums)

    (standing,) = kept.part("standing").sums(len(kinds), summed)
    return FirmSums(standing, scenarios)


def _scenarios(
    figures: Figures,
    kinds: Int8Array,
    struck: tuple[Int64Table, Int64Table],
    told: tuple[list[str], FloatArray, Part],
) -> list[Scenario]:
    names, moves, part = told

    def summed(some: Int64Array) -> Summed:
        sums = np.zeros((len(ACCOUNT_TYPES), len(moves), _MEASURES), dtype=np.int64)
        return (sums,), _strike(figures, kinds, some, *struck, sums)

    (sums,) = part.sums(len(kinds), summed)
    return [
        Scenario(name, float(move), *sums[:, j].T)
        for j, (name, move) in enumerate(zip(names, moves, strict=True))
    ]


@njit(**BORROWS)
def _strike(
    figures: Figures,
    kinds: Int8Array,
    accounts: Int64Array,
    pnl: Int64Table,
    required: Int64Table,
    sums: Int64Cube,
) -> float:
    """Adds accounts to sums by type, scenario and measure; a bound of every sum.

    Where `required` has one column it is held in every scenario.
    """
    bound, last = 0.0, required.shape[1] - 1
    for a in accounts:
        of = sums[kinds[a]]
        equity, owned = figures.equity[a], figures.net_liquidation[a]
        largest = 0
        for j in range(pnl.shape[1]):
            line, requirement = pnl[a, j], required[a, min(j, last)]
            excess, left = equity + line - requirement, owned + line
            of[j, _PNL] += line
            of[j, _REQUIREMENT] += requirement
            if excess < 0:
                of[j, _DEFICIENCY] -= excess
                of[j, _DEFICIENT] += 1
            if left < 0:
                of[j, _CREDIT] -= left
                of[j, _OWING] += 1
            largest = max(largest, abs(line), requirement, -excess, -left)
        bound += float(largest)
    return bound


@njit(**BORROWS)
def _stand(figures: Figures, kinds: Int8Array, accounts: Int64Array, sums: Int64Table) -> float:
    """Adds accounts to sums by type: what they come to before any move; a bound of every sum."""
    bound = 0.0
    for a in accounts:
        of, f = sums[kinds[a]], figures
        gross = f.long_value[a] + f.short_value[a] + f.long_options[a] + f.short_options[a]
        of[_ACCOUNTS] += 1
        of[_EQUITY] += f.equity[a]
        of[_OWNED] += f.net_liquidation[a]
        of[_GROSS] += gross
        of[_NET] += f.long_value[a] - f.short_value[a]
        of[_EXPOSURE] += f.exposure[a]
        of[_GROSS_EXPOSURE] += abs(f.exposure[a])
        money = max(abs(f.equity[a]), abs(f.net_liquidation[a]))
        bound += float(max(money, gross, abs(f.exposure[a])))
    return bound


def firm_risk_of(sums: FirmSums, at: int) -> dy.DataFrame[FirmRisk]:
    """Each scenario over the firm as of an instant, amounts in USD, in order of the move.

    The same rows as `firm_risk` of the tables that the figures fill.
    """
    standing, scenarios = sums.standing.sum(axis=0), sums.scenarios
    firm = {
        "gross_market_value": standing[_GROSS],
        "net_market_value": standing[_NET],
        "beta_weighted_exposure": standing[_EXPOSURE],
    }
    cents = {
        "pnl": [s.pnl.sum() for s in scenarios],
        "equity": [standing[_EQUITY] + s.pnl.sum() for s in scenarios],
        "requirement": [s.requirement.sum() for s in scenarios],
        "deficiency": [s.deficiency.sum() for s in scenarios],
        "credit_exposure": [s.credit_exposure.sum() for s in scenarios],
    }
    return cast(
        "dy.DataFrame[FirmRisk]",
        pl.DataFrame(
            {
                "scenario": [s.name for s in scenarios],
                "move": [s.move for s in scenarios],
                "accounts": [int(standing[_ACCOUNTS])] * len(scenarios),
                "accounts_deficient": [int(s.deficient.sum()) for s in scenarios],
                **{name: usd(amounts) for name, amounts in cents.items()},
                **{name: usd([amount] * len(scenarios)) for name, amount in firm.items()},
            },
            schema_overrides={"accounts": pl.Int64, "accounts_deficient": pl.Int64},
        ).with_columns(as_of=instant(at)),
    )


def credit_exposures_of(sums: FirmSums, at: int) -> dy.DataFrame[CreditExposures]:
    """Each scenario over the accounts of each type there is, as of an instant, amounts in USD."""
    there = [t for t in range(len(ACCOUNT_TYPES)) if sums.standing[t, _ACCOUNTS]]
    rows = [(scenario, t) for scenario in sums.scenarios for t in there]
    cents = {
        "pnl": [s.pnl[t] for s, t in rows],
        "net_liquidation": [sums.standing[t, _OWNED] + s.pnl[t] for s, t in rows],
        "credit_exposure": [s.credit_exposure[t] for s, t in rows],
    }
    counts = {
        "accounts": [int(sums.standing[t, _ACCOUNTS]) for _, t in rows],
        "accounts_under_water": [int(s.owing[t]) for s, t in rows],
    }
    return cast(
        "dy.DataFrame[CreditExposures]",
        pl.DataFrame(
            {
                "scenario": pl.Series([s.name for s, _ in rows], dtype=pl.String),
                "move": pl.Series([s.move for s, _ in rows], dtype=pl.Float64),
                "account_type": pl.Series([ACCOUNT_TYPES[t] for _, t in rows], dtype=pl.String),
                **{name: pl.Series(count, dtype=pl.Int64) for name, count in counts.items()},
                **{name: usd(amounts) for name, amounts in cents.items()},
            }
        ).with_columns(as_of=instant(at)),
    )


def usd(cents: list[Any]) -> pl.Series:
    """Exact amounts in USD of whole cents of any size."""
    return pl.Series([Decimal(int(amount)).scaleb(-2) for amount in cents], dtype=_DOLLARS)
