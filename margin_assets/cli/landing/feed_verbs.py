"""Verbs that move data: feed writes what lands, live processes it."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from margin_assets.cli import output
from margin_assets.cli.lake import store_state
from margin_assets.cli.lake.live_view import behind_by, line, metrics, tally, waiting
from margin_assets.cli.options import (
    DEFAULT_LAKE,
    DEFAULT_LANDING,
    JsonOption,
    LakeOption,
    LandingOption,
    created_lake,
    example,
    refuse_overlap,
)
from margin_assets.cli.output import Refusal

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from margin_assets.lake.landing.landing import Landing
    from margin_assets.lake.store.store import Lake
    from margin_assets.live.session.session import CycleResult, Session
    from margin_assets.scenarios import Scenario

_LONGEST_PAUSE = 5.0


def register(app: typer.Typer) -> None:
    """Adds the verbs of this module."""
    app.command(epilog=example("margin feed seed-ladder --landing ./landing --speed 600"))(feed)
    app.command(
        epilog=example(
            "margin live --landing ./landing --until-idle",
            "margin live --lake ./lake --metrics-port 9464",
        )
    )(live)


def feed(
    *,
    scenario: Annotated[str, typer.Argument(help="Name of a built-in scenario.")],
    landing: LandingOption = DEFAULT_LANDING,
    speed: Annotated[
        float,
        typer.Option(
            metavar="X",
            min=0.0,
            help="Event time over real time; 0 is as fast as possible. No pause exceeds 5 s.",
        ),
    ] = 0.0,
    as_json: JsonOption = False,
) -> None:
    """Land a scenario as a feed would."""
    from margin_assets.scenarios import scenario as told

    if "://" in landing:
        raise Refusal(f"a scenario lands in a folder, not in {landing}")
    summary = feed_batches(told(scenario), Path(landing), speed)
    if as_json:
        output.answer(summary)
    else:
        output.note("{scenario}: {files} files, {rows} rows in {landing}".format(**summary))


def feed_batches(scenario: "Scenario", landing: Path, speed: float) -> dict[str, Any]:
    """Lands every batch of a scenario, paced, and says what landed."""
    from margin_assets.scenarios import write_batch

    files = rows = batches = 0
    before: datetime | None = None
    with output.progress() as bar:
        task = bar.add_task(scenario.name, total=scenario.batch_count)
        for batches, batch in enumerate(scenario.batches(), 1):
            _pause(before, batch.at, speed)
            before = batch.at
            files += len(write_batch(batch, landing, batches))
            rows += sum(frame.height for frame in batch.frames.values())
            bar.advance(task)
    return {
        "scenario": scenario.name,
        "landing": str(landing),
        "batches": batches,
        "files": files,
        "rows": rows,
        "last_at": before,
    }


def _pause(before: datetime | None, at: datetime, speed: float) -> None:
    if before is not None and speed > 0:
        time.sleep(min((at - before).total_seconds() / speed, _LONGEST_PAUSE))


def live(  # noqa: PLR0913 (the options of the interface)
    *,
    lake: LakeOption = DEFAULT_LAKE,
    landing: LandingOption = DEFAULT_LANDING,
    until_idle: Annotated[
        bool, typer.Option("--until-idle", help="Stop when nothing is pending.")
    ] = False,
    max_cycles: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Stop after N cycles.")
    ] = None,
    metrics_port: Annotated[
        int, typer.Option(metavar="PORT", min=0, max=65535, help="Serve metrics there; 0: nowhere.")
    ] = 0,
    metrics_host: Annotated[
        str, typer.Option(metavar="HOST", help="Address to serve metrics on.")
    ] = "127.0.0.1",
    as_json: JsonOption = False,
) -> None:
    """Process what lands.

    Cycle after cycle, until stopped; the lake is made if it is not there. An interrupt stops
    after the cycle at work; a second one stops at once.
    """
    refuse_overlap(lake, landing)
    if not _is_there(landing):
        raise Refusal(f"no landing folder {landing}: --landing names it, `margin feed` fills one")
    held, _ = created_lake(lake)
    started = time.perf_counter()
    summary = _nothing()
    with stop_on_signal() as is_stopped, _watched(landing) as watched:
        session = new_session(held)
        session.tell = output.note
        store_state.tell_changes(session.condition, as_json=as_json)
        with metrics(session, metrics_host, metrics_port) as observe:
            for result in session.run(
                watched, until_idle=until_idle, max_cycles=max_cycles, stop=is_stopped
            ):
                now = datetime.now(UTC)
                observe(result, now)
                behind = behind_by(result, session, now)
                output.note(line(result, behind))
                _add(summary, result)
                summary |= behind
                # What a cycle wrote is large at times, and is not kept beside the next.
                del result
    summary["backlog"] = waiting(session)
    summary["seconds"] = round(time.perf_counter() - started, 3)
    summary["store"] = session.condition.to_json()
    if as_json:
        output.answer(summary)
    else:
        told = "{cycles} cycles, {decisions} decisions, {seconds} s".format(**summary)
        output.note(told + store_state.summed_up(session.condition))


def new_session(lake: "Lake") -> "Session":
    """A session on the lake. Loads the assets, and with them Dagster."""
    with quiet_imports():
        from margin_assets.live.session.session import Session
    return Session(lake)


@contextmanager
def quiet_imports() -> Iterator[None]:
    """Loading the assets: Dagster warns that its own parameters may change, not for a user."""
    import warnings

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".* is currently in (beta|preview)")
        yield


def _is_there(landing: str) -> bool:
    from margin_assets.lake.landing.places import is_there

    return is_there(landing)


def _watched(landing: str) -> "AbstractContextManager[Landing]":
    from margin_assets.lake.landing.places import watched_at

    return watched_at(landing, os.environ.get("MARGIN_LANDING_QUEUE", ""))


@contextmanager
def stop_on_signal(after: str = "cycle") -> Iterator[Callable[[], bool]]:
    """Whether SIGINT or SIGTERM came; the second SIGINT interrupts."""
    seen: list[int] = []

    def remember(number: int, _: FrameType | None) -> None:
        if seen and number == signal.SIGINT:
            raise KeyboardInterrupt
        seen.append(number)
        output.note(f"stopping after this {after}")

    old = {number: signal.signal(number, remember) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(seen)
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)


def _nothing() -> dict[str, Any]:
    return {
        "cycles": 0,
        "last_cycle": None,
        "as_of": None,
        "decisions": 0,
        "files": 0,
        "rows_accepted": 0,
        "rows_quarantined": 0,
        "seconds": 0.0,
        "backlog": None,
        "landing_lag_seconds": None,
        "event_lag_seconds": None,
    }


def _add(summary: dict[str, Any], result: "CycleResult") -> None:
    for name, count in tally(result).items():
        summary[name] += count
    summary["cycles"] += 1
    summary["last_cycle"] = result.sealed.cycle
    summary["as_of"] = result.sealed.as_of
