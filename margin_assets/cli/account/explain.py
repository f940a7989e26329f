"""The verb that says why an account stands where it stands."""

from typing import Annotated

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
    JsonOption,
    LakeOption,
    chosen_cycle,
    example,
    moment,
    opened_lake,
)
from margin_assets.cli.output import Refusal


def register(app: typer.Typer) -> None:
    """Adds the verb of this module."""
    app.command(
        epilog=example(
            "margin explain NVDA-SEED", "margin explain NVDA-SEED --at 2020-03-09T15:30:00Z --json"
        )
    )(explain)


def explain(  # noqa: PLR0913 (the options of the interface)
    *,
    account: Annotated[str, typer.Argument(help="Id of the account.")],
    at: Annotated[
        str | None,
        typer.Option(metavar="TIMESTAMP", help="As sealed last at or before this instant."),
    ] = None,
    lake: LakeOption = DEFAULT_LAKE,
    scratch: ScratchOption = DEFAULT_SCRATCH,
    recompute: RecomputeOption = False,
    as_json: JsonOption = False,
) -> None:
    """Explain where an account stands.

    Status, requirement by rule, marks, fills and cash down to landed file and line, stress,
    decisions, rulebooks and the cycle.
    """
    from margin_assets.cli.account.story import story
    from margin_assets.cli.account.view import show

    when = None if at is None else moment(at)
    held = opened_lake(lake)
    sealed = chosen_cycle(held, as_of=when)
    if sealed is None:
        raise Refusal("no cycle is sealed yet: `margin live` processes what lands")
    with at_moment(held, sealed, sealed.table_versions, scratch, recompute=recompute) as then:
        if at is not None:
            say_route(then)
        found = story(then, account)
    if as_json:
        output.answer(found)
    else:
        show(found)
