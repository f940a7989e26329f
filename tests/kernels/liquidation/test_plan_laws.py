"""Laws of a plan's life: nothing is forgotten by who takes over, no two plans are at work."""

from collections.abc import Sequence
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from margin_assets.kernels.liquidation.plan_life import PlanBook
from margin_assets.kernels.liquidation.plan_states import By, Fill
from margin_assets.kernels.liquidation.proposals import order_id, proposal_of
from tests.support.plans import order, proposal, text_of

MICRO = 1_000_000
DAY = 10
PLANS = [
    proposal(order("X", "3"), order("Y", "2", "20"), account=account, cycle=cycle)
    for account in ("A", "B")
    for cycle in (1, 2)
]
Step = tuple[str, int, int, int]
"""What is done, to which plan, by whom or how much, and whether time passes."""
Tables = dict[str, pl.DataFrame]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["propose", "approve", "reject", "send", "fill", "bust", "lapse"]),
        st.integers(0, len(PLANS) - 1),
        st.integers(0, 3),
        st.integers(0, 4),
    ),
    max_size=25,
)


def done(book: PlanBook, step: Step, at: int, filled: dict[str, list[int]]) -> None:
    kind, which, much, _ = step
    name, plan = PLANS[which]
    by = By(["planner", "mary", "john", "ann"][much], f"{at}", "why")
    if kind == "propose":
        asked = proposal_of(name, text_of(plan))
        book.propose(at, (at // DAY + 1) * DAY, by, asked, is_of_liquidation=bool(much % 2))
    elif kind in ("approve", "reject", "send"):
        getattr(book, kind)(at, name, by)
    elif kind == "lapse":
        account = plan["account_id"]
        book.lapse(at, lambda one: "met" if one.terms.account_id == account else None)
    elif kind == "fill" and book.orders(name):
        filled.setdefault(name, []).append(much)
        book.fill(at, [sold(which, 0, much)])
    elif filled.get(name):
        book.fill(at, [sold(which, filled[name].pop(), 0)])


def sold(which: int, before: int, after: int) -> Fill:
    name, plan = PLANS[which]
    versions = [(-MICRO * quantity, 50 * MICRO) for quantity in (before, after)]
    return Fill(order_id(name, "X"), plan["account_id"], "X", *versions)


def walked(steps: Sequence[Step], *, anew: bool = False, lean: bool = False) -> Tables:
    """What steps tell: by one book, by one loaded `anew` for each, or by a `lean` one.

    A lean book knows open plans alone, and before a step is told of the plan that it is about.
    """
    book, at = PlanBook(), 1
    filled: dict[str, list[int]] = {}
    told: dict[str, list[pl.DataFrame]] = {"liquidation_plans": [], "liquidation_orders": []}
    for step in steps:
        at += step[3]
        book.pass_time(at)
        name = PLANS[step[1]][0]
        if lean and name not in book and all(told.values()):
            book.load(*(pl.concat(told[one]).filter(plan_id=name) for one in told))
        done(book, step, at, filled)
        for table, rows in book.take().items():
            told[table].append(rows)
        if lean:
            book.forget()
        if anew and all(told.values()):
            book = PlanBook()
            book.load(*(pl.concat(told[name]) for name in told))
    return {name: pl.concat(rows) for name, rows in told.items() if rows}


def newest(rows: pl.DataFrame, key: str) -> list[dict[str, Any]]:
    return rows.sort(key, "version").unique(key, keep="last", maintain_order=True).to_dicts()


@settings(max_examples=60, deadline=None)
@given(steps=STEPS)
def test_who_takes_over_or_forgets_at_any_place_tells_the_same(steps: list[Step]):
    kept = walked(steps)

    for other in (walked(steps, anew=True), walked(steps, lean=True)):
        assert kept.keys() == other.keys()
        assert all(rows.equals(other[name]) for name, rows in kept.items())


@settings(max_examples=60, deadline=None)
@given(steps=STEPS)
def test_no_account_has_two_plans_at_work_and_no_order_leaves_unapproved(steps: list[Step]):
    told = walked(steps)
    if not told:
        return
    plans = told["liquidation_plans"]
    for number in range(1, plans.height + 1):
        live = [row for row in newest(plans[:number], "plan_id") if row["is_live"]]
        assert len({row["account_id"] for row in live}) == len(live)
    for life in plans.partition_by("plan_id"):
        states = life["state"].to_list()
        assert states[0] == "proposed"
        assert life["version"].to_list() == list(range(1, life.height + 1))
        if "sent" in states:
            assert "approved" in states[: states.index("sent")]
        ended = [state in ("cancelled", "recalled", "rejected") for state in states]
        assert not any(life.filter(pl.Series(ended))["is_live"])
        approver = life.filter(state="approved")["actor"].drop_nulls().to_list()
        assert life["proposed_by"][0] not in approver
        assert "planner" not in approver
