"""What is kept of the firm and summed again where accounts changed is the firm summed anew."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from margin_assets.kernels.firm_risk import kept
from margin_assets.kernels.firm_risk.concentrations import Terms
from margin_assets.kernels.firm_risk.exact_parts import Summed
from margin_assets.kernels.firm_risk.kept import Kept
from margin_assets.kernels.firm_risk.price_moves import price_scenarios, spy_scenarios
from margin_assets.kernels.firm_risk.view import FirmView, firm_view
from margin_assets.kernels.margin.margined import margined
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.rules.firm_rules import firm_rules
from tests.support.portfolios import DAY, RULES, Holding, Owner, Term, fund, portfolio

TERMS = [
    Term("X", 100, beta=1.5, group="G"),
    Term("Y", 40, beta=None, group="G"),
    fund(3)._replace(symbol="Z"),
]
ALL = Owner("0", "reg_t", 0, [Holding(term.symbol, 1) for term in TERMS])
Drawn = list[tuple[str, int, list[int]]]
account = st.tuples(
    st.sampled_from(["cash", "reg_t", "portfolio_margin"]),
    st.integers(-30_000, 30_000),
    st.lists(st.integers(-300, 300), min_size=3, max_size=3),
)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "BLOCK", 2)


def viewed(drawn: Drawn, terms: list[Term], known: Kept | None = None) -> FirmView:
    owners = [
        Owner(f"A{n}", kind, cash, [Holding(t.symbol, q) for t, q in zip(TERMS, held, strict=True)])
        for n, (kind, cash, held) in enumerate(drawn)
    ]
    (era,) = margined(*portfolio([ALL, *owners], terms))
    firm, names = firm_rules(DAY), [term.symbol for term in TERMS]
    assert firm is not None
    struck = (
        spy_scenarios(era.series, era.scanned, RULES),
        price_scenarios(era.series, RULES, firm),
    )
    volume = np.full(len(names), 10**9, dtype=np.int64)
    about = firm, Terms(names, ["G", "H", "I"], era.series.multiplier, volume)
    return firm_view(era.governed.figures, era.book, struck, about, known)


def leaves(of: Any) -> Iterator[Any]:
    if isinstance(of, dict):
        of = tuple(of.values())
    if isinstance(of, tuple | list):
        for one in of:
            yield from leaves(one)
    else:
        yield of.tolist() if isinstance(of, np.ndarray) else of


@settings(max_examples=25, deadline=None)
@given(
    st.lists(account, min_size=3, max_size=5),
    st.lists(st.tuples(st.integers(0, 2), account, st.booleans()), min_size=1, max_size=3),
)
def test_a_firm_told_of_changes_is_the_firm_seen_anew(
    drawn: Drawn, changes: list[tuple[int, Any, bool]]
):
    known, terms = Kept(), TERMS
    viewed(drawn, terms, known)
    for place, other, has_price_moved in changes:
        drawn = [*drawn[:place], other, *drawn[place + 1 :]]
        if has_price_moved:
            terms = [terms[0]._replace(price=int(terms[0].price or 0) + 1), *terms[1:]]
        is_changed = np.arange(len(drawn) + 1) == place + 1
        known.note(np.ones_like(is_changed) if has_price_moved else is_changed)

        found = viewed(drawn, terms, known)

        assert repr([*leaves(found)]) == repr([*leaves(viewed(drawn, terms))])


def test_only_blocks_with_changes_are_summed_again():
    amounts, asked = np.arange(5, dtype=np.int64), []

    def summed(some: Int64Array) -> Summed:
        asked.append(some.tolist())
        return (amounts[some].sum(keepdims=True),), float(amounts[some].sum())

    known = Kept()
    known.part("all").sums(5, summed)
    amounts[3] = 40
    asked.clear()
    known.note(np.arange(5) == 3)

    (total,) = known.part("all").sums(5, summed)

    assert (total.item(), asked) == (47, [[2, 3]])


def test_what_all_accounts_share_is_compared_by_what_it_holds():
    known, price = Kept(), np.array([1.0, np.nan])
    first = known.part("all", (price, "A"))

    assert known.part("all", (price.copy(), "A")) is first
    price[0] = 2
    assert known.part("all", (price, "A")) is not first
