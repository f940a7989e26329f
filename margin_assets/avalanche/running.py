"""One run of a book: a scenario, an arm, a seed and a number of paths; the same again tomorrow."""

import hashlib
import json
from collections.abc import Callable
from importlib import metadata
from typing import NamedTuple

import numpy as np

from margin_assets.avalanche.book.building import Built
from margin_assets.avalanche.book.faults import BookError
from margin_assets.avalanche.book.reading import LINE, Tables
from margin_assets.avalanche.book.scenarios import scenario_of
from margin_assets.engines import Engine, InProcess
from margin_assets.kernels.avalanche.results import Results
from margin_assets.kernels.avalanche.scenario import IMPACT, NO_IMPACT, NO_SALES, Scenario
from margin_assets.kernels.avalanche.simulation import Simulator

ARMS = {"A": NO_SALES, "B": NO_IMPACT, "C": IMPACT}
"""A sells nothing, B sells and moves no price, C sells and moves them."""
BATCH = 1_000
"""Paths between two reports of progress; the results do not depend on it."""


class Asked(NamedTuple):
    """What is run on a book."""

    scenario: str
    arm: str = "C"
    seed: int = 1
    paths: int = 10_000


class Ran(NamedTuple):
    """A run and its paths."""

    run_id: str
    snapshot_id: str
    asked: Asked
    results: Results


def snapshot_of(tables: Tables) -> str:
    """Hash of a book's rows: two books with the same rows in the same order have the same."""
    digest = hashlib.sha256()
    for name, table in tables.items():
        digest.update(name.encode())
        digest.update(table.drop(LINE).write_csv().encode())
    return digest.hexdigest()[:32]


def run(
    built: Built,
    asked: Asked,
    tell: Callable[[int], None] | None = None,
    engine: Engine | None = None,
) -> Ran:
    """Runs the paths of one scenario and arm.

    Args:
        built: The book.
        asked: What is run.
        tell: Called with the number of paths done.
        engine: Where ranges of paths run; in this process where not given.

    Raises:
        BookError: The book does not have what the scenario or the arm needs.
    """
    scenario = scenario_of(built, asked.scenario)
    settings = built.loop(seed=asked.seed, arm=ARMS[asked.arm])
    try:
        simulator = Simulator(built.platform, settings)
    except ValueError as error:
        raise BookError([str(error)]) from None
    ranges = [(at, min(at + BATCH, asked.paths)) for at in range(0, asked.paths, BATCH)]
    parts: list[Results] = []
    done = (engine or InProcess()).over(_in_range, (simulator, scenario), ranges)
    for part, (_, end) in zip(done, ranges, strict=True):
        parts.append(part)
        if tell:
            tell(end)
    joined = Results(*(np.concatenate(column) for column in zip(*parts, strict=True)))
    snapshot = snapshot_of(built.tables)
    return Ran(run_id_of(snapshot, asked), snapshot, asked, joined)


def _in_range(on: tuple[Simulator, Scenario], paths: tuple[int, int]) -> Results:
    simulator, scenario = on
    return simulator.run(scenario, np.arange(*paths, dtype=np.int64))


def run_id_of(snapshot_id: str, asked: Asked) -> str:
    """Id of a run: a hash of the book, of what was asked and of the code's version."""
    told = [snapshot_id, *asked, metadata.version("margin-lakehouse")]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:32]
