"""Verbs that ask what would break a platform, and how near that is: reverse, warn."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from margin_assets.cli import output
from margin_assets.cli.avalanche.avalanche_answers import told_faults
from margin_assets.cli.avalanche.avalanche_verbs import (
    DEFAULT_PATHS,
    BookArgument,
    LakeOutOption,
    PathsOption,
    SeedOption,
    avalanche,
    opened_book,
)
from margin_assets.cli.options import JsonOption, example

if TYPE_CHECKING:
    from margin_assets.avalanche.answers.breaking import Found
    from margin_assets.avalanche.answers.candidates import Breaker
    from margin_assets.avalanche.book.building import Built

_FEW = 2_000
"""Paths where a question is asked of them many times."""


def register(app: typer.Typer) -> None:
    """Adds the verbs of this module to those of the avalanche."""
    del app
    avalanche.command(epilog=example("margin avalanche reverse ./book --json"))(reverse)
    avalanche.command(epilog=example("margin avalanche warn ./book"))(warn)


def reverse(  # noqa: PLR0913 (the options of the interface)
    *,
    book: BookArgument,
    target: Annotated[
        Literal["liquidity", "default"],
        typer.Option(help="Need reaches liquidity before any sale, or an entity defaults."),
    ] = "liquidity",
    generations: Annotated[
        int, typer.Option(metavar="N", min=1, max=10_000, help="Most generations.")
    ] = 1_000,
    paths: PathsOption = DEFAULT_PATHS,
    seed: SeedOption = 1,
    as_json: JsonOption = False,
) -> None:
    """What combination of moves would break the platform: up to five that differ.

    The nearest by Mahalanobis distance at which need reaches liquidity (or an entity defaults),
    within half as far again as the worst ten days of the history; each is run on all paths.
    """
    from margin_assets.avalanche.answers.breaking import reverse_document

    with told_faults(book):
        breaker, found = _searched(opened_book(book), (paths, seed), target, generations)
        told = reverse_document(breaker, found)
    if as_json:
        output.answer(told)
        return
    if not told["answers"]:
        output.say(
            f"nothing within a distance of {told['largest_distance']:.2f} breaks the platform;"
            f" bound: {told['bound_from']}"
        )
    for answer in told["answers"]:
        chances = answer["on_all_paths"]
        output.table(
            ("factor", "ten-day move, deviations", "return"),
            [
                (move["factor"], f"{move['deviations']:+.2f}", f"{move['return']:+.4f}")
                for move in answer["moves"][:8]
            ],
            title=(
                f"answer {answer['rank']}: distance {answer['distance']:.2f} of at most"
                f" {told['largest_distance']:.2f}; exhausted on"
                f" {chances['exhaustion']['probability']:.1%}, default on"
                f" {chances['default']['probability']:.1%} of paths"
            ),
        )
        multiples = answer["volatility_multipliers"].items()
        output.say(
            "with volatility "
            + ", ".join(f"{name} x{multiple:.2f}" for name, multiple in multiples)
            + f"; {answer['fast']:.0%} fast, the rest over ten days; correlation weight"
            f" {answer['correlation_weight']:.2f}, depth {answer['depth']:.0%} of today's"
        )


def _searched(
    held: "Built", run: tuple[int, int], target: str, generations: int
) -> "tuple[Breaker, Found]":
    from margin_assets.avalanche.answers.breaking import Search, Target, searched_book
    from margin_assets.kernels.avalanche.reverse.genetic import Effort

    with output.progress() as bar:
        task = bar.add_task("generations", total=generations)
        search = Search(
            Target(target),
            Effort(generations=generations),
            lambda done: bar.update(task, completed=done),
        )
        return searched_book(held, run, search)


def _keep(lake: str, held: "Built", told: dict[str, Any], run: tuple[int, int]) -> None:
    from margin_assets.avalanche.answers.readings import store_reading
    from margin_assets.avalanche.answers.watching import MODERATE
    from margin_assets.avalanche.running import Asked
    from margin_assets.cli.options import created_lake

    paths, seed = run
    written = store_reading(created_lake(lake)[0], held, told, Asked(MODERATE, "C", seed, paths))
    output.note(f"written to {lake}: {', '.join(written) or 'nothing new'}")


def warn(  # noqa: PLR0913 (the options of the interface)
    *,
    book: BookArgument,
    fit: Annotated[
        bool,
        typer.Option("--fit", help="Fit the score on simulated days too.", show_default=False),
    ] = False,
    paths: PathsOption = _FEW,
    seed: SeedOption = 1,
    lake: LakeOutOption = None,
    as_json: JsonOption = False,
) -> None:
    """How near it is: the early warning of today, from 0 to 1, with what it is made of.

    High from 0.7 and critical from 0.9. A component that cannot be told counts in full, and is
    named. A lake keeps the reading of each book, and the level after those before it.
    """
    from margin_assets.avalanche.answers.watching import watched_book

    with told_faults(book):
        held = opened_book(book)
        told = watched_book(held, paths, seed, fit=fit)
    if lake is not None:
        _keep(lake, held, told, (paths, seed))
    if as_json:
        output.answer(told)
        return
    points = told["points_to"]
    beyond = "" if points == told["level"] else f", {points} if the next reading agrees"
    output.say(f"{told['score']:.2f}: {told['level']}{beyond}")
    if told["nearest_scenario"] is not None:
        output.say(f"nearest to {told['nearest_scenario']}, {told['progress']:.0%} of its way")
    parts = [(name, f"{value:.3f}") for name, value in told["components"].items()]
    output.table(("component", "from 0 to 1"), parts)
    for name in told["unknown"]:
        output.note(f"note: {name} cannot be told from this book; it counts in full")
    if fit:
        found = told["fit"]
        output.say(
            f"fitted: {found['detected']:.0%} of {found['exhausted_paths']} exhausted paths flagged"
            f" a day before, {found['false_alarms']:.1%} of {found['calm_days']} calm days too"
        )
