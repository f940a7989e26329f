"""Orders of least cost that cure an account, struck again by the ordinary kernels of margin.

Only what reduces a position is ordered, at its mark. It knows accounts, marks and the rulebook
`liquidation`; who approves a plan, and how its orders leave, is told elsewhere. Source: the house.

Others use:
    plan: Plan, Request, liquidation_plan
    plan_life: PlanBook
    plan_states: By, Fill, NO_PLAN, Order, PLANNER, Plan
    policy: liquidation_policy
    proposals: OUR_ID, Proposal, ProposedOrder, Unreadable, order_id, plan_id, proposal_of
"""
