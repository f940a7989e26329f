from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.support.liquidation_books import (
    Json,
    book,
    excess,
    filled,
    option,
    plan,
    proper_subsets,
    short_of,
    stock,
)

TERMS = st.fixed_dictionaries(
    {
        "price": st.sampled_from([4, 20, 55.5, 100, 336]),
        "beta": st.sampled_from([-0.3, 0.5, 1, 1.7]),
        "volatility_annual": st.sampled_from([0.2, 0.9]),
        "adv": st.sampled_from([1_000, 20_000, 1_000_000]),
        "marginable": st.sampled_from([True, True, True, False]),
    }
)
SIZES = st.sampled_from([-250, -3, 3, 10, 100, 250, 700])
CONTRACTS = st.sampled_from([-3, -2, -1, 1, 2, 3])
STRIKES = st.sampled_from([("C", 1.05), ("C", 1.1), ("P", 0.95), ("P", 0.9), ("C", 0.95)])
PARTS = st.sampled_from([0.02, 0.1, 0.3, 0.6, 0.9])


@st.composite
def books(draw: Any, *, options: int, overlays: tuple[str, ...] = ()) -> Json:
    names = ["X", "Y", "Z"][: draw(st.integers(1, 3))]
    instruments = {name: draw(TERMS) for name in names}
    positions = [stock(name, draw(SIZES)) for name in names if draw(st.booleans())]
    for name in names:
        price = instruments[name]["price"]
        for right, part in draw(st.lists(STRIKES, max_size=options, unique=True)):
            strike = round(price * part, 1)
            inside = max(0, price - strike if right == "C" else strike - price)
            quote = round(inside + price * 0.02, 2)
            positions.append(option(f"{right}{strike}", draw(CONTRACTS), quote, name))
    assume(positions)
    kind = "portfolio_margin" if draw(st.booleans()) else "reg_t"
    whole = book(positions, instruments, account_type=kind)
    chosen = {"options": {"house_overlays": [*overlays]}} if overlays else {}
    return short_of(whole | chosen, draw(PARTS))


HOUSE = ("concentration", "low_price")
KINDS = [
    pytest.param(books(options=0), 10, id="stock"),
    pytest.param(books(options=3), 10, id="stock and options"),
    pytest.param(books(options=0, overlays=HOUSE), 4, id="house overlays"),
]


@pytest.mark.parametrize(("kind", "examples"), KINDS)
def test_plans_cure_by_as_little_as_they_can(kind: st.SearchStrategy[Json], examples: int) -> None:
    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))
    @given(document=kind)
    def holds(document: Json) -> None:
        found = plan(document)
        after = excess(filled(document, found["orders"]))
        assert after == found["after"]["excess"]
        if found["status"] == "cannot_cure":
            assert after < found["target"]
            return
        assert after >= found["target"]
        for some in proper_subsets(found["orders"]):
            assert excess(filled(document, some)) < found["target"]
        assert found["lower_bound"] <= found["cost"]
        by_beta = plan(document, policy="highest_beta")
        if by_beta["status"] == "cured":
            assert found["cost"] <= by_beta["cost"]
            assert found["lower_bound"] <= by_beta["cost"]

    holds()
