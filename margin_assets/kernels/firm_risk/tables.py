"""The tables of the whole firm by business date, from the tables of its accounts."""

from typing import cast

import dataframely as dy
import numpy as np
import polars as pl

from margin_assets.kernels.book.eras import EPOCH, keys_of
from margin_assets.kernels.book.figures import Figures
from margin_assets.kernels.corporate.carried import Traded
from margin_assets.kernels.firm_risk.concentrations import Terms, concentrations_of
from margin_assets.kernels.firm_risk.limits import Firm
from margin_assets.kernels.firm_risk.price_moves import price_scenarios, spy_scenarios
from margin_assets.kernels.firm_risk.told_figures import told_figures
from margin_assets.kernels.firm_risk.view import firm_view, price_moves_of
from margin_assets.kernels.margin.margined import Eras, Margined, margined, table
from margin_assets.kernels.numeric.money import BEYOND, bounded, instants, to_decimal
from margin_assets.kernels.rules.firm_rules import FirmRules, firm_rules, price_move_names
from schemas import TABLES
from schemas.firm import CreditExposures, FirmConcentrations
from schemas.margin import FirmRisk

_DAY = "business_date"
_STRUCK = ("account_id", "scenario", "move", "pnl", "equity", "requirement", "excess", "as_of")


def firm_risk_at(
    positions: pl.DataFrame, accounts: pl.DataFrame, summary: pl.DataFrame, stress: pl.DataFrame
) -> dy.DataFrame[FirmRisk]:
    """Each scenario over the firm at each date: of SPY as in the stress, and of prices."""
    return firm_risk(summary, _all_scenarios(positions, accounts, stress))


def firm_risk(summary: pl.DataFrame, stress: pl.DataFrame) -> dy.DataFrame[FirmRisk]:
    """Each SPY scenario over the firm: one client's excess pays no other's deficit."""
    date = ["business_date"] if "business_date" in summary.columns else []
    zero = pl.lit(0).cast(pl.Decimal(38, 2))
    keys = [*date, "account_id"]
    owned = summary.select(*keys, "net_liquidation")
    firm = (
        summary.group_by(*date, maintain_order=True).agg(_firm_totals())
        if date
        else (summary.select(_firm_totals()))
    )
    scenarios = (
        stress.join(owned, on=keys, how="left", validate="m:1")
        .group_by(*date, "scenario", "move", maintain_order=True)
        .agg(
            accounts=pl.len().cast(pl.Int64),
            accounts_deficient=(pl.col("excess") < 0).sum().cast(pl.Int64),
            pnl=pl.col("pnl").sum(),
            equity=pl.col("equity").sum(),
            requirement=pl.col("requirement").sum(),
            deficiency=-pl.min_horizontal("excess", zero).sum(),
            credit_exposure=-pl.min_horizontal(
                pl.col("net_liquidation") + pl.col("pnl"), zero
            ).sum(),
            as_of=pl.col("as_of").max(),
        )
        .sort(*date, "move")
    )
    if date:
        return cast(
            "dy.DataFrame[FirmRisk]", scenarios.join(firm, on=date, how="left", validate="m:1")
        )
    return cast("dy.DataFrame[FirmRisk]", scenarios.join(firm, how="cross"))


def _firm_totals() -> list[pl.Expr]:
    return [
        pl.col("gross_market_value").sum(),
        _net_market_value.alias("net_market_value"),
        pl.col("beta_weighted_exposure").sum(),
    ]


_net_market_value = (pl.col("long_market_value") - pl.col("short_market_value")).sum()


def credit_exposures_at(
    positions: pl.DataFrame, accounts: pl.DataFrame, summary: pl.DataFrame, stress: pl.DataFrame
) -> dy.DataFrame[CreditExposures]:
    """Each scenario over the accounts of each type at each date."""
    return credit_exposures(summary, _all_scenarios(positions, accounts, stress))


def credit_exposures(summary: pl.DataFrame, struck: pl.DataFrame) -> dy.DataFrame[CreditExposures]:
    """What accounts of each type would owe in each scenario: nobody pays another's debt."""
    day = [_DAY] if _DAY in summary.columns else []
    keys = [*day, "account_id"]
    owned = summary.select(*keys, "account_type", owned="net_liquidation")
    after = pl.col("owned") + pl.col("pnl")
    zero = pl.lit(0).cast(pl.Decimal(38, 2))
    return cast(
        "dy.DataFrame[CreditExposures]",
        struck.join(owned, on=keys, how="left", validate="m:1")
        .group_by(*day, "scenario", "move", "account_type", maintain_order=True)
        .agg(
            accounts=pl.len().cast(pl.Int64),
            accounts_under_water=(after < 0).sum().cast(pl.Int64),
            pnl=pl.col("pnl").sum(),
            net_liquidation=after.sum(),
            credit_exposure=-pl.min_horizontal(after, zero).sum(),
            as_of=pl.col("as_of").max(),
        )
        .sort(*day, "move", "scenario", "account_type"),
    )


