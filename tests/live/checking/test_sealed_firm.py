from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from margin_assets.live.checking import Follower, SealedFirm, Stale, UnknownAccount, sealed_firm
from margin_assets.live.checking import follower as following
from margin_assets.whatif.orders import OrderError, parse_orders
from tests.support.live_driver import Firm, account, at, beta, cash, fill, instrument, price
from tests.support.served_dashboard import until

Document = dict[str, Any]
ORDERS = {
    "A": "BUY 50 X @ 101.50",
    "S": "BUY 30 X @ 99; SELL 40 Y @ 41",
    "P": "SELL 500 X @ 100; BUY 200 Y @ 40.25",
    "C": "BUY 20 Y @ 40",
    "O": "BUY 2 XC @ 5.10; SELL 2 XD @ 2",
}
"""An order of every kind of account, and of stock, short sales and a spread."""


def option(symbol: str, strike: str) -> Document:
    terms = {"underlying": "X", "right": "call", "strike": Decimal(strike), "multiplier": 100}
    terms |= {"expiry": "2020-06-19", "style": "american", "asset_class": "option"}
    return instrument(symbol, **terms)


def opened(folder: Path) -> Firm:
    firm = Firm(folder)
    kinds = {"P": "portfolio_margin", "C": "cash"}
    names = ("A", "S", "P", "C", "O")
    money = {"P": "200000", "C": "3000"}
    firm.run(
        accounts=[account(name, kinds.get(name, "reg_t")) for name in names],
        instruments=[instrument("X"), instrument("Y"), option("XC", "100"), option("XD", "110")],
        betas=[beta("X", "1.2", "2020-03-09"), beta("Y", "0.5", "2020-03-09")],
        cash_movements=[cash(name, name, money.get(name, "10000")) for name in names],
        fills=[
            fill("a", "100", "100"),
            fill("s", "-30", "100", account_id="S"),
            fill("p", "3000", "100", account_id="P"),
        ],
        prices=[price("X", "100"), price("Y", "40"), price("XC", "5"), price("XD", "2")],
    )
    return firm


def now(firm: Firm) -> SealedFirm:
    return sealed_firm(firm.lake, firm.session.ledger.last_sealed())


def reasons(found: Document) -> list[str]:
    return [reason["reason"] for reason in found["reasons"]]


def test_a_check_is_what_the_fills_come_to(tmp_path: Path):
    firm = opened(tmp_path)
    checker = now(firm)
    found = {name: checker.check(name, parse_orders([text])) for name, text in ORDERS.items()}
    alone = sealed_firm(firm.lake, firm.session.ledger.last_sealed(), "O")
    assert alone.check("O", parse_orders([ORDERS["O"]])) == found["O"]

    firm.run(
        fills=[
            fill(
                f"{name}{n}",
                str(leg.quantity),
                str(leg.price),
                at(1),
                account_id=name,
                symbol=leg.symbol,
            )
            for name, text in ORDERS.items()
            for n, leg in enumerate(parse_orders([text]))
        ]
    )

    summaries = {row["account_id"]: row for row in firm.table("margin_summary").to_dicts()}
    stress = firm.table("stress_results").group_by("account_id")
    worst = dict(stress.agg(pl.col("excess").min()).rows())
    for name, check in found.items():
        row, after = summaries[name], {key: _after(check, key) for key in _SAME}
        assert check["accepted"], (name, check["reasons"])
        assert after == {key: float(row[key]) for key in _SAME}, name
        assert _after(check, "worst_stress_excess") == float(worst[name]), name
    for row in firm.table("special_memorandum_accounts").to_dicts():
        check = found[row["account_id"]]
        for key in ("sma", "reg_t_excess", "buying_power"):
            assert _after(check, key) == float(row[key]), (row["account_id"], key)


_SAME = ("cash", "equity", "regulatory_requirement", "governing_requirement", "excess")


def _after(check: Document, name: str) -> float:
    return check[name]["after"]


def test_restrictions_of_the_tables_reach_the_check(tmp_path: Path):
    firm = Firm(tmp_path)
    firm.run(
        accounts=[account("A"), account("P", "portfolio_margin")],
        instruments=[instrument("X"), instrument("NEW")],
        betas=[beta("X", "1", "2020-03-09")],
        cash_movements=[cash("a", "A", "60000"), cash("p", "P", "150000")],
        fills=[fill("a", "1000", "100"), fill("p", "5000", "100", account_id="P")],
        prices=[price("X", "100")],
    )
    firm.run(prices=[price("X", "80", at(60))])
    # A month later nobody has paid: both calls are overdue.
    firm.run(prices=[price("X", "80", at(days=28))])
    checker = now(firm)

    refused = checker.check("P", parse_orders(["BUY 1 X @ 80"]))
    assert {"close_only", "minimum_equity"} <= set(reasons(refused))
    assert checker.check("P", parse_orders(["SELL 100 X @ 80"]))["accepted"]
    unpriced = checker.check("A", parse_orders(["BUY 1 NEW @ 5"]))
    (why,) = [row for row in unpriced["reasons"] if row["reason"] == "indeterminate"]
    assert why["inputs"] == ["price_missing"]
    with pytest.raises(OrderError, match="unknown symbol 'ZZZ'"):
        checker.check("A", parse_orders(["BUY 1 ZZZ @ 5"]))
    with pytest.raises(UnknownAccount, match="no account 'nobody'"):
        checker.check("nobody", parse_orders(["BUY 1 X @ 5"]))


