"""An account as a document, changed: by hand, and by the solver that finds the volatility again."""

import json
from decimal import Decimal
from typing import Any

import pytest

from margin_assets.whatif import Document, DocumentError, answer, parse_document
from margin_assets.whatif.changes import added, parse_shock, shocked
from margin_assets.whatif.parsing import parse_addition

CALL = {
    "kind": "option",
    "underlying": "X",
    "right": "call",
    "strike": 100,
    "expiry": "2026-09-18",
    "style": "american",
    "multiplier": 100,
    "quantity": -2,
    "price": 8,
}


def document(*positions: dict[str, Any], **more: Any) -> Document:
    told = {
        "as_of": "2026-03-02",
        "account": {"account_id": "A", "account_type": "reg_t", "cash": 10_000},
        "positions": positions,
        "instruments": {
            "X": {"price": 100, "asset_class": "equity", "beta": 1.2, "dividend_yield": 0.02},
            "Y": {"price": 50, "asset_class": "equity"},
        },
        "rates": {"risk_free": 0.04},
    }
    return parse_document(json.dumps(told | more))


def stock(symbol: str, quantity: int, **more: Any) -> dict[str, Any]:
    return {"kind": "equity", "symbol": symbol, "quantity": quantity} | more


def addition(*positions: dict[str, Any], **instruments: Any) -> Any:
    return parse_addition(json.dumps({"positions": positions, "instruments": instruments}))


def rows_of(after: Document) -> list[dict[str, Any]]:
    return [row.model_dump() for row in after.positions]


def implied(of: Document) -> float:
    (found,) = (p for p in answer(of)["positions"] if p["asset_class"] == "option")
    return float(found["implied_volatility"])


@pytest.mark.parametrize("text", ["X=-10%", "X=90"])
def test_a_shock_moves_the_price_and_keeps_the_volatility(text: str) -> None:
    before = document(stock("X", 200), stock("Y", 10), CALL)

    after = shocked(before, [parse_shock(text)])

    assert after.instruments["X"].price == 90
    assert after.instruments["Y"].price == 50
    assert 0 < rows_of(after)[2]["price"] < 8
    # The other way round: the price that it came to implies the volatility that it had.
    assert implied(after) == pytest.approx(implied(before), rel=1e-5)


def test_no_move_changes_nothing() -> None:
    before = document(stock("X", 200), CALL)

    assert shocked(before, [parse_shock("X=0%")]) == before


def test_an_option_falls_to_nothing_and_no_further() -> None:
    after = shocked(document(CALL), [parse_shock("X=-95%")])

    assert rows_of(after)[0]["price"] == 0


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("X", "a shock reads as"),
        ("X=-100%", "X: a price stays above 0"),
        ("X=0", "X: a price stays above 0"),
        ("Z=1", "Z is nothing that the account depends on"),
        ("W=1%", "W has no price"),
    ],
)
def test_a_shock_is_refused_by_name(text: str, told: str) -> None:
    known = {"X": {"price": 1}, "W": {}}

    with pytest.raises(DocumentError, match=told):
        shocked(document(instruments=known), [parse_shock(text)])


def test_an_option_without_a_rate_or_a_volatility_is_not_guessed() -> None:
    with pytest.raises(DocumentError, match="X 260918C100: no risk_free rate is known"):
        shocked(document(CALL, rates={}), [parse_shock("X=-1%")])
    with pytest.raises(DocumentError, match="X 260918C100: its price implies no volatility"):
        shocked(document(CALL | {"price": 101}), [parse_shock("X=-1%")])


@pytest.mark.parametrize(
    ("held", "dealt", "left"),
    [
        pytest.param([], 10, [(10, None)], id="bought"),
        pytest.param([300], -100, [(200, None)], id="sold of what is held"),
        pytest.param([300], -300, [], id="sold out"),
        pytest.param([300], -400, [(-100, 50)], id="turned round"),
        pytest.param([-100], 30, [(-70, 60)], id="covered in part"),
        pytest.param([-100], -100, [(-200, 55)], id="sold short again"),
    ],
)
def test_stock_of_a_symbol_is_one_position(
    held: list[int], dealt: int, left: list[tuple[int, float | None]]
) -> None:
    rows = [stock("Y", q, **({"sale_price": 60} if q < 0 else {})) for q in held]

    after = added(document(*rows), addition(stock("Y", dealt)))

    assert [(row["quantity"], row["sale_price"]) for row in rows_of(after)] == left
    assert after.account.cash == 10_000 - 50 * dealt


def test_what_is_dealt_at_its_price_leaves_the_worth_of_the_account() -> None:
    before = document(stock("X", 200))
    bond = {
        "kind": "bond",
        "bond_class": "us_treasury",
        "principal": 5000,
        "price_pct": 99.5,
        "maturity": "2034-02-15",
    }

    after = added(before, addition(stock("Y", -30), CALL, bond))

    assert answer(after)["net_liquidation"] == answer(before)["net_liquidation"] == 30_000
    assert after.account.cash == Decimal("10000") + 1500 + 1600 - 4975


def test_the_lake_knows_better_than_the_file() -> None:
    after = added(
        document(),
        addition(
            stock("Y", 1),
            stock("N", 1),
            Y={"price": 1, "beta": 0.5},
            N={"price": 7, "asset_class": "equity"},
        ),
    )

    assert (after.instruments["Y"].price, after.instruments["Y"].beta) == (50, Decimal("0.5"))
    assert after.account.cash == 10_000 - 57


def test_what_has_no_price_is_not_dealt() -> None:
    with pytest.raises(DocumentError, match=r"positions\[1\]: no price"):
        added(document(), addition(stock("Y", 1), stock("N", 1)))


def test_all_faults_are_told_at_once_with_the_nearest_key() -> None:
    with pytest.raises(DocumentError) as refused:
        document(
            stock("X", 0) | {"qty": 1},
            CALL | {"expirry": "2026-09-18"},
            account={"account_id": "A", "account_type": "ira", "cahs": 1},
        )

    assert refused.value.faults == (
        "account.cahs: unknown key: did you mean 'cash'?",
        "positions[0].qty: unknown key",
        "positions[1].expirry: unknown key: did you mean 'expiry'?",
        "account.account_type: must be 'cash', 'reg_t' or 'portfolio_margin'",
        "account.cash: is missing",
        "positions[0].quantity: must not be 0",
    )
    assert str(refused.value) == f"{refused.value.faults[0]} (and 5 more)"


def test_all_contradictions_are_told_at_once() -> None:
    with pytest.raises(DocumentError) as refused:
        document(CALL | {"expiry": "2020-01-17"}, CALL, CALL | {"price": 9})

    assert [fault.partition(":")[0] for fault in refused.value.faults] == [
        "positions[0].expiry",
        "positions[2].price",
    ]
