"""The rows of the accounts page: filtered, in a total order, and only those that are seen."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from margin_assets.dashboard.figures import LEVELS, Figures

SHOWN = (
    "account_id",
    "account_type",
    "level",
    "is_indeterminate",
    "reasons",
    "deadline",
    "call_opened",
    "excess",
    "excess_ratio",
    "change",
    "equity",
    "governing_requirement",
    "rule",
    "gross_market_value",
    "leverage",
    "worst_pnl",
    "worst_scenario",
    "largest_share",
    "restriction",
    "deficiency",
    "net_liquidation",
    "reg_t_requirement",
    "portfolio_margin_requirement",
)
"""Columns of a row, in order."""
SORTABLE = (*SHOWN, "severity")
DEFAULT_SORT = "-severity,deadline,-deficiency"
RULES = ("reg_t", "portfolio_margin", "house")
INDETERMINATE = "indeterminate"
STATES = (*LEVELS, INDETERMINATE)
_MINUTE = 60_000_000


@dataclass(frozen=True)
class Query:
    """What a viewer asks for. Two viewers who ask the same are answered once."""

    sort: tuple[tuple[str, bool], ...]
    """Columns and whether they descend."""
    states: tuple[str, ...] = ()
    """Any of these; all where there are none."""
    account_type: str | None = None
    rule: str | None = None
    text: str = ""
    """Literal part of the account's id."""
    due_within: int | None = None
    """Minutes to the next deadline, at most."""
    called_within: int | None = None
    """Minutes since the call, at most."""
    breach_at: str | None = None
    """A scenario in which the requirement held would not be met."""
    among: frozenset[str] | None = None
    """These accounts alone."""
    offset: int = 0
    limit: int = 100


def parsed_sort(text: str) -> tuple[tuple[str, bool], ...]:
    """Columns of a sort such as `-severity,deadline`; of a column that comes twice the first."""
    found: dict[str, bool] = {}
    for word in text.split(","):
        found.setdefault(word.removeprefix("-"), word.startswith("-"))
    return tuple(found.items())


def rows(figures: Figures, accounts: pl.DataFrame, query: Query) -> dict[str, Any]:
    """A window of the rows that fulfil a query, and how many there are in all."""
    names = ["level" if name == "severity" else name for name, _ in query.sort]
    falls = [falls for _, falls in query.sort]
    # Total, or paging would show a row twice where many are equal.
    keys = [*names, "account_id"]
    # Of all columns but those that order only the rows that are seen are ever touched.
    held = accounts.lazy().with_row_index("place").filter(*_conditions(figures, query))
    found = held.select("place", *dict.fromkeys(keys)).collect()
    # Cut before it is collected, so that only the top is ever ordered.
    ordered = found.lazy().sort(keys, descending=[*falls, False], nulls_last=True)
    window = ordered.slice(query.offset, query.limit).select("place").collect()["place"]
    return {"total": found.height, "columns": SHOWN, "rows": accounts.select(SHOWN)[window].rows()}


def _conditions(figures: Figures, query: Query) -> list[pl.Expr]:
    found = []
    if query.states:
        found.append(_in_states(query.states))
    for name, wanted in (("account_type", query.account_type), ("rule", query.rule)):
        found += [] if wanted is None else [pl.col(name) == wanted]
    if query.text:
        found.append(pl.col("account_id").str.contains(query.text, literal=True))
    if figures.as_of is not None:
        now = int(figures.as_of.timestamp() * 1e6)
        if query.due_within is not None:
            found.append(pl.col("deadline") <= now + query.due_within * _MINUTE)
        if query.called_within is not None:
            found.append(pl.col("call_opened") >= now - query.called_within * _MINUTE)
    if query.breach_at is not None:
        place = figures.scenarios.index(query.breach_at)
        found.append(pl.col("excess") + pl.col("pnl").arr.get(place) < 0)
    if query.among is not None:
        found.append(pl.col("account_id").is_in(sorted(query.among)))
    return found


def _in_states(states: Sequence[str]) -> pl.Expr:
    levels = [place for place, word in enumerate(LEVELS) if word in states]
    wanted = pl.col("level").is_in(levels)
    return wanted | pl.col("is_indeterminate") if INDETERMINATE in states else wanted
