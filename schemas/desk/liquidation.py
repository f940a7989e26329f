"""Tables of liquidation plans: what was proposed, who decided, and what came of the orders."""

import dataframely as dy

from schemas import columns

POLICIES = ("least_cost", "highest_beta")
PROOFS = ("linear_relaxation", "branch_and_bound", "not_proven")
SIDES = ("sell", "buy")
PLAN_STATES = (
    "proposed",
    "approved",
    "rejected",
    "cancelled",
    "recalled",
    "sent",
    "part_filled",
    "filled",
    "none_filled",
)
ORDER_STATES = (*PLAN_STATES, "other_price", "overfilled")


def _hash(description: str, *, key: bool = False) -> dy.String:
    return dy.String(primary_key=key, regex="^[0-9a-f]{32}$", description=description)


def _version() -> dy.Int64:
    return dy.Int64(primary_key=True, min=1, description="1 where it is proposed, then on.")


class LiquidationPlans(dy.Schema):
    """One version of one liquidation plan's life: where it stands, and who brought it there."""

    plan_id = _hash("Hash of account, cycle planned from, policy and orders.", key=True)
    version = _version()
    account_id = columns.account_id()
    state = columns.code("Where the plan stands from here on.", PLAN_STATES)
    is_live = dy.Bool(description="Whether it is at work: one plan an account is, at a time.")
    answers = columns.identifier("The decision or the call that it answers.", nullable=True)
    is_of_liquidation = dy.Bool(
        description="Whether the liquidation was triggered when it was proposed: it ends with "
        "that, else with the call that it answers."
    )
    planned_from = dy.Int64(min=0, description="Cycle whose snapshot it was planned from.")
    policy = columns.code("By what its orders were chosen.", POLICIES)
    buffer = dy.Decimal(
        38,
        6,
        min=0,
        description="Excess to be left, as a part of the deficiency.",
        metadata={"unit": "1"},
    )
    deficiency = columns.usd("What was missing when it was planned.", least=0)
    target_excess = columns.usd("Excess to be reached.")
    expected_excess = columns.usd("Excess after its orders at plan prices, costs not counted.")
    cost = columns.usd("Expected cost of its orders.", least=0)
    cost_lower_bound = columns.usd(
        "No orders that cure cost less; null where none is known to.", nullable=True, least=0
    )
    proof = columns.code("How the bound was found.", PROOFS)
    proposed_at = columns.instant("When it was proposed.")
    proposed_by = columns.identifier("Who proposed it; the desk's agent is `planner`.")
    ends_at = columns.instant("End of its business day: what is not filled by then ends.")
    sent_at = columns.instant("When its orders left.", nullable=True)
    changed_at = columns.instant("When this version began.")
    actor = columns.identifier("Who made this version; null: the market or time.", nullable=True)
    action_id = columns.identifier("By which act; null: by none.", nullable=True)
    reason = dy.String(nullable=True, description="Why, for a person.")
    cycle = columns.cycle()


class LiquidationOrders(dy.Schema):
    """One version of one order of a plan: what was asked, and what its fills came to."""

    order_id = _hash("Hash of plan and symbol: what fills name.", key=True)
    version = _version()
    plan_id = _hash("The plan.")
    account_id = columns.account_id()
    symbol = columns.symbol("Instrument.")
    side = columns.code("Sells a long position, or buys in a short one.", SIDES)
    quantity = dy.Decimal(
        38,
        6,
        min_exclusive=0,
        description="Shares, contracts or units of a bond.",
        metadata={"unit": "1"},
    )
    price = columns.mark("Mark that the plan fills it at.")
    expected_cost = columns.usd("Expected cost.", least=0)
    filled_quantity = dy.Decimal(
        38,
        6,
        min=0,
        description="Of its fills as they stand, corrections taken.",
        metadata={"unit": "1"},
    )
    filled_value = dy.Decimal(
        38,
        12,
        min=0,
        description="Quantity times price of these fills, exact, a contract as one unit.",
        metadata={"unit": "USD"},
    )
    average_price = columns.mark("Value over quantity; null where nothing is filled.")
    state = columns.code(
        "Where it stands from here on: at its day's end `none_filled`, `part_filled`, or whole, at "
        "plan price, at another, or beyond what was asked.",
        ORDER_STATES,
    )
    changed_at = columns.instant("When this version began.")
    cycle = columns.cycle()


class OrderFills(dy.Schema):
    """One landed fill that names an order of a liquidation plan."""

    fill_id = columns.identifier("The fill.", key=True)
    order_id = _hash("The order that it names; whether there is one, the orders say.")
    cycle = columns.cycle()
