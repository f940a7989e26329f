"""The command line: the verbs of the public interface, each one a sentence over the rest."""

import re
import sys
from collections.abc import Callable, Sequence
from importlib import metadata
from typing import Annotated

import typer

from margin_assets.cli import demo
from margin_assets.cli.account import account_verbs, explain
from margin_assets.cli.avalanche import (
    avalanche_answers,
    avalanche_audit,
    avalanche_models,
    avalanche_report,
    avalanche_stress,
    avalanche_telling,
    avalanche_verbs,
)
from margin_assets.cli.backtest import backtest_verbs
from margin_assets.cli.desk import (
    call_verbs,
    dashboard_verbs,
    limit_verbs,
    liquidate,
    notice_verbs,
    plan_verbs,
    reconcile,
)
from margin_assets.cli.documents import im_verbs, offline_verbs, value_verbs
from margin_assets.cli.lake import audit_verbs, firm_verbs, lake_verbs, rates_verbs, serve_verbs
from margin_assets.cli.landing import feed_verbs, ingest_verbs, landing_verbs, quarantine_verbs
from margin_assets.cli.output import Refusal, note, one_line
from margin_assets.lake.objects.troubles import endpoint_in, trouble_of

__all__ = ["app", "main"]

_INTERRUPTED = 130
# What engines say where a data file that a table names is not there, and the file.
_ABSENT = re.compile(r"(?:External error|Failed to fetch|No such file|Object at location).*")
_DATA_FILE = re.compile(r"(?:[\w.=-]+/)*part-[\w.-]+\.parquet")


app = typer.Typer(
    name="margin",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    # Plain help: it need not load rich, and no text in it is markup.
    rich_markup_mode=None,
    epilog="Every verb has --help with an example.",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(is_asked: bool) -> None:  # noqa: FBT001 (the parser calls it)
    if is_asked:
        sys.stdout.write(f"margin {metadata.version('margin-lakehouse')}\n")
        raise typer.Exit


@app.callback()
def margin(
    *,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version, and end."
        ),
    ] = False,
) -> None:
    """Margin risk on a lakehouse: margin, stress and enforcement as Delta tables."""
    # The first is taken out of the arguments by main(), wherever it stands; the other has ended.
    del debug, version


for _group in (
    demo,
    lake_verbs,
    landing_verbs,
    ingest_verbs,
    account_verbs,
    feed_verbs,
    explain,
    liquidate,
    offline_verbs,
    value_verbs,
    im_verbs,
    audit_verbs,
    quarantine_verbs,
    call_verbs,
    notice_verbs,
    plan_verbs,
    limit_verbs,
    rates_verbs,
    reconcile,
    serve_verbs,
    firm_verbs,
    dashboard_verbs,
    avalanche_verbs,
    avalanche_report,
    avalanche_models,
    avalanche_answers,
    avalanche_audit,
    avalanche_stress,
    avalanche_telling,
    backtest_verbs,
):
    _group.register(app)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one verb and returns its exit code; no traceback leaves here without `--debug`."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    words = [word for word in given if word != "--debug"]
    if len(words) < len(given):
        return _run(words)
    try:
        return _run(words)
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        return _reader_gone()
    except Refusal as refusal:
        note(f"margin: {_plain(refusal)}")
    except BaseException as error:
        # Also a panic of a compiled library, which is no Exception.
        if isinstance(error, SystemExit | GeneratorExit):
            raise
        note(f"margin: {_reason(error)}")
    return 1


def _run(words: list[str]) -> int:
    try:
        code = app(args=words, prog_name="margin", standalone_mode=False)
        sys.stdout.flush()
    except typer.Abort:
        return _INTERRUPTED
    except Exception as error:
        show: Callable[[], None] | None = getattr(error, "format_message", None)
        if show is None:
            raise
        _show_usage(error)
        return int(getattr(error, "exit_code", 2))
    return code if isinstance(code, int) else 0


def _show_usage(error: Exception) -> None:
    """A usage error in our own words: the parser would print arguments as they are."""
    context = getattr(error, "ctx", None)
    message = str(getattr(error, "format_message", str)())
    if message.startswith("Usage: "):
        sys.stderr.write(f"{message}\n")  # called without a verb: the whole help
        return
    if context is not None:
        note(one_line(context.get_usage()))
        note(f"Try '{context.command_path} --help' for help.")
    note(f"margin: {one_line(message)}")


def _reader_gone() -> int:
    """`margin ... | head`: nobody reads on, which is no failure of ours."""
    import os

    # The interpreter would try to flush once more on its way out.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _reason(error: BaseException) -> str:
    """One line; the type's name where the text alone would not say what happened."""
    if trouble := trouble_of(error):
        return f"the store failed: {trouble.cause} {endpoint_in(error)}".rstrip()
    if isinstance(error, OSError) and error.filename and error.strerror:
        return one_line(f"{error.filename}: {error.strerror}")
    text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    is_told = isinstance(error, OSError | ValueError | RuntimeError | LookupError)
    name = type(error).__name__
    if not text:
        return one_line(name)
    return _plain(text if is_told else f"{name}: {text}")


def _plain(text: object) -> str:
    """One line, with what to do where an engine only says what it did not find."""
    line = one_line(text)
    found, file = _ABSENT.search(line), _DATA_FILE.search(line)
    if found is None or file is None:
        return line
    return (
        f"{line[: found.start()]}a data file of the lake is gone: {file[0]}: copy it back from a "
        "copy of the lake (docs/operate.md, Repair)"
    )
