"""Tables that hold landed rows: what a feed sent, with the file and line it came from.

Source of the columns: the public interface, section "Landing files"; of the bounds: its
semantics, sections 1, 2 and 7.
"""

import dataframely as dy
import polars as pl

from schemas import columns

ACCOUNT_TYPES = ("cash", "reg_t", "portfolio_margin")
ASSET_CLASSES = (
    "equity",
    "etf",
    "narrow_index",
    "broad_index",
    "broad_index_high_cap",
    "volatility_index",
    "currency",
    "interest_rate",
    "option",
    "treasury",
    "agency",
    "corporate",
    "municipal",
    "other",
)
BOND_CLASSES = (
    "us_treasury",
    "agency",
    "municipal",
    "corporate_investment_grade",
    "listed_non_investment_grade",
    "other",
)
RIGHTS = ("call", "put")
STYLES = ("american", "european")
SETTLEMENTS = ("open", "close")
RATE_NAMES = ("risk_free",)
CASH_KINDS = ("deposit", "withdrawal", "dividend", "interest", "fee")
VOLATILITY_KINDS = ("historical_30d", "implied")
HISTORICAL = VOLATILITY_KINDS[0]


class Landed(dy.Schema):
    """Provenance that every landed row carries."""

    file_id = columns.file_id()
    file_row = columns.file_row()
    landed_at = columns.instant("When the file landed: its modification time in the store.")
    is_late = dy.Bool(description="The event time was at or before the last evaluated grid point.")
    cycle = columns.cycle()


class Fills(Landed):
    """One fill, correction or bust, by its own id, as landed."""

    # No key: a correction that turned out not to fit its original stays here, and its id may land
    # again. That no other comes twice is the check `no_fill_counts_twice`.
    fill_id = columns.identifier("Id of the fill.")
    account_id = columns.account_id()
    symbol = columns.symbol("Instrument traded.")
    quantity = columns.landed_quantity("Bought positive, sold negative; 0 busts a fill.")
    price = columns.premium("Price traded; 0 only where it closes an option.")
    event_time = columns.instant("When the fill, or its correction, happened.")
    corrects_fill_id = columns.identifier(
        "The fill that this one replaces whole; null for an original.", nullable=True
    )

    @dy.rule()
    def zero_quantity_corrects_something(cls) -> pl.Expr:
        """A fill of quantity 0 is a bust and names what it busts."""
        return (cls.quantity.col != 0) | cls.corrects_fill_id.col.is_not_null()


class CashMovements(Landed):
    """One cash movement by its own id, as landed."""

    movement_id = columns.identifier("Id of the movement.", key=True)
    account_id = columns.account_id()
    amount = columns.landed_amount("Into the account positive, out of it negative.")
    kind = columns.code("What moved the cash.", CASH_KINDS)
    event_time = columns.instant("When the cash moved.")

    @dy.rule()
    def amount_has_the_sign_of_its_kind(cls) -> pl.Expr:
        """A deposit is positive, a withdrawal negative, a fee never positive."""
        amount, kind = cls.amount.col, cls.kind.col
        return (
            pl.when(kind == "deposit")
            .then(amount > 0)
            .when(kind == "withdrawal")
            .then(amount < 0)
            .when(kind == "fee")
            .then(amount <= 0)
            .otherwise(pl.lit(value=True))
        )


class Accounts(Landed):
    """One version of an account: effective at its event time, known from its cycle on."""

    account_id = columns.account_id(key=True)
    account_type = columns.code("Rules that govern the account.", ACCOUNT_TYPES)
    opened_on = dy.Date(description="Day the account was opened.")
    is_exempt = dy.Bool(
        nullable=True, description="Exempt account of 4210(a)(13); null means it is not."
    )
    intraday_margin_from = dy.Date(
        nullable=True,
        description="First day under intraday margin, 4210(d)(2); null: the rule's effective date.",
    )
    event_time = columns.instant("When this version took effect.", key=True)


OPTION_TERMS = ("underlying", "right", "strike", "expiry", "style", "multiplier")
"""Columns that an option's row must fill."""


