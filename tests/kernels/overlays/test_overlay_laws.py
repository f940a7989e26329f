from decimal import Decimal

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from margin_assets.kernels.numeric.money import CENTS
from margin_assets.kernels.overlays.overlays import house_addons, house_totals
from margin_assets.kernels.rules.overlay_rules import with_enabled
from schemas.house import OVERLAYS, HouseRequirements
from tests.support.overlay_books import (
    RULES,
    Account,
    Position,
    accounts,
    charges,
    option,
    positions,
    smooth,
    spread,
)

STOCKS = st.fixed_dictionaries(
    {
        "value": st.integers(-100_000, 100_000).filter(bool),
        "symbol": st.sampled_from("PQRSTX"),
        "price": st.sampled_from([None, 3, 5, 80]),
        "beta": st.sampled_from([None, -0.5, 0.0, 1.0, 1.7]),
        "volatility": st.sampled_from([None, 0.2, 0.5, 0.9]),
        "expected_range": st.sampled_from([None, 0.1, 0.4, 0.7]),
    }
).map(lambda terms: Position(**terms))
OPTIONS = st.tuples(
    st.integers(-5_000, 5_000),
    st.none() | st.integers(-50_000, 50_000),
    st.sampled_from([-10, -3, 2, 10]),
).map(lambda terms: option(*terms))
BOOKS = st.lists(STOCKS, max_size=6, unique_by=lambda p: p.symbol)
MIXED = st.tuples(BOOKS, st.lists(OPTIONS, max_size=1)).map(lambda parts: [*parts[0], *parts[1]])
OWNERS = st.tuples(st.integers(-10_000, 80_000), st.integers(0, 60_000)).map(
    lambda figures: Account(*figures)
)
ALL = with_enabled(RULES, OVERLAYS)
MIRRORED = with_enabled(RULES, set(OVERLAYS) - {"hard_to_borrow"})


@given(book=MIXED, owner=OWNERS)
@settings(max_examples=60, deadline=None)
def test_no_addon_is_negative_and_house_is_never_below_regulatory(
    book: list[Position], owner: Account
):
    owners = accounts(owner)
    addons = house_addons(positions(book), owners, ALL)
    totals = house_totals(addons, owners).row(0, named=True)

    HouseRequirements.validate(addons.with_columns(cycle=pl.lit(0, pl.Int64)))
    assert (addons["addon"] > 0).all()
    assert totals["house_requirement"] - totals["regulatory_requirement"] == sum(addons["addon"])


@given(book=BOOKS, owner=OWNERS)
@settings(max_examples=60, deadline=None)
def test_a_mirrored_book_is_charged_equally(book: list[Position], owner: Account):
    mirror = [p._replace(value=-Decimal(p.value)) for p in book]

    charged, mirrored = (
        house_addons(positions(held), accounts(owner), MIRRORED) for held in (book, mirror)
    )

    assert mirrored.equals(charged)


@given(book=BOOKS, owner=OWNERS, k=st.integers(2, 50))
@settings(max_examples=60, deadline=None)
def test_a_book_k_times_as_large_is_charged_k_times(book: list[Position], owner: Account, k: int):
    larger = [p._replace(value=p.value * k) for p in book]
    richer = owner._replace(equity=owner.equity * k, requirement=owner.requirement * k)

    once, scaled = (
        house_addons(positions(held), accounts(o), ALL).sort("overlay", "subject")
        for held, o in ((book, owner), (larger, richer))
    )

    assert scaled["subject"].to_list() == once["subject"].to_list()
    # Each line is rounded once, to half a cent.
    apart = [abs(a - k * b) for a, b in zip(scaled["addon"], once["addon"], strict=True)]
    assert all(gap <= Decimal(k) / CENTS * 3 for gap in apart)


@given(books=st.lists(MIXED, min_size=2, max_size=3), owner=OWNERS, seed=st.integers(0, 9))
@settings(max_examples=40, deadline=None)
def test_other_accounts_and_the_order_of_rows_change_nothing(
    books: list[list[Position]], owner: Account, seed: int
):
    names = [f"A{i}" for i in range(len(books))]
    held = [p._replace(account_id=n) for n, book in zip(names, books, strict=True) for p in book]
    owners = accounts(*(owner._replace(account_id=name) for name in names))
    shuffled = positions(held).sample(fraction=1, shuffle=True, seed=seed)

    together = house_addons(shuffled, owners, ALL)

    alone = [
        house_addons(positions(book), accounts(owner), ALL).with_columns(account_id=pl.lit(name))
        for name, book in zip(names, books, strict=True)
    ]
    assert together.equals(pl.concat(alone))


@given(share=st.integers(2_999_000, 6_001_000))
@settings(max_examples=50, deadline=None)
def test_a_cent_more_never_moves_the_smooth_charge_by_more_than_two(share: int):
    def charge(cents: int) -> Decimal:
        held = [Position(Decimal(cents) / CENTS), *spread(70_000)]
        return sum((r[3] for r in charges("concentration", held, rules=smooth())), Decimal(0))

    assert 0 <= charge(share + 1) - charge(share) <= Decimal("0.02")