def _all_scenarios(
    positions: pl.DataFrame, accounts: pl.DataFrame, stress: pl.DataFrame
) -> pl.DataFrame:
    moved = price_move_results(margined(positions, accounts))
    return pl.concat([stress.select(moved.columns), moved])


def price_move_results(eras: Eras) -> pl.DataFrame:
    """Each account in each scenario of prices, the requirement held, as rows of the stress."""
    return table(_moved, eras)


def _moved(era: Margined) -> pl.DataFrame:
    figures, firm = era.governed.figures, _rules_of(era)
    prices = price_scenarios(era.series, era.rules, firm)
    pnl = price_moves_of(figures, era.book, prices, firm).ravel()
    count = len(firm.price_moves)
    equity, held = (np.repeat(f, count) for f in (figures.equity, figures.governing))
    keys = keys_of(era.accounts, "account_id", "as_of")
    rows = keys[np.repeat(np.arange(keys.height), count)].with_columns(
        scenario=pl.Series(price_move_names(firm) * keys.height, dtype=pl.String),
        move=pl.Series(np.tile(np.array(firm.price_moves), keys.height)),
        pnl=to_decimal(pnl, 2),
        equity=to_decimal(equity + pnl, 2),
        requirement=to_decimal(held, 2),
        excess=to_decimal(equity + pnl - held, 2),
    )
    return keys_of(rows, *_STRUCK)


def _rules_of(era: Margined) -> FirmRules:
    days = era.accounts["as_of"].dt.date()
    found = firm_rules(days[0] if len(days) else EPOCH)
    assert found is not None  # noqa: S101 (only a cycle planned before there were any has none)
    return found


def firm_concentrations_at(
    positions: pl.DataFrame, accounts: pl.DataFrame, traded: Traded
) -> dy.DataFrame[FirmConcentrations]:
    """Names and issuers that lose most at each date's worst scenario."""
    days = [
        _concentrations(
            positions.filter(pl.col(_DAY) == day), accounts.filter(pl.col(_DAY) == day), traded
        ).select(pl.lit(day, pl.Date).alias(_DAY), pl.all())
        for day in accounts[_DAY].unique().sort().to_list()
    ]
    schema = TABLES["firm_concentrations"].schema.create_empty().drop("cycle")
    none = schema.select(pl.lit(None, pl.Date).alias(_DAY), pl.all())
    return cast("dy.DataFrame[FirmConcentrations]", pl.concat([none, *days], how="diagonal"))


def firm_told(
    held: tuple[pl.DataFrame, pl.DataFrame],
    told: tuple[pl.DataFrame, pl.DataFrame],
    traded: Traded,
) -> Firm:
    """The whole firm as of one instant, the same of all accounts, whose figures are `told`.

    `held` are `positions` and `account_state`, `told` `margin_summary` and `stress_results`, all
    sorted by account.
    """
    (era,) = margined(*held)
    return _firm(era, told_figures(*told, era.rules), traded)


def _firm(era: Margined, figures: Figures, traded: Traded) -> Firm:
    firm, at = _rules_of(era), int(instants(era.accounts["as_of"]).max())
    struck = (
        spy_scenarios(era.series, era.scanned, era.rules),
        price_scenarios(era.series, era.rules, firm),
    )
    terms = _terms(era, traded.at(at))
    view = firm_view(figures, era.book, struck, (firm, terms))
    return Firm(view, figures, era.accounts["account_id"].to_list(), firm)


def concentrations(firm: Firm) -> dy.DataFrame[FirmConcentrations]:
    """Names and issuers that lose most at the firm's worst scenario."""
    view = firm.view
    return concentrations_of(view.subjects, view.sums.worst.name, view.sums.gross, firm.rules)


def _concentrations(
    positions: pl.DataFrame, accounts: pl.DataFrame, traded: Traded
) -> pl.DataFrame:
    (era,) = margined(positions, accounts)
    found = concentrations(_firm(era, era.governed.figures, traded))
    return found.with_columns(as_of=pl.lit(accounts["as_of"].max()))


def _terms(era: Margined, volumes: pl.DataFrame) -> Terms:
    """Names of the series and of their class groups, and their volumes."""
    held, series = era.held.series, era.series
    names = era.positions.select(
        "symbol", "class_group", series=pl.Series(held), group=pl.Series(series.class_group[held])
    )
    by_series = names.unique("series").sort("series")
    by_group = names.unique("group").sort("group")
    known = by_series.join(volumes, on="symbol", how="left", maintain_order="left", validate="m:1")
    daily = bounded(known["average_daily_volume"], BEYOND)
    daily[known["average_daily_volume"].is_null().to_numpy()] = -1
    return Terms(
        by_series["symbol"].to_list(), by_group["class_group"].to_list(), series.multiplier, daily
    )
