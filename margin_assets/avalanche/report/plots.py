"""Pictures as SVG in the page: lines, bands, bars and a map of heat. Colours are the page's.

Each picture says in words what it shows; the figures stand in a table beside it.
"""

from collections.abc import Callable, Sequence
from html import escape
from typing import NamedTuple

from margin_assets.avalanche.report.scales import Axis, money, nice_range, ticks

_WIDTH, _HEIGHT = 720.0, 280.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 72.0, 12.0, 20.0, 34.0
_ROW, _LABEL = 18.0, 150.0


class Line(NamedTuple):
    """A named row of values, one at each place of the axis below."""

    name: str
    values: Sequence[float]


class Picture(NamedTuple):
    """What a picture is called and says, for whoever does not see it."""

    title: str
    description: str


class Band(NamedTuple):
    """Between two rows of values."""

    name: str
    low: Sequence[float]
    high: Sequence[float]


def lines(
    picture: Picture,
    rows: Sequence[Line],
    bands: Sequence[Band] = (),
    *,
    every: int = 24,
    shown: Callable[[float], str] = money,
) -> str:
    """Lines over time, over shaded bands, with a key.

    Args:
        picture: What it is called.
        rows: Values by hour, or by day.
        bands: Between two rows.
        every: So many values are a business day.
        shown: A value at the axis.
    """
    count = max(len(row.values) for row in rows)
    values = [value for row in rows for value in row.values]
    values += [value for band in bands for value in band.high]
    across = Axis(0.0, max(count - 1, 1), _LEFT, _WIDTH - _RIGHT)
    upward = Axis(*nice_range(values), _HEIGHT - _BOTTOM, _TOP)
    parts = [_grid(upward, shown), _days(across, count, every)]
    parts += [_band(band, place, across, upward) for place, band in enumerate(bands)]
    parts += [_line(row, place, across, upward) for place, row in enumerate(rows)]
    return _framed(picture, [*parts, _key(rows)], _HEIGHT)


def _key(rows: Sequence[Line]) -> str:
    """Names of the lines beside a stroke of each, above the picture."""
    parts, x = [], _LEFT + 8.0
    for place, row in enumerate(rows):
        parts.append(
            f'<line class="line c{place}" x1="{x:g}" x2="{x + 18:g}" y1="8" y2="8"/>'
            f'<text class="key" x="{x + 22:g}" y="12">{escape(row.name)}</text>'
        )
        x += 40.0 + 7.0 * len(row.name)
    return "".join(parts)


def _band(band: Band, place: int, across: Axis, upward: Axis) -> str:
    there = [f"{across.at(i)},{upward.at(value)}" for i, value in enumerate(band.high)]
    back = [f"{across.at(i)},{upward.at(value)}" for i, value in enumerate(band.low)][::-1]
    points = " ".join(there + back)
    name = escape(band.name)
    return f'<polygon class="band b{place}" points="{points}"><title>{name}</title></polygon>'


def _line(row: Line, place: int, across: Axis, upward: Axis) -> str:
    points = " ".join(f"{across.at(i)},{upward.at(value)}" for i, value in enumerate(row.values))
    name = escape(row.name)
    return f'<polyline class="line c{place}" points="{points}"><title>{name}</title></polyline>'


def _grid(upward: Axis, shown: Callable[[float], str]) -> str:
    parts = []
    for value in ticks(upward.low, upward.high):
        y = upward.at(value)
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y}" y2="{y}"/>')
        parts.append(f'<text class="tick" x="{_LEFT - 6}" y="{y + 4}">{shown(value)}</text>')
    return "".join(parts)


