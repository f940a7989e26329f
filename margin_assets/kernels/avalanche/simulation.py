"""Runs paths on a platform: in bulk on all threads, a few at a time, or sampled and recorded."""

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from margin_assets.kernels.avalanche.paths.checking import refuse
from margin_assets.kernels.avalanche.paths.hours import Run, run_blocks
from margin_assets.kernels.avalanche.paths.normals import LANES
from margin_assets.kernels.avalanche.paths.plan import plan
from margin_assets.kernels.avalanche.paths.rooms import new_state
from margin_assets.kernels.avalanche.paths.tape import new_tape
from margin_assets.kernels.avalanche.platform import Platform
from margin_assets.kernels.avalanche.results import EVENT, NEVER, Results, Trace
from margin_assets.kernels.avalanche.scenario import NOISELESS, Scenario, Settings
from margin_assets.kernels.numeric.arrays import FloatArray, Int64Array
from margin_assets.kernels.numeric.held import Held, canonical, hold
from margin_assets.kernels.numeric.threads import allowed

_DAY = 24


class _Worker(NamedTuple):
    """What one thread works in."""

    state: Held
    """Holds a `State`."""
    paths: Int64Array
    rows: Int64Array


class Simulator:
    """One platform under one setting, prepared once and run as often as asked.

    A reverse stress calls it thousands of times: between calls nothing is built but the results.
    Runs of one simulator follow each other: its threads work in rooms of its own.
    """

    def __init__(
        self, platform: Platform, settings: Settings, *, threads: int | None = None
    ) -> None:
        """Derives what follows from both.

        Args:
            platform: Arrays of the platform.
            settings: How the loop runs.
            threads: Threads to share blocks out to; as many as walks may use where not given.
                No result depends on it.

        Raises:
            ValueError: The loop cannot run it; the message says what.
        """
        self.platform, self.settings = canonical(platform), _settled(settings)
        refuse(self.platform, self.settings)
        self._plan = plan(self.platform, self.settings)
        self._held: dict[str, Any] = {
            "platform": hold(self.platform),
            "plan": hold(self._plan),
            "settings": hold(self.settings),
        }
        self._silence = hold(new_tape(0, 0, (0, 0, 0), 0))
        self._threads = threads or allowed()
        self._workers: list[_Worker] = []

    def __reduce__(self) -> tuple[type["Simulator"], tuple[Platform, Settings]]:
        """Elsewhere it is prepared anew: what is held is memory of this process."""
        return Simulator, (self.platform, self.settings)

    def run(self, scenario: Scenario, paths: Int64Array, rows: Int64Array | None = None) -> Results:
        """Runs paths by their numbers, each in a row of the scenario (the first if not said).

        Path p is the same whatever other paths run beside it. Without noise a block takes sixteen
        scenarios at once; with noise rows of one scenario should stand together.
        """
        rows = np.zeros(len(paths), dtype=np.int64) if rows is None else rows
        run = self._run(scenario, paths, rows)
        out = _results(self.platform, self.settings, run)
        count = len(run.blocks)
        threads = min(self._threads, count)
        self._hire(threads)
        if threads <= 1:
            self._work(self._workers[0], self._silence, (run, out), (0, count)) if count else None
            return out
        with ThreadPoolExecutor(threads) as pool:
            edges = [count * i // threads for i in range(threads + 1)]
            shared = run, out
            spans = pairwise(edges)
            done = [
                pool.submit(self._work, worker, self._silence, shared, span)
                for worker, span in zip(self._workers, spans, strict=False)
            ]
            for work in done:
                work.result()
        return out

    def trace(self, scenario: Scenario, paths: Int64Array) -> Trace:
        """Runs paths again in the first row of the scenario, recording every hour and event."""
        run = self._run(scenario, paths, np.zeros(len(paths), dtype=np.int64))
        out = _results(self.platform, self.settings, run)
        self._hire(1)
        sizes = (
            len(self.platform.factors.sigma),
            len(self.platform.units.factor),
            len(self.platform.estimators.memory),
        )
        tapes, rows = [], []
        for b in range(len(run.blocks)):
            lanes = int(run.blocks[b, 1])
            tape = new_tape(LANES, self._plan.hours, sizes, self._events())
            self._work(self._workers[0], hold(tape), (run, out), (b, b + 1))
            rows += [tape.events[p, : int(tape.written[p])].copy() for p in range(lanes)]
            tapes.append({name: getattr(tape, name)[:lanes] for name in Trace._fields[2:]})
        return _trace(out, tapes, rows)

    def _events(self) -> int:
        """Most events that a path can have: two a run, one an hour for each that pays or sells."""
        platform, runs = self.platform, len(self._plan.eod_sets) + len(self._plan.intraday_sets)
        hourly = (
            len(platform.accounts.cash)
            + len(platform.collateral.account)
            + len(platform.facilities.account)
            + len(platform.units.factor)
            + len(platform.entities.nav)
        )
        return 2 * runs * (self.settings.hours // _DAY) + hourly * self._plan.hours

    def _hire(self, threads: int) -> None:
        while len(self._workers) < threads:
            self._workers.append(
                _Worker(
                    hold(new_state(self.platform, self._plan)),
                    np.zeros(LANES, dtype=np.int64),
                    np.zeros(LANES, dtype=np.int64),
                )
            )

    def _run(self, scenario: Scenario, paths: Int64Array, rows: Int64Array) -> Run:
        if scenario.shock.shape[1] < self.settings.hours:
            raise ValueError("the scenario covers fewer hours than the run")
        if not np.isfinite(scenario.shock).all() or not (scenario.depth > 0).all():
            raise ValueError("a scenario's shocks must be numbers and its depths above zero")
        mixed = self.settings.generator == NOISELESS
        blocks = _blocks(rows, mixed=mixed)
        ids = np.require(paths, np.int64, ["C", "W"])
        numbers = np.require(rows, np.int64, ["C", "W"])
        return Run(
            self.platform, self._plan, canonical(scenario), self.settings, ids, numbers, blocks
        )

    def _work(
        self, worker: _Worker, tape: Held, shared: tuple[Run, Results], span: tuple[int, int]
    ) -> None:
        run, out = shared
        held = hold(run._replace(**self._held))
        rooms = (span[0], span[1], worker.paths, worker.rows)
        run_blocks(worker.state, tape, held, hold(out), rooms)


def simulate(
    platform: Platform, scenario: Scenario, settings: Settings, paths: Int64Array
) -> Results:
    """Runs paths by their numbers in the first row of a scenario.

    Raises:
        ValueError: The loop cannot run the platform or the settings; the message says what.
    """
    return Simulator(platform, settings).run(scenario, paths)


def trace(platform: Platform, scenario: Scenario, settings: Settings, paths: Int64Array) -> Trace:
    """The same paths again, recorded: the same numbers, for they are functions of the seed.

    Raises:
        ValueError: As `simulate`.
    """
    return Simulator(platform, settings).trace(scenario, paths)


def _settled(settings: Settings) -> Settings:
    """Whole numbers and floats as declared: the loop would be compiled anew for others."""
    kinds = Settings.__annotations__
    typed: dict[str, Any] = {
        name: (int if kinds[name] is int else float)(getattr(settings, name))
        for name in Settings._fields
    }
    return Settings(**typed)


def _blocks(rows: Int64Array, *, mixed: bool) -> Int64Array:
    """First row and size of each block of sixteen; borders of scenarios are borders of blocks."""
    if not len(rows):
        return np.zeros((0, 2), dtype=np.int64)
    borders = [] if mixed else (np.flatnonzero(np.diff(rows)) + 1).tolist()
    edges = [0, *borders, len(rows)]
    found = [
        (first, min(LANES, end - first))
        for begin, end in pairwise(edges)
        for first in range(begin, end, LANES)
    ]
    return np.array(found, dtype=np.int64)


def _results(platform: Platform, settings: Settings, run: Run) -> Results:
    count, hours = len(run.paths), run.plan.hours
    wide = {
        "need_by_hour": (hours,),
        "need_by_account": (settings.hours // _DAY, len(platform.accounts.cash)),
        "peak_by_set": (len(platform.sets.account),),
        "peak_level": (len(platform.factors.sigma),),
        "peak_sigma": (len(platform.factors.sigma),),
        "peak_left": (len(platform.units.factor),),
    }
    whole = ("peak_hour", "exhaustion_hour", "gap_hour", "default_hour", "default_entity")
    made: dict[str, Any] = {
        name: np.zeros((count, *wide[name]), dtype=np.float32)
        if name in wide
        else np.zeros(count, dtype=np.int64 if name in whole else np.float64)
        for name in Results._fields
    }
    made["path"], made["scenario"] = run.paths, run.rows
    # Before any call the need stands at its least, zero, with the market and the units as they are.
    made["peak_sigma"][:] = platform.factors.sigma
    made["peak_left"][:] = 1.0
    return Results(**made)


def _trace(out: Results, tapes: list[dict[str, FloatArray]], rows: list[FloatArray]) -> Trace:
    # The clock of a path stops at its default; the recording went on to the last hour.
    last = np.where(out.default_hour == NEVER, np.iinfo(np.int64).max, out.default_hour)
    events = [_told(r[r[:, 0] <= t], n) for r, n, t in zip(rows, out.path, last, strict=True)]
    columns = {name: np.concatenate([tape[name] for tape in tapes]) for name in Trace._fields[2:]}
    return Trace(out, np.concatenate(events), **columns)


def _told(rows: FloatArray, path: int) -> npt.NDArray[np.void]:
    told = np.zeros(len(rows), dtype=EVENT)
    names = ("hour", "kind", "subject", "due_hour", "amount", "vm", "im", "addon", "disputed")
    told["path"] = path
    for column, name in enumerate(names):
        told[name] = rows[:, column]
    told["amount"] = np.abs(told["amount"])
    return told
