"""Pictures over dates, and of a grid of policies, as SVG in the page.

Each says in words what it shows; the figures stand in tables beside it. What is put into their
markup is escaped by it.
"""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from markupsafe import Markup

from margin_assets.avalanche.report.scales import Axis, money, nice_range, percent, ticks

_WIDTH, _HEIGHT = 720.0, 240.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 64.0, 12.0, 22.0, 26.0
_LABELS = 9
_HALF_A_DAY = 34.0  # the width that half of a written day takes


class Line(NamedTuple):
    """A named row of values, one a date."""

    name: str
    values: Sequence[float]


class Picture(NamedTuple):
    """What a picture is called and says, and whether its values are shares."""

    title: str
    description: str
    is_share: bool = True


def dated(picture: Picture, days: Sequence[date], rows: Sequence[Line]) -> Markup:
    """Lines over dates."""
    across = Axis(0.0, max(len(days) - 1, 1), _LEFT, _WIDTH - _RIGHT)
    upward = Axis(*nice_range([v for row in rows for v in row.values]), _HEIGHT - _BOTTOM, _TOP)
    parts = [_grid(upward, is_share=picture.is_share), _dates(across, days), _key(rows)]
    for place, row in enumerate(rows):
        points = " ".join(f"{across.at(n)},{upward.at(v)}" for n, v in enumerate(row.values))
        line = Markup('<polyline class="line c{}" points="{}"><title>{}</title></polyline>')
        parts.append(line.format(place, points, row.name))
    return _framed(picture, parts)


def columns(picture: Picture, days: Sequence[date], values: Sequence[float]) -> Markup:
    """One bar a date."""
    across = Axis(0.0, max(len(days), 1), _LEFT, _WIDTH - _RIGHT)
    upward = Axis(*nice_range(values), _HEIGHT - _BOTTOM, _TOP)
    width = max(across.at(1) - across.at(0) - 0.3, 0.4)
    floor = upward.at(0.0)
    bar = Markup('<rect class="bar c0" x="{}" y="{}" width="{:.2f}" height="{}"/>')
    bars = [
        bar.format(across.at(n), upward.at(value), width, round(floor - upward.at(value), 2))
        for n, value in enumerate(values)
        if value
    ]
    return _framed(picture, [_grid(upward, is_share=picture.is_share), _dates(across, days), *bars])


class Point(NamedTuple):
    """One policy: what it asks for, and what was lost under it."""

    name: str
    cost: float
    lost: float


def trade_off(picture: Picture, points: Sequence[Point]) -> Markup:
    """Policies by what they require across and what was lost upward."""
    across = Axis(*_room([point.cost for point in points]), _LEFT, _WIDTH - 150.0)
    upward = Axis(*nice_range([point.lost for point in points]), _HEIGHT - _BOTTOM, _TOP)
    below = [_below(across.at(value), money(value)) for value in ticks(across.low, across.high)]
    parts = [_grid(upward, is_share=False), *below]
    shown = Markup('<circle class="bar c0" cx="{}" cy="{}" r="4"/><text x="{}" y="{}">{}</text>')
    for point in points:
        x, y = across.at(point.cost), upward.at(point.lost)
        parts.append(shown.format(x, y, x + 7, y + 4, point.name))
    return _framed(picture, parts)


def _room(values: Sequence[float]) -> tuple[float, float]:
    low, high = nice_range(values, from_zero=False)
    return low - 0.05 * (high - low), high + 0.05 * (high - low)


def _below(x: float, told: str) -> Markup:
    """A name below a place, within the picture."""
    within = min(x, _WIDTH - _HALF_A_DAY)
    return Markup('<text class="day" x="{}" y="{}">{}</text>').format(within, _HEIGHT - 8, told)


def _grid(upward: Axis, *, is_share: bool) -> Markup:
    line = Markup('<line class="grid" x1="{}" x2="{}" y1="{}" y2="{}"/>')
    tick = Markup('<text class="tick" x="{}" y="{}">{}</text>')
    parts = []
    for value in ticks(upward.low, upward.high):
        y = upward.at(value)
        told = percent(value) if is_share else money(value)
        parts.append(line.format(_LEFT, _WIDTH - _RIGHT, y, y))
        parts.append(tick.format(_LEFT - 6, y + 4, told))
    return Markup("").join(parts)


def _dates(across: Axis, days: Sequence[date]) -> Markup:
    """Years where there are several, else days."""
    is_long = (days[-1] - days[0]).days > 800
    starts = [n for n in range(1, len(days)) if days[n].year != days[n - 1].year]
    places = starts if is_long else list(range(0, len(days), max(1, len(days) // 7)))
    every = max(1, -(-len(places) // _LABELS))
    told = [str(day.year) if is_long else day.isoformat() for day in days]
    return Markup("").join(_below(across.at(place), told[place]) for place in places[::every])


def _key(rows: Sequence[Line]) -> Markup:
    shown = Markup('<line class="line c{}" x1="{:g}" x2="{:g}" y1="8" y2="8"/>')
    named = Markup('<text x="{:g}" y="12">{}</text>')
    parts, x = [], _LEFT
    for place, row in enumerate(rows):
        parts += [shown.format(place, x, x + 18), named.format(x + 22, row.name)]
        x += 40.0 + 6.5 * len(row.name)
    return Markup("").join(parts)


def _framed(picture: Picture, parts: Sequence[Markup]) -> Markup:
    frame = Markup(
        '<svg viewBox="0 0 {:g} {:g}" role="img" aria-label="{}: {}">'
        "<title>{}</title><desc>{}</desc>{}</svg>"
    )
    named = (picture.title, picture.description)
    return frame.format(_WIDTH, _HEIGHT, *named, *named, Markup("").join(parts))
