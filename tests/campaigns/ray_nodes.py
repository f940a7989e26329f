"""Two nodes of Ray as processes of this machine, one of which is killed with its work.

    unshare -rn sh -c 'ip link set lo up && python -m tests.campaigns.ray_nodes'

In a network of its own nothing else can reach them: a node listens on all addresses it has. Says
how long the same paths took in this process, on one node, on two, and with one of two killed, and
fails unless the results are the same to the byte.
"""

import argparse
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from rich.console import Console

from margin_assets.avalanche.book.building import Built, built
from margin_assets.avalanche.demo.platform import demo_book
from margin_assets.avalanche.running import Asked, Ran, run
from margin_assets.engines import engine_of

console = Console()


def main() -> int:
    """The campaign; 1 if any result differs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--paths", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    held, asked = built(demo_book(given.seed)), Asked("severe", "C", given.seed, given.paths)
    run(held, asked._replace(paths=100))
    expected, seconds = _timed(lambda: run(held, asked))
    console.print(f"in this process {seconds:.1f} s")
    return 0 if _on_nodes(held, asked, expected) else 1


def _on_nodes(held: Built, asked: Asked, expected: Ran) -> bool:
    import ray
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
    engine = engine_of("ray", cluster.address)
    same = []

    def once(title: str) -> None:
        found, seconds = _timed(lambda: run(held, asked, engine=engine))
        same.append(_is_same(found, expected))
        console.print(f"{title} {seconds:.1f} s, {'the same' if same[-1] else 'OTHER'} results")

    once("one node, first")
    once("one node")
    second: Any = cluster.add_node(num_cpus=1)
    once("two nodes, first")
    once("two nodes")
    killing = threading.Timer(1.0, lambda: cluster.remove_node(second, allow_graceful=False))
    killing.start()
    once("two nodes, one killed after a second")
    killing.join()
    ray.shutdown()
    cluster.shutdown()
    return all(same)


def _timed(work: Callable[[], Ran]) -> tuple[Ran, float]:
    started = time.perf_counter()
    return work(), time.perf_counter() - started


def _is_same(one: Ran, other: Ran) -> bool:
    pairs = zip(one.results, other.results, strict=True)
    return all(np.array_equal(mine, theirs, equal_nan=True) for mine, theirs in pairs)


if __name__ == "__main__":
    sys.exit(main())
