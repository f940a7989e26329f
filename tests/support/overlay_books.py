"""Small books for the tests of house overlays: positions and accounts as plain rows."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import NamedTuple

import polars as pl

from margin_assets.kernels.overlays.overlays import house_addons
from margin_assets.kernels.rules.overlay_rules import OverlayRules, overlay_rules, with_enabled
from schemas.house import HouseRequirements

NOON = datetime(2020, 3, 9, 16, tzinfo=UTC)
DAY = date(2020, 3, 9)
RULES = overlay_rules(DAY)
Number = int | str | Decimal
USD = pl.Decimal(38, 2)
SIX = pl.Decimal(38, 6)


class Position(NamedTuple):
    """One position; a stock whose value is its delta value unless told otherwise."""

    value: Number = 1000
    symbol: str = "X"
    issuer: str | None = None
    account_id: str = "A"
    asset_class: str | None = "equity"
    quantity: Number | None = None
    multiplier: Number = 1
    delta_value: Number | None = None
    price: Number | None = 100
    beta: float | None = 1.0
    volatility: float | None = 0.2
    expected_range: float | None = 0.25
    is_hard_to_borrow: bool | None = None
    borrow_rate: float | None = None
    issuer_class: str | None = None
    requirement: Number | None = None


class Account(NamedTuple):
    """One account."""

    equity: Number | None = 1_000_000
    requirement: Number = 250
    account_id: str = "A"
    kind: str | None = "reg_t"


def option(value: Number, delta: Number | None, quantity: Number, **terms: object) -> Position:
    """An option on X, at 100 a unit of X."""
    base = Position(value, "X 100 C", "X", asset_class="option", multiplier=100)
    return base._replace(delta_value=delta, quantity=quantity, **terms)


def positions(held: Sequence[Position]) -> pl.DataFrame:
    """Positions as the overlays read them; a stock's units follow from its value."""
    rows = [
        {
            **p._asdict(),
            "market_value": Decimal(p.value),
            "issuer": p.issuer or p.symbol,
            "quantity": Decimal(p.value) / 100 if p.quantity is None else Decimal(p.quantity),
            "volatility_annual": p.volatility,
        }
        for p in held
    ]
    schema = {
        "account_id": pl.String,
        "symbol": pl.String,
        "issuer": pl.String,
        "asset_class": pl.String,
        "quantity": SIX,
        "multiplier": SIX,
        "market_value": USD,
        "delta_value": USD,
        "price": SIX,
        "beta": pl.Float64,
        "volatility_annual": pl.Float64,
        "expected_range": pl.Float64,
        "is_hard_to_borrow": pl.Boolean,
        "borrow_rate": pl.Float64,
        "issuer_class": pl.String,
        "requirement": USD,
    }
    cells = [
        {
            name: Decimal(row[name])
            if isinstance(dtype, pl.Decimal) and row[name] is not None
            else row[name]
            for name, dtype in schema.items()
        }
        for row in rows
    ]
    return pl.DataFrame(cells, schema=schema)


def accounts(*owners: Account) -> pl.DataFrame:
    """Accounts as the overlays read them."""
    return pl.DataFrame(
        {
            "account_id": [o.account_id for o in owners],
            "equity": [None if o.equity is None else Decimal(o.equity) for o in owners],
            "regulatory_requirement": [Decimal(o.requirement) for o in owners],
            "account_type": [o.kind for o in owners],
            "as_of": [NOON] * len(owners),
        },
        schema={
            "account_id": pl.String,
            "equity": USD,
            "regulatory_requirement": USD,
            "account_type": pl.String,
            "as_of": pl.Datetime("us", "UTC"),
        },
    )


def charges(
    overlay: str,
    held: Sequence[Position],
    owner: Account | None = None,
    rules: OverlayRules = RULES,
) -> list[tuple[str, Decimal, float, Decimal, str]]:
    """Subject, base, rate, add-on and reason of every row of one overlay."""
    rows = house_addons(
        positions(held), accounts(owner or Account()), with_enabled(rules, [overlay])
    )
    HouseRequirements.validate(rows.with_columns(cycle=pl.lit(0, pl.Int64)), cast=True)
    assert set(rows["overlay"]) <= {overlay}
    return rows.select("subject", "base", "rate", "addon", "reason").rows()


def addon(overlay: str, held: Sequence[Position], owner: Account | None = None) -> Decimal:
    """Sum of the add-ons of one overlay."""
    return sum((row[3] for row in charges(overlay, held, owner)), Decimal(0))


def smooth() -> OverlayRules:
    """The rules with the concentration schedule that has no cliff."""
    return RULES._replace(concentration=RULES.concentration._replace(schedule="smooth"))


def spread(total: Number) -> list[Position]:
    """The rest of a portfolio, in shares too small to be concentrated."""
    part = Decimal(total) / 4
    return [Position(part, name) for name in ("P", "Q", "R", "S")]
