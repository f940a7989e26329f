"""The verb that tells one path of the avalanche hour by hour."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from margin_assets.cli import output
from margin_assets.cli.avalanche.avalanche_answers import case_in, told_faults
from margin_assets.cli.avalanche.avalanche_verbs import (
    DEFAULT_PATHS,
    DEFAULT_SCENARIO,
    ArmOption,
    PathsOption,
    ScenarioOption,
    SeedOption,
    avalanche,
    named_faults,
    opened_book,
)
from margin_assets.cli.options import DEFAULT_LAKE, JsonOption, LakeOption, example, opened_lake

if TYPE_CHECKING:
    from margin_assets.avalanche.book.building import Built
    from margin_assets.avalanche.running import Asked

Document = dict[str, Any]
_MILLION = 1e6
_RUN_ID = re.compile(r"^[0-9a-f]{32}$")


RunArgument = Annotated[
    str, typer.Argument(metavar="RUN", help="A book's folder, or the id of a run of the lake.")
]


def register(app: typer.Typer) -> None:
    """Adds the verbs of this module to those of the avalanche."""
    del app
    avalanche.command(
        epilog=example(
            "margin avalanche explain ./book --path 17 --arm C",
            "margin avalanche explain 1f0c... --path 17 --lake ./lake",
        )
    )(explain)


def explain(  # noqa: PLR0913 (the options of the interface)
    *,
    run: RunArgument,
    path: Annotated[int, typer.Option(metavar="P", min=0, help="Number of the path.")],
    scenario: ScenarioOption = DEFAULT_SCENARIO,
    arm: ArmOption = "C",
    paths: PathsOption = DEFAULT_PATHS,
    seed: SeedOption = 1,
    lake: LakeOption = DEFAULT_LAKE,
    as_json: JsonOption = False,
) -> None:
    """Tell one path of a run hour by hour: what moved, who called, what paid, what was sold.

    A path is a function of its number: it is the same in any run of the same book, scenario, arm
    and seed. A run that a lake holds is named by its id, and told from the lake alone.
    """
    from margin_assets.avalanche.answers.telling import told_path
    from margin_assets.avalanche.running import Asked

    with told_faults(run):
        held, asked = _found(run, lake, Asked(scenario, arm, seed, paths))
        case = case_in(held, asked.scenario, asked.paths, asked.seed)
        told = told_path(held, case, asked.arm, path)
    if as_json:
        output.answer(told)
        return
    output.say(f"path {path}, {asked.scenario}, arm {asked.arm}:")
    output.say(
        f"need peaks at {_millions(told['peak_need'])}m in hour {told['peak_hour']};"
        f" exhausted {_when(told['exhaustion_hour'])}, default {_when(told['default_hour'])}"
    )
    for hour in told["hours"]:
        _tell_hour(hour)


def _found(run: str, lake: str, given: "Asked") -> "tuple[Built, Asked]":
    """A book's folder with what was given, or a run of the lake by its id with what was asked."""
    from margin_assets.avalanche.storing import stored_run

    if not _RUN_ID.match(run) or Path(run).exists():
        return opened_book(run), given
    with named_faults(lake):
        return stored_run(opened_lake(lake), run)


def _when(hour: int | None) -> str:
    return "never" if hour is None else f"in hour {hour}"


def _tell_hour(hour: Mapping[str, Any]) -> None:
    held = hour["liquidity"]
    moves = ", ".join(f"{m['factor']} {m['deviations']:+.1f}" for m in hour["moves"])
    output.say(
        f"day {hour['day']} {hour['hour_of_day']:02d} h | need {_millions(held['need'])}"
        f" cash {_millions(held['cash'])} bonds {_millions(held['hqla'])}"
        f" undrawn {_millions(held['undrawn'])}" + (f" | {moves}" if moves else "")
    )
    for event in hour["events"]:
        due = f", due in hour {event['due_hour']}" if "due_hour" in event else ""
        parts = (
            f" (VM {_millions(event['vm'])}, IM {_millions(event['im'])})" if "vm" in event else ""
        )
        output.say(
            f"    {event['kind']} {event['subject']}: {_millions(event['amount'])}m{parts}{due}"
        )


def _millions(amount: float) -> str:
    return f"{amount / _MILLION:,.1f}"
