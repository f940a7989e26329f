from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from inspect import unwrap

import polars as pl
import pytest

from margin_assets.kernels.overlays.overlays import house_addons, house_totals
from margin_assets.kernels.rules.overlay_rules import overlay_rules, with_enabled
from margin_assets.rulebooks import Rulebook, in_force, versions
from schemas.house import OVERLAYS, HouseRequirements
from tests.support.overlay_books import (
    DAY,
    RULES,
    USD,
    Account,
    Number,
    Position,
    accounts,
    addon,
    charges,
    option,
    positions,
    smooth,
    spread,
)


def test_every_overlay_has_its_source_and_switch():
    numbers = in_force("overlays", versions("overlays")[-1]).numbers

    overlays = {name: n for name, n in numbers.items() if name not in ("source", "scope")}
    assert set(overlays) == {*OVERLAYS, "initial"}
    assert all(n["source"] and n["enabled"] is False for n in overlays.values())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"schedule": "cliff"}, "schedule is cliff", id="no such schedule"),
        pytest.param({"full_at": 0.30}, "full_at is not above", id="a smooth step"),
    ],
)
def test_a_broken_rulebook_is_refused(
    monkeypatch: pytest.MonkeyPatch, change: dict[str, object], message: str
):
    def changed(family: str, on: date) -> Rulebook:
        book = in_force(family, on)
        if family != "overlays":
            return book
        concentration = {**book.numbers["concentration"], **change}
        return replace(book, numbers={**book.numbers, "concentration": concentration})

    monkeypatch.setattr("margin_assets.kernels.rules.overlay_rules.in_force", changed)

    with pytest.raises(ValueError, match=message):
        unwrap(overlay_rules)(DAY)


def test_an_overlay_is_off_in_a_version_from_before_it(monkeypatch: pytest.MonkeyPatch):
    named = (*OVERLAYS, "an_overlay_of_later")
    monkeypatch.setattr("margin_assets.kernels.rules.overlay_rules.OVERLAYS", named)

    assert unwrap(overlay_rules)(DAY).enabled == frozenset()


def test_every_overlay_is_off_by_default():
    assert RULES.enabled == frozenset()
    assert not RULES.initial.is_enabled
    held, owner = [Position(10**6, volatility=None, expected_range=None)], Account(equity=-1)

    addons = house_addons(positions(held), accounts(owner), RULES)
    totals = house_totals(addons, accounts(owner)).row(0, named=True)

    assert addons.height == 0
    assert totals["house_requirement"] == totals["regulatory_requirement"] == 250


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        pytest.param([Position(30_000), *spread(70_000)], [], id="30% exactly is not charged"),
        pytest.param(
            [Position("30000.01"), *spread("70000")],
            [("X", Decimal("30000.01"), Decimal("3000.00"), "concentrated")],
            id="one cent above 30% is charged on all of it",
        ),
        pytest.param(
            [Position(-40_000), *spread(60_000)],
            [("X", Decimal(40_000), Decimal(4_000), "concentrated")],
            id="a short position is charged like a long one",
        ),
        pytest.param(
            [Position(230_000), Position(-200_000, "Y"), *spread(111_000)],
            [
                ("X", Decimal(230_000), Decimal(23_000), "concentrated"),
                ("Y", Decimal(200_000), Decimal(20_000), "concentrated"),
            ],
            id="a hedge makes no share above 100%: the portfolio is gross",
        ),
        pytest.param(
            [option(400, 10_000, 2), *spread(65_000), Position(25_000)],
            [("X", Decimal(35_000), Decimal(3_500), "concentrated")],
            id="an option adds its delta to its issuer",
        ),
        pytest.param(
            [Position(25_000), option(-400, None, -1), *spread(65_000)],
            [("X", Decimal(35_000), Decimal(3_500), "concentrated;delta_missing")],
            id="without a delta an option counts with all its units",
        ),
        pytest.param(
            [option(900, None, 1, price=None), *spread(2_000)],
            [("X", Decimal(900), Decimal(90), "concentrated;delta_missing")],
            id="without a delta and a price it counts with its own value",
        ),
        pytest.param(
            [Position(80_000, asset_class="etf"), *spread(20_000)], [], id="a fund is no issuer"
        ),
        pytest.param(
            [option(4_000, 80_000, 10, issuer_class="broad_index"), *spread(20_000)],
            [],
            id="nor is the index an option is on",
        ),
        pytest.param(
            [option(4_000, 80_000, 10), *spread(20_000)],
            [("X", Decimal(80_000), Decimal(8_000), "concentrated")],
            id="what an option is on is an issuer unless known not to be",
        ),
        pytest.param(
            [Position(80_000, asset_class=None)],
            [("X", Decimal(80_000), Decimal(8_000), "concentrated")],
            id="without an instrument row it is an issuer",
        ),
        pytest.param(
            [Position(31_000), Position(69_000, "UST", asset_class="treasury")],
            [("X", Decimal(31_000), Decimal(3_100), "concentrated")],
            id="the Treasury counts in the portfolio and is nobody's concentration",
        ),
        pytest.param([Position(0)], [], id="nothing held"),
    ],
)
def test_concentration(held: list[Position], expected: list[tuple[str, Decimal, Decimal, str]]):
    rows = charges("concentration", held)

    assert [(s, base, charge, why) for s, base, _, charge, why in rows] == expected
    assert all(rate == 0.10 for _, _, rate, _, _ in rows)


