"""The law of a firm in divisions: all stands to the byte as in one lake, at every cycle."""

import json
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from margin_assets.cli import main
from margin_assets.lake.landing.archive import copied
from margin_assets.lake.landing.landing import LocalLanding
from margin_assets.lake.ledger.cycles import Sealed
from margin_assets.lake.ledger.divisions import (
    DivisionsDiffer,
    NotAlone,
    agree,
    create,
    lake_of,
)
from margin_assets.lake.ledger.firm_audit import verify_firm
from margin_assets.lake.ledger.ledger import Ledger
from margin_assets.lake.ledger.moment import sealed_moment
from margin_assets.lake.ledger.sealed import SealedTables
from margin_assets.lake.sql.sql import query
from margin_assets.lake.store.division import Division
from margin_assets.lake.store.store import Lake
from margin_assets.live.divisions.owner import Owner
from margin_assets.live.past.replay import replay
from margin_assets.live.session.session import Session
from schemas import TABLES
from tests.support.divided_firm import DividedFirm, everything, lines_of
from tests.support.divided_story import NAMES, batches
from tests.support.empty_lake import created
from tests.support.live_driver import Firm, Row, at, price


class Both:
    """One firm in one lake and in divisions."""

    def __init__(self, folder: Path) -> None:
        self.one = Firm(folder)
        self.divided = DividedFirm(Lake(str(folder / "firm")))

    def run(self, **feeds: list[Row]) -> None:
        """One cycle of each over the same files: they must come to the same."""
        result = self.one.run(**feeds)
        sealed = self.divided.cycle(LocalLanding(self.one.landing))
        assert (sealed.cycle, sealed.as_of) == (result.sealed.cycle, result.sealed.as_of)
        lakes = self.divided.lake, self.one.lake
        told, expected = (everything(lake, sealed.cycle) for lake in lakes)
        for name, lines in expected.items():
            assert told[name] == lines, name

    def restart(self) -> None:
        self.one.restart()
        self.divided.restart()


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Both:
    """Six accounts and mischief across divisions: each cycle is compared when it is sealed."""
    firm = Both(tmp_path_factory.mktemp("both"))
    for number, feeds in enumerate(batches(firm.one)):
        firm.run(**feeds)
        if number == 2:
            firm.restart()
    return firm


def _unnumbered(told: Any) -> Any:
    """The same without what a seal is, and the number that a decision has in its lake's cycle."""
    if isinstance(told, list):
        return [_unnumbered(one) for one in told]
    if isinstance(told, dict):
        return {k: _unnumbered(one) for k, one in told.items() if k != "decision_number"}
    return told


def test_both_divisions_have_accounts_and_the_firm_breached_its_limits(both: Both):
    held = [
        sealed_moment(lake, Ledger(lake).last_sealed())("account_state").height
        for lake in (lake_of(both.divided.lake, number) for number in range(2))
    ]
    assert min(held) > 0
    assert sum(held) == len(NAMES)
    # What the fixture compared was there to be compared.
    states = both.divided.table("limit_breaches")["state"].to_list()
    assert {"open", "acknowledged", "cured"} <= set(states)
    assert both.divided.table("desk_outcomes").height == 4
    assert "id_reused" in both.divided.table("quarantine")["reasons"].to_list()
    assert both.divided.table("enforcement_decisions").height
    assert both.divided.table("firm_concentrations").height


def test_every_lake_verifies_and_replays(both: Both):
    found = verify_firm(both.divided.lake)
    assert [(name, one.broken, one.last_cycle) for name, one in found.items()] == [
        ("firm", None, 5),
        ("0", None, 5),
        ("1", None, 5),
    ]
    assert replay(lake_of(both.divided.lake, 1)).difference is None


def test_sql_asks_the_whole_firm_at_one_cut(both: Both):
    asked = (
        "SELECT s.account_id, s.equity, c.as_of FROM margin_summary s "
        "JOIN cycles c ON c.state = 'sealed' AND c.cycle = 4 WHERE s.equity > 0 ORDER BY 1"
    )
    firm, one = (
        query(lake, asked, sealed_moment(lake, Ledger(lake).sealed(4)))
        for lake in (both.divided.lake, both.one.lake)
    )
    assert firm.equals(one)
    assert firm.height
    count = "SELECT count(*) AS n FROM fills"
    last = sealed_moment(both.divided.lake, Ledger(both.divided.lake).last_sealed())
    assert query(both.divided.lake, count, last)["n"].item() == both.one.table("fills").height


def test_tables_of_the_firm_are_those_of_one_lake(both: Both):
    firm, one = (
        SealedTables(lake, Ledger(lake).last_sealed())
        for lake in (both.divided.lake, both.one.lake)
    )
    for table in (table for table in TABLES.values() if table.in_cycle):
        told, expected = (lines_of(tables(table.name), table) for tables in (firm, one))
        assert told == expected, table.name
        # The firm's own session writes a table of the firm once there is something to tell.
        assert firm.has_rows(table.name) == one.has_rows(table.name), table.name


