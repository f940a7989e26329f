"""The portfolio document: every key and every bound."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from margin_assets.whatif.fields import (
    AccountType,
    Amount,
    AssetClass,
    Beta,
    BorrowRate,
    Day,
    ExpectedRange,
    Id,
    Leverage,
    Multiplier,
    OneOf,
    Overlay,
    Premium,
    Price,
    Quantity,
    Rate,
    Symbol,
    Units,
    Volatility,
    Volume,
    not_negative,
    not_zero,
)
from schemas.landed import BOND_CLASSES, RIGHTS, SETTLEMENTS, STYLES

_USUAL_MULTIPLIER = Decimal(100)
PriceState = Annotated[str, OneOf(("fresh", "stale", "fill_price", "unusable"))]
"""How good a price is; absent: fresh. One that is unusable is not given, and is named so."""


class _Part(BaseModel):
    """Part of a document: no unknown key, nothing converted."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Account(_Part):
    """The account, its cash and its SMA before."""

    account_id: Id
    account_type: AccountType
    cash: Amount
    sma: Annotated[Amount, AfterValidator(not_negative)] = Decimal(0)
    exempt: bool = False
    """Exempt account of 4210(a)(13)."""
    registered: bool = True
    """False: nothing has said what it is, and it is margined as a named unknown."""
    accrued_dividends: Amount = Decimal(0)
    """What counts in equity of dividends that are not paid yet: negative what is owed."""


class Equity(_Part):
    """Stock, fund or index held; several rows of one symbol are one position."""

    kind: Literal["equity"]
    symbol: Symbol
    quantity: Quantity
    last_fill_price: Price | None = None
    """What it was last dealt at: carries a short position that has no price."""
    sale_price: Price | None = None
    """What a short position was sold at, on average; absent: at its price."""

    @model_validator(mode="after")
    def only_a_short_one_was_sold(self) -> Self:
        """A long position has no price of a short sale."""
        if self.sale_price is not None and self.quantity > 0:
            raise ValueError("sale_price of a position that is not short")
        return self


class Deliverable(_Part):
    """What one contract of an adjusted option delivers."""

    units: Units = Decimal(0)
    """Units of its underlying."""
    cash: Annotated[Amount, AfterValidator(not_negative)] = Decimal(0)
    others: dict[Symbol, Multiplier] = Field(default_factory=dict)
    """Units of other securities: with any, the contract has no model (`deliverable_unmodelled`)."""
    strike_multiplier: Multiplier | None = None
    """What the strike is multiplied by for what is paid at exercise; absent: the multiplier."""

    def written(self, underlying: str) -> str:
        """The deliverable as the feed `option_adjustments` writes it."""
        held = {underlying: self.units} if self.units else {}
        parts = [f"{units.normalize():f} {name}" for name, units in (held | self.others).items()]
        cash = [f"{self.cash.normalize():f} cash"] if self.cash or not parts else []
        return " + ".join([*parts, *cash])


class Option(_Part):
    """Option; several rows of one contract are one position."""

    kind: Literal["option"]
    underlying: Symbol
    right: Annotated[str, OneOf(RIGHTS)]
    strike: Price
    expiry: Day
    style: Annotated[str, OneOf(STYLES)]
    multiplier: Multiplier
    quantity: Quantity
    price: Premium | None = None
    deliverable: Deliverable | None = None
    """Of an adjusted contract; absent: as many units of the underlying as its multiplier says."""
    price_state: PriceState | None = None
    listed: bool = True
    settlement: Annotated[str, OneOf(SETTLEMENTS)] | None = None
    """At the opening of its last day or at its close; absent: by its style and its underlying."""
    last_fill_price: Price | None = None
    """What it was last dealt at: carries a short position that has no price."""
    has_ended: bool = False
    """Its time is over and what it came to is not booked: it counts as the shares it comes to."""
    settlement_value: Price | None = None
    """Of one whose time is over: what a unit of its underlying was worth in the session that
    decides. In the money by it and not by the price now, or the reverse, it counts as what is
    worse for the account."""

    @property
    def contract(self) -> "Contract":
        """What tells one option from another."""
        return Contract(
            self.underlying,
            self.expiry,
            self.strike,
            self.right,
            self.style,
            self.multiplier,
            self.listed,
            self.settlement,
            None if self.deliverable is None else self.deliverable.written(self.underlying),
            None if self.deliverable is None else self.deliverable.strike_multiplier,
        )


