"""The verb reconcile: the firm's own books against what the monitor holds."""

from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from margin_assets.cli import output
from margin_assets.cli.options import (
    DEFAULT_LAKE,
    JsonOption,
    LakeOption,
    chosen_cycle,
    example,
    opened_lake,
)
from margin_assets.cli.output import Refusal

if TYPE_CHECKING:
    import polars as pl

_SHOWN = (
    *("account_id", "kind", "symbol", "ours", "theirs", "market_value"),
    *("requirement_change", "excess_change", "first_seen", "age"),
)


def register(app: typer.Typer) -> None:
    """Adds the verbs of this module."""
    app.command(epilog=example("margin reconcile --as-of 2026-03-02 --json"))(reconcile)


def reconcile(
    *,
    as_of: Annotated[
        datetime,
        typer.Option("--as-of", formats=["%Y-%m-%d"], metavar="DATE", help="A business date."),
    ],
    lake: LakeOption = DEFAULT_LAKE,
    as_json: JsonOption = False,
) -> None:
    """Compare the firm's books with ours.

    Reads stock_record of a date. One line a difference, with its age in business days and what it
    is worth in requirement and excess. Ends with 1 if there is any. Changes nothing.
    """
    breaks = _breaks(lake, as_of.date())
    rows = breaks.select(_SHOWN).to_dicts()
    if as_json:
        output.answer(_document(as_of.date(), breaks, rows))
    else:
        output.table(_SHOWN, (list(row.values()) for row in rows))
    if rows:
        raise Refusal(f"{len(rows)} breaks on {as_of.date()}")
    output.note(f"no breaks on {as_of.date()}")


def _document(day: date, breaks: "pl.DataFrame", rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "as_of": day,
        "breaks": rows,
        "totals": {
            "breaks": breaks.height,
            "accounts": breaks["account_id"].n_unique(),
            "gross_value": breaks["market_value"].abs().sum(),
            "unpriced": breaks["market_value"].null_count(),
            "requirement_change": breaks["requirement_change"].sum(),
            "excess_change": breaks["excess_change"].sum(),
        },
    }


def _breaks(lake: str, day: date) -> "pl.DataFrame":
    from margin_assets.desk.reconciliation import NoRecord, breaks_on
    from margin_assets.lake.ledger.adoptions import decided_as
    from margin_assets.lake.ledger.sealed import SealedTables

    held = opened_lake(lake)
    sealed = chosen_cycle(held)
    if sealed is None:
        raise Refusal("no cycle is sealed yet: `margin live` processes what lands")
    with decided_as(held, sealed):
        try:
            return breaks_on(SealedTables(held, sealed), day)
        except NoRecord as missing:
            raise Refusal(str(missing)) from None
