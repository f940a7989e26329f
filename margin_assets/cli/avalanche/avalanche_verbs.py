"""The verbs of the margin-call avalanche, and the one that runs a book."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from margin_assets.cli import output
from margin_assets.cli.options import (
    AddressOption,
    EngineOption,
    JsonOption,
    chosen_engine,
    example,
    opened_lake,
)
from margin_assets.cli.output import Refusal

if TYPE_CHECKING:
    from margin_assets.avalanche.book.building import Built
    from margin_assets.avalanche.running import Asked, Ran
    from margin_assets.engines import Engine

Document = dict[str, Any]
DEFAULT_SCENARIO = "severe"
DEFAULT_PATHS = 10_000
_MILLION = 1e6

BookArgument = Annotated[
    str, typer.Argument(metavar="BOOK", help="Folder of CSV or Parquet files, or a lake.")
]
ScenarioOption = Annotated[
    str, typer.Option("--scenario", metavar="S", help="By name; a wrong one lists them.")
]
PathsOption = Annotated[int, typer.Option("--paths", metavar="N", min=1, max=1_000_000)]
SeedOption = Annotated[int, typer.Option("--seed", metavar="K", min=0, max=2**32 - 1)]
ArmOption = Annotated[
    Literal["A", "B", "C"],
    typer.Option("--arm", help="A sells nothing, B sells, C sells and moves prices."),
]
LakeOutOption = Annotated[
    str | None, typer.Option("--lake", metavar="URI", help="Write the results to this lake too.")
]

avalanche = typer.Typer(
    help="The margin-call avalanche: who calls how much, what pays it, what breaks.",
    rich_markup_mode=None,
    no_args_is_help=True,
)


def register(app: typer.Typer) -> None:
    """Adds the verbs of this module."""
    avalanche.command(
        "run",
        epilog=example("margin avalanche run ./book --scenario severe --paths 10000 --arm C"),
    )(run)
    app.add_typer(avalanche, name="avalanche")


def opened_book(place: str) -> "Built":
    """The book of a folder, or the newest of a lake, ready to run.

    Raises:
        Refusal: It cannot be; the line names what is wrong with it.
    """
    from margin_assets.avalanche.book.building import built
    from margin_assets.avalanche.book.reading import read_folder
    from margin_assets.avalanche.keeping import kept_book

    with named_faults(place):
        if "://" in place or (Path(place) / "avalanche_books").is_dir():
            return built(kept_book(opened_lake(place)))
        return built(read_folder(Path(place)))


@contextmanager
def named_faults(place: str) -> Iterator[None]:
    """What is wrong with a book, as one line that names it."""
    from margin_assets.avalanche.book.faults import BookError

    try:
        yield
    except BookError as error:
        raise Refusal(f"{place}: {error}") from None


def run(  # noqa: PLR0913 (the options of the interface)
    *,
    book: BookArgument,
    scenario: ScenarioOption = DEFAULT_SCENARIO,
    paths: PathsOption = DEFAULT_PATHS,
    arm: ArmOption = "C",
    seed: SeedOption = 1,
    lake: LakeOutOption = None,
    engine: EngineOption = "local",
    address: AddressOption = "",
    as_json: JsonOption = False,
) -> None:
    """Run the paths of one scenario and one arm, and tell what could be called.

    The same book, scenario, arm, seed and number of paths give the same numbers to the last bit;
    path p is the same in any run of more paths.
    """
    from margin_assets.avalanche.document import document_of
    from margin_assets.avalanche.running import Asked

    with named_faults(book):
        held = opened_book(book)
        ran = _ran(held, Asked(scenario, arm, seed, paths), chosen_engine(engine, address))
        told = document_of(held, ran)
    if lake is not None:
        store_runs_in(lake, held, [ran])
    if as_json:
        output.answer(told)
        return
    _show(told)


def _ran(held: "Built", asked: "Asked", engine: "Engine | None" = None) -> "Ran":
    from margin_assets.avalanche.running import run as run_book
    from margin_assets.engines import EngineUnavailable

    try:
        with output.progress() as bar:
            task = bar.add_task(f"{asked.scenario}, arm {asked.arm}", total=asked.paths)
            return run_book(held, asked, lambda done: bar.update(task, completed=done), engine)
    except EngineUnavailable as error:
        raise Refusal(str(error)) from None


def store_runs_in(lake: str, held: "Built", runs: "list[Ran]") -> None:
    """Writes runs to a lake, which is made where there is none."""
    from margin_assets.avalanche.storing import store_runs
    from margin_assets.cli.options import created_lake

    written = store_runs(created_lake(lake)[0], held, runs)
    output.note(f"written to {lake}: {', '.join(written)}")


def _show(told: Document) -> None:
    """One run for people."""
    output.say(
        f"{told['scenario']}, arm {told['arm']}, {told['paths']} paths, seed {told['seed']}; "
        f"initial margin {millions(told['initial_margin']['total'])}m today"
    )
    rows = [
        (name.replace("_", " "), *need_row(told[name]))
        for name in ("peak_need", "largest_day_call", "largest_hour_call", "gross_calls", "sold")
    ]
    output.table(("USD million", "mean", "50%", "90%", "95%", "99%", "interval of 99%"), rows)
    for name in ("exhaustion", "default"):
        found = told[name]
        output.say(
            f"{name}: {found['probability']:.2%} of paths "
            f"({found['low']:.2%} to {found['high']:.2%})"
        )
    for warning in told["warnings"]:
        output.note(f"note: {warning}")


def need_row(found: Document) -> list[str]:
    """Mean, quantiles and the interval of the last, USD million."""
    at = {round(one["level"], 3): one for one in found["quantiles"]}
    worst = at[0.99]
    interval = f"{millions(worst['low'])} to {millions(worst['high'])}"
    mark = " (indicative)" if worst["indicative"] else ""
    middle = [millions(at[level]["value"]) for level in (0.5, 0.9, 0.95, 0.99)]
    return [millions(found["mean"]), *middle, interval + mark]


def millions(amount: float) -> str:
    """USD million with one decimal; `unbounded` where no path bounds it."""
    if not math.isfinite(amount):
        return "unbounded"
    return f"{amount / _MILLION:,.1f}"
