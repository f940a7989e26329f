"""Positions and cash at past instants, recomputed from everything landed."""

from typing import NamedTuple, cast

import dataframely as dy
import numpy as np
import polars as pl

from margin_assets.kernels.book.counting import counting_from
from margin_assets.kernels.book.deciding import with_values
from margin_assets.kernels.book.deliverables import adjusted
from margin_assets.kernels.book.fills import effects_at, sized_cash
from margin_assets.kernels.book.marks import with_fill_prices, with_price_states
from margin_assets.kernels.book.multipliers import multiplier_versions, traded_multiplier
from margin_assets.kernels.book.sales import sale_columns, take_sales
from margin_assets.kernels.book.terms import (
    Marks,
    from_their_dates,
    instrument_terms,
    latest,
    marked_terms,
    with_underlyings,
)
from margin_assets.kernels.corporate.actions import Action
from margin_assets.kernels.corporate.contracts import adjustments_in_force, with_since
from margin_assets.kernels.corporate.exercises import (
    leg_effects,
    leg_fills,
    netted,
    settled_rows,
)
from margin_assets.kernels.corporate.openings import opening_cash
from margin_assets.kernels.corporate.settlement_values import values_at
from margin_assets.kernels.history.acted import (
    NO_ACTIONS,
    NO_BALANCES,
    Path,
    carried_prices,
    cash_of_actions,
    none_of,
    path_of,
    with_actions,
)
from margin_assets.kernels.history.short_sales import with_sales
from margin_assets.kernels.numeric.money import BEYOND, to_decimal, to_instants, to_scaled
from margin_assets.kernels.options.quotes import quoted_positions
from margin_assets.kernels.rules.expiry import SessionTimes
from margin_assets.kernels.rules.grid import day_of
from margin_assets.kernels.rules.rules import benchmark, rules_in_force
from schemas.landed import HISTORICAL, RATE_NAMES
from schemas.margin import AccountState, Positions

NO_DIVIDENDS = none_of("accrued_dividends")
NO_SETTLEMENTS, NO_ADJUSTMENTS = none_of("settlements"), none_of("option_adjustments")


class Landed(NamedTuple):
    """Landed tables in landing order, and what was settled of options.

    Rows may carry the grid `point` that they count from; without one they count from their time.
    """

    fills: pl.DataFrame
    instruments: pl.DataFrame
    prices: pl.DataFrame
    betas: pl.DataFrame
    rates: pl.DataFrame
    volatilities: pl.DataFrame
    corporate_actions: pl.DataFrame = NO_ACTIONS
    opening_balances: pl.DataFrame = NO_BALANCES
    settlements: pl.DataFrame = NO_SETTLEMENTS
    option_adjustments: pl.DataFrame = NO_ADJUSTMENTS


def positions_at(
    landed: Landed, closes: pl.DataFrame, times: SessionTimes, fills: pl.DataFrame | None = None
) -> dy.DataFrame[Positions]:
    """Positions at each business date's close (`as_of`, microseconds), by trade date.

    Of everybody, or of those whose `fills` are given. Everybody's fills mark, whoever is asked for.
    """
    whose, balances = landed.fills, landed.opening_balances
    if fills is not None:
        whose = fills
        balances = balances.join(fills, on="account_id", how="semi")
    path = path_of(whose, balances, landed.corporate_actions, times.opens)
    settled = settled_of(landed.settlements, path.fills, landed.corporate_actions)
    traded = effects_at(*path.tape)
    path = with_settled(path, settled)
    effects = with_legs(with_sales(traded, lambda _: path.tape), settled)
    counted = dated(landed)
    days = [
        _positions(counted, (effects, path), at, times).select(
            pl.lit(day, pl.Date).alias("business_date"), pl.all()
        )
        for day, at in closes.iter_rows()
    ]
    return cast("dy.DataFrame[Positions]", pl.concat(days))


def dated(landed: Landed) -> Landed:
    """Landed tables, rows of dated feeds with the instants that they count from."""
    historical = landed.volatilities.filter(pl.col("kind") == HISTORICAL)
    return landed._replace(
        betas=from_their_dates(landed.betas),
        volatilities=from_their_dates(historical),
        option_adjustments=from_their_dates(landed.option_adjustments),
    )


