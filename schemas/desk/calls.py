"""Tables of margin calls, and of what became of the acts that people did about them."""

import dataframely as dy

from schemas import columns

CALL_TYPES = (
    "reg_t",
    "maintenance",
    "house",
    "portfolio_margin",
    "minimum_equity",
    "intraday",
    "day_trading",
    "free_riding",
)
CALL_STATES = ("open", "part_met", "extended", "overdue", "expired", "met")
CHANGES = (
    "opened",
    "restruck",
    "transacted",
    "due_moved",
    "part_met",
    "extended",
    "overdue",
    "expired",
    "consequence",
    "met",
)
CONSEQUENCES = (
    "none",
    "close_only",
    "reduce_only",
    "cash_only",
    "freeze",
    "liquidation",
    "cash_in_advance",
)
ACT_OUTCOMES = ("done", "refused")


class MarginCalls(dy.Schema):
    """One version of one margin call's life: what is owed, by when, under which rule."""

    call_id = dy.String(
        primary_key=True,
        regex="^[0-9a-f]{32}$",
        description="Hash of account, type and opening.",
    )
    version = dy.Int64(primary_key=True, min=1, description="1 where it is opened, then on.")
    account_id = columns.account_id()
    call_type = columns.code("What calls: one call of a type is open at a time.", CALL_TYPES)
    rule = dy.String(description="Citation of the rule that calls.")
    state = columns.code("Where the call stands from here on.", CALL_STATES)
    is_open = dy.Bool(description="Whether it is still owed: the newest version says so.")
    change = columns.code("Why there is this version: the gravest of what changed.", CHANGES)
    opened_at = columns.instant("When it was made.")
    changed_at = columns.instant("When this version began.")
    first_amount = columns.usd("What was called at first.", least=0)
    amount = columns.usd("What is owed from here on: struck anew.", least=0)
    met_by_deposits = columns.usd(
        "Deposits less withdrawals that made it less; null where its rule keeps no account of it.",
        nullable=True,
    )
    met_by_trades = columns.usd(
        "What it became less at grid points at which the account traded, deposits aside.",
        nullable=True,
    )
    met_by_market = columns.usd(
        "What it became less by prices alone; negative where they made it more.", nullable=True
    )
    house_due_at = columns.instant("The firm's own deadline.", nullable=True)
    legal_due_at = columns.instant("The rule's deadline.", nullable=True)
    extended_until = columns.instant("To when it was extended.", nullable=True)
    extended_by = columns.identifier("Who extended it.", nullable=True)
    action_id = columns.identifier("The act that extended it.", nullable=True)
    consequence = columns.code("What it brings on the account now.", CONSEQUENCES)
    consequence_until = columns.instant("When that ends; null: with the call.", nullable=True)
    cycle = columns.cycle()


class DeskOutcomes(dy.Schema):
    """What became of one act of a person: done, or refused and why."""

    action_id = columns.identifier("The act.", key=True)
    kind = dy.String(description="What was to be done.")
    subject = columns.identifier("What it was to be done to.")
    outcome = columns.code("What became of it.", ACT_OUTCOMES)
    reason = dy.String(nullable=True, description="Why it was refused.")
    decided_at = columns.instant("Grid point at which it counted.")
    cycle = columns.cycle()
