"""Pictures over dates, and of a grid of policies, as SVG in the page.

Each says in words what it shows; the figures stand in tables beside it.
"""

from collections.abc import Sequence
from datetime import date
from html import escape
from typing import NamedTuple

from margin_assets.avalanche.report.scales import Axis, money, nice_range, percent, ticks

_WIDTH, _HEIGHT = 720.0, 240.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 64.0, 12.0, 22.0, 26.0
_LABELS = 9


class Line(NamedTuple):
    """A named row of values, one a date."""

    name: str
    values: Sequence[float]


class Picture(NamedTuple):
    """What a picture is called and says, and whether its values are shares."""

    title: str
    description: str
    is_share: bool = True


def dated(picture: Picture, days: Sequence[date], rows: Sequence[Line]) -> str:
    """Lines over dates."""
    across = Axis(0.0, max(len(days) - 1, 1), _LEFT, _WIDTH - _RIGHT)
    upward = Axis(*nice_range([v for row in rows for v in row.values]), _HEIGHT - _BOTTOM, _TOP)
    parts = [_grid(upward, is_share=picture.is_share), _dates(across, days), _key(rows)]
    for place, row in enumerate(rows):
        points = " ".join(f"{across.at(n)},{upward.at(v)}" for n, v in enumerate(row.values))
        parts.append(
            f'<polyline class="line c{place}" points="{points}">'
            f"<title>{escape(row.name)}</title></polyline>"
        )
    return _framed(picture, parts)


def columns(picture: Picture, days: Sequence[date], values: Sequence[float]) -> str:
    """One bar a date."""
    across = Axis(0.0, max(len(days), 1), _LEFT, _WIDTH - _RIGHT)
    upward = Axis(*nice_range(values), _HEIGHT - _BOTTOM, _TOP)
    width = max(across.at(1) - across.at(0) - 0.3, 0.4)
    floor = upward.at(0.0)
    bars = [
        f'<rect class="bar c0" x="{across.at(n)}" y="{upward.at(value)}" width="{width:.2f}"'
        f' height="{round(floor - upward.at(value), 2)}"/>'
        for n, value in enumerate(values)
        if value
    ]
    return _framed(picture, [_grid(upward, is_share=picture.is_share), _dates(across, days), *bars])


class Point(NamedTuple):
    """One policy: what it asks for, and what was lost under it."""

    name: str
    cost: float
    lost: float


def trade_off(picture: Picture, points: Sequence[Point]) -> str:
    """Policies by what they require across and what was lost upward."""
    across = Axis(*_room([point.cost for point in points]), _LEFT, _WIDTH - 150.0)
    upward = Axis(*nice_range([point.lost for point in points]), _HEIGHT - _BOTTOM, _TOP)
    below = [
        f'<text class="day" x="{across.at(value)}" y="{_HEIGHT - 8}">{money(value)}</text>'
        for value in ticks(across.low, across.high)
    ]
    parts = [_grid(upward, is_share=False), *below]
    for point in points:
        x, y = across.at(point.cost), upward.at(point.lost)
        parts.append(
            f'<circle class="bar c0" cx="{x}" cy="{y}" r="4"/>'
            f'<text x="{x + 7}" y="{y + 4}">{escape(point.name)}</text>'
        )
    return _framed(picture, parts)


def _room(values: Sequence[float]) -> tuple[float, float]:
    low, high = nice_range(values, from_zero=False)
    return low - 0.05 * (high - low), high + 0.05 * (high - low)


def _grid(upward: Axis, *, is_share: bool) -> str:
    parts = []
    for value in ticks(upward.low, upward.high):
        y = upward.at(value)
        told = percent(value) if is_share else money(value)
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y}" y2="{y}"/>')
        parts.append(f'<text class="tick" x="{_LEFT - 6}" y="{y + 4}">{told}</text>')
    return "".join(parts)


def _dates(across: Axis, days: Sequence[date]) -> str:
    """Years where there are several, else days."""
    is_long = (days[-1] - days[0]).days > 800
    starts = [n for n in range(1, len(days)) if days[n].year != days[n - 1].year]
    places = starts if is_long else list(range(0, len(days), max(1, len(days) // 7)))
    every = max(1, -(-len(places) // _LABELS))
    parts = []
    for place in places[::every]:
        told = str(days[place].year) if is_long else days[place].isoformat()
        parts.append(f'<text class="day" x="{across.at(place)}" y="{_HEIGHT - 8}">{told}</text>')
    return "".join(parts)


def _key(rows: Sequence[Line]) -> str:
    parts, x = [], _LEFT
    for place, row in enumerate(rows):
        parts.append(
            f'<line class="line c{place}" x1="{x:g}" x2="{x + 18:g}" y1="8" y2="8"/>'
            f'<text x="{x + 22:g}" y="12">{escape(row.name)}</text>'
        )
        x += 40.0 + 6.5 * len(row.name)
    return "".join(parts)


def _framed(picture: Picture, parts: Sequence[str]) -> str:
    title, told = escape(picture.title), escape(picture.description)
    return (
        f'<svg viewBox="0 0 {_WIDTH:g} {_HEIGHT:g}" role="img" aria-label="{title}: {told}">'
        f"<title>{title}</title><desc>{told}</desc>{''.join(parts)}</svg>"
    )
