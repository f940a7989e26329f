"""Verbs that give all answers: the demo's, and those of a book, as one page and in a lake."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
    millions,
    need_row,
    opened_book,
    store_runs_in,
)
from margin_assets.cli.options import JsonOption, example

if TYPE_CHECKING:
    from margin_assets.avalanche.answers.whole import Asked as Question
    from margin_assets.avalanche.book.building import Built
    from margin_assets.avalanche.narrative.writing import Writer
    from margin_assets.avalanche.running import Asked, Ran

Document = dict[str, Any]
LADDER = ("moderate", "severe", "extreme")


def register(app: typer.Typer) -> None:
    """Adds the verbs of this module to those of the avalanche."""
    del app
    avalanche.command(
        epilog=example("margin avalanche demo", "margin avalanche demo --book ./demo-book")
    )(demo)
    avalanche.command(
        epilog=example(
            "margin avalanche report ./book --out report.html --lake ./lake",
            "margin avalanche report ./book --scenario severe --bedrock MODEL_ID",
        )
    )(report)


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
    from margin_assets.avalanche.narrative.templated import Templates
    from margin_assets.avalanche.narrative.writing import narrative
    from margin_assets.avalanche.report.page import page

    tables = demo_book(seed)
    if book is not None:
        write_book(tables, book)
        output.note(f"the book lies in {book}")
    held = built(tables)
    runs, documents = _answered(held, "demo platform", LADDER, (paths, seed))
    texts = [narrative(document, Templates()) for document in documents]
    out.write_text(page(documents, texts), encoding="utf-8")
    if lake is not None:
        _store(lake, held, runs, documents)
    told = [document_of(held, ran) for ran in runs]
    if as_json:
        output.answer({"runs": told, "page": str(out)})
        return
    _show_ladder(told)
    output.note(f"all answers are in {out}")


def report(  # noqa: PLR0913 (the options of the interface)
    *,
    book: BookArgument,
    scenario: Annotated[
        list[str] | None,
        typer.Option("--scenario", metavar="S", help="Repeatable; the ladder if none is named."),
    ] = None,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Page to write.")] = Path(
        "avalanche.html"
    ),
    with_reverse: Annotated[
        bool, typer.Option("--reverse", help="With reverse stress.", show_default=False)
    ] = False,
    bedrock: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL", help="Let this model on Amazon Bedrock write the text, by boto3."
        ),
    ] = None,
    paths: PathsOption = DEFAULT_PATHS,
    seed: SeedOption = 1,
    lake: LakeOutOption = None,
    as_json: JsonOption = False,
) -> None:
    """All answers as one HTML page with its pictures in it; it loads nothing from anywhere.

    With --lake they go to its tables too, and the dashboard's page of the avalanche shows them.
    The text is written by template from the figures alone. A language model, where one is named,
    is given the figures, and refused if it states a number that is none of them.
    """
    from margin_assets.avalanche.narrative.writing import narrative
    from margin_assets.avalanche.report.page import page

    with told_faults(book):
        held = opened_book(book)
        name = Path(book).resolve().name
        runs, documents = _answered(held, name, scenario or LADDER, (paths, seed))
        broken = _reverse(held, (paths, seed)) if with_reverse else None
    writer = _writer(bedrock)
    texts = [narrative(document, writer) for document in documents]
    out.write_text(page(documents, texts, broken), encoding="utf-8")
    if lake is not None:
        _store(lake, held, runs, documents, broken)
    if as_json:
        output.answer({"page": str(out), "scenarios": documents, "reverse": broken, "texts": texts})
        return
    for section, text in texts[-1].items():
        output.say(f"{section}: {text}")
    output.note(f"written to {out}")


def _answered(
    held: "Built", name: str, scenarios: Sequence[str], run: tuple[int, int]
) -> "tuple[list[Ran], list[Document]]":
    """Runs of each scenario in the order of the arms, and all answers to each scenario."""
    from margin_assets.avalanche.answers.whole import Asked as Question
    from margin_assets.avalanche.running import Asked

    paths, seed = run
    runs: list[Ran] = []
    documents: list[Document] = []
    for scenario in scenarios:
        of_arms = _ran(held, Asked(scenario, seed=seed, paths=paths))
        # The early warning is the book's: it is told once.
        warning = documents[0]["warning"] if documents else None
        documents.append(_told(held, Question(name, scenario, *run), of_arms, warning))
        runs += of_arms
    return runs, documents


def _ran(held: "Built", asked: "Asked") -> "list[Ran]":
    """Runs of the three arms, with their progress."""
    from margin_assets.avalanche.running import run_arms

    with output.progress() as bar:
        tasks = {
            arm: bar.add_task(f"{asked.scenario}, arm {arm}", total=asked.paths) for arm in "ABC"
        }
        return run_arms(held, asked, lambda arm, done: bar.update(tasks[arm], completed=done))


def _told(
    held: "Built", question: "Question", runs: "list[Ran]", warning: Document | None
) -> Document:
    """All answers to one scenario, from the runs of its arms."""
    from margin_assets.avalanche.answers.whole import Known, everything

    known = Known({ran.asked.arm: ran.results for ran in runs}, warning)
    with output.progress() as bar:
        task = bar.add_task("", total=None)

        def tell(part: str) -> None:
            bar.update(task, description=f"{question.scenario}: {part}")

        return everything(held, question, tell, known)


def _store(
    lake: str,
    held: "Built",
    runs: "list[Ran]",
    documents: list[Document],
    broken: Document | None = None,
) -> None:
    """The runs first: answers belong to one that is there."""
    from margin_assets.avalanche.answers.storing import store_answers
    from margin_assets.cli.options import created_lake

    store_runs_in(lake, held, runs)
    written = store_answers(created_lake(lake)[0], held, documents, broken)
    output.note(f"answers written to {lake}: {', '.join(written) or 'nothing new'}")


def _reverse(held: "Built", run: tuple[int, int]) -> Document:
    from margin_assets.avalanche.answers.breaking import Search, reverse_document, searched_book

    return reverse_document(*searched_book(held, run, Search()))


def _writer(model: str | None) -> "Writer":
    from margin_assets.avalanche.narrative.templated import Templates

    if model is None:
        return Templates()
    from margin_assets.avalanche.narrative.bedrock import bedrock

    return bedrock(model)


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
        need = need_row(one["peak_need"])
        ratio = {q["level"]: q["value"] for q in one["im_peak_ratio"]["quantiles"]}[0.99]
        shares = [f"{one[name]['probability']:.1%}" for name in ("exhaustion", "default")]
        rows.append((one["scenario"], one["arm"], need[1], need[4], *shares, f"{ratio:.2f}"))
    output.table(columns, rows, title="USD million; A sells nothing, B sells, C moves prices")
