"""The Treasury yields of 2022 over an invented book: the year in which rates rose by four percent.

The yields are facts (data/NOTICE.md). The overnight curve and its fixings stand in for what is not
among them: the Treasury yields of the day, and the one-month yield of the day before.
"""

import csv
import random
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from importlib.resources import files
from typing import NamedTuple
from zoneinfo import ZoneInfo

import polars as pl

from margin_assets.scenarios.batch import Batch, Scenario, feed_frame

_FACTS = "ust_par_yields_2022.csv"
_ASKED, _LANDED = time(15, 30), time(16, 0)
"""When the Treasury asks for the prices behind its yields, and when they land here; New York."""
_SHORT, _EARLIER = date(2022, 11, 25), timedelta(hours=3)
"""The day after Thanksgiving: the exchange closes at one, and with it the business date."""
_REQUIRED = ("1M", "3M", "6M", "1Y", "2Y", "3Y", "5Y", "7Y", "10Y", "20Y", "30Y")
_PERCENT = Decimal("0.01")
_YEARS = (2, 3, 5, 7, 10, 20, 30)
_SPREADS = {"AA": "0.006", "A": "0.009", "BBB": "0.016", "BB": "0.031"}
_BOND_CLASSES = dict.fromkeys(_SPREADS, "corporate_investment_grade")
_BOND_CLASSES |= {"BB": "listed_non_investment_grade"}
_BONDS, _SWAPS = 36, 12
_LIMITS = (
    ("DESK-DV01", "rates_dv01", "desk", None, "105000"),
    ("FIRM-DV01", "rates_dv01", "firm", None, "140000"),
    ("NAME-SHARE", "rates_dv01_share", "issuer", "ISSUER-03", "0.0055"),
)


class _Day(NamedTuple):
    day: date
    yields: Mapping[str, Decimal]
    """By tenor, as fractions."""

    def at(self, when: time) -> datetime:
        """That time of the day in New York, hours before it on the day that ends early."""
        local = datetime.combine(self.day, when, ZoneInfo("America/New_York"))
        return (local - (_EARLIER if self.day == _SHORT else timedelta())).astimezone(UTC)


def batches() -> Iterator[Batch]:
    """One batch for each day on which yields were published; the first opens the book."""
    before: _Day | None = None
    for day in _days():
        opening = _opening(day) if before is None else {}
        fixed = {} if before is None else {"fixings": _fixings(before, day)}
        yield Batch(day.at(_LANDED), opening | {"curve_quotes": _quotes(day)} | fixed)
        before = day


def _days() -> list[_Day]:
    text = files("margin_assets.scenarios").joinpath("data", _FACTS).read_text("utf-8")
    return [
        _Day(
            date.fromisoformat(row.pop("date")),
            {tenor: Decimal(percent) * _PERCENT for tenor, percent in row.items() if percent},
        )
        for row in csv.DictReader(text.splitlines())
    ]


def _quotes(day: _Day) -> pl.DataFrame:
    at = day.at(_ASKED)
    rows: list[tuple[object, ...]] = [
        ("UST", "par_yield", tenor, rate, at, "US Treasury") for tenor, rate in day.yields.items()
    ]
    rows += [
        ("USD-SOFR", "ois", tenor, day.yields[tenor], at, "stand-in: US Treasury")
        for tenor in _REQUIRED
    ]
    return feed_frame("curve_quotes", rows)


def _fixings(before: _Day, day: _Day) -> pl.DataFrame:
    """Of every day from the last one on, so that no holiday of any calendar lacks one."""
    span = range((day.day - before.day).days)
    return feed_frame(
        "fixings",
        (
            ("USD-SOFR", before.day + timedelta(n), before.yields["1M"], day.at(_ASKED))
            for n in span
        ),
    )


def _opening(day: _Day) -> dict[str, pl.DataFrame]:
    drawn = random.Random(2022)  # noqa: S311 (a story, not a secret)
    at = day.at(_ASKED)
    bonds, swaps, held = [], [], []
    for number in range(_BONDS):
        bond, position = _bond(drawn, number, day)
        bonds.append(bond)
        held.append(position)
    for number in range(_SWAPS):
        swap, position = _swap(drawn, number, day)
        swaps.append(swap)
        held.append(position)
    limits = [
        (name, metric, scope, subject, Decimal(amount), "head of rates", at)
        for name, metric, scope, subject, amount in _LIMITS
    ]
    return {
        "bonds": feed_frame("bonds", bonds),
        "swaps": feed_frame("swaps", swaps),
        "rates_positions": feed_frame("rates_positions", held),
        "limits": feed_frame("limits", limits),
    }


def _bond(
    drawn: random.Random, number: int, day: _Day
) -> tuple[tuple[object, ...], tuple[object, ...]]:
    """A Treasury, or every third time a corporate with a spread; some are short."""
    at, years = day.at(_ASKED), drawn.choice(_YEARS)
    issued = date(2021, drawn.randint(1, 12), 15)
    maturity = issued.replace(year=issued.year + years)
    is_treasury = number % 3 != 0
    rating = "GOVT" if is_treasury else drawn.choice(list(_SPREADS))
    issuer = "US TREASURY" if is_treasury else f"ISSUER-{number // 3:02d}"
    spread = None if is_treasury else Decimal(_SPREADS[rating])
    coupon = Decimal(drawn.randint(4, 16)) / 800 + (spread or 0)
    count = "act/act isma" if is_treasury else "30/360 us"
    name = f"{issuer} {maturity:%m/%d/%y} #{number}"
    charged = "us_treasury" if is_treasury else _BOND_CLASSES[rating]
    terms = (name, "fixed", issuer, rating, charged, "USD", coupon, 2, count, issued, maturity)
    size = Decimal(drawn.randint(2, 40)) * 500_000 * (-1 if number % 5 == 4 else 1)
    desk = "treasuries" if is_treasury else "credit"
    entity = "ML-US" if number % 2 else "ML-UK"
    return (*terms, "UST", spread, at), (f"RATES-{1 + number % 2}", desk, entity, name, size, at)


def _swap(
    drawn: random.Random, number: int, day: _Day
) -> tuple[tuple[object, ...], tuple[object, ...]]:
    """A swap that begins within weeks, and so is seasoned for most of the year."""
    at, years = day.at(_ASKED), drawn.choice(_YEARS)
    start = date(2022, 1, 10 + number)
    end = start.replace(year=start.year + years)
    rate = day.yields[f"{years}Y"] + Decimal(drawn.randint(-20, 20)) / 10_000
    name, side = f"SOFR {years}Y #{number}", ("pay", "receive")[number % 2]
    terms = (name, "USD", start, end, side, rate, "act/360", "USD-SOFR", "us sofr", 2, at)
    size = Decimal(drawn.randint(4, 40)) * 1_000_000
    return terms, (f"RATES-{1 + number % 2}", "swaps", "ML-US", name, size, at)


SCENARIO = Scenario(
    name="rates-2022",
    title="A rates book through the Treasury yields of 2022",
    summary=(
        "48 bonds and swaps of three desks on the par yields of every day of 2022: the two-year "
        "goes from 0.78% to 4.41%, limits on DV01 and on a single name are breached and cured."
    ),
    batches=batches,
    batch_count=249,
)