class Contract(NamedTuple):
    """Terms of an option: what is equal in all of them is one series."""

    underlying: str
    expiry: date
    strike: Decimal
    right: str
    style: str
    multiplier: Decimal
    listed: bool
    settlement: str | None
    deliverable: str | None = None
    strike_multiplier: Decimal | None = None

    @property
    def symbol(self) -> str:
        """Name of the series in the answer: underlying, last day, right and strike.

        One name a contract, however its numbers are written.
        """
        year = "%y" if 2000 <= self.expiry.year < 2100 else "%Y"
        day, strike = self.expiry.strftime(f"{year}%m%d"), self.strike.normalize()
        name = f"{self.underlying} {day}{self.right[0].upper()}{strike:f}"
        if self.style == "european":
            name += " E"
        if self.multiplier != _USUAL_MULTIPLIER:
            name += f" x{self.multiplier.normalize():f}"
        if self.deliverable is not None:
            name += f" for {self.deliverable}"
        if self.strike_multiplier is not None:
            name += f" at x{self.strike_multiplier.normalize():f}"
        if self.settlement is not None:
            name += f" {self.settlement}"
        return name if self.listed else f"{name} OTC"


class Bond(_Part):
    """Bond; a negative principal is a short one, its price is in percent of principal."""

    kind: Literal["bond"]
    bond_class: Annotated[str, OneOf(BOND_CLASSES)]
    principal: Annotated[Amount, AfterValidator(not_zero)]
    price_pct: Price | None = None
    price_state: PriceState | None = None
    maturity: Day
    zero_coupon: bool = False
    last_fill_price: Price | None = None


class Instrument(_Part):
    """What is known of a symbol.

    Without `asset_class` the terms are not known: the symbol is margined like one without an
    instrument row. With it, `marginable` absent means true, `class_group` absent the symbol
    itself, `leverage` absent 1, except for a fund, which must name it.
    """

    price: Price | None = None
    price_state: PriceState | None = None
    asset_class: AssetClass | None = None
    leverage: Leverage | None = None
    class_group: Symbol | None = None
    marginable: bool | None = None
    beta: Beta | None = None
    volatility_annual: Volatility | None = None
    dividend_yield: Rate | None = None
    """Continuous; absent means that none is paid."""
    expected_range: ExpectedRange | None = None
    hard_to_borrow: bool | None = None
    borrow_rate: BorrowRate | None = None
    adv: Volume | None = None
    """Average daily volume in shares, for what a liquidation costs; absent: not known, and dear."""
    is_us: bool | None = None
    """Whether it is a security of the United States, for the house's initial; absent: not known."""
    broad_based: bool | None = None
    """Whether options on it take the broad-index rates; absent: by its asset class."""

    @model_validator(mode="after")
    def fund_names_its_leverage(self) -> Self:
        """A fund without its multiple cannot be margined: absent is not 1 there."""
        if self.asset_class == "etf" and self.leverage is None:
            raise ValueError("an etf must name its leverage")
        return self


class Rates(_Part):
    """Rates for option values."""

    risk_free: Rate | None = None


class Options(_Part):
    """How the document is to be read."""

    short_sale_proceeds_in_cash: bool = True
    """False: the proceeds of short positions, at these prices, come on top of the cash."""
    house_overlays: list[Overlay] | None = None
    """House overlays to charge; absent: those of the rulebook."""


Position = Annotated[Equity | Option | Bond, Field(discriminator="kind")]


class Addition(_Part):
    """Positions that an account takes on at their prices, and what is known of their symbols."""

    positions: list[Position]
    instruments: dict[Symbol, Instrument] = Field(default_factory=dict)

    @property
    def symbols(self) -> set[str]:
        """Symbols of its stock, and those that its options are written on."""
        return {
            row.symbol if isinstance(row, Equity) else row.underlying
            for row in self.positions
            if not isinstance(row, Bond)
        }


class Document(_Part):
    """One account, what it holds, and all that is known about it."""

    as_of: Day
    account: Account
    positions: list[Position]
    instruments: dict[Symbol, Instrument] = Field(default_factory=dict)
    rates: Rates = Rates()
    options: Options = Options()


def symbol_of(i: int, row: Equity | Option | Bond) -> str:
    """Symbol of the i-th position in the answer; each bond row is a bond of its own."""
    if isinstance(row, Option):
        return row.contract.symbol
    return f"{row.bond_class} {row.maturity} #{i}" if isinstance(row, Bond) else row.symbol
