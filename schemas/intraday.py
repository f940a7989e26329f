"""Tables of intraday margin and of the rule before it: deficits, day trading, where all stand."""

import dataframely as dy

from schemas import columns

RULES = ("4210_d_2", "4210_g_1_K")
DEFICIT_STATES = ("open", "satisfied", "expired")
SPECIAL_CALL_STATES = ("open", "met", "unmet")


class IntradayDeficits(dy.Schema):
    """One intraday margin deficit: an account and the business day it arose on."""

    account_id = columns.account_id(key=True)
    deficit_date = dy.Date(primary_key=True, description="Business day it arose on.")
    rule = columns.code("Rule that asks for it: margin accounts, portfolio margin.", RULES)
    amount = columns.usd("Largest shortfall of the day that counts.", least=0)
    amount_at_transactions = columns.usd(
        "The same, measured only right after IML-reducing transactions.", least=0
    )
    counts_price_falls = dy.Bool(description="Whether later price falls of the day count.")
    first_measured_at = columns.instant("When the level was first short.")
    measured_at = columns.instant("When the shortfall was largest.")
    equity = columns.usd("Equity at that moment, for the de minimis test.")
    is_determinate = dy.Bool(description="Whether all inputs were there at that moment.")
    is_de_minimis = dy.Bool(description="Too small to make a practice.")
    due_on = dy.Date(description="Business day by whose end it is met promptly.")
    fifth_business_day = dy.Date(description="Unmet at its end, it may freeze the account.")
    fifteenth_business_day = dy.Date(description="It expires just after this day's end.")
    level_at_day_end = columns.usd(
        "Intraday margin level at the end of its day; null until then, or while unknown.",
        nullable=True,
    )
    level = columns.usd("Last level while it was followed; null if unknown.", nullable=True)
    net_deposits = columns.usd("Deposits less withdrawals since the end of its day.")
    credited = columns.usd("Net deposits or increase of the level since then.", least=0)
    status = columns.code("What became of it.", DEFICIT_STATES)
    satisfied_at = columns.instant("When it was satisfied, expired or not.", nullable=True)
    expired_at = columns.instant("End of the day after which it expired unmet.", nullable=True)
    failed_at = columns.instant("Since when it counts to a practice.", nullable=True)
    freeze_from = columns.instant("Start of the freeze it caused.", nullable=True)
    freeze_until = columns.instant("First instant the freeze is over.", nullable=True)
    is_frozen = dy.Bool(description="Whether it freezes its account now.")
    rulebook = dy.Date(description="Effective date of the intraday rulebook of its day.")
    as_of = columns.instant("Grid point of the row.")
    cycle = columns.cycle()


class IntradayState(dy.Schema):
    """One account that intraday margin has had to do with, now."""

    account_id = columns.account_id(key=True)
    reduced_on = dy.Date(
        nullable=True, description="Business day of its last IML-reducing transaction."
    )
    open_deficits = columns.count("Deficits outstanding.")
    outstanding = columns.usd("Sum of their amounts.", least=0)
    is_frozen = dy.Bool(description="No new or larger short position or debit.")
    frozen_until = columns.instant("First instant the freeze is over.", nullable=True)
    as_of = columns.instant("Grid point of the row.")
    cycle = columns.cycle()


class PatternDayTraders(dy.Schema):
    """One margin account under the pattern day trader rule, on a business day it concerns."""

    account_id = columns.account_id(key=True)
    business_date = dy.Date(
        primary_key=True, description="Business day: it traded then, or was designated before."
    )
    day_trades = columns.count("Day trades of the day, by changes of direction.")
    trades = columns.count("Trades of the day, counted alike.")
    window_day_trades = columns.count("Day trades of the five business days that end with it.")
    window_trades = columns.count("Trades of those days.")
    is_pattern_day_trader = dy.Bool(description="Whether it is designated by the end of the day.")
    pattern_since = dy.Date(nullable=True, description="Business day of the designation.")
    minimum_equity_shortfall = columns.usd(
        "What the equity at the end of the business day before lacks of the minimum; null if that"
        " is not known, or nothing is asked: not designated before the day.",
        nullable=True,
        least=0,
    )
    buying_power = columns.usd(
        "Multiple of that equity less maintenance; null alike.", nullable=True, least=0
    )
    commitment = columns.usd(
        "Largest cost of what was opened that day and still open; null where a multiplier is"
        " not known.",
        nullable=True,
        least=0,
    )
    special_call = columns.usd(
        "Called for what was committed beyond the buying power; null where either is.",
        nullable=True,
        least=0,
    )
    special_call_due = dy.Date(nullable=True, description="Business day by whose end it is met.")
    special_call_paid = columns.usd(
        "Deposits less withdrawals since the end of its day; null without a call.", nullable=True
    )
    special_call_status = columns.code(
        "What became of the call; null without one.", SPECIAL_CALL_STATES, nullable=True
    )
    cash_only_until = dy.Date(
        nullable=True,
        description="Last day on which it may trade on cash available alone, for a call unmet"
        " when the day began.",
    )
    is_determinate = dy.Bool(description="Whether what is asked of it is known.")
    equity = columns.usd("At the end of the day; null until then, or unknown.", nullable=True)
    maintenance_requirement = columns.usd(
        "At the end of the day; null like the equity.", nullable=True, least=0
    )
    rulebook = dy.Date(description="Effective date of the day-trading rulebook of the day.")
    as_of = columns.instant("Grid point of the row.")
    cycle = columns.cycle()
