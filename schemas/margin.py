"""Tables of the current state: positions, requirements, stress and what they add up to."""

import dataframely as dy

from schemas import columns
from schemas.landed import ACCOUNT_TYPES, ASSET_CLASSES, BOND_CLASSES, RIGHTS, STYLES

PRICE_STATES = ("fresh", "stale", "fill_price", "unusable", "missing")
"""Best first: up to `fill_price`, the last fill's in its session, they value a position."""
RANGE_CLASSES = ("equity", "broad_index", "broad_index_high_cap")
RATE_CLASSES = (
    "equity",
    "broad_index",
    "volatility_index",
    "treasury_bill",
    "treasury_note",
    "treasury_bond",
    "currency",
    "interest_rate",
    "investment_grade_debt",
)
"""What an option is written on, for the rates of 4210(f)(2)(E)."""
STRATEGIES = (
    "long_stock",
    "short_stock",
    "long_and_short_stock",
    "long_bond",
    "short_bond",
    "long_option",
    "naked_call",
    "naked_put",
    "vertical_spread",
    "butterfly",
    "condor",
    "iron_butterfly",
    "iron_condor",
    "calendar_spread",
    "diagonal_spread",
    "box_spread",
    "ratio_spread",
    "spread",
    "short_straddle",
    "short_strangle",
    "covered_call",
    "covered_put",
    "protective_put",
    "protected_short",
    "conversion",
    "reverse_conversion",
    "collar",
    "long_box",
)
METHODS = ("reg_t", "portfolio_margin")


class Positions(dy.Schema):
    """One position of an account now, trade date, with the mark that values it."""

    account_id = columns.account_id(key=True)
    class_group = columns.symbol("Class group of portfolio margin.", key=True)
    symbol = columns.symbol("Instrument.", key=True)
    quantity = columns.quantity("Long positive, short negative.")
    asset_class = columns.code(
        "Asset class; null without an instrument row.", ASSET_CLASSES, nullable=True
    )
    leverage = columns.fraction("Daily multiple of a fund; 1 for all else.")
    is_marginable = dy.Bool(description="May be carried on margin; false without instrument row.")
    range_class = columns.code("Valuation range of its class group.", RANGE_CLASSES)
    last_price = columns.premium(
        "Last price known, usable or not, or the last fill's; null if none.", nullable=True
    )
    price = columns.mark(
        "Mark used: the last price, a raised one if unusable and short, null if long or expired."
    )
    price_state = columns.code("How good the mark is.", PRICE_STATES)
    price_time = columns.instant("Event time of the price or fill behind the mark.", nullable=True)
    market_value = columns.usd("Quantity times mark; negative for a short position.")
    beta = columns.fraction(
        "Beta used, of an option its underlying's; null when none is known.", nullable=True
    )
    last_fill_price = columns.premium("Price of the last fill.")
    sale_quantity = columns.opened(
        "Of a short position: quantity of its opening sales, since it was last flat or long."
    )
    sale_proceeds = columns.opened("What those sales brought in, in USD for single units.")
    multiplier = dy.Decimal(
        38,
        6,
        min_exclusive=0,
        description="Units a contract stands for; 1 for a security, 0.01 for a bond's principal.",
    )
    underlying = columns.symbol("Of an option: what it is written on.", nullable=True)
    right = columns.code("Of an option.", RIGHTS, nullable=True)
    strike = columns.price("Of an option: strike price.", nullable=True)
    expiry = dy.Date(nullable=True, description="Last day of an option, maturity of a bond.")
    style = columns.code("Of an option: exercise.", STYLES, nullable=True)
    is_listed = dy.Bool(description="False for an OTC option.")
    rate_class = columns.code("Of an option: what it is written on.", RATE_CLASSES, nullable=True)
    underlying_price = columns.premium("Of an option: last price of its underlying.", nullable=True)
    underlying_price_state = columns.code(
        "Of an option: how good that price is.", PRICE_STATES, nullable=True
    )
    risk_free_rate = columns.fraction("Of an option: rate of its value.", nullable=True)
    dividend_yield = columns.fraction("Of an option: yield of its underlying.", nullable=True)
    implied_volatility = columns.fraction(
        "Of an option: volatility at which it is worth its price, 0 of one quoted below its least "
        "value; null where there is none.",
        nullable=True,
    )
    bond_class = columns.code("Of a bond: its rates.", BOND_CLASSES, nullable=True)
    volatility_annual = columns.fraction(
        "Historical, 30 days, of an option its underlying's; null when unknown.", nullable=True
    )
    expected_range = columns.fraction("Largest one-day move expected.", nullable=True)
    is_hard_to_borrow = dy.Bool(nullable=True, description="Scarce for short sales.")
    borrow_rate = columns.fraction("Fee for borrowing it, a year.", nullable=True)
    issuer_class = columns.code(
        "Asset class of the issuer: of an option its underlying's.", ASSET_CLASSES, nullable=True
    )
    is_zero_coupon = dy.Bool(description="Of a bond: whether it pays no coupon.")
    expires_at = columns.instant(
        "Of an option: close of its last trading day, when its time ends.", nullable=True
    )
    is_underlying_marginable = dy.Bool(
        nullable=True, description="Of an option: whether what it is written on may be margined."
    )
    as_of = columns.instant("Grid point of the row.")
    cycle = columns.cycle()


