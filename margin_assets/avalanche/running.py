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
from margin_assets.kernels.avalanche.results import NEVER, Results, replaced
from margin_assets.kernels.avalanche.scenario import IMPACT, NO_IMPACT, NO_SALES, Scenario
from margin_assets.kernels.avalanche.simulation import Simulator
from margin_assets.kernels.numeric.arrays import BoolArray, Int64Array

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


class Share(NamedTuple):
    """One of so many equal ranges of a run's paths, counted from 0."""

    number: int
    of_all: int

    def of(self, paths: int) -> Int64Array:
        """Numbers of its paths.

        Raises:
            BookError: There is no such share, or not a path for each.
        """
        if not 0 <= self.number < self.of_all <= paths:
            told = f"no share {self.number} of {paths} paths in {self.of_all} shares, from 0"
            raise BookError([told])
        first, end = (paths * edge // self.of_all for edge in (self.number, self.number + 1))
        return np.arange(first, end, dtype=np.int64)


WHOLE = Share(0, 1)


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
    share: Share = WHOLE,
) -> Ran:
    """Runs the paths of one scenario and arm.

    Args:
        built: The book.
        asked: What is run.
        tell: Called with the number of paths done.
        engine: Where ranges of paths run; in this process where not given.
        share: Which of its paths.

    Raises:
        BookError: The book does not have what the scenario or the arm needs.
    """
    results = _results(built, asked, share.of(asked.paths), tell, engine)
    return _ran(built, asked, results)


def run_arms(
    built: Built, asked: Asked, tell: Callable[[str, int], None] = lambda *_: None
) -> list[Ran]:
    """Runs all three arms of a scenario, as `run` would, in their order.

    Until something is short that no source covers a path is the same in every arm, and impact
    comes from sales alone: arm B runs the paths on which arm A found a gap, arm C those on which
    arm B sold. The others are those of the arm before to the last bit.

    Args:
        built: The book.
        asked: What is run; its arm says nothing.
        tell: Called with the arm and the number of paths done.

    Raises:
        BookError: The book does not have what the scenario or an arm needs.
    """
    ids = np.arange(asked.paths, dtype=np.int64)
    a, b, c = (asked._replace(arm=arm) for arm in ARMS)
    still = _results(built, a, ids, lambda done: tell("A", done))
    sold = _again(built, b, still, still.gap_hour != NEVER, tell)
    pressed = _again(built, c, sold, sold.sold > 0.0, tell)
    return [_ran(built, *one) for one in ((a, still), (b, sold), (c, pressed))]


def _again(
    built: Built,
    asked: Asked,
    before: Results,
    differs: BoolArray,
    tell: Callable[[str, int], None],
) -> Results:
    """An arm's paths: those of the arm before it, but where it may differ."""
    places = np.flatnonzero(differs)
    found = before
    if len(places):
        again = _results(built, asked, before.path[places], lambda done: tell(asked.arm, done))
        found = replaced(before, places, again)
    tell(asked.arm, asked.paths)
    return found


def _results(
    built: Built,
    asked: Asked,
    ids: Int64Array,
    tell: Callable[[int], None] | None,
    engine: Engine | None = None,
) -> Results:
    """Paths of one arm by their numbers, in batches."""
    scenario = scenario_of(built, asked.scenario)
    settings = built.loop(seed=asked.seed, arm=ARMS[asked.arm])
    try:
        simulator = Simulator(built.platform, settings)
    except ValueError as error:
        raise BookError([str(error)]) from None
    parts: list[Results] = []
    batches = [ids[first : first + BATCH] for first in range(0, len(ids), BATCH)]
    done = (engine or InProcess()).over(_paths, (simulator, scenario), batches)
    for part in done:
        parts.append(part)
        if tell:
            tell(min(BATCH * len(parts), len(ids)))
    return Results(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _paths(on: tuple[Simulator, Scenario], ids: Int64Array) -> Results:
    simulator, scenario = on
    return simulator.run(scenario, ids)


def _ran(built: Built, asked: Asked, results: Results) -> Ran:
    snapshot = snapshot_of(built.tables)
    return Ran(run_id_of(snapshot, asked), snapshot, asked, results)


def run_id_of(snapshot_id: str, asked: Asked) -> str:
    """Id of a run: a hash of the book, of what was asked and of the code's version."""
    told = [snapshot_id, *asked, metadata.version("margin-lakehouse")]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:32]
