from decimal import Decimal
from pathlib import Path

from margin_assets.cli.desk import liquidate
from margin_assets.kernels.liquidation.plan import Request
from margin_assets.live.past.replay import replay
from tests.support.live_driver import Firm, Row, at, cash, fill, opening, price, text
from tests.support.option_books import assert_history_agrees


def volume(symbol: str, units: str, day: str) -> Row:
    return {"symbol": symbol, "average_daily_volume": Decimal(units), "as_of_date": day}


def known(firm: Firm) -> list[tuple[str, Decimal]]:
    return firm.session._runner.monitor.market.volumes().rows()


def test_the_latest_volume_whose_day_has_come_is_in_use(tmp_path: Path) -> None:
    firm = Firm(tmp_path)
    firm.run(
        **opening("A"),
        volumes=[volume("X", "900", "2020-03-02"), volume("X", "1000.5", "2020-03-09")],
    )
    firm.run(prices=[price("X", "99", at(seconds=1))], volumes=[volume("X", "7", "2020-03-10")])
    before = known(firm)
    firm.restart()

    assert before == known(firm) == [("X", Decimal("1000.500000"))]
    firm.run(prices=[price("X", "98", at(days=1))])
    assert known(firm) == [("X", Decimal("7.000000"))]


def test_a_cycle_of_volumes_alone_replays(tmp_path: Path) -> None:
    firm = Firm(tmp_path)
    firm.run(
        **opening("A"), fills=[fill("F1", "100", "90")], cash_movements=[cash("M", "A", "2300")]
    )
    firm.run(prices=[price("X", "80", at(seconds=1))])
    firm.run(volumes=[volume("X", "4000", "2020-03-09")])
    report = replay(firm.lake)

    assert (report.cycles, report.difference) == (3, None)


def test_a_plan_of_the_sealed_state_takes_the_volume_of_the_day(tmp_path: Path) -> None:
    firm = Firm(tmp_path)
    firm.run(
        **opening("A"), fills=[fill("F1", "100", "90")], cash_movements=[cash("M", "A", "2300")]
    )
    firm.run(
        prices=[price("X", "80", at(seconds=1))],
        volumes=[volume("X", "60", "2020-03-09"), volume("X", "9999999", "2020-03-10")],
    )
    found = liquidate._of_lake(firm.lake, None, "A", Request(buffer=0))
    [order] = found["orders"]

    # 8,000 less 6,700 of debt against 2,000: 700 at 20 a share is 35, but 25% of 60 is 15.
    assert (found["deficiency"], order["quantity"], found["status"]) == (700, 15, "cannot_cure")
    assert order["flags"] == ["volatility_unknown"]


def test_a_volume_from_before_a_split_counts_in_new_units(tmp_path: Path) -> None:
    firm = Firm(tmp_path)
    firm.run(
        **opening("A"),
        fills=[fill("F1", "100", "90")],
        cash_movements=[cash("M", "A", "2300")],
        volumes=[volume("X", "60", "2020-03-09")],
        corporate_actions=[
            {
                "action_id": "S",
                "symbol": "X",
                "kind": "split",
                "effective_on": "2020-03-10",
                "new_units": Decimal(2),
                "per_units": Decimal(1),
                "event_time": text(at()),
            }
        ],
    )
    firm.run(prices=[price("X", "40", at(days=1))])
    assert known(firm) == [("X", Decimal("120.000000"))]
    assert list(firm.session._runner.monitor.market.daily_volumes())[:1] == [120_000_000]
    [order] = liquidate._of_lake(firm.lake, None, "A", Request(buffer=0))["orders"]
    # 700 at 10 a share is 70, and 25% of 120 is 30.
    assert order["quantity"] == 30
    assert_history_agrees(firm)
    firm.restart()
    assert known(firm) == [("X", Decimal("120.000000"))]
