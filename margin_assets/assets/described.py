"""What each asset teaches in the Dagster UI: why it is there, by which rule, where to look next.

What a row is, its grain, is declared in `schemas`; `described.toml` says what a schema cannot.
"""

import tomllib
from pathlib import Path
from typing import NamedTuple

from schemas import TABLES

_SQL = 'SQL: `margin sql "SELECT * FROM {name} LIMIT 20"`, pinned to one sealed cycle.'
_PATHS = {"firm": "/firm", "data quality": "/quality", "avalanche": "/avalanche"}
_PATHS |= {"rates": "/rates"}
_ACCOUNTS = "/accounts"
"""Where an account is chosen whose page shows the rest."""
_DASHBOARD = "On the dashboard (`margin dashboard`): {page}."


class Described(NamedTuple):
    """What a newcomer should know of a table beyond its grain."""

    why: str
    rule: str
    see: tuple[str, ...]
    """Tables to look at next."""
    page: str = ""
    """Page of the dashboard that shows it; empty where none does."""


def _read() -> dict[str, Described]:
    """The texts of `described.toml`, by table."""
    text = (Path(__file__).parent / "described.toml").read_text("utf-8")
    return {
        name: Described(told["why"], told["rule"], tuple(told["see"]), told.get("page", ""))
        for name, told in tomllib.loads(text).items()
    }


DESCRIBED = _read()


def path(name: str) -> str | None:
    """Path of the dashboard's page that shows a table, or leads to it; None where none does."""
    page = DESCRIBED[name].page
    return _PATHS.get(page, _ACCOUNTS) if page else None


def description(name: str) -> str:
    """The description of a table's asset, as Markdown: its grain first."""
    table, told = TABLES[name], DESCRIBED[name]
    links = ", ".join(f"[{other}](/assets/{other})" for other in told.see)
    lines = [
        table.grain,
        f"**Why:** {told.why}",
        f"**Rule:** {told.rule}",
        f"**Next:** {links}.",
        _SQL.format(name=name),
    ]
    if told.page:
        lines.append(_DASHBOARD.format(page=told.page))
    return "\n\n".join(lines)
