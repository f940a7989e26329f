"""What must hold between tables: each kernel returns the accounts for which it does not.

Frames that hold several business dates carry `business_date` and give it back.
"""

import dataframely as dy
import polars as pl

from schemas.firm import CreditExposures
from schemas.house import HouseRequirements
from schemas.margin import (
    FirmRisk,
    MarginSummary,
    Positions,
    RegTRequirements,
    StressResults,
    TimsRequirements,
)
from schemas.reg_t import RegTCalls, SpecialMemorandumAccounts

ACCOUNT = "account_id"


def broken_rules(frame: pl.DataFrame, schema: type[dy.Schema]) -> dict[str, int]:
    """Rows that break each declared rule; empty when all rows obey."""
    _, failures = schema.filter(frame)
    return failures.counts()


def accounts_without_summary(
    positions: dy.DataFrame[Positions], summary: dy.DataFrame[MarginSummary]
) -> pl.DataFrame:
    """Accounts that hold positions and have no row in the summary."""
    keys = _keys(positions)
    return positions.select(keys).unique().join(summary, on=keys, how="anti").sort(keys)


def accounts_apart(one: pl.DataFrame, other: pl.DataFrame) -> pl.DataFrame:
    """Accounts in one only of two tables that have a row for every account."""
    return _apart(one, other, _keys(one))


def class_groups_apart(
    positions: dy.DataFrame[Positions], groups: dy.DataFrame[TimsRequirements]
) -> pl.DataFrame:
    """Accounts with a class group that has positions and no row of its own, or a row and none."""
    return _apart(positions, groups, [*_keys(groups), "class_group"])


def position_value_gaps(
    positions: dy.DataFrame[Positions], summary: dy.DataFrame[MarginSummary]
) -> pl.DataFrame:
    """Accounts whose positions do not add up to the values of the summary.

    Accounts beyond the exact range are left out: their summary has no values.
    """
    keys, value = _keys(summary), pl.col("market_value")
    # A bond is one whatever its asset class: so the kernels take it.
    is_option = (pl.col("asset_class") == "option").fill_null(value=False)
    is_option &= pl.col("bond_class").is_null()
    long, short = value.clip(lower_bound=0), (-value).clip(lower_bound=0)
    sums = {
        "long_market_value": long.filter(~is_option),
        "short_market_value": short.filter(~is_option),
        "long_option_value": long.filter(is_option),
        "short_option_value": short.filter(is_option),
    }
    totals = positions.group_by(keys).agg(**{f"{n}_held": v.sum() for n, v in sums.items()})
    both = summary.join(totals, on=keys, how="left", validate="1:1")
    zero = pl.lit(0).cast(pl.Decimal(38, 2))
    differs = [pl.col(name) != pl.col(f"{name}_held").fill_null(zero) for name in sums]
    is_exact = ~pl.col("reasons").str.split(";").list.contains("beyond_range")
    return both.filter(is_exact & pl.any_horizontal(differs)).select(keys).sort(keys)


def accounts_without_memorandum(
    memoranda: dy.DataFrame[SpecialMemorandumAccounts], summary: dy.DataFrame[MarginSummary]
) -> pl.DataFrame:
    """Margin accounts of the summary without a special memorandum account."""
    keys = _keys(summary)
    asked = summary.filter(pl.col("account_type") == "reg_t").select(keys)
    return asked.join(memoranda, on=keys, how="anti").sort(keys)


def house_addon_gaps(
    addons: dy.DataFrame[HouseRequirements], summary: dy.DataFrame[MarginSummary]
) -> pl.DataFrame:
    """Accounts whose charges of the house do not add up to the add-ons of the summary."""
    totals = addons.group_by(_keys(summary)).agg(total=pl.col("addon").sum())
    return _differing(summary, totals, "house_addons")


def open_call_gaps(
    memoranda: dy.DataFrame[SpecialMemorandumAccounts], calls: dy.DataFrame[RegTCalls]
) -> pl.DataFrame:
    """Accounts whose Regulation T calls do not add up to what their memorandum account owes."""
    totals = calls.group_by(ACCOUNT).agg(total=pl.col("outstanding").sum())
    return _differing(memoranda, totals, "open_calls")


