"""The life of liquidation plans, worked by hand."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from margin_assets.kernels.liquidation.plan_life import PlanBook
from margin_assets.kernels.liquidation.plan_states import By, Fill
from margin_assets.kernels.liquidation.proposals import Unreadable, order_id, proposal_of
from tests.support.plans import order, proposal, text_of

MICRO = 1_000_000
END = 1_000
BOT, MARY, JOHN = By("planner", "a"), By("mary", "b"), By("john", "c", "too dear")


def instant(micros: int) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=micros)


class Told:
    """A book, and all versions that it made."""

    def __init__(self) -> None:
        self.book = PlanBook()
        self.tables: dict[str, pl.DataFrame] = {}

    def rows(self, table: str, *columns: str) -> list[tuple[Any, ...]]:
        for name, frame in self.book.take().items():
            held = self.tables.get(name)
            self.tables[name] = frame if held is None else pl.concat([held, frame])
        return self.tables[table].select(columns).rows() if table in self.tables else []

    def states(self) -> list[tuple[str, bool]]:
        return self.rows("liquidation_plans", "state", "is_live")

    def orders(self) -> list[tuple[str, str, Decimal]]:
        return self.rows("liquidation_orders", "symbol", "state", "filled_quantity")

    def reload(self) -> None:
        self.rows("liquidation_plans")
        self.book = PlanBook()
        self.book.load(self.tables["liquidation_plans"], self.tables["liquidation_orders"])


def proposed(*orders: dict[str, Any], by: By = BOT, account: str = "A") -> tuple[Told, str]:
    told = Told()
    name, plan = proposal(*orders, account=account)
    asked = proposal_of(name, text_of(plan))
    assert told.book.propose(10, END, by, asked, is_of_liquidation=True) is None
    return told, name


def sold(
    plan: str, quantity: int, price: str, before: tuple[int, str] = (0, "0"), symbol: str = "X"
) -> Fill:
    versions = [(-MICRO * q, int(Decimal(p) * MICRO)) for q, p in (before, (quantity, price))]
    return Fill(order_id(plan, symbol), "A", symbol, *versions)


def test_a_plan_is_proposed_approved_sent_and_filled():
    told, plan = proposed(order("X", "300"), order("Y", "10", "20"))
    assert told.book.approve(20, plan, MARY) is None
    assert told.book.send(30, plan, BOT) is None
    told.book.fill(40, [sold(plan, 100, "50"), sold(plan, 10, "20", symbol="Y")])
    told.book.fill(50, [sold(plan, 200, "50")])

    assert told.states() == [
        ("proposed", True),
        ("approved", True),
        ("sent", True),
        ("part_filled", True),
        ("filled", False),
    ]
    assert told.orders()[-3:] == [
        ("X", "part_filled", Decimal(100)),
        ("Y", "filled", Decimal(10)),
        ("X", "filled", Decimal(300)),
    ]
    who = told.rows("liquidation_plans", "actor", "changed_at")
    assert [actor for actor, _ in who] == ["planner", "mary", "planner", None, None]


@pytest.mark.parametrize(
    ("fills", "state", "filled", "average"),
    [
        pytest.param([(300, "50")], "filled", "300", "50", id="whole at plan price"),
        pytest.param([(100, "50")], "part_filled", "100", "50", id="partial"),
        pytest.param([(100, "49"), (200, "50.5")], "filled", "300", "50", id="on the mean"),
        pytest.param([(300, "49.01")], "other_price", "300", "49.01", id="another price"),
        pytest.param([(301, "50")], "overfilled", "301", "50", id="more than was asked"),
        pytest.param([(2, "50"), (1, "51")], "part_filled", "3", "50.333333", id="rounded mean"),
    ],
)
def test_fills_of_an_order_are_told_beside_its_price(
    fills: list[tuple[int, str]], state: str, filled: str, average: str
):
    told, plan = proposed()
    told.book.approve(20, plan, MARY)
    told.book.fill(40, [sold(plan, *fill) for fill in fills])

    last = told.rows("liquidation_orders", "state", "filled_quantity", "average_price")[-1]
    assert last == (state, Decimal(filled), Decimal(average))


def test_a_bust_and_a_correction_move_an_order_back():
    told, plan = proposed()
    told.book.approve(20, plan, MARY)
    told.book.send(30, plan, BOT)
    told.book.fill(40, [sold(plan, 300, "50")])
    told.book.fill(50, [sold(plan, 100, "51", before=(300, "50"))])
    told.reload()
    told.book.fill(60, [sold(plan, 0, "0", before=(100, "51"))])

    assert told.states()[-3:] == [("filled", False), ("part_filled", True), ("sent", True)]
    values = told.rows("liquidation_orders", "state", "filled_quantity", "filled_value")[-3:]
    assert values == [
        ("filled", Decimal(300), Decimal(15000)),
        ("part_filled", Decimal(100), Decimal(5100)),
        ("sent", Decimal(0), Decimal(0)),
    ]


@pytest.mark.parametrize(
    "fill",
    [
        Fill("0" * 32, "A", "X", (0, 0), (-MICRO, MICRO)),
        Fill("", "B", "X", (0, 0), (-MICRO, MICRO)),
        Fill("", "A", "Y", (0, 0), (-MICRO, MICRO)),
        Fill("", "A", "X", (0, 0), (MICRO, MICRO)),
    ],
    ids=["no order", "of another account", "of another symbol", "on the other side"],
)
def test_a_fill_that_is_not_the_orders_counts_for_none(fill: Fill):
    told, plan = proposed()
    told.book.approve(20, plan, MARY)
    told.book.fill(40, [fill._replace(order_id=fill.order_id or order_id(plan, "X"))])

    assert [state for _, state, _ in told.orders()] == ["proposed", "approved"]


def test_a_day_that_ends_ends_its_plans():
    unsent, _ = proposed()
    unsent.book.pass_time(END - 1)
    unsent.book.pass_time(END)
    assert unsent.states() == [("proposed", True), ("cancelled", False)]

    sent, plan = proposed(order("X", "300"), order("Y", "10", "20"))
    sent.book.approve(20, plan, MARY)
    sent.book.send(30, plan, BOT)
    sent.book.fill(40, [sold(plan, 100, "50")])
    sent.book.pass_time(END + 5)
    sent.reload()
    assert sent.states()[-1] == ("part_filled", False)
    assert sent.orders()[-1] == ("Y", "none_filled", Decimal(0))
    # What lands of it the day after is told, and it is not at work again.
    sent.book.fill(END + 9, [sold(plan, 0, "0", before=(100, "50"))])
    assert sent.states()[-1] == ("none_filled", False)


def test_one_plan_an_account_is_live():
    told, plan = proposed()
    other, content = proposal(cycle=3)
    asked = proposal_of(other, text_of(content))
    again = told.book.propose(20, END, BOT, asked, is_of_liquidation=True)
    assert again == f"plan {plan} of the account is at work"

    told.book.reject(30, plan, JOHN)
    assert told.book.propose(40, END, BOT, asked, is_of_liquidation=True) is None
    repeated = proposal_of(plan, text_of(proposal()[1]))
    why = told.book.propose(50, END, BOT, repeated, is_of_liquidation=True)
    assert why == "the plan has been proposed before"


def test_a_bust_leaves_a_plan_over_while_another_is_live():
    told, plan = proposed()
    told.book.approve(20, plan, MARY)
    told.book.fill(40, [sold(plan, 300, "50")])
    other, content = proposal(cycle=3)
    asked = proposal_of(other, text_of(content))
    assert told.book.propose(50, END, BOT, asked, is_of_liquidation=True) is None
    told.book.fill(60, [sold(plan, 1, "50", before=(300, "50"))])

    assert told.states()[-1] == ("part_filled", False)
    assert told.book.approve(70, other, MARY) is None


def test_a_plan_that_is_not_sent_is_cancelled_with_what_it_answers():
    told, plan = proposed()
    told.book.approve(20, plan, MARY)
    told.book.lapse(30, lambda _: None)
    told.book.lapse(40, lambda _: "met")

    assert told.states() == [("proposed", True), ("approved", True), ("cancelled", False)]
    assert told.rows("liquidation_plans", "reason")[-1] == ("met",)
    assert told.orders()[-1] == ("X", "cancelled", Decimal(0))


def recalled() -> tuple[Told, str]:
    """A plan that is recalled while 200 X and 10 Y are out."""
    told, plan = proposed(order("X", "300"), order("Y", "10.5", "20"), order("Z", "1", "1"))
    told.book.approve(20, plan, MARY)
    told.book.send(25, plan, BOT)
    told.book.fill(26, [sold(plan, 100, "50"), sold(plan, 1, "1", symbol="Z")])
    told.book.lapse(30, lambda _: "met")
    return told, plan


@pytest.mark.parametrize("anew", [False, True])
def test_orders_that_are_out_are_recalled_by_name_and_their_fills_count(anew: bool):
    told, plan = recalled()
    if anew:
        told.reload()
    told.book.fill(40, [sold(plan, 200, "51")])

    last = told.rows("liquidation_plans", "state", "is_live", "reason", "sent_at")[-1]
    assert last == ("recalled", False, "met; out are sell 200 X, sell 10.5 Y", instant(25))
    assert told.orders()[-2:] == [
        ("Y", "recalled", Decimal(0)),
        ("X", "other_price", Decimal(300)),
    ]


def test_only_the_first_orders_of_many_are_named():
    told, plan = proposed(*(order(f"S{n}", "1") for n in range(8)))
    told.book.approve(20, plan, MARY)
    told.book.send(25, plan, BOT)
    told.book.lapse(30, lambda _: "met")

    ((reason,),) = told.rows("liquidation_plans", "reason")[-1:]
    assert reason == "met; out are sell 1 S0, sell 1 S1, sell 1 S2, sell 1 S3, sell 1 S4, 3 more"


def test_orders_that_left_before_it_was_known_are_recalled():
    told, plan = proposed()
    told.book.approve(20, plan, MARY)
    told.book.lapse(30, lambda _: "met")
    told.reload()

    assert told.book.send(40, plan, BOT) is None
    assert told.states()[-2:] == [("cancelled", False), ("recalled", False)]
    assert told.rows("liquidation_plans", "reason", "actor")[-1] == (
        "they left before it was cancelled; out are sell 300 X",
        "planner",
    )
    assert told.book.send(50, plan, BOT) == "the plan is recalled and over, not approved"


def test_a_plan_from_before_there_were_recalls_goes_on():
    told, plan = proposed()
    told.book.has_recalls = False
    told.book.approve(20, plan, MARY)
    told.book.send(25, plan, BOT)
    told.book.lapse(30, lambda _: "met")
    assert told.states()[-1] == ("sent", True)


def test_a_plan_that_is_over_is_forgotten():
    told, plan = recalled()
    told.book.forget()
    assert plan not in told.book
    assert not told.book.knows_order(order_id(plan, "X"))


@pytest.mark.parametrize(
    ("proposer", "approver", "why"),
    [
        (BOT, MARY, None),
        (MARY, By("john", "x"), None),
        (MARY, By("Mary", "x"), "Mary proposed it: another approves"),
        (By("Mary", "b"), By("mary", "x"), "mary proposed it: another approves"),
        (BOT, BOT, "a person approves, not the planner"),
        (MARY, By("PLANNER", "x"), "a person approves, not the planner"),
    ],
)
def test_another_person_approves(proposer: By, approver: By, why: str | None):
    told, plan = proposed(by=proposer)
    assert told.book.approve(20, plan, approver) == why


def test_acts_at_the_wrong_time_are_refused():
    told, plan = proposed()
    assert told.book.send(15, plan, BOT) == "the plan is proposed, not approved"
    assert told.book.reject(16, plan, MARY) == "a rejection gives a reason"
    assert told.book.approve(17, "0" * 32, MARY) == "no plan has this id"
    told.book.reject(20, plan, JOHN)
    assert told.book.approve(21, plan, MARY) == "the plan is rejected and over, not proposed"
    assert told.book.reject(22, plan, JOHN).startswith("the plan is rejected and over")
    assert told.states() == [("proposed", True), ("rejected", False)]


def changed(**terms: object) -> tuple[str, str]:
    name, plan = proposal()
    return name, text_of(plan | terms)


def of_order(**terms: object) -> tuple[str, str]:
    plan = proposal()[1]
    return changed(orders=[plan["orders"][0] | terms])


def of_orders(*orders: dict[str, Any]) -> tuple[str, str]:
    name, plan = proposal(*orders)
    return name, text_of(plan)


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (of_orders(order("X", "1"), order("X", "2")), "a symbol is ordered twice"),
        (of_orders(order("Y", "1"), order("X", "2")), "orders are not sorted"),
        (("a" * 32, None), "no JSON"),
        (("a" * 32, "{"), "no JSON"),
        (("a" * 32, "[" * 90_000), "no JSON"),
        (("a" * 32, "1" * 90_000), "no JSON"),
        (("a" * 32, '{"policy": NaN}'), "no JSON"),
        (("a" * 32, "[]"), "no JSON object"),
        (("a" * 32, "{}"), "account_id is no printable text"),
        (changed(account_id="\ud800"), "account_id is no printable text"),
        (changed(account_id="B"), "its id is not that of its content"),
        (changed(planned_from=True), "planned_from is no cycle"),
        (changed(planned_from=-1), "planned_from is no cycle"),
        (changed(policy=["least_cost"]), "policy is not one of"),
        (changed(proof="trust me"), "proof is not one of"),
        (changed(cost="NaN"), "cost is no decimal"),
        (changed(cost=12.5), "cost is no decimal"),
        (changed(cost="1e9"), "cost is no decimal"),
        (changed(cost="9" * 40), "cost is no decimal"),
        (changed(cost="-1.00"), "cost is out of range"),
        (changed(cost="0.001"), "cost has too many digits"),
        (changed(orders=[]), "orders are no list"),
        (changed(orders={"X": 1}), "orders are no list"),
        (changed(orders=["X"]), "orders are no list"),
        (of_order(quantity="0"), "quantity is out of range"),
        (of_order(quantity="1000000001"), "quantity is out of range"),
        (of_order(symbol="a" * 33), "symbol is no printable text"),
        (of_order(order_id="a" * 32), "an order's id is not"),
        (of_order(side="hold"), "side is not one of"),
        (of_order(quantity="301"), "its id is not that of its content"),
    ],
)
def test_details_that_are_no_plan_are_refused(asked: tuple[str, str | None], why: str):
    with pytest.raises(Unreadable, match=why):
        proposal_of(*asked)
