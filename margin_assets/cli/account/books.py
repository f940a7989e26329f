"""What happened to an account's positions beside trades: balances, actions, dividends."""

import polars as pl

from margin_assets.calendar import sessions
from margin_assets.cli.account.rows import Document, Tables
from margin_assets.kernels.corporate.actions import Register, versions_of
from margin_assets.kernels.numeric.money import instants, to_instants
from margin_assets.kernels.rules.instants import NEVER
from schemas.books import AHEAD


def books(tables: Tables, mine: pl.Expr, symbols: set[str]) -> Document:
    """Opening balances, actions on what the account ever held, and dividends not paid yet.

    Each landed row has the file and line that it came from; an action also `acts_at`, the opening
    of its ex session, and whether its terms still stand.
    """
    names = ("opening_balances", "corporate_actions", "accrued_dividends")
    if not all(map(tables.has, names)):
        return {"openings": [], "actions": [], "dividends": []}
    openings = tables.landed("opening_balances", mine)
    held = symbols | set(openings["symbol"].drop_nulls())
    return {
        "openings": openings.drop("account_id").to_dicts(),
        "actions": _actions(tables, held),
        "dividends": _dividends(tables.rows("accrued_dividends", mine)),
    }


def _actions(tables: Tables, symbols: set[str]) -> list[Document]:
    rows = tables.landed("corporate_actions")
    if rows.is_empty():
        return []
    versions = versions_of(rows, instants(rows["event_time"]), sessions().opens)
    register = Register()
    register.learn(versions)
    tied = {name for symbol in symbols for name in register.connected(symbol)}
    standing = {action.action_id: action for action in register.standing(NEVER)}
    at = to_instants(pl.Series([v.action.at for v in versions], dtype=pl.Int64).to_numpy())
    acts = rows.with_columns(acts_at=at)
    found = []
    for version, row in zip(versions, acts.to_dicts(), strict=True):
        if row["symbol"] in tied:
            action = standing.get(register.root_of(version.row_id))
            stands = action is not None and action == version.action._replace(
                action_id=action.action_id
            )
            found.append(row | {"stands": stands})
    return found


def _dividends(rows: pl.DataFrame) -> list[Document]:
    """What is open of each dividend, and what was paid ahead of one."""
    opened = rows.group_by(
        pl.col("kind") == AHEAD, "action_id", "symbol", "happened_at", maintain_order=True
    ).agg(pl.col("amount").sum())
    left = opened.filter(pl.col("amount") != 0).rename({"kind": "is_ahead"})
    return left.sort("happened_at", "action_id").to_dicts()


def told(action: Document) -> str:
    """An action in words."""
    ratio = f" {_short(action['new_units'])}:{_short(action['per_units'])}"
    parts = [
        f"{action['kind']} of {action['symbol']}",
        ratio if action["new_units"] is not None else "",
        f" into {action['to_symbol']}" if action["to_symbol"] else "",
        f" for {_short(action['cash_amount'])}" if action["cash_amount"] is not None else "",
        "" if action["stands"] else ", replaced or withdrawn",
    ]
    return "".join(parts)


def _short(number: object) -> str:
    return f"{number:f}".rstrip("0").rstrip(".") if number is not None else ""
