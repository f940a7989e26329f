"""Small portfolios for kernel tests: positions, terms and accounts as plain rows."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import NamedTuple

import polars as pl

from margin_assets.kernels.book.book import Book, book_of
from margin_assets.kernels.book.series import Series
from margin_assets.kernels.book.terms import TERMS
from margin_assets.kernels.rules.rules import rules_in_force
from margin_assets.kernels.securities.positions import marked_positions

DAY = date(2020, 3, 9)
NOON = datetime(2020, 3, 9, 16, tzinfo=UTC)
AS_OF = round(NOON.timestamp() * 1e6)
RULES = rules_in_force(DAY)
Number = int | str | Decimal

_TERMS = pl.Schema(
    {
        "symbol": pl.String,
        "class_group": pl.String,
        "asset_class": pl.String,
        "leverage": pl.Float64,
        "is_marginable": pl.Boolean,
        "range_class": pl.String,
        "last_price": pl.Decimal(38, 6),
        "price_state": pl.String,
        "price_time": pl.Datetime("us", "UTC"),
        "beta": pl.Float64,
    }
)
_OF_A_SECURITY = {
    "multiplier": pl.lit(1, pl.Decimal(38, 6)),
    "underlying": pl.lit(None, pl.String),
    "right": pl.lit(None, pl.String),
    "strike": pl.lit(None, pl.Decimal(38, 6)),
    "expiry": pl.lit(None, pl.Date),
    "style": pl.lit(None, pl.String),
    "is_listed": pl.lit(value=True),
    "rate_class": pl.lit(None, pl.String),
    "dividend_yield": pl.lit(0.0),
    "bond_class": pl.lit(None, pl.String),
    "is_zero_coupon": pl.lit(value=False),
    "expires_at": pl.lit(None, pl.Datetime("us", "UTC")),
    "is_underlying_marginable": pl.lit(None, pl.Boolean),
    "underlying_price": pl.lit(None, pl.Decimal(38, 6)),
    "underlying_price_state": pl.lit(None, pl.String),
    "risk_free_rate": pl.lit(None, pl.Float64),
    "implied_volatility": pl.lit(None, pl.Float64),
    "volatility_annual": pl.lit(None, pl.Float64),
    "expected_range": pl.lit(None, pl.Float64),
    "is_hard_to_borrow": pl.lit(None, pl.Boolean),
    "borrow_rate": pl.lit(None, pl.Float64),
    "issuer_class": pl.lit(None, pl.String),
}
_HOLDINGS = pl.Schema(
    {
        "account_id": pl.String,
        "symbol": pl.String,
        "quantity": pl.Decimal(38, 6),
        "last_fill_price": pl.Decimal(38, 6),
        "sale_quantity": pl.Decimal(38, 6),
        "sale_proceeds": pl.Decimal(38, 6),
    }
)
_ACCOUNTS = pl.Schema(
    {
        "account_id": pl.String,
        "account_type": pl.String,
        "is_registered": pl.Boolean,
        "is_exempt": pl.Boolean,
        "cash": pl.Decimal(38, 2),
        "as_of": pl.Datetime("us", "UTC"),
    }
)


class Term(NamedTuple):
    """What is known of a symbol."""

    symbol: str = "X"
    price: Number | None = 50
    state: str = "fresh"
    leverage: float = 1.0
    marginable: bool = True
    group: str | None = None
    range_class: str = "equity"
    beta: float | None = 1.0
    asset_class: str | None = "equity"


class Holding(NamedTuple):
    """A position of an account."""

    symbol: str = "X"
    quantity: Number = 100
    last_fill: Number = 50


class Owner(NamedTuple):
    """An account with what it holds."""

    account_id: str = "A"
    kind: str = "reg_t"
    cash: Number = 0
    holdings: Sequence[Holding] = ()
    is_registered: bool = True


class Portfolio(NamedTuple):
    """Frames as the kernels take them."""

    positions: pl.DataFrame
    accounts: pl.DataFrame

    @property
    def book(self) -> tuple[Book, Series]:
        return book_of(self.positions, self.accounts, RULES)


def portfolio(owners: Sequence[Owner], terms: Sequence[Term]) -> Portfolio:
    """Positions marked by the kernels, and their accounts, sorted by account."""
    owners = sorted(owners, key=lambda owner: owner.account_id)
    held = [
        (owner.account_id, h.symbol, Decimal(h.quantity), Decimal(h.last_fill), None, None)
        for owner in owners
        for h in owner.holdings
    ]
    holdings = pl.DataFrame(held, schema=_HOLDINGS, orient="row")
    rows = [(o.account_id, o.kind, o.is_registered, False, Decimal(o.cash), NOON) for o in owners]
    accounts = pl.DataFrame(rows, schema=_ACCOUNTS, orient="row")
    return Portfolio(marked_positions(holdings, term_frame(terms), RULES, AS_OF), accounts)


def term_frame(terms: Sequence[Term]) -> pl.DataFrame:
    """Terms as a frame."""
    rows = [
        (
            t.symbol,
            t.group or t.symbol,
            t.asset_class,
            t.leverage,
            t.marginable,
            t.range_class,
            None if t.price is None else Decimal(t.price),
            t.state,
            NOON,
            t.beta,
        )
        for t in terms
    ]
    frame = pl.DataFrame(rows, schema=_TERMS, orient="row")
    return frame.with_columns(**_OF_A_SECURITY).select(*TERMS, "implied_volatility")


def fund(leverage: float, price: Number = 100) -> Term:
    """A fund with its daily multiple."""
    return Term(price=price, leverage=leverage, asset_class="etf")


def one(
    quantity: Number, term: Term | None = None, *, kind: str = "reg_t", cash: Number = 0
) -> Portfolio:
    """One account with one position."""
    known = term or Term()
    holding = Holding(known.symbol, quantity)
    return portfolio([Owner(kind=kind, cash=cash, holdings=[holding])], [known])
