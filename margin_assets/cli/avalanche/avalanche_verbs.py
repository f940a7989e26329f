"""Verbs of the margin-call avalanche: demo, run, and how a book's sets are margined."""

from collections.abc import Callable, Iterator
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
LADDER = ("moderate", "severe", "extreme")
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
        "demo",
        epilog=example("margin avalanche demo", "margin avalanche demo --book ./demo-book"),
    )(demo)
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
        _store(lake, held, [ran])
    if as_json:
        output.answer(told)
        return
    _show(told)


def _ran(held: "Built", asked: "Asked", engine: "Engine | None" = None) -> "Ran":
    from margin_assets.avalanche.running import run as run_book
    from margin_assets.engines import EngineUnavailable

    try:
        with _counted(f"{asked.scenario}, arm {asked.arm}", asked.paths) as tell:
            return run_book(held, asked, tell, engine)
    except EngineUnavailable as error:
        raise Refusal(str(error)) from None


@contextmanager
def _counted(title: str, total: int) -> Iterator[Callable[[int], None]]:
    with output.progress() as bar:
        task = bar.add_task(title, total=total)
        yield lambda done: bar.update(task, completed=done)


def _store(lake: str, held: "Built", runs: "list[Ran]") -> None:
    from margin_assets.avalanche.storing import store_runs
    from margin_assets.cli.options import created_lake

    written = store_runs(created_lake(lake)[0], held, runs)
    output.note(f"written to {lake}: {', '.join(written)}")


def demo(  # noqa: PLR0913 (the options of the interface)
    *,
    paths: PathsOption = 2_000,
    seed: SeedOption = 1,
    book: Annotated[
        Path | None, typer.Option("--book", metavar="DIR", help="Keep the book in this folder.")
    ] = None,
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE", help="Page with all answers.")
    ] = Path("avalanche-demo.html"),
    lake: LakeOutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run a synthetic platform through moderate, severe and extreme stress, in all three arms.

    15 billion, 30 managers, 210 netting sets over 55 clearing houses and 80 bilateral
    counterparties, four currencies; drawn from the seed, nobody's. All answers go to one HTML
    page that loads nothing from anywhere.
    """
    from margin_assets.avalanche.book.building import built
    from margin_assets.avalanche.demo.platform import demo_book, write_book
    from margin_assets.avalanche.document import document_of
    from margin_assets.avalanche.running import ARMS, Asked

    tables = demo_book(seed)
    if book is not None:
        write_book(tables, book)
        output.note(f"the book lies in {book}")
    held = built(tables)
    runs = [_ran(held, Asked(scenario, arm, seed, paths)) for scenario in LADDER for arm in ARMS]
    if lake is not None:
        _store(lake, held, runs)
    told = [document_of(held, ran) for ran in runs]
    _page(held, runs, out)
    if as_json:
        output.answer({"runs": told, "page": str(out)})
        return
    _show_ladder(told)
    output.note(f"all answers are in {out}")


def _page(held: "Built", runs: "list[Ran]", out: Path) -> None:
    """All answers to the demo's runs as one page; three runs a scenario, in the order of arms."""
    from margin_assets.avalanche.answers.whole import Asked, everything
    from margin_assets.avalanche.narrative.templated import Templates
    from margin_assets.avalanche.narrative.writing import narrative
    from margin_assets.avalanche.report.page import page

    documents = []
    for place, scenario in enumerate(LADDER):
        of_arms = runs[3 * place : 3 * place + 3]
        arms = {ran.asked.arm: ran.results for ran in of_arms}
        asked = Asked("demo platform", scenario, of_arms[0].asked.paths, of_arms[0].asked.seed)
        documents.append(everything(held, asked, known=arms))
    texts = [narrative(document, Templates()) for document in documents]
    out.write_text(page(documents, texts), encoding="utf-8")


def _show(told: Document) -> None:
    """One run for people."""
    output.say(
        f"{told['scenario']}, arm {told['arm']}, {told['paths']} paths, seed {told['seed']}; "
        f"initial margin {millions(told['initial_margin']['total'])}m today"
    )
    rows = [
        (name.replace("_", " "), *_row(told[name]))
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


def _row(found: Document) -> list[str]:
    at = {round(one["level"], 3): one for one in found["quantiles"]}
    worst = at[0.99]
    interval = f"{millions(worst['low'])} to {millions(worst['high'])}"
    mark = " (indicative)" if worst["indicative"] else ""
    middle = [millions(at[level]["value"]) for level in (0.5, 0.9, 0.95, 0.99)]
    return [millions(found["mean"]), *middle, interval + mark]


def millions(amount: float) -> str:
    """USD million with one decimal."""
    return f"{amount / _MILLION:,.1f}"


def _show_ladder(told: list[Document]) -> None:
    """The demo for people: one line a run."""
    first = told[0]
    output.say(
        f"demo platform: initial margin {millions(first['initial_margin']['total'])}m today; "
        f"{first['paths']} paths a run"
    )
    columns = ("scenario", "arm", "need 50%", "need 99%", "exhausted", "default", "IM peak 99%")
    rows = []
    for one in told:
        need = _row(one["peak_need"])
        ratio = {q["level"]: q["value"] for q in one["im_peak_ratio"]["quantiles"]}[0.99]
        shares = [f"{one[name]['probability']:.1%}" for name in ("exhaustion", "default")]
        rows.append((one["scenario"], one["arm"], need[1], need[4], *shares, f"{ratio:.2f}"))
    output.table(columns, rows, title="USD million; A sells nothing, B sells, C moves prices")
