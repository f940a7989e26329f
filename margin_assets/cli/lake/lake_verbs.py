"""Verbs that make a lake and ask it: init, sql, status."""

from contextlib import ExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from margin_assets.cli import output
from margin_assets.cli.moments import (
    DEFAULT_SCRATCH,
    RecomputeOption,
    ScratchOption,
    at_moment,
    say_route,
)
from margin_assets.cli.options import (
    DEFAULT_LAKE,
    DEFAULT_LANDING,
    DEFAULT_MEMORY,
    DEFAULT_TIMEOUT,
    CycleOption,
    JsonOption,
    LakeOption,
    LandingOption,
    MemoryOption,
    TimeoutOption,
    chosen_cycle,
    created_lake,
    example,
    limits_of,
    moment,
    opened_lake,
)
from margin_assets.cli.written import (
    Format,
    FormatOption,
    TargetOption,
    file_for,
    write,
)

if TYPE_CHECKING:
    from margin_assets.lake.ledger.moment import Moment


def register(app: typer.Typer) -> None:
    """Adds the verbs of this module."""
    app.command(epilog=example("margin init --lake ./lake"))(init)
    app.command(
        # A statement may begin with a comment, which begins as an option does.
        context_settings={"ignore_unknown_options": True},
        epilog=example(
            'margin sql "SELECT account_id, excess FROM margin_summary ORDER BY excess LIMIT 10"',
            'margin sql "SELECT * FROM positions" --as-of 2020-03-16T20:00:00Z --format csv',
        ),
    )(sql)
    app.command(epilog=example("margin status --json", "margin status --check"))(status)


def init(*, lake: LakeOption = DEFAULT_LAKE, as_json: JsonOption = False) -> None:
    """Create the lake.

    Every table with its schema, constraints and properties. What is there already stays.
    """
    from margin_assets.lake.store import declared

    _, made = created_lake(lake)
    tables = [
        {"table": name, "is_new": name in made, "grain": declared.table_of(name).grain}
        for name in sorted(declared.names())
    ]
    if as_json:
        output.answer({"lake": lake, "created": sorted(made), "tables": tables})
        return
    output.note(f"lake {lake}: {len(made)} tables created, {len(tables) - len(made)} were there")


def sql(  # noqa: PLR0913 (the options of the interface)
    *,
    statement: Annotated[str, typer.Argument(metavar="SELECT", help="One question in SQL.")],
    lake: LakeOption = DEFAULT_LAKE,
    cycle: CycleOption = None,
    as_of: Annotated[
        str | None,
        typer.Option(metavar="TIMESTAMP", help="As sealed last at or before this instant."),
    ] = None,
    form: FormatOption = Format.TABLE,
    target: TargetOption = None,
    timeout: TimeoutOption = DEFAULT_TIMEOUT,
    memory: MemoryOption = DEFAULT_MEMORY,
    scratch: ScratchOption = DEFAULT_SCRATCH,
    recompute: RecomputeOption = False,
    as_json: JsonOption = False,
) -> None:
    """Ask the tables in SQL.

    Read-only, over every table, all as of one sealed cycle: the last, unless another is named.
    A cycle past the retention of its versions is computed again. Daily twins are named
    daily_TABLE and read at their newest.
    """
    from margin_assets.lake.sql.sql import named_tables, query
    from margin_assets.serving.limits import limited

    form = Format.JSON if as_json else form
    if cycle is not None and as_of is not None:
        raise typer.BadParameter("--cycle and --as-of exclude each other")
    target = file_for(form, target, "answer")
    at = None if as_of is None else moment(as_of)
    held = opened_lake(lake)
    sealed = chosen_cycle(held, cycle, at)
    with ExitStack() as open_moment:
        then: Moment | None = None
        if sealed is not None:
            tables = named_tables(statement)
            then = open_moment.enter_context(
                at_moment(held, sealed, tables, scratch, recompute=recompute)
            )
            if cycle is not None or at is not None:
                say_route(then)
        # The limits are the question's: computing the past again is not on its account.
        with limited(limits_of(timeout, memory)):
            rows = query(held, statement, then or {})
        write(rows, form, target)


def status(
    *,
    lake: LakeOption = DEFAULT_LAKE,
    landing: LandingOption = DEFAULT_LANDING,
    check: Annotated[
        bool, typer.Option("--check", help="Exit code 1 unless the last close was good.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show how the lake stands.

    Last sealed cycle, freshness, backlog, cycle time, quarantine, waiting corrections,
    indeterminate accounts, health, and whether the last business day was good: its close is
    computed, nothing waits, no fill or cash row is refused and open, no account lacked an input.
    """
    from margin_assets.cli.lake.standing import show, standing

    found = standing(opened_lake(lake), landing, datetime.now(UTC))
    if as_json:
        output.answer(found)
    else:
        show(found)
    if check and not found["close"]["is_good"]:
        raise typer.Exit(1)
