"""Limits of the house in the live day: breached, acknowledged, cured, and the same in a replay."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from margin_assets.cli.lake.standing import standing
from margin_assets.live.past.replay import replay
from margin_assets.live.session import planning
from margin_assets.rulebooks import installed
from schemas import TABLES
from tests.support.live_driver import (
    Firm,
    Row,
    account,
    assert_a_process_takes_over,
    at,
    beta,
    cash,
    fill,
    instrument,
    price,
    text,
)


def limit(limit_id: str, metric: str, scope: str, amount: str | None, **more: Any) -> Row:
    row: Row = {"limit_id": limit_id, "metric": metric, "scope": scope, "owner": "risk"}
    row |= {} if amount is None else {"amount": Decimal(amount)}
    return row | {"event_time": text(more.pop("when", at()))} | more


def seen(action_id: str, breach_id: str, when: Any) -> Row:
    row = {"action_id": action_id, "kind": "breach_acknowledge", "subject": breach_id}
    return row | {"actor": "mia", "event_time": text(when)}


def opening(**more: list[Row]) -> dict[str, list[Row]]:
    """One account, 100 shares at 100 of a beta of 2: a beta-weighted exposure of 20,000."""
    return {
        "accounts": [account("A")],
        "instruments": [instrument("X")],
        "betas": [beta("X", "2", "2020-03-09")],
        "cash_movements": [cash("M", "A", "4000")],
        "fills": [fill("F1", "100", "100")],
        "prices": [price("X", "100")],
    } | more


def breaches(firm: Firm, *columns: str) -> list[tuple[Any, ...]]:
    return firm.table("limit_breaches").sort("cycle", "version").select(columns).rows()


def test_a_breach_is_opened_acknowledged_and_cured(tmp_path: Path):
    firm = Firm(tmp_path)
    firm.run(**opening(limits=[limit("L", "beta_weighted_exposure", "firm", "18000")]))
    (breach_id,) = breaches(firm, "breach_id")[0]

    # Above it still: nothing is said again.
    firm.run(prices=[price("X", "95", at(1))])
    firm.restart()
    firm.run(desk_actions=[seen("D1", breach_id, at(2)), seen("D2", "0" * 32, at(2))])
    firm.run(prices=[price("X", "89", at(3))])
    firm.run(prices=[price("X", "100", at(4))])

    columns = ("version", "state", "value", "use", "acknowledged_by", "action_id", "cycle")
    assert breaches(firm, *columns) == [
        (1, "open", 20_000, pytest.approx(20 / 18), None, None, 1),
        (2, "acknowledged", 20_000, pytest.approx(20 / 18), "mia", "D1", 3),
        (3, "cured", None, None, "mia", "D1", 4),
        (1, "open", 20_000, pytest.approx(20 / 18), None, None, 5),
    ]
    assert firm.table("limit_breaches")["breach_id"].n_unique() == 2
    told = firm.table("desk_outcomes").select("action_id", "outcome", "reason").rows()
    assert told == [("D1", "done", None), ("D2", "refused", "no such breach is open")]
    assert replay(firm.lake).difference is None
    assert_a_process_takes_over(firm)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        pytest.param(("worst_scenario_loss", "firm", "2499.99"), [(None, 2_500)], id="firm"),
        pytest.param(("worst_scenario_loss", "firm", "2500"), [], id="at it is not above it"),
        # Of 4,000 less 10,000 and 7,500 nothing is owed until a fall by 40%.
        pytest.param(("credit_exposure", "firm", "0"), [], id="nothing is owed"),
        pytest.param(("gross_beta_weighted_exposure", "firm", "1"), [(None, 20_000)], id="gross"),
        pytest.param(("worst_scenario_loss", "symbol", "1"), [("X", 2_500)], id="each symbol"),
        pytest.param(("gross_share", "issuer", "0.5"), [("X", 1)], id="each issuer"),
        pytest.param(("gross_share", "account", "0.5"), [("A", 1)], id="each account"),
        pytest.param(("beta_weighted_exposure", "account", "1"), [("A", 20_000)], id="exposure"),
        pytest.param(("days_to_liquidate", "symbol", "2"), [("X", "2.5")], id="days"),
        pytest.param(("volume_share", "symbol", "0.5"), [], id="half a day is not above half"),
    ],
)
def test_each_metric_is_held_against_its_limit(tmp_path: Path, asked: Any, found: Any):
    metric, scope, amount = asked
    volumes = [{"symbol": "X", "average_daily_volume": 200, "as_of_date": "2020-03-09"}]
    firm = Firm(tmp_path)
    firm.run(**opening(limits=[limit("L", metric, scope, amount)], volumes=volumes))

    expected = [(subject, Decimal(str(value))) for subject, value in found]
    assert breaches(firm, "subject", "value") == expected


def test_what_is_not_known_is_above_every_limit(tmp_path: Path):
    firm = Firm(tmp_path)
    limits = [
        limit("ANY", "days_to_liquidate", "symbol", "9"),
        limit("ONE", "days_to_liquidate", "symbol", "9", subject="X"),
        limit("NONE", "days_to_liquidate", "symbol", "9", subject="Q"),
    ]
    firm.run(**opening(limits=limits))

    assert breaches(firm, "limit_id", "subject", "value", "use") == [
        ("ANY", None, None, None),
        ("ONE", "X", None, None),
    ]


def test_a_limit_is_changed_and_ended_by_a_later_version(tmp_path: Path):
    firm = Firm(tmp_path)
    exposure = ("L", "beta_weighted_exposure", "firm")
    firm.run(**opening(limits=[limit(*exposure, "18000")]))
    # An older version that lands later changes nothing.
    firm.run(
        limits=[limit(*exposure, "99000", when=at(-60)), limit(*exposure, "19000", when=at(1))]
    )
    firm.restart()
    firm.run(limits=[limit(*exposure, None, when=at(2))])

    assert breaches(firm, "state", "limit_value") == [("open", 18_000), ("cured", None)]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        pytest.param(
            limit("L", "days_to_liquidate", "firm", "1"), "metric_not_of_scope", id="not of it"
        ),
        pytest.param(
            limit("L", "credit_exposure", "firm", "1", subject="A"),
            "subject_of_the_firm",
            id="there is one firm",
        ),
        pytest.param(limit("L", "vega", "firm", "1"), "metric_unknown", id="no such metric"),
        pytest.param(
            limit("L", "credit_exposure", "firm", "-1"), "amount_out_of_range", id="below 0"
        ),
    ],
)
def test_a_limit_that_makes_no_sense_is_refused(tmp_path: Path, row: Row, reason: str):
    firm = Firm(tmp_path)
    firm.run(limits=[row])

    assert reason in firm.reasons()[0].split(";")


def test_a_lake_sealed_before_the_firm_had_rules_verifies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def before() -> dict[str, dict[str, str]]:
        return {family: held for family, held in installed().items() if family != "firm"}

    firm = Firm(tmp_path)
    with monkeypatch.context() as then:
        then.setattr(planning, "installed", before)
        firm.run(**opening())
        firm.run(prices=[price("X", "95", at(1))])
    # The same session goes on under the rules of today.
    firm.run(prices=[price("X", "90", at(2))])

    risk = firm.table("firm_risk")
    assert risk.group_by("cycle").len().sort("cycle")["len"].to_list() == [8, 8, 10]
    spy = risk.filter(pl.col("scenario").str.starts_with("SPY"))
    assert spy.group_by("cycle").len()["len"].to_list() == [8, 8, 8]
    assert firm.table("firm_concentrations")["cycle"].unique().to_list() == [3]
    assert replay(firm.lake).difference is None


def test_the_tables_of_the_firm_have_their_rows_every_cycle(tmp_path: Path):
    firm = Firm(tmp_path)
    firm.run(**opening())
    firm.run(prices=[price("X", "95", at(1))])

    for name, rows in (("firm_risk", 10), ("credit_exposures", 10), ("firm_concentrations", 2)):
        assert firm.table(name)["cycle"].to_list() == [1] * rows + [2] * rows, name
        assert TABLES[name].schema.is_valid(firm.table(name))


def test_status_lists_what_is_breached_and_not_cured(tmp_path: Path):
    firm = Firm(tmp_path)
    exposure = limit("L", "beta_weighted_exposure", "firm", "18000")
    firm.run(**opening(limits=[exposure, limit("M", "gross_share", "issuer", "0.5")]))
    firm.run(prices=[price("X", "89", at(1))])

    (row,) = standing(firm.lake, firm.landing, at(2))["limit_breaches"]

    assert (row["limit_id"], row["subject"], row["state"], row["value"]) == ("M", "X", "open", 1)