def settled_of(
    settlements: pl.DataFrame, fills: pl.DataFrame, actions: pl.DataFrame
) -> pl.DataFrame:
    """What was settled of the accounts that have fills, opening balances among them."""
    if not settlements.height:
        return settlements
    whose = fills["account_id"].unique()
    mine = settlements.filter(pl.col("account_id").is_in(whose.implode()))
    return netted(mine, actions)


def with_settled(path: Path, settled: pl.DataFrame) -> Path:
    """A path with the legs of what was settled among its fills."""
    legs = leg_fills(settled, counting_from(settled))
    return path._replace(fills=pl.concat([path.fills, legs.select(path.fills.columns)]))


def with_legs(effects: pl.DataFrame, settled: pl.DataFrame) -> pl.DataFrame:
    """Effects of fills with those of what was settled (`settled_of`), by point."""
    if not settled.height:
        return effects
    legs = leg_effects(settled_rows(settled), counting_from(settled))
    return pl.concat([effects, legs]).sort("point", maintain_order=True)


def _positions(
    landed: Landed, moved: tuple[pl.DataFrame, Path], at: int, times: SessionTimes
) -> pl.DataFrame:
    rules = rules_in_force(day_of(at))
    effects, path = moved
    holdings = with_actions(_holdings(effects.filter(pl.col("point") <= at)), path, at)
    held = holdings["symbol"].unique()
    marked = marks_at(landed, held, at, times, path.register.acted(at))
    positions, _, _ = quoted_positions(holdings, marked, rules, at)
    return positions


def marks_at(
    landed: Landed, symbols: pl.Series, at: int, times: SessionTimes, acted: list[Action]
) -> pl.DataFrame:
    """Terms and marks of symbols at an instant, and of what options among them are written on.

    Of `dated` tables, after the corporate actions that have acted by then.
    """
    versions = with_since(landed.instruments) if acted else landed.instruments
    listed = latest(versions, "symbol", at)
    told = latest(landed.option_adjustments, "symbol", at)
    instruments = adjusted(listed, adjustments_in_force(told, listed, acted))
    below = instruments.filter(pl.col("symbol").is_in(symbols.implode()))["underlying"].drop_nulls()
    terms = marked_terms(
        instrument_terms(pl.concat([symbols, below]).unique().sort(), instruments, times),
        Marks(
            carried_prices(latest(landed.prices, "symbol", at), acted),
            latest(landed.betas, "symbol", at),
            latest(landed.volatilities, "symbol", at),
        ),
        benchmark(day_of(at)),
    )
    priced = with_price_states(terms, at, times.opens, rules_in_force(day_of(at)))
    stated = with_fill_prices(priced, landed.fills, at, times.opens)
    known = with_underlyings(stated, risk_free_at(landed.rates, at))
    return with_values(known, values_at(known, landed.prices, times, acted, at))


def risk_free_at(rates: pl.DataFrame, at: int) -> float | None:
    """The risk-free rate at an instant; None where none has landed. Rows in landing order."""
    known = latest(rates, "name", at).filter(pl.col("name") == RISK_FREE)["rate_annual"]
    found: float | None = known.item() if known.len() else None
    return found


RISK_FREE = RATE_NAMES[0]


def _holdings(effects: pl.DataFrame) -> pl.DataFrame:
    """What each account holds after some effects; flat positions are gone."""
    key = ("account_id", "symbol")
    held = effects.group_by(key, maintain_order=True).agg(
        _exact("quantity"), pl.col("price").last()
    )
    numbered = held.select(*key, place=pl.int_range(pl.len(), dtype=pl.Int64))
    placed = effects.join(numbered, on=key, how="left", maintain_order="left", validate="m:1")
    sales = np.zeros(held.height, dtype=np.int64), np.zeros(held.height, dtype=np.int64)
    trades, told = (
        (placed[name].to_numpy(), placed[other].to_numpy())
        for name, other in (("quantity", "price"), ("sale_quantity", "sale_proceeds"))
    )
    none_held = np.zeros(held.height, dtype=np.int64)
    take_sales(placed["place"].to_numpy(), trades, told, none_held, sales)
    return held.select(
        *key,
        quantity=to_decimal(held["quantity"].to_numpy(), 6),
        last_fill_price=to_decimal(held["price"].to_numpy(), 6),
        **sale_columns(*sales),
    ).filter(pl.col("quantity") != 0)