def _days(across: Axis, count: int, every: int) -> str:
    parts = []
    days = count // every
    for day in range(0, days + 1, max(1, days // 10)):
        x = across.at(min(day * every, count - 1))
        parts.append(
            f'<text class="day" x="{x}" y="{_HEIGHT - _BOTTOM + 18}">{day}</text>'
            f'<line class="grid" x1="{x}" x2="{x}" y1="{_HEIGHT - _BOTTOM}"'
            f' y2="{_HEIGHT - _BOTTOM + 4}"/>'
        )
    parts.append(f'<text class="day" x="{_WIDTH / 2}" y="{_HEIGHT - 2}">business days</text>')
    return "".join(parts)


def bars(picture: Picture, names: Sequence[str], values: Sequence[float]) -> str:
    """One bar a name, the longest first as given; below 0 they point to the left."""
    low, high = nice_range(values)
    along = Axis(low, high, _LABEL, _WIDTH - 76.0)
    parts, zero = [], along.at(0.0)
    for place, (name, value) in enumerate(zip(names, values, strict=True)):
        y, x = _TOP + place * _ROW, along.at(value)
        kind = "gain" if value < 0.0 else "c0"
        parts.append(
            f'<text class="name" x="{_LABEL - 8}" y="{y + 12}">{escape(name)}</text>'
            f'<rect class="bar {kind}" x="{min(x, zero)}" y="{y + 2}" height="{_ROW - 5}"'
            f' width="{round(abs(x - zero), 2)}"/>'
            f'<text class="value" x="{max(x, zero) + 5}" y="{y + 12}">{money(value)}</text>'
        )
    return _framed(picture, parts, 2 * _TOP + len(names) * _ROW)


class Grid(NamedTuple):
    """Values by row and column."""

    rows: Sequence[str]
    columns: Sequence[str]
    values: Sequence[Sequence[float]]
    below: Sequence[str] = ()
    """What stands below each column, empty for nothing; the columns' names where not given."""


def heat_map(picture: Picture, grid: Grid) -> str:
    """A map of amounts: the darker the more; what lowers the total in the other colour."""
    most = max((abs(value) for row in grid.values for value in row), default=0.0) or 1.0
    width = (_WIDTH - _LABEL - _RIGHT) / max(len(grid.columns), 1)
    parts = []
    for r, name in enumerate(grid.rows):
        y = _TOP + r * _ROW
        parts.append(f'<text class="name" x="{_LABEL - 8}" y="{y + 12}">{escape(name)}</text>')
        for c, value in enumerate(grid.values[r]):
            if strength := round(abs(value) / most, 3):
                told = f"{name}, {grid.columns[c]}: {money(value)}"
                kind = "gain" if value < 0.0 else "c0"
                parts.append(
                    f'<rect class="cell {kind}" x="{round(_LABEL + c * width, 2)}" y="{y}"'
                    f' width="{round(width, 2)}" height="{_ROW - 1}" fill-opacity="{strength}">'
                    f"<title>{escape(told)}</title></rect>"
                )
    bottom = _TOP + len(grid.rows) * _ROW
    names = grid.below or grid.columns
    parts += _column_names(names, width, bottom)
    deep = max(map(len, names), default=0) * _SLANTED
    return _framed(picture, parts, bottom + 20.0 + deep)


_SLANTED = 5.0
"""What a character of a slanted name takes in height."""


def _column_names(names: Sequence[str], width: float, bottom: float) -> list[str]:
    """Below the map, slanted, each to end below its column."""
    parts = []
    for place, name in enumerate(names):
        x, y = round(_LABEL + (place + 0.5) * width, 2), bottom + 12.0
        if name:
            parts.append(
                f'<text class="slanted" x="{x}" y="{y}" transform="rotate(-45 {x} {y})">'
                f"{escape(name)}</text>"
            )
    return parts


def _framed(picture: Picture, parts: Sequence[str], height: float) -> str:
    title, description = escape(picture.title), escape(picture.description)
    body = "".join(parts)
    return (
        f'<figure><figcaption>{title}. <span class="note">{description}</span></figcaption>'
        f'<svg viewBox="0 0 {_WIDTH:g} {height:g}" role="img" aria-label="{title}: {description}">'
        f"<title>{title}</title><desc>{description}</desc>{body}</svg></figure>"
    )
