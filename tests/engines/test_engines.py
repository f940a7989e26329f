"""Work on any engine is the same work: in order, to the byte, once in what comes of it."""

import os
import signal
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from margin_assets.assets import sharded
from margin_assets.avalanche import running
from margin_assets.avalanche.book.building import built
from margin_assets.avalanche.demo.platform import demo_book
from margin_assets.backtest import asking
from margin_assets.backtest.asking import Asked, runs
from margin_assets.backtest.policy import policy_of, swept
from margin_assets.engines import Engine, EngineUnavailable, InProcess, engine_of
from margin_assets.kernels.margin.margined import margined
from margin_assets.kernels.margin.requirements import margin_summary
from margin_assets.lake.ledger.ledger import Ledger
from margin_assets.lake.ledger.sealed import SealedTables
from margin_assets.lake.store.store import Lake
from margin_assets.live.past.replay import ReplayReport, replay_on
from margin_assets.rulebooks import changed_by
from tests.support.backtests import small_history
from tests.support.replays import CYCLES, grown, keep_base

Numbers = tuple[int, ...]


@pytest.fixture(scope="module")
def ray_engine() -> Iterator[Engine]:
    """A cluster on loopback, gone with the module, though one that died is named still."""
    import ray

    engine = engine_of("ray")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("RAY_ADDRESS", "127.0.0.1:1")
        assert list(engine.over(noise, 7, [0])) == [noise(7, 0)]
    yield engine
    ray.shutdown()


def noise(seed: int, part: int) -> bytes:
    return np.random.default_rng((seed, part)).standard_normal(1000).tobytes()


def dies_once(folder: str, part: int) -> int:
    """Its worker is killed the first time that it does part 3."""
    marker = Path(folder) / "killed"
    if part == 3 and not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return part * part


def refuses(_: int, part: int) -> int:
    if part == 2:
        raise ValueError("part 2 is wrong")
    return part


def test_a_cluster_that_is_not_there_is_said_soon():
    with pytest.raises(EngineUnavailable, match=r"nothing at 127\.0\.0\.1:1"):
        list(engine_of("ray", "127.0.0.1:1").over(noise, 7, [1]))


def test_the_results_are_those_of_this_process_in_the_order_of_the_parts(ray_engine: Engine):
    expected = list(InProcess().over(noise, 7, range(12)))

    assert list(ray_engine.over(noise, 7, iter(range(12)))) == expected


def test_a_part_whose_worker_was_killed_is_done_again(ray_engine: Engine, tmp_path: Path):
    found = list(ray_engine.over(dies_once, str(tmp_path), range(6)))

    assert (tmp_path / "killed").exists()
    assert found == [0, 1, 4, 9, 16, 25]


@pytest.mark.parametrize("name", ["local", "ray"])
def test_what_is_wrong_with_a_part_is_said_as_it_is(ray_engine: Engine, name: str):
    engine = ray_engine if name == "ray" else engine_of(name)
    done: list[int] = []

    with pytest.raises(ValueError, match=r"^part 2 is wrong$"):
        done.extend(engine.over(refuses, 0, range(4)))


def product(shared: np.ndarray, part: np.ndarray) -> tuple[bool, bool, np.ndarray]:
    return shared.flags.writeable, part.flags.writeable, shared * part


@pytest.mark.parametrize("name", ["local", "ray"])
def test_arrays_can_be_written_to_wherever_they_come_from(ray_engine: Engine, name: str):
    engine, column = ray_engine if name == "ray" else engine_of(name), np.ones(200_000)

    ((shared, part, result),) = engine.over(product, column, [column.copy()])

    assert (shared, part, result.flags.writeable) == (True, True, True)


def test_no_part_is_no_work(ray_engine: Engine):
    assert list(ray_engine.over(noise, 7, [])) == []


@pytest.mark.parametrize(
    ("name", "address"),
    [pytest.param("spark", "", id="another engine"), pytest.param("local", "x:1", id="an address")],
)
def test_what_is_no_engine_is_refused(name: str, address: str):
    with pytest.raises(ValueError, match="engine"):
        engine_of(name, address)


def test_without_the_extra_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(__import__("sys").modules, "ray", None)

    with pytest.raises(EngineUnavailable, match=r"pip install -e '.\[ray\]'"):
        engine_of("ray")


def test_ranges_of_paths_come_to_the_same_bits(ray_engine: Engine, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(running, "BATCH", 8)
    held, asked = built(demo_book()), running.Asked("severe", "C", 1, 24)

    one, other = (running.run(held, asked, engine=e) for e in (InProcess(), ray_engine))

    assert [part.tobytes() for part in one.results] == [part.tobytes() for part in other.results]


def test_runs_of_a_sweep_come_to_the_same_rows(ray_engine: Engine, tmp_path: Path):
    history = str(small_history(tmp_path))
    asked = [Asked(history, None, "tempers", date(2020, 7, 1), date(2020, 9, 1), accounts=20)]
    policies = swept(policy_of("built-in"), {"house.margin_status.warning": ("0.03", "0.08")})

    one, other = (
        runs(asked, policies, None, lambda *_: None, engine) for engine in (InProcess(), ray_engine)
    )

    assert len(one) == len(other) == 2
    for mine, theirs in zip(one, other, strict=True):
        for name, rows in mine.tables.items():
            assert rows.equals(theirs.tables[name], null_equal=True), name


def test_shards_of_one_run_come_to_the_same_rows(
    ray_engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(asking, "_LARGE", 20)
    monkeypatch.setattr(asking, "_SHARDS", 3)
    days = (date(2020, 7, 1), date(2020, 9, 1))
    asked = Asked(str(small_history(tmp_path)), None, "tempers", *days, accounts=20)

    (one,) = runs([asked], [policy_of("built-in")], None, lambda *_: None, ray_engine)

    whole = asking.one_case(asked, policy_of("built-in"), None)
    for name, rows in whole.tables.items():
        assert rows.equals(one.tables[name], null_equal=True), name


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    made = grown(tmp_path_factory.mktemp("firm")).lake
    keep_base(made, 3)
    return made


def test_cycles_between_bases_are_computed_again(ray_engine: Engine, lake: Lake):
    assert replay_on(ray_engine, lake) == ReplayReport(CYCLES, None)


def test_shards_of_accounts_come_to_the_same_rows_under_the_same_rules(
    ray_engine: Engine, lake: Lake, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sharded, "MOST", 1)
    last = Ledger(lake).last_sealed()
    assert last is not None
    tables = SealedTables(lake, last)
    held = tables("positions"), tables("account_state")

    def made(engine: Engine) -> pl.DataFrame:
        return sharded.over_accounts(engine, margin_summary, held)

    whole = margin_summary(margined(*held))
    assert made(InProcess()).sort("account_id").equals(whole.sort("account_id"))
    assert made(ray_engine).equals(made(InProcess()))
    with changed_by({"finra_4210": {"long_equity": {"maintenance": 0.4}}}):
        assert made(ray_engine).equals(made(InProcess()))
        assert not made(ray_engine).equals(whole)
