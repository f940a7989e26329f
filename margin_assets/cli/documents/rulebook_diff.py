"""The verb that runs two rulebooks on one snapshot and shows who moves."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from margin_assets.cli import output
from margin_assets.cli.options import (
    DEFAULT_LAKE,
    CycleOption,
    JsonOption,
    LakeOption,
    chosen_cycle,
    example,
    opened_lake,
)
from margin_assets.cli.output import Refusal

if TYPE_CHECKING:
    from margin_assets.desk.comparing import Side
    from margin_assets.lake.ledger.cycles import Sealed
    from margin_assets.lake.store.store import Lake
    from margin_assets.rulebooks import Rulebook

Document = dict[str, Any]
EXAMPLE = example(
    "margin rulebook diff house/2020-01-01 house=draft.toml",
    "margin rulebook diff finra_4210/2013-01-23 finra_4210/2026-06-04 --cycle 40 --json",
)


def diff(  # noqa: PLR0913 (the options of the interface)
    *,
    a: Annotated[str, typer.Argument(metavar="A", help="Before: FAMILY/DATE or FAMILY=FILE.")],
    b: Annotated[str, typer.Argument(metavar="B", help="After, of the same family.")],
    lake: LakeOption = DEFAULT_LAKE,
    cycle: CycleOption = None,
    top: Annotated[
        int, typer.Option(metavar="N", min=1, help="The N largest increases; --json has all.")
    ] = 20,
    as_json: JsonOption = False,
) -> None:
    """Run two rulebooks on one snapshot and show who moves.

    A and B are versions of one family, such as house/2020-01-01, or drafts, such as
    house=draft.toml: a copy of the newest margin_assets/rulebooks/house/DATE.toml with other
    numbers. The snapshot is the positions and accounts of the last sealed cycle, or of cycle N;
    the other families are those in force on its day.

    Shows the numbers that differ and, of each account that moves, requirement, excess and status
    before and after. Nothing is stored.
    """
    from margin_assets.lake.ledger.adoptions import decided_next

    held = opened_lake(lake)
    with decided_next(held):
        found = _compared(held, (a, b), cycle)
    if as_json:
        output.answer(found)
    else:
        _show(found, top)


def _compared(lake: "Lake", names: tuple[str, str], cycle: int | None) -> Document:
    from margin_assets.desk.comparing import moves, not_counted, numbers
    from margin_assets.rulebooks.drafts import named

    a, b = names
    before, after = named(a), named(b)
    if before.family != after.family:
        raise Refusal(f"{a} is of {before.family}, {b} of {after.family}: name two of one family")
    sealed = chosen_cycle(lake, cycle)
    if sealed is None:
        raise Refusal("no cycle is sealed yet: `margin live` processes what lands")
    if sealed.as_of is None:
        raise Refusal(f"cycle {sealed.cycle} has no snapshot: nothing had happened by then")
    sides = _side(sealed, before, a), _side(sealed, after, b)
    differing = numbers(before, after)
    return {
        "family": before.family,
        "a": a,
        "b": b,
        "cycle": sealed.cycle,
        "as_of": sealed.as_of,
        "numbers": differing,
        "not_counted": not_counted(before.family, differing, *sides),
        **moves(lake, sealed, sides),
    }


def _side(sealed: "Sealed", book: "Rulebook", name: str) -> "Side":
    from margin_assets.desk.comparing import side_of

    assert sealed.as_of is not None  # noqa: S101 (asked before)
    try:
        return side_of(sealed.as_of.date(), [book])
    except ValueError as error:
        raise Refusal(f"{name}: {error}") from None


def _show(found: Document, top: int) -> None:
    output.say(f"A = {found['a']}, B = {found['b']}")
    output.say(f"cycle {found['cycle']}, as of {output.instant(found['as_of'])}")
    if found["numbers"]:
        output.table(("number", "A", "B"), (row.values() for row in found["numbers"]))
    else:
        output.say("no number differs")
    show_moves(found, ("A", "B"), top)


def show_moves(found: Document, sides: tuple[str, str], top: int = 20) -> None:
    """Who moves between two sides, and which numbers the figures do not show."""
    totals, moves = found["totals"], found["moves"]
    output.say(
        f"{totals['accounts']} accounts: {totals['moved']} move, "
        f"{totals['newly_in_call']} newly in call, {totals['cured']} cured, "
        f"{totals['newly_warned']} newly warned, change {output.shown(totals['change'])} USD"
    )
    if moves:
        output.table(_heads(*sides), map(_cells, moves[:top]))
    if len(moves) > top:
        output.note(f"first {top} of {len(moves)} moves; --json has all")
    if found["not_counted"]:
        is_all = len(found["not_counted"]) == len(found["numbers"])
        names = "any number above" if is_all else ", ".join(found["not_counted"])
        output.note(f"the figures do not count {names}")


def _heads(a: str, b: str) -> tuple[str, ...]:
    figures = [f"{name} {side}" for name in ("requirement", "excess") for side in (a, b)]
    return ("account", "status", *figures, "change")


def _cells(move: Document) -> list[object]:
    before, after = move["status_before"], move["status_after"]
    status = before if before == after else f"{before} to {after}"
    marked = status if move["is_determinate"] else f"{status} (indeterminate)"
    names = ("requirement_before", "requirement_after", "excess_before", "excess_after", "change")
    return [move["account_id"], marked, *(move[name] for name in names)]
