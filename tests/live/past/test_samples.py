from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from margin_assets.kernels.firm_risk.tables import firm_risk_at
from margin_assets.lake.landing.landing import LocalLanding
from margin_assets.lake.ledger.audit import verify
from margin_assets.lake.store.store import Lake
from margin_assets.live.past.replay import replay, replay_into
from margin_assets.live.session import shards
from margin_assets.rulebooks import in_force, versions
from tests.support.empty_lake import created
from tests.support.live_driver import (
    STATE_TABLES,
    Firm,
    Row,
    account,
    at,
    beta,
    cash,
    fill,
    instrument,
    price,
)

SYMBOLS = ("X", "Y")
PATH = (100, 90, 80, 74, 70, 74, 90, 100)
QUIET = "O'NEIL"  # holds nothing, and its name is hostile to a predicate
SHARDED = {"accounts_per_shard": 1, "whole_shards": 0, "least_shards": 1, "sample_seconds": 10**6}


def state() -> dict[str, object]:
    bounds: dict[str, object] = in_force("lake", versions("lake")[-1]).numbers["state"]
    return bounds


def deliveries() -> list[dict[str, list[Row]]]:
    accounts = [account(name) for name in ("A", "B", QUIET)]
    opening = {
        "accounts": accounts,
        "instruments": [instrument(symbol) for symbol in SYMBOLS],
        "betas": [beta(symbol, "1.2", "2020-03-09") for symbol in SYMBOLS],
        "cash_movements": [cash(f"M{n}", n, "5000") for n in ("A", "B", QUIET)],
        "fills": [
            fill("F1", "150", "100"),
            fill("F2", "20", "100", account_id="B", symbol="Y"),
        ],
        "prices": [price(symbol, "100") for symbol in SYMBOLS],
    }
    moves: list[dict[str, list[Row]]] = [
        {"prices": [price(symbol, str(usd), at(20 * n)) for symbol in SYMBOLS]}
        for n, usd in enumerate(PATH, start=1)
    ]
    moves[2]["fills"] = [fill("F3", "-20", "74", at(60), account_id="B", symbol="Y")]
    return [opening, *moves]


def run(folder: Path) -> Firm:
    firm = Firm(folder)
    for feeds in deliveries():
        firm.run(**feeds)
        firm.restart()
    return firm


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Firm:
    return run(tmp_path_factory.mktemp("whole"))


@contextmanager
def sharded(**others: int) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (SHARDED | others).items():
            patch.setitem(state(), name, value)
        yield


@pytest.fixture(scope="module")
def sampled(tmp_path_factory: pytest.TempPathFactory) -> Firm:
    with sharded():
        return run(tmp_path_factory.mktemp("sampled"))


@pytest.fixture(scope="module")
def settled(sampled: Firm, tmp_path_factory: pytest.TempPathFactory) -> Firm:
    """The same firm after its session had nothing to do."""
    with sharded():
        firm = sampled.copied(tmp_path_factory.mktemp("settled"))
        [result] = firm.session.run(LocalLanding(firm.landing), until_idle=True)
    assert result.sealed.manifest["files"] == []
    return firm


def test_samples_decide_the_same(whole: Firm, sampled: Firm) -> None:
    assert whole.table("enforcement_decisions").height > 3
    assert sampled.table("enforcement_decisions").equals(whole.table("enforcement_decisions"))


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        ("positions", ["account_id", "symbol", "quantity", "last_fill_price"]),
        ("account_state", ["account_id", "account_type", "is_registered", "cash"]),
        ("enforcement_state", None),
    ],
)
def test_samples_keep_what_a_restart_needs(
    whole: Firm, sampled: Firm, table: str, columns: list[str] | None
) -> None:
    chosen = pl.all().exclude("as_of", "cycle") if columns is None else columns
    one, other = (firm.table(table).select(chosen).sort("account_id") for firm in (whole, sampled))

    assert one.equals(other)


def test_a_sample_writes_only_who_changed(sampled: Firm) -> None:
    cycles = dict(sampled.table("account_state").select("account_id", "cycle").iter_rows())

    assert cycles[QUIET] < cycles["A"]
    assert "B" not in sampled.table("positions")["account_id"].to_list()


def test_the_firm_is_summed_every_cycle(whole: Firm, sampled: Firm) -> None:
    assert whole.table("firm_risk")["cycle"].n_unique() == len(deliveries())
    assert sampled.table("firm_risk").equals(whole.table("firm_risk"))


def test_the_sum_over_figures_is_the_sum_over_tables(whole: Firm) -> None:
    live = whole.table("firm_risk").filter(pl.col("cycle") == len(deliveries()))

    names = ("positions", "account_state", "margin_summary", "stress_results")
    daily = firm_risk_at(*map(whole.table, names))

    assert daily["pnl"].min() < 0
    assert_frame_equal(live.select(daily.columns), daily)


@pytest.mark.parametrize("table", [name for name in STATE_TABLES if name != "enforcement_state"])
def test_an_idle_session_brings_every_row_up_to_date(
    whole: Firm, settled: Firm, table: str
) -> None:
    one, other = (firm.table(table).drop("cycle") for firm in (whole, settled))

    assert one.equals(other)


def test_a_session_that_is_up_to_date_settles_nothing(settled: Firm) -> None:
    with sharded():
        assert not settled.session._ready().is_behind()
        settled.restart()
        assert settled.session.settle() is None


def test_samples_verify_and_replay(sampled: Firm, tmp_path: Path) -> None:
    scratch = created(Lake(str(tmp_path / "scratch")))

    with sharded():
        firm = sampled.copied(tmp_path)
        assert firm.session.settle() is not None
        assert verify(firm.lake).broken is None
        assert replay(firm.lake).difference is None
        assert replay_into(firm.lake, scratch).difference is None


def test_a_bounded_sample_replays_by_its_plan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "SAMPLED_SHARDS", 1)
    with sharded(sample_seconds=2):
        firm = run(tmp_path)
    manifest = firm.session.ledger.sealed(len(deliveries())).manifest

    # In four seconds of two all of it would be written.
    assert manifest[shards.SAMPLED] == 1
    assert firm.table("account_state")["cycle"].n_unique() > 1
    monkeypatch.setattr(shards, "SAMPLED_SHARDS", 3)
    with sharded(sample_seconds=2):
        assert replay(firm.lake).difference is None
