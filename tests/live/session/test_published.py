import json
import os
import time
from datetime import datetime
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest

from margin_assets.lake import published
from margin_assets.lake.published import ABOUT, Published, folder_of
from tests.support.live_driver import Firm, at, beta, cash, fill, instrument, opening, price

BOUGHT = {"cash_movements": [cash("M", "A", "4000")], "fills": [fill("F", "100", "100")]}


@pytest.fixture
def firm(tmp_path: Path) -> Firm:
    return Firm(tmp_path)


def place(firm: Firm) -> Published:
    return Published(folder_of(firm.lake))


def shown(firm: Firm) -> tuple[pl.DataFrame, dict]:
    with pa.memory_map(str(place(firm).newest())) as source:
        table = pa.ipc.open_file(source).read_all()
    return pl.DataFrame(pl.from_arrow(table)), json.loads(table.schema.metadata[ABOUT.encode()])


def test_nothing_is_published_for_nobody(firm: Firm):
    firm.run(**opening("A"), **BOUGHT)

    assert not Path(firm.lake.uri, "_live").exists()


def test_a_reader_who_has_gone_is_not_published_for(firm: Firm):
    place(firm).want()
    long_ago = time.time() - 2 * published.LISTENS_SECONDS
    os.utime(place(firm).folder / "wanted", (long_ago, long_ago))

    firm.run(**opening("A"), **BOUGHT)

    assert place(firm).newest() is None


def test_figures_are_those_that_the_tables_of_the_cycle_say(firm: Firm):
    place(firm).want()

    result = firm.run(**opening("A"), **BOUGHT)

    figures, about = shown(firm)
    summary = firm.table("margin_summary")
    for name in ("equity", "governing_requirement", "portfolio_margin_requirement"):
        assert figures[name].to_list() == [int(usd * 100) for usd in summary[name]]
    assert (about["cycle"], about["hash"]) == (result.sealed.cycle, result.sealed.hash)
    assert datetime.fromisoformat(about["as_of"]) == result.sealed.as_of
    worst = firm.table("stress_results").filter(pl.col("move") == -0.08)["pnl"].item()
    assert figures["pnl"].to_list()[0][about["moves"].index(-0.08)] == int(worst * 100)
    firm_wide = {row["scenario"]: row["pnl"] for row in about["firm"]}
    assert firm_wide["SPY -8%"] == str(worst)


def test_a_session_that_starts_publishes_what_is_sealed(firm: Firm):
    firm.run(**opening("A"), **BOUGHT)
    before = firm.table("margin_summary")
    place(firm).want()

    firm.restart()
    firm.session._publisher.show(firm.session.ledger.last_sealed(), firm.session._ready())

    figures, about = shown(firm)
    assert figures["equity"].to_list() == [int(before["equity"].item() * 100)]
    assert about["cycle"] == 1


def test_only_the_newest_two_are_kept(firm: Firm):
    place(firm).want()
    firm.run(**opening("A"), **BOUGHT)

    for second in range(1, 4):
        firm.run(prices=[price("X", f"{100 - second}", at(second))])

    kept = sorted(path.name for path in place(firm).folder.glob("figures-*"))
    assert kept == ["figures-000000000003.arrow", "figures-000000000004.arrow"]


def test_a_folder_that_takes_nothing_stops_no_cycle(firm: Firm, monkeypatch: pytest.MonkeyPatch):
    place(firm).want()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pa, "OSFile", full)

    assert firm.run(**opening("A"), **BOUGHT).sealed.cycle == 1
    assert place(firm).newest() is None


def test_what_is_published_changes_no_hash(firm: Firm, tmp_path: Path):
    place(firm).want()
    other = Firm(tmp_path / "other")

    for each in (firm, other):
        each.run(**opening("A"), **BOUGHT)
        each.run(prices=[price("X", "50", at(1))])

    assert firm.hashes() == other.hashes()
    assert place(firm).newest() is not None


def test_where_accounts_are_concentrated_is_published(firm: Firm):
    place(firm).want()
    rows = opening("A", "B")
    rows["instruments"] += [instrument("Y")]
    rows["prices"] += [price("Y", "50")]
    rows["betas"] = [beta("X", "1", "2020-03-09"), beta("Y", "0.5", "2020-03-09")]
    rows["cash_movements"] = [cash("M", "A", "20000"), cash("N", "B", "20000")]
    rows["fills"] = [
        fill("F", "100", "100"),
        fill("G", "300", "50", symbol="Y"),
        fill("H", "-10", "100", account_id="B"),
    ]

    firm.run(**rows)

    figures, about = shown(firm)
    assert figures["largest_position"].to_list() == [1_500_000, 100_000]
    # At -8% A loses 800 in X and 600 in Y, and B's gain in X pays for none of it; at +6% B loses.
    issuers, moves = about["issuers"], about["moves"]
    assert (issuers["cycle"], issuers["names"]) == (1, ["X", "Y"])
    losses = {
        name: dict(zip(moves, row, strict=True))
        for name, row in zip(issuers["names"], issuers["loss"], strict=True)
    }
    assert (losses["X"][-0.08], losses["Y"][-0.08]) == (80_000, 60_000)
    assert (losses["X"][0.06], losses["Y"][0.06]) == (6_000, 0)