@pytest.mark.parametrize(
    ("share", "charge"),
    [
        pytest.param(30_000, "0", id="at 30% nothing"),
        pytest.param(36_000, "720", id="a fifth of the way, 2%"),
        pytest.param(45_000, "2250", id="half way, 5%"),
        pytest.param(60_000, "6000", id="at 60% the whole rate"),
        pytest.param(90_000, "9000", id="and no more above"),
    ],
)
def test_smooth_concentration(share: int, charge: str):
    rows = charges("concentration", [Position(share), *spread(100_000 - share)], rules=smooth())

    assert sum(row[3] for row in rows) == Decimal(charge)


def test_the_step_jumps_where_the_smooth_schedule_does_not():
    held = [Position("30000.01"), *spread(70_000)]

    assert addon("concentration", held) == 3_000
    assert charges("concentration", held, rules=smooth()) == []


@pytest.mark.parametrize(
    ("held", "base"),
    [
        pytest.param([Position(60_000), option(-500, -50_000, -8)], 0, id="hedged below 30%"),
        pytest.param([Position(60_000), option(-500, -20_000, -8)], 40_000, id="hedged in part"),
        pytest.param([Position(60_000), option(-500, None, -4)], 100_000, id="no delta, no hedge"),
    ],
)
def test_netting_within_an_issuer_is_a_switch(held: list[Position], base: int):
    netted = RULES._replace(concentration=RULES.concentration._replace(net_within_issuer=True))

    rows = charges("concentration", [*held, *spread(60_000)], rules=netted)

    assert sum(row[1] for row in rows) == base


@pytest.mark.parametrize(
    ("position", "rate", "charge", "reason"),
    [
        pytest.param(Position(volatility=0.40), None, 0, "", id="40% exactly is calm"),
        pytest.param(Position(volatility=0.4001), 0.05, 50, "volatile", id="above 40%"),
        pytest.param(Position(volatility=0.60), 0.05, 50, "volatile", id="60% exactly"),
        pytest.param(Position(volatility=0.6001), 0.10, 100, "volatile", id="above 60%"),
        pytest.param(
            Position("0.10", volatility=0.5),
            0.05,
            Decimal("0.01"),
            "volatile",
            id="half a cent goes up",
        ),
        pytest.param(
            Position("0.09", volatility=0.5), None, 0, "", id="under half a cent is no charge"
        ),
        pytest.param(
            Position(-1000, volatility=0.7), 0.10, 100, "volatile", id="a short one the same"
        ),
        pytest.param(
            Position(volatility=None), 0.10, 100, "volatility_missing", id="missing is the highest"
        ),
        pytest.param(
            Position(volatility=float("nan")), 0.10, 100, "volatility_missing", id="so is NaN"
        ),
        pytest.param(
            Position(volatility=None, asset_class="treasury"), None, 0, "", id="not of a Treasury"
        ),
        pytest.param(
            option(-500, -20_000, -4, volatility=0.5),
            0.05,
            1000,
            "volatile",
            id="a written option by its delta",
        ),
        pytest.param(
            option(500, 20_000, 4, volatility=0.5),
            0.05,
            25,
            "volatile",
            id="a long option by no more than its value",
        ),
    ],
)
def test_volatility(position: Position, rate: float | None, charge: Number, reason: str):
    rows = charges("volatility", [position])

    expected = [] if rate is None else [(position.symbol, rate, charge, reason)]
    assert [(s, r, a, why) for s, _, r, a, why in rows] == expected


@pytest.mark.parametrize(
    ("held", "equity", "charge", "reason"),
    [
        pytest.param([Position(200_000)], 100_000, 0, "", id="twice the equity exactly"),
        pytest.param([Position("200000.01")], 100_000, 10_000, "levered", id="one cent above it"),
        pytest.param([Position(-300_000)], 100_000, 15_000, "levered", id="a short book the same"),
        pytest.param(
            [Position(200_000, beta=1.8)], 150_000, 10_000, "levered", id="by beta, not by value"
        ),
        pytest.param(
            [Position(300_000), Position(-200_000, "Y")],
            100_000,
            0,
            "",
            id="a hedge takes beta away",
        ),
        pytest.param(
            [Position(300_000), Position(-50_000, "Y")],
            100_000,
            17_500,
            "levered",
            id="what is levered is charged on both sides",
        ),
        pytest.param(
            [Position(101_000, beta=None)],
            100_000,
            5_050,
            "levered;beta_missing",
            id="no beta counts twice",
        ),
        pytest.param(
            [Position(150_000), Position(-30_000, "Y", beta=None)],
            100_000,
            9_000,
            "levered;beta_missing",
            id="no beta hedges nothing",
        ),
        pytest.param(
            [Position(1_000, beta=0.0)],
            0,
            50,
            "levered;equity_not_positive",
            id="no equity is any leverage",
        ),
        pytest.param(
            [Position(1_000)], None, 50, "levered;equity_not_positive", id="unknown equity is none"
        ),
        pytest.param(
            [option(900, None, 30, beta=0.7)],
            100_000,
            15_000,
            "levered;delta_missing",
            id="an option without a delta, whole",
        ),
        pytest.param(
            [option(900, None, 30, beta=-0.7)],
            100_000,
            15_000,
            "levered;delta_missing",
            id="whatever its beta",
        ),
        pytest.param([], -5, 0, "", id="no position, no leverage"),
    ],
)
def test_beta_leverage(held: list[Position], equity: int | None, charge: int, reason: str):
    rows = charges("beta_leverage", held, Account(equity))

    assert [(s, a, why) for s, _, _, a, why in rows] == ([("", charge, reason)] if charge else [])