def test_who_sold_before_paying_buys_with_settled_cash_alone(tmp_path: Path):
    """Bought on Monday with 200 of 1,000 paid, sold on Tuesday: proceeds settle on Thursday."""
    firm, tuesday = Firm(tmp_path), at(days=1)
    firm.run(
        accounts=[account("C", "cash"), account("D", "cash")],
        instruments=[instrument("X")],
        cash_movements=[cash("c", "C", "200"), cash("d", "D", "2000")],
        fills=[fill("c", "10", "100", account_id="C"), fill("d", "10", "100", account_id="D")],
        prices=[price("X", "100")],
    )
    sold = [fill(f"{name}-", "-10", "100", tuesday, account_id=name.upper()) for name in "cd"]
    firm.run(fills=sold, prices=[price("X", "100", tuesday)])
    checker = now(firm)
    order = parse_orders(["BUY 1 X @ 100"])

    refused = checker.check("C", order)
    assert [(r["reason"], r["short_by"]) for r in refused["reasons"]] == [("cash_in_advance", 100)]
    assert checker.check("D", order)["accepted"]
    alone = sealed_firm(firm.lake, firm.session.ledger.last_sealed(), "C")
    assert alone.check("C", order) == refused
    # The purchase is paid by other funds within its period: the privilege is back.
    wednesday = at(days=2)
    firm.run(
        cash_movements=[cash("c2", "C", "800", wednesday)], prices=[price("X", "100", wednesday)]
    )
    assert now(firm).check("C", order)["accepted"]


def test_a_designated_day_trader_has_the_buying_power_of_the_day_before(tmp_path: Path):
    firm = Firm(tmp_path)
    trips = [
        fill(f"{n}{side}", side + "10", "100", at(10 * n + (side == "-")))
        for n in range(1, 5)
        for side in ("", "-")
    ]
    firm.run(
        accounts=[account("A")],
        instruments=[instrument("X")],
        cash_movements=[cash("a", "A", "40000")],
        fills=trips,
        prices=[price("X", "100")],
    )
    firm.run(fills=[fill("next", "100", "100", at(days=1))], prices=[price("X", "100", at(days=1))])
    found = now(firm).check("A", parse_orders(["BUY 1550 X @ 100"]))

    # Four times the 40,000 of the evening before, less 10,000 committed today and 155,000 now.
    rows = {row["reason"]: row.get("short_by") for row in found["reasons"]}
    assert rows["day_trading_buying_power"] == 5_000


def test_a_follower_answers_by_the_newest_cycle(tmp_path: Path):
    firm = opened(tmp_path)
    follower, order = Follower(firm.lake), parse_orders([ORDERS["A"]])
    before = follower.check("A", order)
    firm.run(prices=[price("X", "90", at(5))])
    until(lambda: follower.check("A", order)["cycle"] == 2)
    after = follower.check("A", order)
    follower.close()

    assert before["cycle"] == 1
    assert (before["equity"]["before"], after["equity"]["before"]) == (10_000, 9_000)


def test_what_is_too_old_answers_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    firm = opened(tmp_path)
    follower, order = Follower(firm.lake), parse_orders([ORDERS["A"]])
    assert follower.check("A", order)["cycle"] == 1

    def fails(*_: object) -> SealedFirm:
        raise OSError("the store is away")

    monkeypatch.setattr(following, "sealed_firm", fails)
    firm.run(prices=[price("X", "90", at(5))])
    # For a while the cycle held answers, since a newer one takes its time to be read.
    assert follower.check("A", order)["cycle"] == 1
    until(lambda: "away" in follower._trouble)
    monkeypatch.setattr(following, "STALE_SECONDS", 0.0)
    with pytest.raises(Stale, match=r"held is cycle 1, .*OSError: the store is away"):
        follower.check("A", order)

    monkeypatch.undo()
    until(lambda: follower.look() or follower.check("A", order)["cycle"] == 2)
    follower.close()


def test_nothing_sealed_is_said(tmp_path: Path):
    with pytest.raises(LookupError, match="nothing is sealed yet"):
        Follower(Firm(tmp_path).lake).check("A", parse_orders([ORDERS["A"]]))
