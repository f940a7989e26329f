"""Which picture shows which answer."""

from collections.abc import Mapping
from typing import Any

from margin_assets.avalanche.report.plots import (
    Band,
    Grid,
    Line,
    Picture,
    bars,
    heat_map,
    lines,
)
from margin_assets.avalanche.report.scales import money, percent

Document = Mapping[str, Any]
_VENUES, _MANAGERS, _FACTORS = 20, 15, 20
_DAY = 24
_BLOCK = 4  # hours of one column of the map of calls


def need_fan(document: Document) -> str:
    """Quantiles of need over the hours."""
    fan = document["fan"]
    by_level = dict(zip(fan["levels"], fan["hours"], strict=True))
    last = by_level[0.99][-1]
    told = Picture(
        "Need by hour",
        f"Median, 90%, 95% and 99% of calls less returns; the 99% ends at {money(last)}.",
    )
    rows = [Line(f"{level:.0%}", by_level[level]) for level in (0.99, 0.95, 0.50)]
    return lines(told, rows, [Band("median to 90%", by_level[0.50], by_level[0.90])])


def outcomes(document: Document) -> str:
    """Share of paths exhausted and in default by hour, in percent of paths."""
    arm = document["arms"]["C"]
    exhausted = [100.0 * share for share in arm["exhaustion_by_hour"]]
    failed = [100.0 * share for share in arm["default_by_hour"]]
    told = Picture(
        "Exhausted and in default by hour, percent of paths",
        f"By the end {percent(exhausted[-1] / 100)} exhausted, {percent(failed[-1] / 100)} in"
        " default.",
    )
    rows = [Line("exhausted", exhausted), Line("in default", failed)]
    return lines(told, rows, shown=lambda value: f"{value:g}%")


def sources(document: Document) -> str:
    """What one bad path was paid from, hour by hour."""
    held = document["sources"]
    told = Picture(
        f"Sources of liquidity on path {held['path']}, a middling one of the worst",
        f"Cash, bonds and undrawn lines left, and need, which ends at {money(held['need'][-1])}.",
    )
    names = (("need", "need"), ("cash", "cash"), ("hqla", "bonds"), ("undrawn", "undrawn lines"))
    return lines(told, [Line(name, held[key]) for key, name in names])


def calls(document: Document) -> str:
    """Who calls when: venue by hours of the run."""
    held = document["calls"]
    totals = [sum(row) for row in held["amounts"]]
    order = sorted(range(len(totals)), key=lambda place: -totals[place])[:_VENUES]
    # After the last day calls only fall due; nobody makes any.
    struck = [hour for row in held["amounts"] for hour, amount in enumerate(row) if amount]
    starts = range(0, _DAY * (max(struck, default=0) // _DAY + 1), _BLOCK)
    values = [[sum(held["amounts"][row][s : s + _BLOCK]) for s in starts] for row in order]
    columns = [f"day {s // _DAY + 1}, {s % _DAY:02d} h" for s in starts]
    below = ["" if s % _DAY else f"day {s // _DAY + 1}" for s in starts]
    told = Picture(
        "Who calls when on the worst paths",
        f"Mean calls by venue and four hours; the most by {held['venues'][order[0]]}.",
    )
    return heat_map(told, Grid([held["venues"][row] for row in order], columns, values, below))


def managers(document: Document) -> str:
    """Whose need it is."""
    found = document["attribution"]
    rows = sorted(zip(found["managers"], found["by_manager"], strict=True), key=lambda row: -row[1])
    shown = rows[:_MANAGERS]
    told = Picture(
        "Need by manager on the worst paths",
        f"The largest is {shown[0][0]} with {money(shown[0][1])}.",
    )
    return bars(told, [name for name, _ in shown], [need for _, need in shown])


def matrix(document: Document) -> str:
    """Manager by factor."""
    found = document["attribution"]
    columns = _largest(found["by_factor"], _FACTORS)
    rows = _largest(found["by_manager"], _MANAGERS)
    told = Picture(
        "Need by manager and factor",
        "The darker the more need; what lowers it is in the other colour.",
    )
    grid = Grid(
        [found["managers"][row] for row in rows],
        [found["factors"][column] for column in columns],
        [[found["matrix"][row][column] for column in columns] for row in rows],
    )
    return heat_map(told, grid)


def _largest(values: list[float], most: int) -> list[int]:
    return sorted(range(len(values)), key=lambda place: -abs(values[place]))[:most]


def funding(document: Document) -> str:
    """Thirty days of outflow."""
    days = document["funding"]
    held = document["liquidity"]["total"]
    told = Picture(
        "Outflow over thirty days against liquidity",
        f"Contractual flows and margin at the median, 95% and 99%; liquidity is {money(held)}.",
    )
    levels = [[day["outflow"][place] for day in days] for place in range(3)]
    rows = [
        Line("99%", levels[2]),
        Line("95%", levels[1]),
        Line("median", levels[0]),
        Line("liquidity", [held] * len(days)),
    ]
    return lines(told, rows, every=1)
