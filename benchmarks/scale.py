"""Paths of the avalanche on one node of Ray, on two, and on two of which one is killed.

A node has one core, and so has the process that they are held against. Nodes are processes of this
machine in a network of their own, in which nothing else can reach them: a node listens on all
addresses it has. Needs `unshare` and `ip`, and the extra of Ray.
"""

import argparse
import json
import os
import subprocess
import sys
import threading
import time
from typing import Any

from margin_assets.avalanche.book.building import Built, built
from margin_assets.avalanche.demo.platform import demo_book
from margin_assets.avalanche.running import Asked, Ran, run
from margin_assets.engines import Engine, engine_of

PATHS = 4_000
_APART = 'ip link set lo up && exec "$0" -m benchmarks.scale --within --paths "$1"'
_ONE_CORE = {"NUMBA_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1"}


def main() -> dict[str, Any]:
    """Seconds of the same paths by where they ran, and what the second node brought.

    Raises:
        SystemExit: a result was other than in one process, or the nodes did not start.
    """
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--paths", type=int, default=PATHS)
    parser.add_argument("--within", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.within:
        return _measured(given.paths)
    command = ["unshare", "-rn", "sh", "-c", _APART, sys.executable, str(given.paths)]
    ended = subprocess.run(
        command, env=os.environ | _ONE_CORE, stdout=subprocess.PIPE, text=True, check=False
    )
    if ended.returncode:
        sys.exit("the nodes ended with an error: see above")
    return json.loads(ended.stdout.strip().splitlines()[-1])


def _measured(paths: int) -> dict[str, Any]:
    held, asked = built(demo_book()), Asked("severe", "C", 1, paths)
    run(held, asked._replace(paths=100))
    expected, alone = _timed(held, asked)
    found, seconds = _on_nodes(held, asked)
    if any(_bytes(ran) != _bytes(expected) for ran in found):
        sys.exit("results on Ray are other than in one process")
    told = {"paths": paths, "seconds": {"one process": alone} | seconds}
    return told | {"two nodes for one": seconds["one node"] / seconds["two nodes"]}


def _on_nodes(held: Built, asked: Asked) -> tuple[list[Ran], dict[str, float]]:
    import ray
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
    engine, found, seconds = engine_of("ray", cluster.address), [], {}

    def once(title: str) -> None:
        ran, seconds[title] = _timed(held, asked, engine)
        found.append(ran)

    once("one node, first")
    once("one node")
    second: Any = cluster.add_node(num_cpus=1)
    once("two nodes, first")
    once("two nodes")
    # While it has work in hand.
    after = seconds["two nodes"] / 3
    killing = threading.Timer(after, lambda: cluster.remove_node(second, allow_graceful=False))
    killing.start()
    once("two nodes, one killed")
    killing.join()
    ray.shutdown()
    cluster.shutdown()
    return found, seconds


def _timed(held: Built, asked: Asked, engine: Engine | None = None) -> tuple[Ran, float]:
    started = time.perf_counter()
    ran = run(held, asked, engine=engine)
    return ran, time.perf_counter() - started


def _bytes(ran: Ran) -> list[bytes]:
    return [column.tobytes() for column in ran.results]


if __name__ == "__main__":
    print(json.dumps(main()))
