"""The verb that lists accounts, worst first."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from margin_assets.cli import output
from margin_assets.cli.moments import DEFAULT_SCRATCH, at_moment
from margin_assets.cli.options import (
    DEFAULT_LAKE,
    CycleOption,
    JsonOption,
    LakeOption,
    chosen_cycle,
    example,
    moment,
    opened_lake,
)
from margin_assets.cli.output import Refusal
from margin_assets.cli.written import (
    Format,
    FormatOption,
    TargetOption,
    file_for,
    write,
)

if TYPE_CHECKING:
    import polars as pl

_WORST_FIRST = """
SELECT * FROM accounts_now {chosen} ORDER BY
  CASE WHEN liquidation = 'triggered' THEN 0 WHEN margin_status = 'call' THEN 1
    WHEN minimum_equity = 'call' OR open_calls > 0 THEN 2 WHEN restriction <> 'none' THEN 3
    WHEN margin_status = 'warning' THEN 4 ELSE 5 END,
  excess_share NULLS LAST, account_id
"""
_IN_CALL = "WHERE margin_status = 'call' OR minimum_equity = 'call' OR open_calls > 0"


def register(app: typer.Typer) -> None:
    """Adds the verb of this module."""
    app.command(
        epilog=example(
            "margin accounts --in-call",
            "margin accounts --format xlsx --output accounts.xlsx",
            'margin sql "SELECT account_id, excess FROM accounts_now ORDER BY excess LIMIT 10"',
        )
    )(accounts)


def accounts(  # noqa: PLR0913 (the options of the interface)
    *,
    lake: LakeOption = DEFAULT_LAKE,
    in_call: Annotated[
        bool, typer.Option("--in-call", help="Only those that a call is open on.")
    ] = False,
    limit: Annotated[int, typer.Option(metavar="N", min=1, help="Of a table, the worst N.")] = 50,
    cycle: CycleOption = None,
    as_of: Annotated[
        str | None,
        typer.Option(metavar="TIMESTAMP", help="As sealed last at or before this instant."),
    ] = None,
    form: FormatOption = Format.TABLE,
    target: TargetOption = None,
    as_json: JsonOption = False,
) -> None:
    """List accounts, worst first: status since when, equity, requirement, excess, deadline.

    The same as the view accounts_now of SQL.
    """
    form = Format.JSON if as_json else form
    target = file_for(form, target, "accounts")
    if cycle is not None and as_of is not None:
        raise typer.BadParameter("--cycle and --as-of exclude each other")
    rows = _rows(lake, in_call=in_call, cycle=cycle, as_of=as_of)
    if form is not Format.TABLE:
        write(rows, form, target)
        return
    output.table(_HEADS, (_cells(row) for row in rows.head(limit).iter_rows(named=True)))
    more = f"the worst {limit} of " if rows.height > limit else ""
    output.note(f"{more}{rows.height} accounts{' in call' if in_call else ''}")


def _rows(lake: str, *, in_call: bool, cycle: int | None, as_of: str | None) -> "pl.DataFrame":
    from margin_assets.lake.sql.sql import named_tables, query

    held = opened_lake(lake)
    sealed = chosen_cycle(held, cycle, None if as_of is None else moment(as_of))
    if sealed is None:
        raise Refusal("no cycle is sealed yet: `margin live` processes what lands")
    question = _WORST_FIRST.format(chosen=_IN_CALL if in_call else "")
    tables = named_tables(question)
    with at_moment(held, sealed, tables, DEFAULT_SCRATCH, recompute=False) as then:
        return query(held, question, then)


_HEADS = (
    "account",
    "status",
    "since",
    "equity",
    "requirement",
    "excess",
    "% of gross",
    "restriction",
    "deadline",
)


def _cells(row: dict[str, Any]) -> tuple[object, ...]:
    share = row["excess_share"]
    return (
        row["account_id"],
        _status(row),
        row["since"],
        row["equity"],
        row["requirement"],
        row["excess"],
        "" if share is None else f"{share:.1%}",
        _restrictions(row),
        row["next_deadline"],
    )


def _restrictions(row: dict[str, Any]) -> str:
    """What the account may not do, in words: the ladder's restriction and what calls bring."""
    brought = (row["consequences"] or "").split(";")
    words = dict.fromkeys([row["restriction"], *brought])
    return ", ".join(word.replace("_", " ") for word in words if word not in ("", "none"))


def _status(row: dict[str, Any]) -> str:
    """Status in words: what is worst, and whether inputs were missing."""
    words = ["liquidation"] if row["liquidation"] == "triggered" else []
    words.append(row["margin_status"])
    words += ["minimum equity"] if row["minimum_equity"] == "call" else []
    words += ["indeterminate"] if row["determinacy"] == "indeterminate" else []
    return ", ".join(words)
