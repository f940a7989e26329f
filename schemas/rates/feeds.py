"""Landed feeds of the rates book: quotes, fixings, exchange rates, bonds, swaps, positions."""

import dataframely as dy
import polars as pl

from schemas import columns
from schemas.landed import BOND_CLASSES, Landed
from schemas.rates.check_digits import cusip_digit_fits, isin_digit_fits

QUOTE_KINDS = ("deposit", "fra", "future", "ois", "swap", "par_yield")
BOND_KINDS = ("fixed", "bill", "floating")
SIDES = ("pay", "receive")
DAY_COUNTS = (
    "act/360",
    "act/365f",
    "act/act isma",
    "act/act icma",
    "act/act isda",
    "30/360",
    "30/360 us",
    "30/360 isda",
    "30/360 european",
    "30e/360",
    "30e/360 isda",
)
CALENDARS = (
    "none",
    "weekends",
    "us government bond",
    "us settlement",
    "us federal reserve",
    "us sofr",
    "us nyse",
    "target",
    "uk settlement",
    "uk exchange",
    "japan",
    "germany settlement",
    "france settlement",
    "italy settlement",
    "switzerland",
    "canada settlement",
    "australia settlement",
    "sweden",
    "norway",
    "denmark",
)
CONVENTIONS = (
    "unadjusted",
    "following",
    "modified_following",
    "preceding",
    "modified_preceding",
    "nearest",
)
TENOR = r"^[1-9][0-9]{0,2}[DWMY]$"
CURRENCY = r"^[A-Z]{3}$"
SHARES = r"^[0-9]+(\.[0-9]+)?( [0-9]+(\.[0-9]+)?)*$"


def currency_code(description: str, *, nullable: bool = False) -> dy.String:
    """ISO 4217 code."""
    return dy.String(regex=CURRENCY, nullable=nullable, description=description)


def annual_rate(
    description: str, *, least: float = -1.0, nullable: bool = False, key: bool = False
) -> dy.Float64:
    """Rate a year as a fraction."""
    return dy.Float64(
        min=least,
        max=1.0,
        nullable=nullable,
        primary_key=key,
        description=description,
        metadata={"unit": "1 per year"},
    )


def _shares(description: str) -> dy.String:
    return dy.String(nullable=True, regex=SHARES, description=description)


def _lag(description: str) -> dy.Int64:
    return dy.Int64(nullable=True, min=0, max=366, description=description, metadata={"unit": "d"})


def _coupons_a_year(description: str) -> dy.Int64:
    return dy.Int64(
        nullable=True, min=0, max=12, description=description, metadata={"unit": "1 per year"}
    )


class CurveQuotes(Landed):
    """One quote of a curve at an event time. Of two at one time the later landed stands."""

    curve = columns.symbol("Curve, as the rulebook `rates` names it.")
    kind = columns.code("What is quoted.", QUOTE_KINDS)
    tenor = dy.String(nullable=True, regex=TENOR, description="Such as 3M or 10Y.")
    quote = dy.Float64(
        min=-1.0,
        max=200.0,
        description="Rate as a fraction a year; of a future its price.",
        metadata={"unit": "1 per year, or per 100"},
    )
    start = dy.String(nullable=True, regex=TENOR, description="Of a FRA: forward start.")
    start_date = dy.Date(nullable=True, description="Of a future: first day of its rate.")
    event_time = columns.instant("When it was quoted.")
    source = columns.free_text("Who quoted it.")

    @dy.rule()
    def quote_is_a_rate_or_a_price(cls) -> pl.Expr:
        """Only a future is quoted above 100%: as a price."""
        return (cls.kind.col == "future") | (cls.quote.col <= 1.0)

    @dy.rule()
    def quote_names_its_term(cls) -> pl.Expr:
        """A future names the day from which it runs, anything else a tenor, a FRA its start."""
        is_future, is_fra = cls.kind.col == "future", cls.kind.col == "fra"
        dated = pl.when(is_future).then(cls.start_date.col.is_not_null())
        return dated.otherwise(cls.tenor.col.is_not_null()) & (
            ~is_fra | cls.start.col.is_not_null()
        )