@pytest.mark.parametrize(
    "words",
    [
        ("accounts",),
        ("calls", "list"),
        ("limits", "list"),
        ("limits", "breaches"),
        ("quarantine", "list"),
        ("liquidate", "E"),
        ("whatif", "--account", "B", "--shock", "X=-10%"),
        ("whatif", "--account", "E", "--order", "BUY 10 X @ 93"),
    ],
    ids=" ".join,
)
def test_a_verb_asks_the_whole_firm(
    both: Both, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
):
    told = []
    for lake in (both.divided.lake, both.one.lake):
        assert main([*words, "--lake", lake.uri, "--json"]) in (0, 3)
        told.append(json.loads(capsys.readouterr().out))
    assert told[0] == told[1]
    assert told[0]


def test_an_account_of_any_division_is_explained(both: Both, capsys: pytest.CaptureFixture[str]):
    for name in NAMES:
        told = []
        for lake in (both.divided.lake, both.one.lake):
            assert main(["explain", name, "--lake", lake.uri, "--json"]) == 0
            told.append(json.loads(capsys.readouterr().out))
        assert told[0].pop("cycle")["hash"] != told[1].pop("cycle")["hash"]
        assert _unnumbered(told[0]) == _unnumbered(told[1])


def test_a_seal_that_is_another_is_not_vouched_for(both: Both):
    plan = Ledger(both.divided.lake).planned(5)
    seals = [Ledger(lake_of(both.divided.lake, n)).sealed(5) for n in range(2)]
    agree(plan, seals)
    taken = Sealed(**vars(seals[1]) | {"digests": seals[1].digests | {"prices": "0" * 64}})
    with pytest.raises(DivisionsDiffer, match="took other rows of prices"):
        agree(plan, [seals[0], taken])
    later = Sealed(**vars(seals[1]) | {"as_of": at(13)})
    with pytest.raises(DivisionsDiffer, match="stands at"):
        agree(plan, [seals[0], later])


def test_no_session_runs_by_itself_on_a_firm_or_a_division(both: Both):
    with pytest.raises(NotAlone, match="a firm in divisions"):
        Session(both.divided.lake).recover()
    session = Session(lake_of(both.divided.lake, 0))
    both.one.land(prices=[price("X", "141", at(20))])
    with pytest.raises(NotAlone, match="a division"):
        session.cycle(LocalLanding(both.one.landing))


def test_accounts_are_divided_by_their_id_alone():
    names = pl.Series([f"ACC{number}" for number in range(3_000)])
    kept = [Division(number, 3).keeps(names) for number in range(3)]
    # Each account is of exactly one division, each of about a third.
    assert pl.DataFrame(kept).sum_horizontal().to_list() == [1] * 3_000
    assert all(950 < one.sum() < 1_050 for one in kept)
    shuffled = names.sample(fraction=1.0, shuffle=True, seed=1)
    assert Division(1, 3).keeps(shuffled).to_list() == [
        bool(kept[1][names.index_of(name)]) for name in shuffled
    ]


def test_a_division_that_is_lost_is_made_anew(both: Both):
    lost = lake_of(both.divided.lake, 1)
    before = Ledger(lost).last_sealed()
    shutil.rmtree(lost.uri)
    create(both.divided.lake, 2, created)
    both.divided.restart()
    both.one.land(prices=[price("X", "142", at(21))])
    # The firm waits for it, and goes on.
    sealed = both.divided.cycle(LocalLanding(both.one.landing))

    assert sealed.cycle == before.cycle + 1
    assert Ledger(lost).sealed(before.cycle).hash == before.hash
    assert verify_firm(both.divided.lake)["1"].broken is None


def test_a_division_whose_seal_was_made_up_breaks_the_firms_chain(both: Both, tmp_path: Path):
    copy = Lake(str(shutil.copytree(both.divided.lake.uri, tmp_path / "firm")))
    shutil.rmtree(lake_of(copy, 1).uri)
    create(copy, 2, created)
    # A plan of its own: a whole chain, and not the one that the firm vouches for.
    owner = Owner(copy, 1)
    plan = Ledger(copy).planned(1)
    copied(copy, owner.lake, plan.manifest["archive"])
    owner.session.follow(plan.manifest | Division(1, 3).manifest)

    broken = verify_firm(copy)["1"].broken
    assert (broken.cycle, broken.what) == (1, "is not the seal that the firm's seal vouches for")


def test_a_firm_begins_empty_and_keeps_its_number(both: Both):
    with pytest.raises(ValueError, match="made already"):
        create(both.divided.lake, 3, created)
    with pytest.raises(ValueError, match="holds cycles"):
        create(both.one.lake, 2, created)
