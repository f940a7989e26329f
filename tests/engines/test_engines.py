"""Work on Ray is the same work: in order, to the byte, once in what comes of it."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from margin_assets.engines import Engine, EngineUnavailable, InProcess, engine_of

Numbers = tuple[int, ...]


@pytest.fixture(scope="module")
def ray_engine() -> Iterator[Engine]:
    """A cluster of two cores on loopback, gone with the module."""
    import ray

    ray.init(
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        logging_level="ERROR",
        _node_ip_address="127.0.0.1",
    )
    yield engine_of("ray")
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
    parts = list(range(12))

    assert list(ray_engine.over(noise, 7, parts)) == list(InProcess().over(noise, 7, parts))


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

    with pytest.raises(EngineUnavailable, match=r"pip install margin-lakehouse\[ray\]"):
        engine_of("ray")
