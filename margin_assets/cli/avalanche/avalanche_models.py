"""Verbs that look at a book and its runs: how sets are margined, and a run made again."""

from typing import Annotated

import typer

from margin_assets.cli import output
from margin_assets.cli.avalanche.avalanche_verbs import (
    DEFAULT_SCENARIO,
    BookArgument,
    ScenarioOption,
    SeedOption,
    avalanche,
    millions,
    named_faults,
    opened_book,
)
from margin_assets.cli.options import DEFAULT_LAKE, JsonOption, LakeOption, example, opened_lake

_DOLLARS = 1e3


def register(app: typer.Typer) -> None:
    """Adds the verbs of this module to those of the avalanche."""
    del app
    verbs = (
        (models, "margin avalanche models ./book --scenario severe --paths 2000"),
        (verify, "margin avalanche verify 3f2a9c --lake ./lake"),
    )
    for verb, words in verbs:
        avalanche.command(epilog=example(words))(verb)


def models(
    *,
    book: BookArgument,
    scenario: ScenarioOption = DEFAULT_SCENARIO,
    paths: Annotated[
        int,
        typer.Option("--paths", metavar="N", min=0, help="Paths of announced changes; 0: none."),
    ] = 0,
    seed: SeedOption = 1,
    as_json: JsonOption = False,
) -> None:
    """How each netting set is margined: today, at 2, 5 and 10 times the volatility, and its swing.

    With the error of its cuts where they stand for a model, and what an announced change of model
    would do to margin and, with --paths, to the need.
    """
    from margin_assets.avalanche.changing import changed_need
    from margin_assets.avalanche.margining import margining
    from margin_assets.avalanche.running import Asked

    with named_faults(book):
        held = opened_book(book)
        told = margining(held)
        if paths and told["changes"]:
            told["changed_need"] = changed_need(held, Asked(scenario, "A", seed, paths))
    if as_json:
        output.answer(told)
        return
    columns = (
        "ns_id",
        "family",
        "today",
        "at_2x",
        "at_5x",
        "at_10x",
        "received",
        "mean_error",
        "note",
    )
    output.table(columns, ([_rounded(row[name]) for name in columns] for row in told["sets"]))
    swing = ("im_model_id", "decay", "tool", "peak_to_trough", "rise_1d", "rise_5d", "rise_30d")
    output.table(swing, ([_rounded(row[name]) for name in swing] for row in told["models"]))
    if told["changes"]:
        changed = ("ns_id", "old_model_id", "new_model_id", "old", "new", "change")
        output.table(
            changed, ([_rounded(row[name]) for name in changed] for row in told["changes"])
        )
    for name, need in told.get("changed_need", {}).items():
        if name != "by_set":
            value = millions(need["need_q99"]["value"])
            output.say(f"{name}: need at 99% {value}m, to be borrowed {millions(need['line'])}m")


def verify(
    *,
    run_id: Annotated[str, typer.Argument(metavar="RUN", help="Id of a run in the lake.")],
    lake: LakeOption = DEFAULT_LAKE,
    as_json: JsonOption = False,
) -> None:
    """Make a run again from the lake's tables alone, and compare every path to the last bit."""
    from margin_assets.avalanche.storing import checked_run

    with named_faults(lake):
        found = checked_run(opened_lake(lake), run_id)
    if as_json:
        output.answer(found._asdict())
    else:
        output.say(f"{found.paths} paths made again, {found.different} of them different")
    if found.different:
        raise typer.Exit(1)


def _rounded(value: object) -> object:
    """Whole dollars, and ratios to a ten-thousandth, for people."""
    if not isinstance(value, float):
        return value
    # Adding 0 makes minus nothing nothing.
    return round(value) if abs(value) >= _DOLLARS else round(value, 4) + 0.0