class AccountState(dy.Schema):
    """One account now: its type and its cash."""

    account_id = columns.account_id(key=True)
    account_type = columns.code("Rules that govern the account.", ACCOUNT_TYPES)
    is_registered = dy.Bool(description="Whether an account row has landed.")
    is_exempt = dy.Bool(description="Exempt account of 4210(a)(13).")
    cash = columns.usd("Cash; negative is a debit.")
    as_of = columns.instant("Grid point of the row.")
    cycle = columns.cycle()


class EnforcementState(dy.Schema):
    """One account now: where it stands on each dimension of the ladder."""

    account_id = columns.account_id(key=True)
    margin_status = columns.code("Maintenance.", ("ok", "warning", "call"))
    restriction = columns.code("Trading.", ("none", "close_only"))
    liquidation = columns.code("Liquidation.", ("none", "triggered"))
    minimum_equity = columns.code("Minimum equity.", ("ok", "call"))
    call_opened_at = columns.instant("When the open call was made.", nullable=True)
    is_stress_restricted = dy.Bool(description="Close-only for being underwater in stress.")
    is_overdue_restricted = dy.Bool(description="Close-only for an overdue call.")
    stress_clear_since = columns.instant(
        "Since when the restricting stress condition is gone; null while it holds.",
        nullable=True,
    )
    as_of = columns.instant("Grid point of the row.")
    cycle = columns.cycle()


class RegTRequirements(dy.Schema):
    """One group of an account's positions that is margined together under Reg T, now."""

    account_id = columns.account_id(key=True)
    group_number = dy.Int64(
        min=1, primary_key=True, description="Place of the group in the account, from 1."
    )
    symbol = columns.symbol("The instrument, of options what they are written on.")
    strategy = columns.code("What the group is.", STRATEGIES)
    rule = dy.String(description="Paragraph that decided.")
    quantity = columns.quantity("Of the first leg: shares, contracts or principal.")
    legs = dy.String(
        nullable=True, description="Symbol and quantity of every leg; null where there is one."
    )
    market_value = columns.usd("Value of the group, signed.")
    gross_requirement = columns.usd(
        "With 100% of short options' value, and long options at their cost.", least=0
    )
    maintenance_requirement = columns.usd("To carry it; long options are paid for.", least=0)
    initial_requirement = columns.usd("To open it today, long options at their cost.", least=0)
    net_deposit = columns.usd("To bring in on opening it, after short options' proceeds.")
    max_potential_loss = columns.usd(
        "Most that it can lose by expiry, before premiums; null without a bound.", nullable=True
    )
    as_of = columns.instant("Grid point of the row.")
    cycle = columns.cycle()


class TimsRequirements(dy.Schema):
    """One class group of an account under portfolio margin, now. P&L: positive is a gain."""

    account_id = columns.account_id(key=True)
    class_group = columns.symbol("Class group.", key=True)
    product_group = columns.symbol("Product group; the class group itself if none.")
    pnl_down_5 = columns.usd("P&L at the whole down move.")
    pnl_down_4 = columns.usd("P&L at four fifths of the down move.")
    pnl_down_3 = columns.usd("P&L at three fifths of the down move.")
    pnl_down_2 = columns.usd("P&L at two fifths of the down move.")
    pnl_down_1 = columns.usd("P&L at a fifth of the down move.")
    pnl_up_1 = columns.usd("P&L at a fifth of the up move.")
    pnl_up_2 = columns.usd("P&L at two fifths of the up move.")
    pnl_up_3 = columns.usd("P&L at three fifths of the up move.")
    pnl_up_4 = columns.usd("P&L at four fifths of the up move.")
    pnl_up_5 = columns.usd("P&L at the whole up move.")
    worst_move = columns.fraction("Move at the worst point; the first of equals, from below.")
    scan_risk = columns.usd("Largest loss over the points.", least=0)
    minimum = columns.usd("4210(g)(7): an amount a contract.", least=0)
    not_margined = columns.usd("Of members that are not netted, required whole.", least=0)
    requirement = columns.usd(
        "The greater of scan risk and minimum plus what is not netted, before offsets.", least=0
    )
    as_of = columns.instant("Grid point of the row.")
    cycle = columns.cycle()


