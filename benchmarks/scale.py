"""Paths, a backtest and a replay in one process, on one node of Ray and on two.

Last of all the paths on two nodes of which one is killed. A node has one core, and so has the
process that they are held against. Nodes are processes of this machine in a network of their own,
in which nothing else can reach them: a node listens on all addresses it has. Needs `unshare`,
`setpriv` and `ip`, and the extra of Ray.
"""

import argparse
import json
import os
import pickle
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks._scale_works import Sizes, Work, nothing, works_in
from benchmarks.output import show
from margin_assets.engines import Engine, InProcess, engine_of

# The nodes end with the process within, and that with the one which a person stops.
_APART = 'ip link set lo up && exec setpriv --pdeathsig TERM "$0" -m benchmarks.scale --within "$@"'
_ONE_CORE = {
    "NUMBA_NUM_THREADS": "1",
    "POLARS_MAX_THREADS": "1",
    # Ray's workers are nicer than anything else; what they are held against is not.
    "RAY_worker_niceness": "0",
}
_BEFOREHAND = "some two minutes on two quiet cores"
_TASKS = 100


def main() -> dict[str, Any]:
    """Seconds of the same works by where they ran, what the second node brought, and a task's cost.

    Raises:
        SystemExit: a result was other than in one process, or the nodes did not start.
    """
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, size in Sizes()._asdict().items():
        parser.add_argument(f"--{name}", type=int, default=size)
    parser.add_argument("--within", action="store_true", help=argparse.SUPPRESS)
    given = vars(parser.parse_args())
    if given.pop("within"):
        return _measured(Sizes(**given))
    _tell(_BEFOREHAND)
    sizes = [f"--{name}={size}" for name, size in given.items()]
    ended = subprocess.run(
        ["unshare", "-rn", "sh", "-c", _APART, sys.executable, *sizes],
        env=os.environ | _ONE_CORE,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if ended.returncode:
        sys.exit("it ended with an error: see above")
    return dict(json.loads(ended.stdout.strip().splitlines()[-1]))


class _Took(NamedTuple):
    """One work on one engine."""

    result: object
    shared: object
    seconds: float
    cpu_seconds: dict[int, float]
    """Of its parts, by the process that did them."""


class _Watched:
    """An engine that tells of each part as it comes."""

    def __init__(self, engine: Engine, title: str) -> None:
        self._engine, self._title = engine, title
        self.shared: object = None
        self.cpu_seconds: dict[int, float] = {}

    def over(self, work: Any, shared: Any, parts: Iterable[Any]) -> Iterator[Any]:
        self.shared = shared
        done = self._engine.over(_watched, (work, shared), parts)
        for number, (result, process, cpu) in enumerate(done, 1):
            self.cpu_seconds[process] = self.cpu_seconds.get(process, 0.0) + cpu
            _tell(f"{self._title}: part {number}, {cpu:.1f} CPU s")
            yield result


def _watched(on: tuple[Any, Any], part: Any) -> tuple[Any, int, float]:
    work, shared = on
    spent = time.process_time()
    result = work(shared, part)
    return result, os.getpid(), time.process_time() - spent


class _Bench:
    """The works, and what they took at each stage."""

    def __init__(self, works: dict[str, Work]) -> None:
        self._works = works
        self.took: dict[str, dict[str, _Took]] = {name: {} for name in works}
        self.load: dict[str, float] = {}

    def stage(self, title: str, engine: Engine, *names: str) -> None:
        """Runs the works of these names, or all.

        Raises:
            SystemExit: a result is other than the first.
        """
        for name in names or self._works:
            watched, begun = _Watched(engine, f"{title}, {name}"), time.perf_counter()
            result = self._works[name](watched)
            seconds = time.perf_counter() - begun
            took = _Took(result, watched.shared, seconds, watched.cpu_seconds)
            self.took[name][title] = took
            if result != next(iter(self.took[name].values())).result:
                sys.exit(f"{name}, {title}: the result is other than in one process")
        self.load[title] = round(os.getloadavg()[0], 1)

    def figures(self) -> dict[str, Any]:
        """Seconds, by the clock and of the parts, by work and stage."""
        told: dict[str, Any] = {}
        for name, stages in self.took.items():
            one, two = stages["one node"], stages["two nodes"]
            told[name] = {
                "seconds": {title: round(took.seconds, 2) for title, took in stages.items()},
                "cpu seconds of its parts": {
                    title: round(sum(took.cpu_seconds.values()), 2)
                    for title, took in stages.items()
                },
                "two nodes for one": round(one.seconds / two.seconds, 2),
                "work for that of the busier node": round(
                    sum(two.cpu_seconds.values()) / max(two.cpu_seconds.values()), 2
                ),
            }
        return told


def _measured(sizes: Sizes) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        _tell("making a book, a history and a lake")
        bench = _Bench(works_in(Path(folder), sizes))
        # Once for the loops that are loaded, or compiled.
        bench.stage("in process, first", InProcess())
        bench.stage("in process", InProcess())
        tasks = _on_nodes(bench)
    return sizes._asdict() | {"works": bench.figures(), "tasks": tasks, "load": bench.load}


def _on_nodes(bench: _Bench) -> dict[str, float]:
    """Stages on one node, on two and on two of which one is killed; milliseconds of a task."""
    ray: Any = import_module("ray")
    from ray.cluster_utils import Cluster

    head = {"num_cpus": 1, "include_dashboard": False}
    cluster: Any = Cluster(initialize_head=True, head_node_args=head)
    ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
    engine, tasks = engine_of("ray", cluster.address), {}
    bench.stage("one node, first", engine)
    bench.stage("one node", engine)
    shared = bench.took["avalanche"]["one node"].shared
    megabytes = round(len(pickle.dumps(shared)) / 1e6)
    tasks["ms on one node"] = _ms_a_task(engine, None)
    tasks[f"ms on one node, {megabytes} MB shared"] = _ms_a_task(engine, shared)
    second: Any = cluster.add_node(num_cpus=1)
    bench.stage("two nodes, first", engine)
    bench.stage("two nodes", engine)
    tasks["ms on two nodes"] = _ms_a_task(engine, None)
    # While it has work in hand.
    after = bench.took["avalanche"]["two nodes"].seconds / 3
    killing = threading.Timer(after, lambda: cluster.remove_node(second, allow_graceful=False))
    killing.start()
    bench.stage("two nodes, one killed", engine, "avalanche")
    killing.join()
    ray.shutdown()
    cluster.shutdown()
    return tasks


def _ms_a_task(engine: Engine, shared: object) -> float:
    begun = time.perf_counter()
    for _ in engine.over(nothing, shared, range(_TASKS)):
        pass
    return round((time.perf_counter() - begun) / _TASKS * 1e3, 2)


def _tell(text: str) -> None:
    sys.stderr.write(f"scale: {text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    print(json.dumps(main())) if "--within" in sys.argv else show({"scale": main()})
