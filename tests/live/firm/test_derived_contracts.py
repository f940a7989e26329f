"""Contracts on what was acted on, of which nobody tells what they deliver: no requirement moves."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from margin_assets.cli.account import view
from margin_assets.cli.account.story import story
from margin_assets.desk.account_document import account_document
from margin_assets.lake.ledger.moment import sealed_moment
from margin_assets.lake.ledger.sealed import SealedTables
from margin_assets.live.past.replay import replay
from margin_assets.whatif import answer
from tests.support.live_driver import (
    Firm,
    Row,
    account,
    assert_a_process_takes_over,
    beta,
    cash,
    fill,
    instrument,
    price,
    text,
)
from tests.support.option_books import assert_history_agrees, option, rate

FRIDAY = datetime(2014, 6, 6, 19, tzinfo=UTC)
OPENING = datetime(2014, 6, 9, 13, 30, tzinfo=UTC)
CALL, HIGHER, PUT = "X 140719C645", "X 140719C700", "X 140719P600"
USD = {"X": "645.54", CALL: "18.9", HIGHER: "3.15", PUT: "4.2"}
HELD = {
    "COVERED": ("reg_t", {"X": 100, CALL: -1}),
    "NAKED": ("reg_t", {CALL: -1, PUT: -2}),
    "VERTICAL": ("reg_t", {CALL: -1, HIGHER: 1}),
    "PORTFOLIO": ("portfolio_margin", {"X": 100, CALL: -2, PUT: 1}),
}
FIGURES = (
    "equity",
    "net_liquidation",
    "reg_t_requirement",
    "portfolio_margin_requirement",
    "house_requirement",
)


def action(kind: str, units: str, per: str, **more: object) -> Row:
    ratio = {"new_units": Decimal(units), "per_units": Decimal(per)}
    named = {"action_id": "S", "symbol": "X", "kind": kind, "effective_on": "2014-06-09"}
    return named | ratio | more | {"event_time": text(FRIDAY)}


SEVEN = action("split", "7", "1")


def begun(folder: Path) -> Firm:
    """The firm on the Friday."""
    firm = Firm(folder)
    firm.run(
        accounts=[account(name, kind, FRIDAY) for name, (kind, _) in HELD.items()],
        instruments=[
            instrument("X", FRIDAY),
            *(option(name, FRIDAY) for name in (CALL, HIGHER, PUT)),
        ],
        cash_movements=[cash(f"m{name}", name, "250000", FRIDAY) for name in HELD],
        betas=[beta("X", "1.2", "2014-06-02")],
        rates=[rate("0.001", FRIDAY)],
        prices=[price(name, usd, FRIDAY) for name, usd in USD.items()],
        fills=[
            fill(f"{name}{symbol}", str(n), USD[symbol], FRIDAY, account_id=name, symbol=symbol)
            for name, (_, held) in HELD.items()
            for symbol, n in held.items()
        ],
    )
    return firm


def monday(firm: Firm, minutes: float = 1, **feeds: list[Row]) -> None:
    when = OPENING + timedelta(minutes=minutes)
    firm.run(**({"prices": [price("OTHER", "1", when)]} | feeds))


def figures(firm: Firm) -> dict[str, tuple[Decimal, ...]]:
    rows = firm.table("margin_summary").select("account_id", *FIGURES).rows()
    return {name: tuple(numbers) for name, *numbers in rows}


def assert_same_but_for_rounding(found: dict, before: dict, cents: int = 2) -> None:
    for name, numbers in before.items():
        for figure, then, now in zip(FIGURES, numbers, found[name], strict=True):
            assert abs(now - then) <= Decimal(cents) / 100, (name, figure, then, now)


@pytest.fixture(scope="module")
def friday(tmp_path_factory: pytest.TempPathFactory) -> Firm:
    return begun(tmp_path_factory.mktemp("friday"))


@pytest.fixture(scope="module")
def unsplit(friday: Firm, tmp_path_factory: pytest.TempPathFactory) -> dict:
    """What it comes to on the Monday without an action."""
    firm = friday.copied(tmp_path_factory.mktemp("unsplit"))
    monday(firm)
    return figures(firm)


@pytest.fixture(scope="module")
def split(friday: Firm, tmp_path_factory: pytest.TempPathFactory) -> Firm:
    """Seven for one, over the weekend; the week after at a seventh of the price."""
    firm = friday.copied(tmp_path_factory.mktemp("split"))
    monday(firm, corporate_actions=[SEVEN])
    return firm


def strategies(firm: Firm) -> set[tuple[str, str]]:
    return set(firm.table("reg_t_requirements").select("account_id", "strategy").iter_rows())


def test_no_requirement_moves_by_a_split(
    friday: Firm, split: Firm, unsplit: dict, tmp_path: Path
) -> None:
    firm = split.copied(tmp_path)
    assert firm.position("X", "COVERED")[0] == 700
    assert firm.position(CALL, "COVERED")[0] == -1
    assert_same_but_for_rounding(figures(firm), unsplit)
    assert strategies(firm) == strategies(friday)

    monday(firm, 2, prices=[price("X", "92.22", OPENING + timedelta(minutes=2))])

    assert_same_but_for_rounding(figures(firm), unsplit)
    assert firm.table("enforcement_decisions").is_empty()
    assert firm.table("margin_calls").is_empty()


def test_tables_keep_the_listed_terms(split: Firm) -> None:
    row = split.table("positions").filter(symbol=CALL, account_id="NAKED").row(0, named=True)

    assert (row["strike"], row["multiplier"]) == (645, 100)
    assert (row["market_value"], row["underlying_price"]) == (-1890, Decimal("92.22"))


def test_live_history_replay_and_a_new_process_agree(split: Firm, tmp_path: Path) -> None:
    firm = split.copied(tmp_path)
    assert_history_agrees(firm)
    assert replay(firm.lake).difference is None
    assert_a_process_takes_over(firm)

    monday(firm, 2, prices=[price("X", "95", OPENING + timedelta(minutes=2))])
    monday(split, 2, prices=[price("X", "95", OPENING + timedelta(minutes=2))])
    assert figures(firm) == figures(split)


def test_an_action_that_lands_late_ends_as_in_time(
    friday: Firm, split: Firm, unsplit: dict, tmp_path: Path
) -> None:
    firm = friday.copied(tmp_path)
    monday(firm, -1)
    monday(firm, 1)
    firm.run(corporate_actions=[SEVEN])

    assert_same_but_for_rounding(figures(firm), unsplit)
    assert strategies(firm) == strategies(split)
    assert_a_process_takes_over(firm)


def test_documents_and_explain_say_what_is_delivered(
    split: Firm, capsys: pytest.CaptureFixture[str]
) -> None:
    sealed = split.session.ledger.last_sealed()
    tables = SealedTables(split.lake, sealed)
    for name, (kind, _) in HELD.items():
        found = answer(account_document(tables, name))
        part = "requirement" if kind == "portfolio_margin" else "maintenance_requirement"
        (row,) = split.table("margin_summary").filter(account_id=name).to_dicts()
        assert found[kind][part] == float(row[f"{kind}_requirement"])

    told = story(sealed_moment(split.lake, sealed), "NAKED")
    call = next(row["adjustment"] for row in told["marks"] if row["symbol"] == CALL)
    assert (call["deliverable"], call["action_id"]) == ("700 X", "S")
    assert str(call["effective_on"]) == "2014-06-09"
    assert call["path"].startswith("corporate_actions/")
    view.show(told)
    shown = rf"{CALL} +2014-06-09 +700 X .* S +{call['path']}:{call['file_row']} "
    assert re.search(shown, capsys.readouterr().out)
    held = tables.delivered_positions(pl.col("symbol") == CALL)
    assert set(held["delivered"]) == {700}


def test_a_covered_call_stays_covered_under_a_new_name(friday: Firm, tmp_path: Path) -> None:
    firm = friday.copied(tmp_path)
    renamed = action("symbol_change", "1", "1", to_symbol="Y")
    firm.run(instruments=[instrument("Y", FRIDAY)], corporate_actions=[renamed])
    monday(firm)

    assert firm.position("Y", "COVERED")[0] == 100
    assert strategies(firm) == strategies(friday)
    row = firm.table("positions").filter(symbol=CALL, account_id="NAKED").row(0, named=True)
    assert (row["underlying"], row["underlying_price"]) == ("Y", Decimal("645.54"))
    assert_history_agrees(firm)
    assert_a_process_takes_over(firm)


UNMODELLED = [
    pytest.param(action("split", "1", "8", fractions="up"), id="half a share without a price"),
    pytest.param(action("spin_off", "1", "4", to_symbol="Y", fractions="up"), id="two securities"),
]


@pytest.mark.parametrize("act", UNMODELLED)
def test_what_does_not_follow_is_a_named_state(friday: Firm, act: Row, tmp_path: Path) -> None:
    firm = friday.copied(tmp_path)
    monday(firm, corporate_actions=[act])

    rows = firm.table("margin_summary").select("account_id", "reasons").rows()
    assert {name for name, why in rows if "deliverable_unmodelled" in why.split(";")} == set(HELD)
    assert_history_agrees(firm)
    assert_a_process_takes_over(firm)
    sealed = firm.session.ledger.last_sealed()
    tables = SealedTables(firm.lake, sealed)
    document = answer(account_document(tables, "NAKED"))
    assert document["reg_t"]["maintenance_requirement"] == float(figures(firm)["NAKED"][2])


def told(firm: Firm) -> None:
    row = {"symbol": CALL, "effective_on": "2014-06-09", "deliverable": "100 X"}
    firm.run(option_adjustments=[row])


def listed(firm: Firm) -> None:
    again = {"strike": Decimal("92.15")}
    firm.run(instruments=[option(CALL, OPENING - timedelta(hours=2), **again)])


@pytest.mark.parametrize("say", [told, listed])
def test_what_somebody_says_stands(
    say: Callable[[Firm], None], friday: Firm, tmp_path: Path
) -> None:
    firm = friday.copied(tmp_path)
    firm.run(corporate_actions=[SEVEN])
    say(firm)
    monday(firm)

    sealed = firm.session.ledger.last_sealed()
    tables = SealedTables(firm.lake, sealed)
    held = tables.delivered_positions(pl.col("account_id") == "VERTICAL")
    assert dict(held.select("symbol", "delivered").iter_rows())[CALL] in (None, 100)
    assert dict(held.select("symbol", "delivered").iter_rows())[HIGHER] == 700
    assert_history_agrees(firm)


def test_one_for_twenty(tmp_path: Path) -> None:
    contract = "X 140719C1"
    firm = Firm(tmp_path)
    firm.run(
        accounts=[account("A", when=FRIDAY), account("B", when=FRIDAY)],
        instruments=[instrument("X", FRIDAY), option(contract, FRIDAY)],
        cash_movements=[cash("ma", "A", "50000", FRIDAY), cash("mb", "B", "50000", FRIDAY)],
        rates=[rate("0.001", FRIDAY)],
        prices=[price("X", "1.13", FRIDAY), price(contract, "0.2", FRIDAY)],
        fills=[
            fill("1", "1000", "1.13", FRIDAY, account_id="A"),
            fill("2", "-10", "0.2", FRIDAY, account_id="A", symbol=contract),
            fill("3", "-10", "0.2", FRIDAY, account_id="B", symbol=contract),
        ],
    )
    before, groups = figures(firm), strategies(firm)
    assert groups >= {("A", "covered_call"), ("B", "naked_call")}

    monday(firm, corporate_actions=[action("split", "1", "20", fractions="up")])

    assert firm.position("X", "A")[0] == 50
    assert strategies(firm) == groups
    assert_same_but_for_rounding(figures(firm), before)
    assert_history_agrees(firm)


def test_a_contract_that_ended_before_a_split_is_settled_after_it(tmp_path: Path) -> None:
    contract = "X 140606C645"
    firm = Firm(tmp_path)
    firm.run(
        accounts=[account("A", when=FRIDAY)],
        instruments=[instrument("X", FRIDAY), option(contract, FRIDAY)],
        cash_movements=[cash("m", "A", "250000", FRIDAY)],
        prices=[price("X", "645.57", FRIDAY), price(contract, "0.6", FRIDAY)],
        fills=[
            fill("1", "100", "645", FRIDAY),
            fill("2", "-1", "0.6", FRIDAY, symbol=contract),
        ],
        corporate_actions=[SEVEN],
    )
    monday(firm, 180)

    # In the money by 0.57: a hundred shares at 645, which were seven hundred since the morning.
    assert firm.table("positions").is_empty()
    assert firm.table("account_state")["cash"].item() == 250_000 - 64_500 + 60 + 64_500
