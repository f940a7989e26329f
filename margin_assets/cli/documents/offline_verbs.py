"""Verbs that need no lake: whatif (but for an order), bench; the family of rulebooks."""

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Annotated

import typer

from margin_assets.cli import output
from margin_assets.cli.account import account_whatif, order_check
from margin_assets.cli.documents import adopt_verbs, rulebook_diff, rulebook_list
from margin_assets.cli.documents.files import answer_lines, is_lines, opened, refused_by_fault
from margin_assets.cli.options import (
    DEFAULT_LAKE,
    JsonOption,
    LakeOption,
    example,
    moment,
    opened_lake,
)
from margin_assets.cli.output import Refusal

rulebook = typer.Typer(
    help="Show the numbers of the rules; adopt a lake's own.",
    no_args_is_help=True,
    rich_markup_mode=None,
    epilog=example(
        "margin rulebook list",
        "margin rulebook show finra_4210 2020-03-16",
        "margin rulebook diff house/2020-01-01 house=draft.toml",
        "margin rulebook adopt house.toml --effective 2026-12-01 --dry-run",
    ),
)


_PASSED_ON = {"allow_extra_args": True, "ignore_unknown_options": True}


def register(app: typer.Typer) -> None:
    """Adds the verbs of this module."""
    app.command(
        epilog=example(
            "margin whatif portfolio.json --json",
            "margin whatif portfolio.json --lake ./lake",
            "margin whatif - < portfolios.ndjson > answers.ndjson",
            'margin whatif --account A1 --order "BUY 100 XOM @ 61.20"',
            "margin whatif --account A1 --shock NVDA=-10% --add hedge.json",
        )
    )(whatif)
    rulebook_list.register(rulebook)
    rulebook.command("diff", epilog=rulebook_diff.EXAMPLE)(rulebook_diff.diff)
    adopt_verbs.register(rulebook)
    app.add_typer(rulebook, name="rulebook")
    app.command(epilog=example("margin bench desk --accounts 10000"), context_settings=_PASSED_ON)(
        bench
    )


def whatif(  # noqa: PLR0913 (the options of the interface)
    *,
    context: typer.Context,
    file: Annotated[
        str | None, typer.Argument(help="A .json or .ndjson file; - is standard input.")
    ] = None,
    account: Annotated[
        str | None, typer.Option(metavar="A", help="An account of the lake.")
    ] = None,
    order: Annotated[
        list[str] | None,
        typer.Option(metavar="ORDER", help="Its legs, `;` between them; repeatable."),
    ] = None,
    shock: Annotated[
        list[str] | None,
        typer.Option(metavar="S=-10%", help="Move a price, or set it: S=95.50; repeatable."),
    ] = None,
    add: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Positions to take on at their prices; repeatable."),
    ] = None,
    as_of: Annotated[
        str | None, typer.Option(metavar="TIMESTAMP", help="The account as sealed by then.")
    ] = None,
    is_schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON schema of a document.")
    ] = False,
    lake: LakeOption = DEFAULT_LAKE,
    is_ndjson: Annotated[
        bool, typer.Option("--ndjson", help="One document a line, whatever the file's name.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Margin a portfolio document, an account with other prices, or check an order.

    Nothing is stored. A document needs no lake; with --lake the rulebooks that the lake adopted
    decide too. An account is margined as it was sealed last, and again after shocks and added
    positions; an order is checked against it before it is traded, each leg as in "BUY 100 XOM @
    61.20".

    A .ndjson file, or - for standard input, holds one document a line and is answered a line
    each, in order; a refused document by {"error": ...} in its place.
    """
    if is_schema:
        _print_schema()
        return
    if account is not None or order or shock or add or as_of:
        _refuse_both(file, account)
        if order:
            if shock or add or as_of:
                raise Refusal(
                    "an order is checked as of the last cycle: no --shock, --add, --as-of"
                )
            order_check.show_check(lake, str(account), order, as_json=as_json)
            return
        at = None if as_of is None else moment(as_of)
        changes = account_whatif.Changes(shock or [], add or [], at)
        account_whatif.show_changed(lake, str(account), changes, as_json=as_json)
        return
    if file is None:
        raise Refusal("name a portfolio document, or an account by --account")
    said_by = context.get_parameter_source("lake")
    with _rules_of(lake if said_by is not None and said_by.name == "COMMANDLINE" else None):
        _answer_document(file, is_ndjson=is_ndjson, as_json=as_json)


def _rules_of(lake: str | None) -> AbstractContextManager[None]:
    """Decides by what a lake adopted too; where none is named, by what is installed."""
    if lake is None:
        return nullcontext()
    from margin_assets.lake.ledger.adoptions import decided_next

    return decided_next(opened_lake(lake))


def _answer_document(file: str, *, is_ndjson: bool, as_json: bool) -> None:
    if is_lines(file, is_ndjson=is_ndjson):
        from margin_assets.whatif import whatif_lines

        with opened(file) as lines:
            answer_lines(whatif_lines(lines))
        return
    from margin_assets.whatif import whatif as answered

    with opened(file) as document, refused_by_fault(file):
        found = answered(document.read())
    if as_json:
        output.answer(found)
    else:
        from margin_assets.cli.account.whatif_view import show

        show(found)


def _refuse_both(file: str | None, account: str | None) -> None:
    if file is not None:
        raise Refusal("a document has its account in it: name a file or --account")
    if account is None:
        raise Refusal("--order, --shock, --add and --as-of are of an account: name it by --account")


def _print_schema() -> None:
    import json

    from margin_assets.whatif import Document

    sys.stdout.write(json.dumps(Document.model_json_schema(), indent=2) + "\n")


def bench(
    context: typer.Context,
    *,
    name: Annotated[str, typer.Argument(help="Name of the benchmark; unknown lists them.")],
) -> None:
    """Run one benchmark: JSON on stdout, then a table. Options after the name are the benchmark's.

    Some have none.
    """
    from importlib import import_module

    known = _benchmarks()
    if name not in known:
        names = ", ".join(known) or "none here; run from the source tree"
        raise Refusal(f"unknown benchmark {name!r}; known: {names}")
    with _own_arguments(name, context.args):
        result = import_module(f"benchmarks.{name}").main()
    if result is not None:
        import_module("benchmarks.output").show({name: result})


def _benchmarks() -> list[str]:
    import pkgutil

    try:
        import benchmarks  # type: ignore[import-not-found,unused-ignore]  # no wheel
    except ImportError:
        return []
    found = (module.name for module in pkgutil.iter_modules(benchmarks.__path__))
    return sorted(name for name in found if not name.startswith("_") and name != "output")


@contextmanager
def _own_arguments(name: str, given: list[str]) -> Iterator[None]:
    """A benchmark parses arguments of its own, and ours are not among them."""
    ours, sys.argv = sys.argv, [name, *given]
    try:
        yield
    finally:
        sys.argv = ours
