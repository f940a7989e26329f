"""The page: runs side by side, then each with its pictures, coverage and worst days.

Nothing in it is loaded from anywhere and no script runs: its policy allows its own style, by hash.
"""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl
from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from margin_assets.avalanche.report.scales import money, percent
from margin_assets.backtest.report.plots import Line, Picture, Point, columns, dated, trade_off
from margin_assets.backtest.results.months import by_month, shares_of_gross
from margin_assets.backtest.results.rates import METHOD_NAMES, headings, rates_of
from margin_assets.kernels.rules.backtest_rules import Crisis, backtest_rules

Tables = Mapping[str, pl.DataFrame]
"""Rows of one run by table."""
_POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'"
_LARGEST = 12  # worst days shown of a kind


def page(runs: Sequence[Tables], histories: Mapping[str, str]) -> str:
    """The report of one or more runs.

    Args:
        runs: Rows by table, one mapping a run.
        histories: What is to be known of each history, by its name.
    """
    rooms = ("margin_assets.backtest.report", "margin_assets.avalanche.report")
    environment = Environment(
        # One house, one style: the avalanche's page has it.
        loader=ChoiceLoader([PackageLoader(room, "templates") for room in rooms]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"money": _usd, "percent": percent}
    style = environment.get_template("report.css").render()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    rendered: str = environment.get_template("backtest.html").render(
        policy=f"{_POLICY}; style-src 'sha256-{digest}'",
        runs=[_section(tables, histories) for tables in runs],
        grid=_grid_of(runs),
        headings=headings(runs),
        rates=rates_of(*runs) if len(runs) == 2 else (),
        names=METHOD_NAMES,
    )
    return rendered


def _usd(amount: Decimal | float | None) -> str:
    return money(None if amount is None else float(amount)).replace(" ", "\u00a0")


def _section(tables: Tables, histories: Mapping[str, str]) -> dict[str, Any]:
    run = tables["backtest_runs"].row(0, named=True)
    days = tables["backtest_days"].sort("business_date")
    coverage = tables["backtest_coverage"].sort("horizon_days", "method")
    crises = {one.key: one.name for one in backtest_rules(run["last_date"]).crises}
    return {
        "run": run,
        "note": histories.get(run["history"], ""),
        "faults": json.loads(run["faults"]),
        "changes": json.loads(run["policy_changes"]),
        "tempers": _by_temper(tables["backtest_accounts"]),
        "coverage": coverage.filter(pl.col("group_kind") == "all").to_dicts(),
        "by_group": _by_group(coverage, crises),
        "worst": _worst(tables["backtest_worst"]),
        "whole": _whole(days),
        "crises": _crises(days, backtest_rules(run["last_date"]).crises),
    }


def _by_temper(accounts: pl.DataFrame) -> list[dict[str, Any]]:
    summed = ("calls", "false_calls", "restrictions", "liquidations", "missed_sessions", "sessions")
    money_of = ("lost", "avoided", "paid_in")
    return (
        accounts.group_by("temper", "account_type")
        .agg(pl.len().alias("accounts"), pl.col(*summed, *money_of).sum())
        .sort("temper")
        .to_dicts()
    )


def _by_group(coverage: pl.DataFrame, crises: Mapping[str, str]) -> list[dict[str, Any]]:
    """Breaches of one session by group, methods across."""
    daily = coverage.filter((pl.col("horizon_days") == 1) & (pl.col("group_kind") != "all"))
    rows = []
    for (kind, name), part in daily.group_by("group_kind", "group_name", maintain_order=True):
        found = {row["method"]: row for row in part.iter_rows(named=True)}
        told = crises.get(str(name), str(name)) if kind == "crisis" else str(name)
        rows.append({"kind": kind, "name": told, "order": str(name), "methods": found})
    return sorted(rows, key=lambda row: (row["kind"] != "crisis", row["order"]))


def _worst(worst: pl.DataFrame) -> list[dict[str, Any]]:
    kept = worst.filter(pl.col("rank") <= _LARGEST).sort("kind", "rank")
    return [
        row | {"held": ", ".join(_position(one) for one in json.loads(row["held"]))}
        for row in kept.iter_rows(named=True)
    ]


def _position(one: Sequence[Any]) -> str:
    symbol, quantity, price, after = one
    return f"{quantity / 1e6:,.0f} {symbol} at {price / 1e6:,.2f}, then {after / 1e6:,.2f}"


def _whole(days: pl.DataFrame) -> dict[str, Markup]:
    """All sessions, by month: the last requirement, the largest loss, and all calls."""
    months = by_month(days)
    at = months["month"].to_list()
    lines = [Line(told, months[f"{name}_share"].to_list()) for name, told in METHOD_NAMES.items()]
    lines.append(Line("worst day's loss", months["loss_share"].to_list()))
    return {
        "requirement": dated(
            Picture("Requirement and loss", "Shares of gross value, by month"), at, lines
        ),
        "calls": columns(
            Picture("Calls made", "Number of calls, by month", is_share=False),
            at,
            months["calls_made"].cast(pl.Float64).to_list(),
        ),
        "lost": columns(
            Picture("Lost by the firm", "USD, by month", is_share=False),
            at,
            months["lost"].to_list(),
        ),
    }


def _crises(days: pl.DataFrame, crises: Sequence[Crisis]) -> list[dict[str, Any]]:
    found = []
    for crisis in crises:
        within = days.filter(pl.col("business_date").is_between(crisis.first, crisis.last))
        if within.height < 2:
            continue
        at: list[date] = within["business_date"].to_list()
        shares = shares_of_gross(within, *METHOD_NAMES, "loss")
        named = {**METHOD_NAMES, "loss": "loss until the next session"}
        lines = [Line(told, shares[f"{name}_share"].to_list()) for name, told in named.items()]
        drawing = dated(
            Picture(crisis.name, "Requirements and losses, shares of gross value"), at, lines
        )
        sums = {name: within[name].sum() for name in ("calls_made", "sold_out", "lost")}
        found.append({"name": crisis.name, "picture": drawing} | sums)
    return found


def _grid_of(runs: Sequence[Tables]) -> dict[str, Markup]:
    """Runs by what they cost and by what was lost and avoided, by title; none of a single run."""
    if len(runs) < 2:
        return {}
    rows = [tables["backtest_runs"].row(0, named=True) for tables in runs]
    found = {}
    for name, told in (
        ("lost", "losses of the firm"),
        ("avoided", "losses avoided by selling out"),
    ):
        title = f"Cost against {told}"
        picture = Picture(title, f"Mean house requirement across, {told} upward, USD")
        found[title] = trade_off(picture, _points(rows, name))
    return found


def _points(rows: Sequence[Mapping[str, Any]], upward: str) -> list[Point]:
    """One point for all runs that stand at one place, named by their numbers in the table."""
    found: dict[tuple[float, float], list[int]] = {}
    for number, row in enumerate(rows, 1):
        found.setdefault((float(row["mean_required"]), float(row[upward])), []).append(number)
    return [Point(", ".join(map(str, numbers)), *at) for at, numbers in found.items()]
