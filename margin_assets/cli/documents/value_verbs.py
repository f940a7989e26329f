"""The verb that values a document of curves and rates instruments."""

import sys
from typing import Annotated

import typer

from margin_assets.cli import output
from margin_assets.cli.documents.files import answer_lines, is_lines, opened, refused_by_fault
from margin_assets.cli.options import JsonOption, example
from margin_assets.cli.output import Refusal

# Stated, since the help loads nothing; a test holds them to what there is.
KINDS = ("fixed_bond", "bill", "floating_rate_note", "swap")


def register(app: typer.Typer) -> None:
    """Adds the verb of this module."""
    app.command(
        epilog=example(
            "margin value --example swap > swap.json",
            "margin value swap.json",
            "margin value swap.json --json",
            "margin value - < documents.ndjson > answers.ndjson",
            *(f"margin value --example {kind}" for kind in KINDS),
        )
    )(value)


def value(
    *,
    file: Annotated[
        str | None, typer.Argument(help="A .json or .ndjson file; - is standard input.")
    ] = None,
    is_ndjson: Annotated[
        bool, typer.Option("--ndjson", help="One document a line, whatever the file's name.")
    ] = False,
    kind: Annotated[
        str | None,
        typer.Option(
            "--example", metavar="KIND", help="Print a document with an instrument of it."
        ),
    ] = None,
    is_schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON schema of documents.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Value a document of curves, bonds and swaps, with its sensitivities.

    Nothing is stored and no lake is needed. Prices, accrued interest, yields, spreads; DV01 by
    node, by quote and by key rate; scenarios. Every key is in docs/rates.md.

    A .ndjson file, or - for standard input, holds one document a line and is answered a line
    each, in order; a refused document by {"error": ...} in its place.
    """
    if is_schema or kind is not None:
        sys.stdout.write(_schema() if kind is None else _example(kind))
        return
    if file is None:
        raise Refusal("name a document of curves and instruments, or ask for an --example")
    from margin_assets import valuation

    if is_lines(file, is_ndjson=is_ndjson):
        with opened(file) as lines:
            answer_lines(valuation.value_lines(lines))
        return
    with opened(file) as document, refused_by_fault(file):
        answer = valuation.value(document.read())
    if as_json:
        output.answer(answer)
    else:
        from margin_assets.cli.documents.value_view import show

        show(answer)


def _schema() -> str:
    from margin_assets.valuation.schema import schema

    return schema()


def _example(kind: str) -> str:
    import json

    from margin_assets.valuation.examples import INSTRUMENTS, document

    if kind not in INSTRUMENTS:
        raise Refusal(f"no example of kind {kind!r}; kinds: {', '.join(INSTRUMENTS)}")
    return json.dumps(document(kind), indent=1) + "\n"
