"""Tables of Regulation T: special memorandum accounts and the margin calls of purchases."""

import dataframely as dy

from schemas import columns

MOVERS = ("cash", "trade", "excess")
CALL_STATES = ("open", "met", "liquidation_due", "waived", "lapsed")


class SpecialMemorandumAccounts(dy.Schema):
    """One margin account's special memorandum account (SMA), now."""

    account_id = columns.account_id(key=True)
    sma = columns.usd(
        "Balance: excess of closes, deposits and sales, less purchases and withdrawals. Prices"
        " never lower it.",
        least=0,
    )
    toward_calls = columns.usd("Paid in, and meets open calls at the end of the day.", least=0)
    shortfall = columns.usd(
        "What the day's transactions lack so far: called at the end of the day.", least=0
    )
    open_calls = columns.usd("Outstanding on Regulation T calls.", least=0)
    regulation_t_requirement = columns.usd(
        "Of the positions at their marks, without 4210(b)'s greater maintenance.", least=0
    )
    reg_t_excess = columns.usd("Regulation T equity less that requirement.")
    buying_power = columns.usd(
        "Marginable stock that the greater of SMA and excess buys, maintenance kept.", least=0
    )
    is_restricted = dy.Bool(
        description="Equity below the Regulation T requirement: of a sale only the part released"
        " reaches the SMA."
    )
    is_determinate = dy.Bool(description="Whether all inputs were there.")
    moved_at = columns.instant("Grid point of the last entry.", nullable=True)
    moved_by = columns.code("What the last entry was.", MOVERS, nullable=True)
    as_of = columns.instant("Grid point of the row.")
    cycle = columns.cycle()


class SpecialMemorandumDays(dy.Schema):
    """One account at the end of a business day that moved its special memorandum account.

    From here an account is walked again when a fill is corrected.
    """

    account_id = columns.account_id(key=True)
    business_date = dy.Date(primary_key=True, description="Business day that ended.")
    balance = columns.usd(
        "What the account has: its SMA and what it has paid in toward open calls.", least=0
    )
    open_calls = columns.usd("Outstanding on Regulation T calls.", least=0)
    ended_at = columns.instant("End of the business day.")
    cycle = columns.cycle()


class RegTCalls(dy.Schema):
    """One Regulation T margin call: an account and the business day whose transactions made it."""

    account_id = columns.account_id(key=True)
    opened_on = dy.Date(primary_key=True, description="Business day that created the deficiency.")
    amount = columns.usd("Called at that day's end.", least=0)
    due_on = dy.Date(description="Last day of the payment period.")
    met = columns.usd("Met so far by deposits, income and sales.", least=0)
    outstanding = columns.usd(
        "Asked still: not met, and after `due_on` at most the deficiency of that day.", least=0
    )
    is_de_minimis = dy.Bool(description="So small that no action need be taken, 220.4(d).")
    deficiency_on_due_day = columns.usd(
        "Margin deficiency at the close of `due_on`; null before, and where it is not known.",
        nullable=True,
        least=0,
    )
    to_liquidate = columns.usd(
        "From the end of `due_on` on: the lesser of what was not met and that deficiency; null"
        " before.",
        nullable=True,
        least=0,
    )
    status = columns.code("What became of it.", CALL_STATES)
    ended_at = columns.instant("When it was met, waived or lapsed.", nullable=True)
    as_of = columns.instant("Grid point of the row.")
    cycle = columns.cycle()