class StressResults(dy.Schema):
    """One beta-weighted SPY scenario of an account now."""

    account_id = columns.account_id(key=True)
    scenario = dy.String(primary_key=True, description="Name, such as `SPY -8%`.")
    move = columns.fraction("Move of SPY.")
    pnl = columns.usd(
        "Change of value of every position: value x beta x move, options revalued, a value stopping"
        " at 0; a gain is positive."
    )
    equity = columns.usd("Equity of the summary plus the P&L: at 0% the summary's own.")
    requirement_held = columns.usd("Governing requirement of the summary.", least=0)
    excess_held = columns.usd("Stressed equity less the requirement held.")
    requirement = columns.usd(
        "Governing requirement struck again at the stressed prices, today's groups kept: what the"
        " values of short options require stays as it is, since their P&L is in equity.",
        least=0,
    )
    excess = columns.usd("Stressed equity less the requirement struck again.")
    is_underwater = dy.Bool(description="Whether `excess_held` is negative.")
    is_flagged = dy.Bool(description="Whether a position had no beta.")
    as_of = columns.instant("Grid point of the row.")
    cycle = columns.cycle()


class MarginSummary(dy.Schema):
    """One account now: both methods side by side, and what governs."""

    account_id = columns.account_id(key=True)
    account_type = columns.code("Rules that govern the account.", ACCOUNT_TYPES)
    status = columns.code("Whether all inputs were there.", ("determinate", "indeterminate"))
    reasons = dy.String(description="Why it is indeterminate or flagged, `;`-separated.")
    cash = columns.usd("Cash; negative is a debit.")
    long_market_value = columns.usd("Value of long positions.", least=0)
    short_market_value = columns.usd("Absolute value of short positions.", least=0)
    long_option_value = columns.usd("Value of long options, not in the above.", least=0)
    short_option_value = columns.usd("Absolute value of short options.", least=0)
    gross_market_value = columns.usd("Long plus short, options included.", least=0)
    beta_weighted_exposure = columns.usd("Sum of value x beta, rounded at the position.")
    equity = columns.usd("What the governing requirement is held against.")
    reg_t_equity = columns.usd("Cash plus long less short; of options what has loan value.")
    net_liquidation = columns.usd("Cash plus long less short, options included.")
    reg_t_requirement = columns.usd("FINRA 4210(c), (e) and (f) maintenance.", least=0)
    initial_requirement = columns.usd("Regulation T and 4210(b), to open it today.", least=0)
    portfolio_margin_requirement = columns.usd("FINRA 4210(g).", least=0)
    regulatory_requirement = columns.usd("Of the method that governs the account.", least=0)
    house_addons = columns.usd("What the house overlays add.", least=0)
    house_requirement = columns.usd("Regulatory plus house add-ons.", least=0)
    governing_requirement = columns.usd("What equity is held against.", least=0)
    excess = columns.usd("Equity less the governing requirement.")
    margin_method = columns.code("The cheaper of the two; it does not decide.", METHODS)
    margin_savings = columns.usd(
        "What portfolio margin leaves free beyond Reg T: the requirements' difference, each set "
        "against its own equity."
    )
    is_portfolio_margin_eligible = dy.Bool(description="Whether portfolio margin is open to it.")
    ineligible_reasons = dy.String(description="Why not, `;`-separated.")
    as_of = columns.instant("Grid point of the row.")
    cycle = columns.cycle()


class FirmRisk(dy.Schema):
    """One scenario over the whole firm at the end of a cycle."""

    cycle = columns.cycle(key=True)
    scenario = dy.String(primary_key=True, description="Name, such as `SPY -8%`, `prices -25%`.")
    move = columns.fraction("Move of SPY, or of every price.")
    accounts = columns.count("Accounts.")
    accounts_deficient = columns.count("Accounts whose excess after the move is negative.")
    gross_market_value = columns.usd("Long plus short, before the move.", least=0)
    net_market_value = columns.usd("Long less short, before the move.")
    beta_weighted_exposure = columns.usd("Sum of value x beta, before the move.")
    pnl = columns.usd("P&L of all accounts.")
    equity = columns.usd("Equity of all accounts after the move.")
    requirement = columns.usd(
        "Struck again after a move of SPY, held after one of prices.", least=0
    )
    deficiency = columns.usd("Sum of deficits; one client's excess pays no other's.", least=0)
    credit_exposure = columns.usd(
        "Sum of negative net liquidations after the move: what clients would owe.", least=0
    )
    as_of = columns.instant("Grid point of the row.")