class Instruments(Landed):
    """One version of an instrument: effective at its event time, known from its cycle on."""

    symbol = columns.symbol("Instrument.", key=True)
    asset_class = columns.code("Decides the rates and ranges.", ASSET_CLASSES)
    class_group = columns.symbol(
        "Class group of portfolio margin; null means the symbol itself.", nullable=True
    )
    leverage = dy.Float64(
        nullable=True,
        min=-10.0,
        max=10.0,
        description="Daily multiple: of an etf required, 1 if unlevered; of others null means 1.",
        metadata={"unit": "1"},
    )
    marginable = dy.Bool(description="Whether the security may be carried on margin.")
    underlying = columns.symbol("Of an option: what it is written on.", nullable=True)
    right = columns.code("Of an option.", RIGHTS, nullable=True)
    strike = columns.price("Of an option: strike price.", nullable=True)
    expiry = dy.Date(nullable=True, description="Of an option: last day.")
    style = columns.code("Of an option: exercise.", STYLES, nullable=True)
    settlement = columns.code(
        "Of an option: settled at the opening of its last day, traded to the close before, or at "
        "its close; null: `open` of a European one on a broad index on a third Friday.",
        SETTLEMENTS,
        nullable=True,
    )
    multiplier = dy.Decimal(
        38, 6, nullable=True, min_exclusive=0, max=10**6, description="Units a contract delivers."
    )
    is_listed = dy.Bool(nullable=True, description="Of an option: false for OTC; null means true.")
    is_broad_based = dy.Bool(
        nullable=True,
        description="Whether options on it take the broad-index rates; null: by its asset class.",
    )
    dividend_yield = dy.Float64(
        nullable=True,
        min=-1.0,
        max=1.0,
        description="Continuous dividend yield for option values; null means none is paid.",
        metadata={"unit": "1 per year"},
    )
    expected_range = dy.Float64(
        nullable=True,
        min=0.0,
        max=10.0,
        description="House: largest one-day move expected of it.",
        metadata={"unit": "1"},
    )
    is_hard_to_borrow = dy.Bool(
        nullable=True, description="House: scarce for short sales; null means it is not."
    )
    borrow_rate = dy.Float64(
        nullable=True,
        min=0.0,
        max=100.0,
        description="Fee for borrowing it.",
        metadata={"unit": "1 per year"},
    )
    bond_class = columns.code(
        "Of a bond: its rates; null: by its asset class, a corporate as `other`.",
        BOND_CLASSES,
        nullable=True,
    )
    coupon = dy.Float64(nullable=True, min=0.0, max=1.0, description="Of a bond: annual rate.")
    maturity = dy.Date(nullable=True, description="Of a bond: last day.")
    frequency = dy.Int64(nullable=True, min=0, max=12, description="Of a bond: coupons a year.")
    day_count = columns.symbol("Of a bond: day count convention.", nullable=True)
    principal = columns.price("Of a bond: principal a unit.", nullable=True)
    event_time = columns.instant("When this version took effect.", key=True)

    @dy.rule()
    def fund_names_its_leverage(cls) -> pl.Expr:
        """A fund without its multiple cannot be margined: absent is not 1 there."""
        return (cls.asset_class.col != "etf") | cls.leverage.col.is_not_null()

    @dy.rule()
    def option_names_its_terms(cls) -> pl.Expr:
        """An option without its contract cannot be margined: nothing there has a default."""
        named = pl.all_horizontal(*(pl.col(term).is_not_null() for term in OPTION_TERMS))
        return (cls.asset_class.col != "option") | named

    @dy.rule()
    def option_is_not_its_own_underlying(cls) -> pl.Expr:
        """An option on itself is worth what it is worth: that says nothing."""
        on_itself = cls.underlying.col == cls.symbol.col
        return (cls.asset_class.col != "option") | on_itself.not_()

    @dy.rule()
    def bond_names_its_maturity(cls) -> pl.Expr:
        """A bond's rate depends on the time to its maturity."""
        is_bond = cls.asset_class.col.is_in(["treasury", "agency", "corporate", "municipal"])
        return ~is_bond | cls.maturity.col.is_not_null()

    @dy.rule()
    def leverage_is_not_zero(cls) -> pl.Expr:
        """No fund moves by nothing."""
        return cls.leverage.col.is_null() | (cls.leverage.col != 0.0)


class Prices(Landed):
    """One price of a symbol at an event time. Of two at one time the later landed stands."""

    symbol = columns.symbol("Instrument.")
    price = columns.premium("Price; 0 only of an option.")
    event_time = columns.instant("When the price was made.")
    source = columns.free_text("Who made the price.")


class Betas(Landed):
    """One beta of a symbol on the benchmark, in use from its date on."""

    symbol = columns.symbol("Instrument.")
    beta = dy.Float64(min=-20.0, max=20.0, description="Beta on SPY.", metadata={"unit": "1"})
    as_of_date = dy.Date(description="First day of use, in New York.")
    window_days = dy.Int64(nullable=True, min=1, description="Sessions it was estimated over.")
    r_squared = dy.Float64(nullable=True, min=0.0, max=1.0, description="Fit of the estimate.")


class Rates(Landed):
    """One interest rate at an event time. Of two at one time the later landed stands."""

    name = columns.code("Which rate.", RATE_NAMES)
    rate_annual = dy.Float64(
        min=-1.0, max=1.0, description="Continuously compounded.", metadata={"unit": "1 per year"}
    )
    event_time = columns.instant("When the rate was made.")
    source = columns.free_text("Who made the rate.")


class Volatilities(Landed):
    """One annualised volatility of a symbol, in use from its date on."""

    symbol = columns.symbol("Instrument.")
    volatility_annual = dy.Float64(
        min=0.0, max=10.0, description="Annualised volatility.", metadata={"unit": "1 per year"}
    )
    as_of_date = dy.Date(description="First day of use, in New York.")
    kind = columns.code("How it was found.", VOLATILITY_KINDS)


class Volumes(Landed):
    """One average of a symbol's traded volume, in use from its date on."""

    symbol = columns.symbol("Instrument.")
    average_daily_volume = dy.Decimal(
        38,
        6,
        min=0,
        max=10**12,
        description="Shares or contracts a day; 0 says that it is not traded.",
        metadata={"unit": "1 per day"},
    )
    as_of_date = dy.Date(description="First day of use, in New York.")
    window_days = dy.Int64(nullable=True, min=1, description="Sessions that were averaged.")