class Booked(NamedTuple):
    """Landed tables that move cash or say what an account is, in landing order."""

    fills: pl.DataFrame
    movements: pl.DataFrame
    accounts: pl.DataFrame
    instruments: pl.DataFrame
    corporate_actions: pl.DataFrame = NO_ACTIONS
    opening_balances: pl.DataFrame = NO_BALANCES
    settlements: pl.DataFrame = NO_SETTLEMENTS
    accrued_dividends: pl.DataFrame = NO_DIVIDENDS


def account_state_at(
    booked: Booked, closes: pl.DataFrame, times: SessionTimes
) -> dy.DataFrame[AccountState]:
    """Type and cash of every account at each close: movements plus what fills moved.

    Opening balances bring cash along, actions pay some, settlements move it.
    """
    brought = opening_cash(booked.opening_balances)
    kept = ["account_id", "amount", "event_time", *_points(booked.movements)]
    movements = pl.concat(
        [booked.movements.select(kept), brought.select(kept)], how="vertical_relaxed"
    )
    path = path_of(booked.fills, booked.opening_balances, booked.corporate_actions, times.opens)
    settled = settled_of(booked.settlements, path.fills, booked.corporate_actions)
    path = with_settled(path, settled)
    effects = effects_at(booked.fills, counting_from(booked.fills))
    paid = movements.select(
        "account_id",
        point=pl.Series(counting_from(movements)),
        cash=pl.Series(to_scaled(movements["amount"])),
    )
    moved = booked.settlements.select(
        "account_id",
        point=pl.Series(counting_from(booked.settlements)),
        cash=pl.Series(to_scaled(booked.settlements["cash"])),
    )
    days = [
        _account_state(
            pl.concat(
                [
                    paid,
                    moved,
                    _dealt(effects, booked.instruments, at),
                    cash_of_actions(path, at),
                ]
            ),
            booked.accounts,
            at,
        ).select(pl.lit(day, pl.Date).alias("business_date"), pl.all())
        for day, at in closes.iter_rows()
    ]
    return cast("dy.DataFrame[AccountState]", pl.concat(days))


def _points(rows: pl.DataFrame) -> list[str]:
    return ["point"] if "point" in rows.columns else []


def _dealt(effects: pl.DataFrame, instruments: pl.DataFrame, at: int) -> pl.DataFrame:
    """Cash that fills moved, each with the multiplier in force when it was traded."""
    dealt = effects.filter(pl.col("point") <= at)
    versions = multiplier_versions(instruments, counting_from(instruments))
    known = versions.filter(pl.col("point") <= at)
    cash = sized_cash(dealt, traded_multiplier(dealt, known))
    return dealt.select("account_id", "point", cash=pl.Series(cash))


def _account_state(moved: pl.DataFrame, accounts: pl.DataFrame, at: int) -> pl.DataFrame:
    totals = moved.filter(pl.col("point") <= at).group_by("account_id").agg(_exact("cash"))
    types = latest(accounts, "account_id", at).select("account_id", "account_type", "is_exempt")
    state = totals.join(types, on="account_id", how="full", coalesce=True, validate="1:1").sort(
        "account_id"
    )
    return state.select(
        "account_id",
        pl.col("account_type").fill_null("reg_t"),
        is_registered=pl.col("account_type").is_not_null(),
        is_exempt=pl.col("is_exempt").fill_null(value=False),
        cash=to_decimal(state["cash"].fill_null(0).to_numpy(), 2),
        as_of=to_instants(np.full(state.height, at, dtype=np.int64)),
    )


def _exact(name: str) -> pl.Expr:
    """Sum that cannot wrap; beyond all bounds it is `BEYOND`, which no rule takes for an amount."""
    return pl.col(name).cast(pl.Int128).sum().clip(-BEYOND, BEYOND).cast(pl.Int64)
