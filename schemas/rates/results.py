"""Tables of the rates book: its curves, values, sensitivities and scenarios, and risk by desk."""

import dataframely as dy

from schemas import columns
from schemas.rates.feeds import QUOTE_KINDS, currency_code

CURVE_STATUSES = ("fresh", "stale", "unusable")
VALUE_STATUSES = ("valued", "stale", "matured", "unpriced")


def amount(description: str, *, nullable: bool = False) -> dy.Decimal:
    """Amount in hundredths of the row's currency."""
    return dy.Decimal(
        38, 2, nullable=nullable, description=description, metadata={"unit": "of the currency"}
    )


def slope(description: str, *, nullable: bool = True) -> dy.Float64:
    """Change of a value in its currency, rounded to a millionth."""
    return dy.Float64(
        nullable=nullable, description=description, metadata={"unit": "of the currency per bp"}
    )


class Curves(dy.Schema):
    """One node of a curve as it stood from a cycle on; of a curve without any one row, 0."""

    cycle = columns.cycle(key=True)
    curve = columns.symbol("Curve, as the rulebook `rates` names it.", key=True)
    node = dy.Int64(min=0, primary_key=True, description="From 1, by date; 0: no node.")
    currency = currency_code("Its currency.")
    status = columns.code("Whether it may value.", CURVE_STATUSES)
    problem = dy.String(
        nullable=True, description="Why the newest quotes made none: `missing:7Y`, `not_built`, ..."
    )
    reference_date = dy.Date(nullable=True, description="Day of discount factor 1.")
    kind = columns.code("Of the node's quote.", QUOTE_KINDS, nullable=True)
    tenor = dy.String(nullable=True, description="Of the node's quote.")
    start = dy.String(nullable=True, description="Of a FRA: forward start.")
    start_date = dy.Date(nullable=True, description="Of a future: first day of its rate.")
    quote = columns.fraction("The quote that the node was made of.", nullable=True)
    quoted_at = columns.instant("When that was quoted.", nullable=True)
    node_date = dy.Date(nullable=True, description="Day of the node.")
    years = columns.fraction("From the reference date, by the curve's day count.", nullable=True)
    zero_rate = columns.fraction("Continuously compounded.", nullable=True)
    discount_factor = columns.fraction("At the node.", nullable=True)
    forward_rate = columns.fraction("Continuous, from the node before.", nullable=True)
    repricing_error = columns.fraction(
        "Largest difference of a quote and what the curve implies for it.", nullable=True
    )
    as_of = columns.instant("Grid point of the row.")


class RatesValues(dy.Schema):
    """One position of the rates book and what it is worth, as its market was last evaluated."""

    account_id = columns.account_id(key=True)
    desk = columns.identifier("Desk that runs it.", key=True)
    legal_entity = columns.identifier("Legal entity that owns it.", key=True)
    instrument_id = columns.identifier("Bond or swap.", key=True)
    kind = dy.String(nullable=True, description="`fixed`, `bill`, `floating` or `swap`.")
    issuer = columns.identifier("Of a bond who owes it; of a swap its counterparty.", nullable=True)
    currency = dy.String(nullable=True, description="Null where no terms landed.")
    maturity = dy.Date(nullable=True, description="Last day.")
    quantity = dy.Decimal(38, 2, description="Face or notional, signed.")
    status = columns.code("What the figures are worth.", VALUE_STATUSES)
    reasons = dy.String(
        description="Named states, sorted, by `;`: `no_terms`, `unusable_terms`, `no_index`, "
        "`no_curve:X`, `stale_curve:X`, `no_fixing:X:DAY`, `no_spread`, `no_fx`."
    )
    npv = amount("Present value on the valuation day.", nullable=True)
    npv_reporting = amount(
        "In the reporting currency; null without a usable exchange rate.", nullable=True
    )
    accrued = amount("Of a bond: interest since the last coupon, today.", nullable=True)
    dv01 = slope("Gain if all zero rates fall by a basis point.")
    cs01 = slope("Gain if the spread over the discount curve falls by a basis point.")
    gamma = slope("Second derivative by a parallel shift, a basis point squared.")
    convexity = columns.fraction("The same by years squared, over the value.", nullable=True)
    z_spread = columns.fraction(
        "Of a bond with a value: over its discount curve, continuous.", nullable=True
    )
    requirement = amount("Of a bond with a value: margin by 4210(e)(2).", nullable=True)
    requirement_rule = dy.String(
        nullable=True, description="What charges a bond, such as `FINRA 4210(e)(2)(A)`."
    )
    as_of = columns.instant("Grid point of the row.")
    cycle = columns.cycle()


class RatesSensitivities(dy.Schema):
    """One key rate of one position; tenors on which it does not hang have no row."""

    account_id = columns.account_id(key=True)
    desk = columns.identifier("Desk that runs it.", key=True)
    legal_entity = columns.identifier("Legal entity that owns it.", key=True)
    instrument_id = columns.identifier("Bond or swap.", key=True)
    tenor = dy.String(primary_key=True, description="Key rate.")
    dv01 = slope("Gain if that key rate falls by a basis point; the tenors' sum is DV01.")
    as_of = columns.instant("Grid point of the row.")
    cycle = columns.cycle()


class _OfBook(dy.Schema):
    cycle = columns.cycle(key=True)
    account_id = columns.account_id(key=True)
    desk = columns.identifier("Desk.", key=True)
    legal_entity = columns.identifier("Legal entity.", key=True)
    currency = dy.String(primary_key=True, description="Of the figures; empty: not known.")


class DeskRisk(_OfBook):
    """What an account's book of a desk, legal entity and currency comes to after a cycle."""

    positions = columns.count("Positions that are not over.")
    unpriced = columns.count("Of them without a value: they are missing from the sums.")
    stale = columns.count("Of them valued off a stale curve.")
    npv = amount("Sum of values.")
    dv01 = slope("Sum.", nullable=False)
    cs01 = slope("Sum.", nullable=False)
    gamma = slope("Sum.", nullable=False)
    convexity = columns.fraction("Gamma by years squared over the value.", nullable=True)
    fx_rate = columns.fraction(
        "Price of its currency in the reporting one; null: none usable.", nullable=True
    )
    npv_reporting = amount("In the reporting currency.", nullable=True)
    dv01_reporting = slope("In the reporting currency.")
    requirement = amount("Sum of the bonds' requirements.")
    requirement_reporting = amount("In the reporting currency.", nullable=True)
    as_of = columns.instant("Grid point of the row.")


class DeskSensitivities(_OfBook):
    """DV01 of such a book by node of each of its curves, and by key rate of all of them."""

    curve = dy.String(primary_key=True, description="Curve of the node; empty: a key rate.")
    tenor = dy.String(primary_key=True, description="Of the node's quote, or the key rate.")
    dv01 = slope("Gain if that zero rate falls by a basis point.", nullable=False)
    as_of = columns.instant("Grid point of the row.")


class RatesScenarios(_OfBook):
    """What such a book gains in one scenario of all curves, valued in full."""

    scenario = dy.String(primary_key=True, description="As the rulebook `rates` names it.")
    pnl = amount("Gain.")
    pnl_reporting = amount("In the reporting currency; null without a rate.", nullable=True)
    as_of = columns.instant("Grid point of the row.")