@pytest.mark.parametrize(
    ("kind", "charge"),
    [
        pytest.param("cash", 0, id="a cash account is paid in full"),
        pytest.param("reg_t", 100, id="reg_t"),
        pytest.param("portfolio_margin", 100, id="portfolio margin"),
        pytest.param(None, 100, id="an unknown type is charged"),
    ],
)
def test_account_types(kind: str | None, charge: int):
    assert addon("volatility", [Position(volatility=0.9)], Account(kind=kind)) == charge


def test_totals_add_every_overlay_to_the_regulatory_requirement():
    held = [
        Position(40_000, volatility=0.5),
        Position(-20_000, "Y", is_hard_to_borrow=True, borrow_rate=0.1),
        Position(30_000, "X", account_id="B", volatility=0.9),
    ]
    owners = accounts(Account(100_000, 16_000), Account(100_000, 7_500, "B"), Account(5, 0, "C"))

    rules = with_enabled(RULES, ["concentration", "volatility", "hard_to_borrow"])
    totals = house_totals(house_addons(positions(held), owners, rules), owners)

    shown = ("concentration", "volatility", "hard_to_borrow")
    assert totals.select(
        "account_id", *(f"{n}_addon" for n in shown), "house_requirement"
    ).rows() == [
        ("A", 4_000 + 2_000, 2_000, 2_000, 26_000),
        ("B", 3_000, 3_000, 0, 13_500),
        ("C", 0, 0, 0, 0),
    ]
    assert {f"{name}_addon" for name in OVERLAYS} < set(totals.columns)


def test_rows_are_sorted_and_dates_kept_apart():
    held = [Position(9_000, s, account_id=a, volatility=None) for a in "BA" for s in "YX"]
    owners = accounts(Account(account_id="B"), Account(account_id="A"))
    rules = with_enabled(RULES, OVERLAYS)
    dates = [date(2020, 3, 10), date(2020, 3, 9)]

    once = house_addons(positions(held), owners, rules)
    twice = house_addons(_on(positions(held), dates), _on(owners, dates), rules)

    keys = once.select("account_id", "overlay", "subject").rows()
    assert keys == sorted(set(keys))
    assert twice.drop("business_date").equals(pl.concat([once, once]))
    assert twice["business_date"].to_list() == sorted(dates * once.height)


def _on(frame: pl.DataFrame, dates: list[date]) -> pl.DataFrame:
    return pl.concat([frame.with_columns(business_date=pl.lit(day)) for day in dates])


def test_no_rows_in_gives_the_declared_columns_out():
    held, owners = positions([Position()]), accounts(Account())
    rules = with_enabled(RULES, OVERLAYS)

    empty = house_addons(held.clear(), owners.clear(), rules)

    declared = {n: t for n, t in pl.Schema(HouseRequirements).items() if n != "cycle"}
    assert dict(empty.schema) == declared
    assert house_addons(held, owners, RULES).schema == empty.schema
    assert house_totals(empty, owners.clear()).height == 0


def test_absent_optional_columns_are_unknown():
    held = positions([Position(9_000, price=4), option(100, 500, 1)])
    rules = with_enabled(RULES, OVERLAYS)
    owners = accounts(Account())

    assert house_addons(held.drop("issuer_class", "requirement"), owners, rules).equals(
        house_addons(held, owners, rules)
    )


@pytest.mark.parametrize(
    "break_it",
    [
        pytest.param(lambda a: a.clear(), id="an account that is not there"),
        pytest.param(
            lambda a: a.with_columns(regulatory_requirement=pl.lit(None, USD)),
            id="an account without a requirement",
        ),
    ],
)
def test_a_position_needs_its_account(break_it: Callable[[pl.DataFrame], pl.DataFrame]):
    with pytest.raises(ValueError, match="not among the accounts"):
        house_addons(positions([Position()]), break_it(accounts(Account())), RULES)


def test_an_unknown_overlay_is_refused():
    with pytest.raises(ValueError, match="no such overlay: momentum"):
        with_enabled(RULES, ["momentum", "volatility"])
