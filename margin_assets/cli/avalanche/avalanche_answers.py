"""Verbs that answer questions of a book: facility, attribute, recommend."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from margin_assets.cli import output
from margin_assets.cli.avalanche.avalanche_verbs import (
    DEFAULT_PATHS,
    DEFAULT_SCENARIO,
    ArmOption,
    BookArgument,
    PathsOption,
    ScenarioOption,
    SeedOption,
    avalanche,
    named_faults,
    opened_book,
)
from margin_assets.cli.options import JsonOption, example
from margin_assets.cli.output import Refusal

if TYPE_CHECKING:
    from margin_assets.avalanche.answers.case import Case
    from margin_assets.avalanche.book.building import Built

Document = dict[str, Any]
_MILLION = 1e6


def register(app: typer.Typer) -> None:
    """Adds the verbs of this module to those of the avalanche."""
    del app
    verbs = (
        (facility, "margin avalanche facility ./book --scenario severe --level 0.99"),
        (attribute, "margin avalanche attribute ./book --scenario severe --shared"),
        (recommend, "margin avalanche recommend ./book --scenario severe"),
    )
    for verb, words in verbs:
        avalanche.command(epilog=example(words))(verb)


@contextmanager
def told_faults(book: str) -> Iterator[None]:
    """What a book cannot be asked, as one line."""
    with named_faults(book):
        try:
            yield
        except ValueError as error:
            raise Refusal(f"{book}: {error}") from None


def case_in(held: "Built", scenario: str, paths: int, seed: int) -> "Case":
    """The book in a scenario."""
    from margin_assets.avalanche.answers.case import case_of

    return case_of(held, scenario, paths, seed)


def facility(  # noqa: PLR0913 (the options of the interface)
    *,
    book: BookArgument,
    scenario: ScenarioOption = DEFAULT_SCENARIO,
    level: Annotated[
        float,
        typer.Option(metavar="P", min=0.5, max=0.9999, help="Share of paths that must hold."),
    ] = 0.99,
    name: Annotated[
        str | None,
        typer.Option("--facility", metavar="ID", help="Line to size; the first committed one."),
    ] = None,
    paths: PathsOption = DEFAULT_PATHS,
    seed: SeedOption = 1,
    as_json: JsonOption = False,
) -> None:
    """How large a credit line must be, with its notice, limits and covenants.

    The smallest amount to be drawn anew under which liquidity is exhausted, before anything is
    sold, on at most 1 - P of the paths. Its interval is from the number of paths alone. With it
    thirty days of funding, in all, by entity and currency, and by venue: contractual flows, and
    margin at the median, 95% and 99%.
    """
    from margin_assets.avalanche.answers.sizing import before, facility_document
    from margin_assets.avalanche.answers.standing import funded_book

    with told_faults(book):
        held = opened_book(book)
        case = case_in(held, scenario, paths, seed)
        ran = before(case)
        told = facility_document(case, level, ran, name)
        told |= funded_book(held, case, ran.free)
    if as_json:
        output.answer(told)
        return
    if told["verdict"] == "no_line_suffices":
        output.say(
            f"no size of {told['facility']} suffices: {told['exhausted_with']} of {paths} paths are"
            f" exhausted before its money comes (notice {told['notice_h']} h)"
        )
        at_once = told["if_money_came_at_once"]
        output.say(f"if its money came at once: {_millions(at_once['commitment'])}m")
    else:
        _show_size(told, paths)
    worst = max(told["funding"], key=lambda day: day["shortfall"])
    output.say(
        f"thirty days: 95% outflow and buffer exceed liquidity by at most"
        f" {_millions(worst['shortfall'])}m, on day {worst['day']}"
    )
    for row in told["funding_by_venue"]["venues"][:3]:
        output.say(f"{row['venue']}: {_millions(row['days'][9]['outflow'][1])}m by day 10 at 95%")


def _show_size(told: Document, paths: int) -> None:
    high = f"{_millions(told['high'])}m" if math.isfinite(told["high"]) else "unbounded"
    output.say(
        f"{told['facility']}: {_millions(told['commitment'])}m"
        f" ({_millions(told['low'])}m to {high}) leaves"
        f" {told['exhausted_with']} of {paths} paths exhausted, without it"
        f" {told['exhausted_without']}"
    )
    output.say(
        f"available today {_millions(told['available_today'])}m,"
        f" missing {_millions(told['missing'])}m; {told['runs']} re-runs"
    )


def attribute(  # noqa: PLR0913 (the options of the interface)
    *,
    book: BookArgument,
    scenario: ScenarioOption = DEFAULT_SCENARIO,
    arm: ArmOption = "C",
    shared: Annotated[
        bool,
        typer.Option(
            "--shared",
            help="Also Shapley's shares and the pairs worse together, by re-runs.",
            show_default=False,
        ),
    ] = False,
    paths: PathsOption = DEFAULT_PATHS,
    seed: SeedOption = 1,
    as_json: JsonOption = False,
) -> None:
    """Whose need it is: the worst 1% of paths by manager and factor, adding up to the need."""
    from margin_assets.avalanche.answers.attributing import attributed_book

    with told_faults(book):
        held = opened_book(book)
        told = attributed_book(held, case_in(held, scenario, paths, seed), arm, shared=shared)
    if as_json:
        output.answer(told)
        return
    output.say(
        f"need {_millions(told['need'])}m on the worst {told['paths']} paths; not attributed"
        f" {told['residual_share']:.1%}"
    )
    _ranked("manager", told["managers"], told["by_manager"])
    _ranked("factor", told["factors"], told["by_factor"])
    for pair in told.get("shared", {}).get("pairs", [])[:5]:
        output.say(
            f"worse together: {pair['first']} and {pair['second']} by {_millions(pair['excess'])}m"
        )


def _ranked(kind: str, names: list[str], needs: list[float]) -> None:
    rows = sorted(zip(names, needs, strict=True), key=lambda row: (-row[1], row[0]))
    output.table((kind, "need, USD million"), [(n, _millions(v)) for n, v in rows[:12]])


def recommend(
    *,
    book: BookArgument,
    scenario: ScenarioOption = DEFAULT_SCENARIO,
    paths: PathsOption = DEFAULT_PATHS,
    seed: SeedOption = 1,
    as_json: JsonOption = False,
) -> None:
    """What to do about it, ranked by what it takes off the 99% gap for what it costs.

    Each measure is valued by re-running the worst paths with those before it in place.
    """
    from margin_assets.avalanche.answers.advising import advised_book

    with told_faults(book):
        held = opened_book(book)
        told = advised_book(held, case_in(held, scenario, paths, seed))
    if as_json:
        output.answer(told)
        return
    output.say(
        f"need at 99% {_millions(told['need_99'])}m, gap to liquidity {_millions(told['gap_99'])}m"
    )
    if not told["recommendations"]:
        output.say(
            "nothing is missing: no measure is asked for"
            if told["gap_99"] <= 0.0
            else "no measure that is known closes any of it"
        )
        return
    columns = ("#", "measure", "owner", "horizon", "off need", "off gap", "cost a year")
    output.table(
        columns,
        [
            (
                *(row[name] for name in ("rank", "name", "owner", "horizon")),
                *(_millions(row[n]) for n in ("need_reduction", "gap_reduction", "cost")),
            )
            for row in told["recommendations"]
        ],
        title="USD million",
    )


def _millions(amount: float) -> str:
    return f"{amount / _MILLION:,.1f}"
