"""The verb that runs the main job end to end on a built-in scenario."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from margin_assets.cli import output
from margin_assets.cli.landing.feed_verbs import new_session
from margin_assets.cli.options import JsonOption, created_lake, example, refuse_overlap
from margin_assets.cli.output import Refusal, note

if TYPE_CHECKING:
    from margin_assets.lake.store.store import Lake
    from margin_assets.live.session.session import Session
    from margin_assets.scenarios import Scenario

DEFAULT_SCENARIO = "covid-2020"
_LAKE_MARK = ".margin-demo"
# Every other place in a landing folder is read as a landing.
_LANDING_MARK = ".staging/.margin-demo"


def register(app: typer.Typer) -> None:
    """Adds the verb of this module."""
    app.command(epilog=example("margin demo", "margin demo --scenario seed-ladder --json"))(demo)


def demo(
    *,
    scenario: Annotated[
        str, typer.Option(metavar="NAME", help="A built-in scenario.")
    ] = DEFAULT_SCENARIO,
    lake: Annotated[
        str, typer.Option("--lake", metavar="URI", help="Where the lake goes, made afresh.")
    ] = "./demo/lake",
    landing: Annotated[
        Path | None,
        typer.Option(
            "--landing", metavar="DIR", help="Landing folder, made afresh; beside the lake if none."
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Run the main job end to end.

    Batches land one after the other and each is processed in a cycle of its own. Folders of an
    earlier demo are replaced; anything else is left alone.
    """
    from margin_assets.scenarios import scenario as told

    chosen, landing = told(scenario), landing or beside(lake)
    started = time.perf_counter()
    note(f"1/4 scenario {chosen.name}: {chosen.title}")
    note(f"    {chosen.summary}")
    held = fresh_lake(lake, landing)
    note(f"2/4 lake created at {lake}; landing folder {landing}")
    note("3/4 loading the engine (its first run on a machine compiles for a minute)")
    session = new_session(held)
    session.recover()
    note(f"    {chosen.batch_count} batches: each lands, then one cycle accepts, computes, seals")
    cycles = _run(chosen, session, landing)
    seconds = round(time.perf_counter() - started, 3)
    note(f"4/4 {cycles} cycles sealed in {seconds} s")
    _finish(held, lake, chosen.name, seconds, as_json=as_json)


def beside(lake: str) -> Path:
    """The landing folder of a demo's lake: its own, so that no other demo loses its files.

    Raises:
        Refusal: the lake is not a folder here.
    """
    if "://" in lake:
        raise Refusal(f"nothing lies beside {lake}; --landing names a folder")
    place = Path(lake)
    return place.with_name("landing" if place.name == "lake" else f"{place.name}-landing")


def _finish(lake: "Lake", uri: str, scenario: str, seconds: float, *, as_json: bool) -> None:
    from margin_assets.cli.demo_summary import show, summary

    found = {"scenario": scenario, "seconds": seconds} | summary(lake)
    if as_json:
        output.answer(found)
    else:
        show(found, uri)


def _run(scenario: "Scenario", session: "Session", landing: Path) -> int:
    from margin_assets.lake.landing.landing import LocalLanding
    from margin_assets.scenarios import write_batch

    folder, cycles = LocalLanding(landing), 0
    with output.progress() as bar:
        task = bar.add_task("landing", total=scenario.batch_count)
        for number, batch in enumerate(scenario.batches(), 1):
            write_batch(batch, landing, number)
            while (result := session.cycle(folder)) is not None:
                cycles = result.sealed.cycle
                day = output.instant(result.sealed.as_of)
                bar.update(task, description=f"cycle {cycles}  as of {day}")
            bar.advance(task)
    return cycles


def fresh_lake(lake: str, landing: Path) -> "Lake":
    """An empty lake and landing folder, in the place of those of an earlier demo."""
    is_local = "://" not in lake
    refuse_overlap(lake, landing)
    if is_local and landing.resolve().is_relative_to(Path(lake).resolve()):
        raise Refusal(f"landing folder {landing} lies in lake {lake}; keep them apart")
    if is_local:
        _check_own(Path(lake), _LAKE_MARK)
    _check_own(landing, _LANDING_MARK)
    if is_local:
        _clear(Path(lake), _LAKE_MARK)
    _clear(landing, _LANDING_MARK)
    held, made = created_lake(lake)
    if not made:
        raise Refusal(f"{lake} holds a lake already; the demo needs a place of its own")
    return held


def _check_own(folder: Path, mark: str) -> None:
    """Nothing is deleted that a demo did not make."""
    if folder.is_symlink():
        raise Refusal(f"{folder} is a link; the demo needs a folder of its own")
    if folder.exists() and not folder.is_dir():
        raise Refusal(f"{folder} is not a folder")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / mark).is_file():
        raise Refusal(f"{folder} is not of an earlier demo, so it is not replaced; name another")


def _clear(folder: Path, mark: str) -> None:
    import shutil

    if folder.is_dir():
        shutil.rmtree(folder)
    (folder / mark).parent.mkdir(parents=True)
    (folder / mark).write_text("made by `margin demo`, which may delete it\n", encoding="utf-8")