class Fixings(Landed):
    """One fixing of an index on a day. Of two of one day the later landed stands."""

    index_name = columns.symbol("Index, such as USD-SOFR or EUR-EURIBOR-6M.")
    fixing_date = dy.Date(description="Day that it is the rate of.")
    rate = annual_rate("What it fixed at.")
    event_time = columns.instant("When it was published.")

    @dy.rule()
    def fixing_is_not_of_a_day_to_come(cls) -> pl.Expr:
        """Nobody knows the rate of a day that has not begun when it is said."""
        return cls.fixing_date.col <= cls.event_time.col.dt.date()


class FxRates(Landed):
    """One spot rate of a pair at an event time. Of two at one time the later landed stands."""

    pair = dy.String(regex=r"^[A-Z]{6}$", description="EURUSD is the price of 1 EUR in USD.")
    rate = dy.Float64(
        min_exclusive=0.0,
        max=1e7,
        description="Units of the second currency for one of the first.",
        metadata={"unit": "1"},
    )
    event_time = columns.instant("When it was made.")
    source = columns.free_text("Who made it.")


class Bonds(Landed):
    """One version of a bond: effective at its event time, known from its cycle on."""

    instrument_id = columns.identifier("The bond.", key=True)
    kind = columns.code("Fixed coupons, none, or those of an index.", BOND_KINDS)
    isin = dy.String(
        nullable=True, regex=r"^[A-Z]{2}[A-Z0-9]{9}[0-9]$", description="With its check digit."
    )
    cusip = dy.String(
        nullable=True, regex=r"^[0-9A-Z*@#]{8}[0-9]$", description="With its check digit."
    )
    issuer = columns.identifier("Who owes it: a single name of the limits.")
    rating = columns.symbol("Rating, in whose words it may be.", nullable=True)
    bond_class = columns.code(
        "Its margin by 4210(e)(2); null: as `other`.", BOND_CLASSES, nullable=True
    )
    currency = currency_code("Currency of its cash.")
    coupon = annual_rate("Of fixed coupons.", least=0.0, nullable=True)
    frequency = _coupons_a_year("Coupons a year; null of a floating one: its index's.")
    day_count = columns.code("Null: usual for its kind.", DAY_COUNTS, nullable=True)
    calendar = columns.code("Null: no holidays.", CALENDARS, nullable=True)
    convention = columns.code("Of its accrual; null: unadjusted.", CONVENTIONS, nullable=True)
    issue_date = dy.Date(nullable=True, description="First day of accrual.")
    first_coupon_date = dy.Date(nullable=True, description="End of an odd first period.")
    maturity = dy.Date(description="Last day.")
    index_name = columns.symbol("Of a floating one: its index.", nullable=True)
    spread = annual_rate("Of a floating one: over its index.", nullable=True)
    outstanding = _shares("Principal outstanding by period as shares of the face, by spaces.")
    ex_coupon_days = _lag("Business days before a coupon without it.")
    redemption = dy.Float64(
        nullable=True,
        min_exclusive=0.0,
        max=1000.0,
        description="Per 100 of principal; null: 100.",
        metadata={"unit": "per 100"},
    )
    discount_curve = columns.symbol("Null: that of its currency.", nullable=True)
    z_spread = annual_rate("Continuous, over the discount curve; null: none.", nullable=True)
    clean_price = dy.Float64(
        nullable=True,
        min_exclusive=0.0,
        max=1000.0,
        description="Its price when this version took effect; its spread is found from it.",
        metadata={"unit": "per 100"},
    )
    event_time = columns.instant("When this version took effect.", key=True)

    @dy.rule()
    def matures_after_its_issue(cls) -> pl.Expr:
        """Nothing is paid back before it is lent."""
        return cls.issue_date.col.is_null() | (cls.maturity.col > cls.issue_date.col)

    @dy.rule()
    def first_coupon_is_within_its_life(cls) -> pl.Expr:
        """The first coupon is after issue and not after maturity."""
        first = cls.first_coupon_date.col
        is_after = cls.issue_date.col.is_null() | (first > cls.issue_date.col)
        return first.is_null() | (is_after & (first <= cls.maturity.col))

    @dy.rule()
    def isin_has_its_check_digit(cls) -> pl.Expr:
        """ISO 6166: doubled digits of the letters' numbers."""
        return isin_digit_fits(cls.isin.col)

    @dy.rule()
    def cusip_has_its_check_digit(cls) -> pl.Expr:
        """ANSI X9.6: doubled digits of every second character."""
        return cusip_digit_fits(cls.cusip.col)

    @dy.rule()
    def price_is_the_only_quote(cls) -> pl.Expr:
        """A price gives the spread, where what the bond pays is known without a curve."""
        says = cls.z_spread.col.is_null() & (cls.kind.col != "floating")
        return cls.clean_price.col.is_null() | says

    @dy.rule()
    def bond_names_its_coupon(cls) -> pl.Expr:
        """A fixed one its coupon and how often; a floating one its index."""
        has_coupon = cls.coupon.col.is_not_null() & cls.frequency.col.is_not_null()
        return (
            pl.when(cls.kind.col == "fixed")
            .then(has_coupon)
            .when(cls.kind.col == "floating")
            .then(cls.index_name.col.is_not_null())
            .otherwise(pl.lit(value=True))
        )


