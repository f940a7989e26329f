"""What the market did: closes, betas and volatilities of early 2020 as feed frames; no accounts."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from margin_assets.scenarios.batch import feed_frame

BENCHMARK = "SPX"
FIRST_SESSION = date(2020, 1, 2)
BETA_WINDOW_DAYS = 252
VOLATILITY_WINDOW_DAYS = 30
SESSIONS_PER_YEAR = 252

_CLOSES = Path(__file__).parent / "data" / "covid_2020_closes.csv"
_NEW_YORK = ZoneInfo("America/New_York")


@dataclass(frozen=True)
class Session:
    """One exchange session: its day in New York and the closes by symbol, USD or index points."""

    day: date
    closes: Mapping[str, Decimal]

    def at(self, clock: time) -> datetime:
        """UTC instant of a New York wall-clock time on this day."""
        return datetime.combine(self.day, clock, _NEW_YORK).astimezone(UTC)

    @property
    def close(self) -> datetime:
        """UTC instant of the close; every session of the scenario closed at 16:00."""
        return self.at(time(16))


@cache
def closes() -> pl.DataFrame:
    """One row per session: `date` and the adjusted close of each symbol, in USD or index points.

    It starts a year before `FIRST_SESSION`, for the estimates. Source: data/NOTICE.md.
    """
    texts = pl.read_csv(_CLOSES, infer_schema=False)
    return texts.select(
        pl.col("date").str.to_date(), pl.exclude("date").cast(pl.Decimal(18, 4))
    ).sort("date")


def stocks() -> list[str]:
    """The symbols that are traded: all but the benchmark."""
    return [name for name in closes().columns if name not in {"date", BENCHMARK}]


def sessions() -> list[Session]:
    """The sessions of the scenario, in order."""
    shown = closes().filter(pl.col("date") >= FIRST_SESSION)
    return [Session(row.pop("date"), row) for row in shown.iter_rows(named=True)]


def instruments(at: datetime) -> pl.DataFrame:
    """The stocks, each a class group of its own, and the index that they are measured by."""
    rows = [(symbol, "equity", symbol, 1, True, at) for symbol in stocks()]
    index = (BENCHMARK, "broad_index_high_cap", BENCHMARK, 1, True, at)
    return feed_frame("instruments", [*rows, index])


def prices(session: Session) -> pl.DataFrame:
    """Closing price of every symbol, the benchmark included, at the close."""
    rows = ((symbol, price, session.close, "close") for symbol, price in session.closes.items())
    return feed_frame("prices", rows)


def betas(history: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Beta of each stock on the benchmark from the 252 daily returns that end before `as_of`.

    Covariance and variance have the same divisor. `r_squared` is the squared correlation.
    """
    returns = _returns(history, as_of, BETA_WINDOW_DAYS)
    covariance = np.cov(returns.to_numpy(), rowvar=False)
    benchmark = returns.columns.index(BENCHMARK)
    beta = covariance[:, benchmark] / covariance[benchmark, benchmark]
    r_squared = beta * covariance[:, benchmark] / np.diag(covariance)
    rows = (
        (symbol, _ratio(beta[column]), as_of, BETA_WINDOW_DAYS, _ratio(r_squared[column]))
        for column, symbol in enumerate(returns.columns)
        if symbol != BENCHMARK
    )
    return feed_frame("betas", rows)


def volatilities(history: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Annualised volatility of each stock from the 30 daily returns that end before `as_of`."""
    deviation = _returns(history, as_of, VOLATILITY_WINDOW_DAYS).drop(BENCHMARK).std()
    annual = math.sqrt(SESSIONS_PER_YEAR)
    rows = (
        (symbol, _ratio(daily * annual), as_of, "historical_30d")
        for symbol, daily in deviation.row(0, named=True).items()
    )
    return feed_frame("volatilities", rows)


def _returns(history: pl.DataFrame, as_of: date, days: int) -> pl.DataFrame:
    known = history.filter(pl.col("date") < as_of).sort("date").tail(days + 1)
    return known.select(pl.exclude("date").cast(pl.Float64).pct_change()).slice(1)


def _ratio(value: float) -> Decimal:
    return Decimal(f"{value:.4f}")
