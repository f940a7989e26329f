from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from margin_assets.whatif.orders import MOST_LEGS, Order, OrderError, parse_orders

LEG = "BUY 1 X @ 1"


def test_legs_are_taken_in_order():
    found = parse_orders(
        ["BUY 100 XOM @ 61.20; SELL 0.5 XOM 260116C100 @ 0.05", "SELL 1 A @ B @ 2"]
    )

    assert found == [
        Order("XOM", Decimal(100), Decimal("61.20")),
        Order("XOM 260116C100", Decimal("-0.5"), Decimal("0.05")),
        Order("A @ B", Decimal(-1), Decimal(2)),
    ]
    assert parse_orders([str(order) for order in found]) == found


@pytest.mark.parametrize(
    "text",
    [
        "",
        ";",
        f"{LEG};",
        "HOLD 1 X @ 1",
        "BUY 1 X",
        "BUY -1 X @ 1",
        "BUY 0 X @ 1",
        "BUY 1e5 X @ 1",
        "BUY nan X @ 1",
        "BUY 1.0000001 X @ 1",
        "BUY 1000000001 X @ 1",
        "BUY 1 X @ 0",
        "BUY 1 X @ -1",
        "BUY 1 X @ 10000001",
        "BUY 1 X\n @ 1",
        "BUY \u0661 X @ 1",
        "BUY 1 " + "X" * 33 + " @ 1",
        "BUY 1 " + "X" * 10**6 + " @ 1",
        ";".join([LEG] * (MOST_LEGS + 1)),
    ],
    ids=lambda text: repr(text[:20]),
)
def test_what_is_no_order_is_refused_in_one_line(text: str):
    with pytest.raises(OrderError) as refused:
        parse_orders([text])

    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 200


@given(
    st.text(max_size=60), st.sampled_from(["{}", "BUY {} X @ 1", "BUY 1 {} @ 1", "BUY 1 X @ {}"])
)
def test_whatever_is_written_is_an_order_or_refused(text: str, form: str):
    legs, refusal = read(form.format(text))

    assert not refusal or refusal.isprintable()
    assert bool(legs) != bool(refusal)
    assert all(leg.quantity and leg.price > 0 and leg.symbol.isprintable() for leg in legs)


def read(text: str) -> tuple[list[Order], str]:
    try:
        return parse_orders([text]), ""
    except OrderError as refused:
        return [], str(refused)