class Swaps(Landed):
    """One version of an interest rate swap: effective at its event time, known from its cycle."""

    instrument_id = columns.identifier("The swap.", key=True)
    currency = currency_code("Currency of both legs.")
    start_date = dy.Date(description="First day of accrual; it may be past or to come.")
    end_date = dy.Date(description="Last day of accrual.")
    side = columns.code("Of the fixed leg.", SIDES)
    fixed_rate = annual_rate("Of the fixed leg; it may be negative.")
    fixed_frequency = _coupons_a_year("Payments a year of the fixed leg; null: 1.")
    fixed_day_count = columns.code("Of the fixed leg.", DAY_COUNTS)
    index_name = columns.symbol("Of the floating leg, such as USD-SOFR.")
    spread = annual_rate("Over the index.", nullable=True)
    floating_frequency = _coupons_a_year("Null: the index's.")
    calendar = columns.code("Of the fixed leg; null: no holidays.", CALENDARS, nullable=True)
    payment_lag = _lag("Business days from the end of a period to its payment.")
    first_date = dy.Date(nullable=True, description="End of an odd first period.")
    notionals = _shares("Notional by period as shares of the position's, by spaces.")
    csa_currency = currency_code("Of its collateral: it decides the discount curve.", nullable=True)
    discount_curve = columns.symbol("Null: by currency and collateral.", nullable=True)
    counterparty = columns.identifier("With whom; null: cleared.", nullable=True)
    event_time = columns.instant("When this version took effect.", key=True)

    @dy.rule()
    def ends_after_it_starts(cls) -> pl.Expr:
        """It lasts a day at least."""
        return cls.end_date.col > cls.start_date.col


class RatesPositions(Landed):
    """One version of one position: in force from its event time on."""

    account_id = columns.identifier("Account of the book.", key=True)
    desk = columns.identifier("Desk that runs it.", key=True)
    legal_entity = columns.identifier("Legal entity that owns it.", key=True)
    instrument_id = columns.identifier("Bond or swap.", key=True)
    quantity = dy.Decimal(
        38,
        2,
        min=-columns.MAX_AMOUNT,
        max=columns.MAX_AMOUNT,
        description="Face of a bond, notional of a swap, in its currency; negative: short, or "
        "the swap's sides exchanged; 0 ends it.",
        metadata={"unit": "of the currency"},
    )
    event_time = columns.instant("When this version took effect.", key=True)
