"""Divisions over deliveries that a plan cuts, and rows that settle."""

from pathlib import Path

import pytest

from margin_assets.lake.landing.landing import LocalLanding
from margin_assets.lake.ledger.ledger import Ledger
from margin_assets.lake.store.store import Lake
from margin_assets.rulebooks import in_force, versions
from schemas import TABLES
from tests.support.divided_firm import DividedFirm, everything
from tests.support.divided_story import NAMES
from tests.support.live_driver import Firm, Row, account, at, cash, fill, instrument, price


def assert_same(divided: DividedFirm, one: Firm) -> None:
    lakes = divided.lake, one.lake
    lasts = [Ledger(lake).last_sealed() for lake in lakes]
    assert lasts[0].cycle == lasts[1].cycle
    told, expected = (everything(lake, lasts[0].cycle) for lake in lakes)
    for name, lines in expected.items():
        assert told[name] == lines, name


def test_a_delivery_that_plans_cut_is_evaluated_with_its_last_part(tmp_path: Path):
    one, divided = Firm(tmp_path), DividedFirm(Lake(str(tmp_path / "firm")))
    for planner in (one.session.planner, divided.session.planner):
        planner.bounds = planner.bounds | {"max_files": 2}
    one.land(at(), **_opening())
    while one.cycle():
        pass
    divided.drain(LocalLanding(one.landing))

    assert Ledger(one.lake).last_sealed().cycle > 2
    assert_same(divided, one)


def test_rows_that_are_behind_settle_in_every_division(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    numbers = in_force("lake", versions("lake")[-1]).numbers["state"]
    for name, value in (("accounts_per_shard", 1), ("whole_shards", 0), ("least_shards", 1)):
        monkeypatch.setitem(numbers, name, value)
    one, divided = Firm(tmp_path), DividedFirm(Lake(str(tmp_path / "firm")))
    landing = LocalLanding(one.landing)
    for feeds in (_opening(), *({"prices": [price("X", "99", at(n))]} for n in (1, 2))):
        one.run(**feeds)
        divided.cycle(landing)
    assert len(set(divided.table("account_state")["as_of"])) > 1
    while one.session.settle():
        pass
    divided.drain(landing)

    for name in ("account_state", "positions", "margin_summary"):
        told, expected = (rows.drop("cycle") for rows in (divided.table(name), one.table(name)))
        assert set(told["as_of"]) == {at(2)}
        assert told.equals(expected.sort(TABLES[name].order)), name


def _opening() -> dict[str, list[Row]]:
    return {
        "accounts": [account(name) for name in NAMES],
        "instruments": [instrument("X")],
        "cash_movements": [cash(f"M{name}", name, "6000") for name in NAMES],
        "fills": [fill(f"F{name}", "100", "100.03", account_id=name) for name in NAMES],
        "prices": [price("X", "100")],
    }