def reg_t_gaps(
    lines: dy.DataFrame[RegTRequirements], summary: dy.DataFrame[MarginSummary]
) -> pl.DataFrame:
    """Accounts whose Reg T lines do not add up to the requirement of the summary."""
    keys = _keys(summary)
    totals = lines.group_by(keys).agg(total=pl.col("maintenance_requirement").sum())
    return _differing(summary, totals, "reg_t_requirement")


def portfolio_margin_gaps(
    groups: dy.DataFrame[TimsRequirements], summary: dy.DataFrame[MarginSummary]
) -> pl.DataFrame:
    """Accounts whose class groups do not add up to the portfolio margin of the summary.

    Accounts with a product group of several class groups are left out: offsets inside it make
    the whole less than the sum.
    """
    keys = _keys(summary)
    totals = groups.group_by(keys).agg(
        total=pl.col("requirement").sum(),
        is_shared=pl.col("product_group").is_duplicated().any(),
    )
    shared = totals.filter("is_shared")
    alone = summary.join(shared, on=keys, how="anti")
    return _differing(alone, totals.drop("is_shared"), "portfolio_margin_requirement")


def still_stress_gaps(
    stress: dy.DataFrame[StressResults], summary: dy.DataFrame[MarginSummary]
) -> pl.DataFrame:
    """Accounts whose stress row at a move of 0 says something else than the summary."""
    keys = _keys(summary)
    still = stress.filter(pl.col("move") == 0.0)
    both = summary.join(still, on=keys, how="left", validate="1:1", suffix="_still")
    same = {
        "equity": ("equity_still",),
        "governing_requirement": ("requirement_held", "requirement"),
        "excess": ("excess_held", "excess_still"),
    }
    pairs = [pl.col(of) == pl.col(name) for of, names in same.items() for name in names]
    agrees = pl.all_horizontal(pl.col("pnl") == 0, *pairs)
    return both.filter(~agrees.fill_null(value=False)).select(keys).sort(keys)


def credit_exposure_gaps(
    firm: dy.DataFrame[FirmRisk], exposures: dy.DataFrame[CreditExposures]
) -> pl.DataFrame:
    """Scenarios in which the types of accounts do not add up to the firm."""
    keys = [*_keys(firm)[:-1], "scenario"]
    sums = ("accounts", "pnl", "credit_exposure")
    totals = exposures.group_by(keys).agg(pl.col(sums).sum().name.suffix("_by_type"))
    both = firm.join(totals, on=keys, how="left", validate="1:1")
    same = [pl.col(name) == pl.col(f"{name}_by_type") for name in sums]
    agrees = pl.all_horizontal(*same).fill_null(value=False) | (pl.col("accounts") == 0)
    return both.filter(~agrees).select(keys).sort(keys)


def indeterminate_accounts(summary: dy.DataFrame[MarginSummary]) -> pl.DataFrame:
    """Accounts that lack an input, with the named states."""
    keys = _keys(summary)
    return summary.filter(pl.col("status") == "indeterminate").select(*keys, "reasons").sort(keys)


def quarantine_rate(landed_files: pl.DataFrame) -> float:
    """Part of the rows of some landed files that was quarantined; 0 of none.

    A file that is quarantined whole counts as one row at least.
    """
    counts = landed_files.select(
        quarantined=pl.col("rows_quarantined").sum(),
        all=pl.max_horizontal("rows_read", "rows_quarantined").sum(),
    )
    quarantined, everything = counts.row(0)
    return float(quarantined / everything) if everything else 0.0


def _apart(one: pl.DataFrame, other: pl.DataFrame, on: list[str]) -> pl.DataFrame:
    keys = _keys(one)
    alone = [one.join(other, on=on, how="anti"), other.join(one, on=on, how="anti")]
    return pl.concat([frame.select(keys) for frame in alone]).unique().sort(keys)


def _differing(summary: pl.DataFrame, totals: pl.DataFrame, column: str) -> pl.DataFrame:
    keys = _keys(summary)
    both = summary.select(*keys, column).join(totals, on=keys, how="left", validate="1:1")
    zero = pl.lit(0).cast(pl.Decimal(38, 2))
    return both.filter(pl.col(column) != pl.col("total").fill_null(zero)).sort(keys)


def _keys(frame: pl.DataFrame) -> list[str]:
    return [ACCOUNT] if "business_date" not in frame.columns else ["business_date", ACCOUNT]
