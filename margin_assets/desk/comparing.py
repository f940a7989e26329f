"""Two sets of rulebooks on one sealed snapshot: which numbers differ, and who moves."""

from collections.abc import Iterable
from datetime import date
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from margin_assets.kernels.margin.margined import Margined
from margin_assets.kernels.margin.requirements import summary_of
from margin_assets.kernels.margin.rulebook_moves import (
    rulebook_moves,
    seen_under,
    totals_of,
    warned,
)
from margin_assets.kernels.rules.overlay_rules import READ, OverlayRules, overlay_rules_of
from margin_assets.kernels.rules.rules import DECIDING, Rules, rules_of
from margin_assets.lake.ledger.cycles import Sealed
from margin_assets.lake.ledger.sealed import SealedTables
from margin_assets.lake.store.store import Lake
from margin_assets.rulebooks import Rulebook, in_force
from margin_assets.rulebooks.paths import flat

Document = dict[str, Any]
# They decided how good a price is, and whose beta is 1, before the snapshot was written; times of
# the ladder count from when something began.
_NOT_SEEN = {
    "house": {
        "prices.stale_after_sessions",
        "prices.unusable_after_sessions",
        "stress.benchmark",
        "stress.release_minutes",
        "ladder.overdue_minutes",
        "ladder.liquidation_minutes",
        "ladder.liquidation_deficiency",
    },
}


class Side(NamedTuple):
    """Everything that a snapshot is margined under."""

    rules: Rules
    overlays: OverlayRules


def side_of(day: date, replaced: Iterable[Rulebook]) -> Side:
    """Rules of a day with some rulebooks in the place of those in force.

    Raises:
        ValueError: A number is out of its bounds, or does not fit another.
    """
    books = {family: in_force(family, day) for family in (*DECIDING, *READ)}
    books |= {book.family: book for book in replaced}
    return Side(rules_of(books), overlay_rules_of(books))


def moves(lake: Lake, sealed: Sealed, sides: tuple[Side, Side]) -> Document:
    """Accounts of a sealed cycle that two sides state differently, and the totals of all."""
    table = SealedTables(lake, sealed)
    accounts = table("account_state").sort("account_id")
    positions = table.delivered_positions()
    standing = table("enforcement_state", columns=("account_id", "margin_status"))
    was = accounts.join(standing, on="account_id", how="left", maintain_order="left")
    is_warned = (was["margin_status"] == "warning").fill_null(value=False)
    seen = seen_under(positions, *(side.rules for side in sides))
    found = rulebook_moves(
        *(
            _summary(Margined(held, accounts, *side), is_warned)
            for held, side in zip(seen, sides, strict=True)
        )
    )
    totals = {"accounts": accounts.height} | totals_of(found)
    return {"totals": totals, "moves": found.to_dicts()}


def _summary(era: Margined, is_warned: pl.Series) -> pl.DataFrame:
    return summary_of(era).with_columns(is_warned=warned(era, is_warned.to_numpy()))


def numbers(before: Rulebook, after: Rulebook) -> list[Document]:
    """Numbers that differ, by the path of their keys; null where a version has none."""
    a, b = flat(before.numbers), flat(after.numbers)
    return [
        {"key": ".".join(path), "a": a.get(path), "b": b.get(path)}
        for path in a | b
        if a.get(path) != b.get(path) and path[-1] != "source"
    ]


def not_counted(family: str, differing: list[Document], a: Side, b: Side) -> list[str]:
    """Numbers that differ and that the figures do not show: no requirement reads them again."""
    keys = [row["key"] for row in differing]
    names = a.rules._fields
    is_ruled = not all(np.array_equal(getattr(a.rules, n), getattr(b.rules, n)) for n in names)
    charging = a.overlays.enabled | b.overlays.enabled
    if not is_ruled and (not charging or a.overlays == b.overlays):
        return keys
    if family == "overlays":
        # Overlays that are off on both sides charge nobody, `initial` asks on opening only.
        return [key for key in keys if key.partition(".")[0] not in {"scope", *charging}]
    return [key for key in keys if key in _NOT_SEEN.get(family, ())]
