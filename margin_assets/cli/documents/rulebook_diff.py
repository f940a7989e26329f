"""The verb that runs two rulebooks on one snapshot and shows who moves."""

from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

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
    from datetime import date

    from margin_assets.kernels.rules.overlay_rules import OverlayRules
    from margin_assets.kernels.rules.rules import Rules
    from margin_assets.lake.ledger.ledger import Sealed
    from margin_assets.lake.store.store import Lake
    from margin_assets.rulebooks import Rulebook

Document = dict[str, Any]


class Side(NamedTuple):
    """Everything that a snapshot is margined under."""

    rules: "Rules"
    overlays: "OverlayRules"


EXAMPLE = example(
    "margin rulebook diff house/2020-01-01 house=draft.toml",
    "margin rulebook diff finra_4210/2013-01-23 finra_4210/2026-06-04 --cycle 40 --json",
)
# They decided how good a price is, and whose beta is 1, before the snapshot was written.
_IN_THE_MARKS = {
    "house": {"prices.stale_after_sessions", "prices.unusable_after_sessions", "stress.benchmark"},
}


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
    from margin_assets.rulebooks.drafts import named

    before, after = named(a), named(b)
    if before.family != after.family:
        raise Refusal(f"{a} is of {before.family}, {b} of {after.family}: name two of one family")
    held = opened_lake(lake)
    sealed = chosen_cycle(held, cycle)
    if sealed is None:
        raise Refusal("no cycle is sealed yet: `margin live` processes what lands")
    if sealed.as_of is None:
        raise Refusal(f"cycle {sealed.cycle} has no snapshot: nothing had happened by then")
    day = sealed.as_of.date()
    sides = _side(day, before, a), _side(day, after, b)
    numbers = _numbers(before, after)
    found = {
        "family": before.family,
        "a": a,
        "b": b,
        "cycle": sealed.cycle,
        "as_of": sealed.as_of,
        "numbers": numbers,
        "not_counted": _not_counted(before.family, numbers, *sides),
        **_moves(held, sealed, sides),
    }
    if as_json:
        output.answer(found)
    else:
        _show(found, top)


def _side(day: "date", book: "Rulebook", name: str) -> Side:
    """Rules of a day with one family's rulebook in the place of its own."""
    from margin_assets.kernels.rules.overlay_rules import READ, overlay_rules_of
    from margin_assets.kernels.rules.rules import DECIDING, rules_of
    from margin_assets.rulebooks import in_force

    books = {family: in_force(family, day) for family in (*DECIDING, *READ)}
    books[book.family] = book
    try:
        return Side(rules_of(books), overlay_rules_of(books))
    except ValueError as error:
        raise Refusal(f"{name}: {error}") from None


def _moves(lake: "Lake", sealed: "Sealed", sides: tuple[Side, Side]) -> Document:
    from margin_assets.kernels.margin.margined import Margined
    from margin_assets.kernels.margin.requirements import summary_of
    from margin_assets.kernels.margin.rulebook_moves import rulebook_moves, seen_under, totals_of
    from margin_assets.lake.ledger.sealed import SealedTables

    table = SealedTables(lake, sealed.table_versions)
    accounts = table("account_state").sort("account_id")
    positions = table("positions").sort("account_id", "class_group", "symbol")
    seen = seen_under(positions, *(side.rules for side in sides))
    pairs = zip(seen, sides, strict=True)
    moves = rulebook_moves(*(summary_of(Margined(held, accounts, *side)) for held, side in pairs))
    totals = {"accounts": accounts.height} | totals_of(moves)
    return {"totals": totals, "moves": moves.to_dicts()}


def _numbers(before: "Rulebook", after: "Rulebook") -> list[Document]:
    """Numbers that differ, by the path of their keys; null where a version has none."""
    from margin_assets.rulebooks.paths import flat

    a, b = flat(before.numbers), flat(after.numbers)
    return [
        {"key": ".".join(path), "a": a.get(path), "b": b.get(path)}
        for path in a | b
        if a.get(path) != b.get(path) and path[-1] != "source"
    ]


def _not_counted(family: str, numbers: list[Document], a: Side, b: Side) -> list[str]:
    """Numbers that differ and that the figures do not show: no requirement reads them again."""
    import numpy as np

    keys = [row["key"] for row in numbers]
    names = a.rules._fields
    is_ruled = not all(np.array_equal(getattr(a.rules, n), getattr(b.rules, n)) for n in names)
    charging = a.overlays.enabled | b.overlays.enabled
    if not is_ruled and (not charging or a.overlays == b.overlays):
        return keys
    if family == "overlays":
        # Overlays that are off on both sides charge nobody, `initial` asks on opening only.
        return [key for key in keys if key.partition(".")[0] not in {"scope", *charging}]
    return [key for key in keys if key in _IN_THE_MARKS.get(family, ())]


def _show(found: Document, top: int) -> None:
    totals, moves = found["totals"], found["moves"]
    output.say(f"A = {found['a']}, B = {found['b']}")
    output.say(f"cycle {found['cycle']}, as of {output.instant(found['as_of'])}")
    if found["numbers"]:
        output.table(("number", "A", "B"), (row.values() for row in found["numbers"]))
    else:
        output.say("no number differs")
    output.say(
        f"{totals['accounts']} accounts: {totals['moved']} move, "
        f"{totals['newly_in_call']} newly in call, {totals['cured']} cured, "
        f"change {output.shown(totals['change'])} USD"
    )
    if moves:
        output.table(_HEADS, map(_cells, moves[:top]))
    if len(moves) > top:
        output.note(f"first {top} of {len(moves)} moves; --json has all")
    if found["not_counted"]:
        is_all = len(found["not_counted"]) == len(found["numbers"])
        names = "any number above" if is_all else ", ".join(found["not_counted"])
        output.note(f"the figures do not count {names}")


_HEADS = ("account", "status", "requirement A", "requirement B", "excess A", "excess B", "change")


def _cells(move: Document) -> list[object]:
    before, after = move["status_before"], move["status_after"]
    status = before if before == after else f"{before} to {after}"
    marked = status if move["is_determinate"] else f"{status} (indeterminate)"
    names = ("requirement_before", "requirement_after", "excess_before", "excess_after", "change")
    return [move["account_id"], marked, *(move[name] for name in names)]
