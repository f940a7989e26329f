"""The verb that asks how far the cuts of historical models can be trusted."""

from typing import TYPE_CHECKING

import typer

from margin_assets.cli import output
from margin_assets.cli.avalanche.avalanche_answers import told_faults
from margin_assets.cli.avalanche.avalanche_verbs import (
    DEFAULT_PATHS,
    DEFAULT_SCENARIO,
    ArmOption,
    BookArgument,
    PathsOption,
    ScenarioOption,
    SeedOption,
    avalanche,
    opened_book,
)
from margin_assets.cli.options import JsonOption, example

if TYPE_CHECKING:
    from margin_assets.avalanche.auditing import Audit

_MILLION = 1e6
_SHOWN = 10


def register(app: typer.Typer) -> None:
    """Adds the verb of this module to those of the avalanche."""
    del app
    avalanche.command(epilog=example("margin avalanche audit ./book --scenario severe"))(audit)


def audit(  # noqa: PLR0913 (the options of the interface)
    *,
    book: BookArgument,
    scenario: ScenarioOption = DEFAULT_SCENARIO,
    paths: PathsOption = DEFAULT_PATHS,
    arm: ArmOption = "C",
    seed: SeedOption = 1,
    as_json: JsonOption = False,
) -> None:
    """Ask the historical margin models in full on a run's worst paths, beside their cuts.

    A run takes a few linear forms for each model, which never say too much. This says how much too
    little they said where it matters, before the figure is used to size a line.
    """
    from margin_assets.avalanche.auditing import audit as audited
    from margin_assets.avalanche.running import Asked

    with told_faults(book):
        found = audited(opened_book(book), Asked(scenario, arm, seed, paths))
    if as_json:
        output.answer({**found._asdict(), "sets": [one._asdict() for one in found.sets]})
        return
    _show(found)


def _show(found: "Audit") -> None:
    worst = sorted(found.sets, key=lambda one: one.missing, reverse=True)[:_SHOWN]
    share = found.missing / found.peak_need if found.peak_need > 0 else 0.0
    output.say(
        f"{found.scenario}, arm {found.arm}, the worst {found.audited} of {found.paths} paths: "
        f"{len(found.sets)} models asked in full at {found.states} ends of day; the cuts leave out "
        f"{found.missing / _MILLION:,.1f}m of margin at the peak, {share:.2%} of its need"
    )
    output.table(
        ("ns_id", "im_model_id", "mean error", "worst error", "missing, m"),
        (
            (
                one.ns_id,
                one.im_model_id,
                f"{one.mean_error:.2%}",
                f"{one.worst_error:.2%}",
                f"{one.missing / _MILLION:,.2f}",
            )
            for one in worst
        ),
    )
