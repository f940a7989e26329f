"""What a scenario is made of, and how a batch of it becomes landing files; no scenario's facts."""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType

import polars as pl

_TEXT = pl.String()
_FLAG = pl.Boolean()
_COUNT = pl.Int64()
_DAY = pl.Date()
_INSTANT = pl.Datetime("us", "UTC")
_PRICE = pl.Decimal(18, 6)
_AMOUNT = pl.Decimal(18, 2)
_RATIO = pl.Decimal(9, 4)
_RATE = pl.Decimal(9, 6)

# In the order of writing: what a row refers to lands before it.
FEED_SCHEMAS: Mapping[str, pl.Schema] = MappingProxyType(
    {
        "accounts": pl.Schema(
            {
                "account_id": _TEXT,
                "account_type": _TEXT,
                "opened_on": _DAY,
                "event_time": _INSTANT,
            }
        ),
        "instruments": pl.Schema(
            {
                "symbol": _TEXT,
                "asset_class": _TEXT,
                "class_group": _TEXT,
                "leverage": _COUNT,
                "marginable": _FLAG,
                "event_time": _INSTANT,
            }
        ),
        "betas": pl.Schema(
            {
                "symbol": _TEXT,
                "beta": _RATIO,
                "as_of_date": _DAY,
                "window_days": _COUNT,
                "r_squared": _RATIO,
            }
        ),
        "volatilities": pl.Schema(
            {
                "symbol": _TEXT,
                "volatility_annual": _RATIO,
                "as_of_date": _DAY,
                "kind": _TEXT,
            }
        ),
        "limits": pl.Schema(
            {
                "limit_id": _TEXT,
                "metric": _TEXT,
                "scope": _TEXT,
                "subject": _TEXT,
                "amount": _AMOUNT,
                "owner": _TEXT,
                "event_time": _INSTANT,
            }
        ),
        "bonds": pl.Schema(
            {
                "instrument_id": _TEXT,
                "kind": _TEXT,
                "issuer": _TEXT,
                "rating": _TEXT,
                "bond_class": _TEXT,
                "currency": _TEXT,
                "coupon": _RATE,
                "frequency": _COUNT,
                "day_count": _TEXT,
                "issue_date": _DAY,
                "maturity": _DAY,
                "discount_curve": _TEXT,
                "z_spread": _RATE,
                "event_time": _INSTANT,
            }
        ),
        "swaps": pl.Schema(
            {
                "instrument_id": _TEXT,
                "currency": _TEXT,
                "start_date": _DAY,
                "end_date": _DAY,
                "side": _TEXT,
                "fixed_rate": _RATE,
                "fixed_day_count": _TEXT,
                "index_name": _TEXT,
                "calendar": _TEXT,
                "payment_lag": _COUNT,
                "event_time": _INSTANT,
            }
        ),
        "fixings": pl.Schema(
            {
                "index_name": _TEXT,
                "fixing_date": _DAY,
                "rate": _RATE,
                "event_time": _INSTANT,
            }
        ),
        "curve_quotes": pl.Schema(
            {
                "curve": _TEXT,
                "kind": _TEXT,
                "tenor": _TEXT,
                "quote": _RATE,
                "event_time": _INSTANT,
                "source": _TEXT,
            }
        ),
        "rates_positions": pl.Schema(
            {
                "account_id": _TEXT,
                "desk": _TEXT,
                "legal_entity": _TEXT,
                "instrument_id": _TEXT,
                "quantity": _AMOUNT,
                "event_time": _INSTANT,
            }
        ),
        "cash_movements": pl.Schema(
            {
                "movement_id": _TEXT,
                "account_id": _TEXT,
                "amount": _AMOUNT,
                "kind": _TEXT,
                "event_time": _INSTANT,
            }
        ),
        "fills": pl.Schema(
            {
                "fill_id": _TEXT,
                "account_id": _TEXT,
                "symbol": _TEXT,
                "quantity": _COUNT,
                "price": _PRICE,
                "event_time": _INSTANT,
                "corrects_fill_id": _TEXT,
            }
        ),
        "prices": pl.Schema(
            {
                "symbol": _TEXT,
                "price": _PRICE,
                "event_time": _INSTANT,
                "source": _TEXT,
            }
        ),
    }
)


@dataclass(frozen=True)
class Batch:
    """All rows that land together, one frame per feed; a feed without rows may be absent.

    `at` is the UTC instant of landing; no row's `event_time` is later.
    """

    at: datetime
    frames: Mapping[str, pl.DataFrame]


@dataclass(frozen=True)
class Scenario:
    """A named story of a book of accounts; `batches` tells it anew, the same, at every call."""

    name: str
    title: str
    summary: str
    batches: Callable[[], Iterator[Batch]]
    batch_count: int


def feed_frame(feed: str, rows: Iterable[tuple[object, ...]]) -> pl.DataFrame:
    """Frame of a feed from rows that hold its columns in the order of `FEED_SCHEMAS`."""
    return pl.DataFrame(list(rows), schema=FEED_SCHEMAS[feed], orient="row")


def write_batch(batch: Batch, landing: Path, sequence: int) -> list[Path]:
    """Land one file per feed that has rows, whole or not at all, and return their paths.

    A file is written in `landing/.staging`, gets `batch.at` as its modification time, so that
    a lake built from it is reproducible, and is then renamed into place. Reference data comes
    first, then cash, fills and prices. A feed that the interface does not know is a ValueError.
    """
    staging = landing / ".staging"
    staging.mkdir(parents=True, exist_ok=True)
    feeds = sorted(batch.frames, key=tuple(FEED_SCHEMAS).index)
    return [
        _land(
            batch.frames[feed], batch.at, staging, landing / feed / f"{sequence:06d}-{feed}.ndjson"
        )
        for feed in feeds
        if not batch.frames[feed].is_empty()
    ]


def _land(frame: pl.DataFrame, at: datetime, staging: Path, target: Path) -> Path:
    staged = staging / target.name
    lines = (_json_line(row) for row in frame.iter_rows(named=True))
    staged.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    landed_ns = int(at.timestamp()) * 1_000_000_000 + at.microsecond * 1_000
    os.utime(staged, ns=(landed_ns, landed_ns))
    target.parent.mkdir(exist_ok=True)
    return staged.replace(target)


def _json_line(row: Mapping[str, object]) -> str:
    members = (f'"{name}": {_json(value)}' for name, value in row.items() if value is not None)
    return "{" + ", ".join(members) + "}"


def _json(value: object) -> str:
    match value:
        case float():
            # A binary float would land with digits that nobody wrote.
            raise TypeError(f"{value!r} is a float; landing files take integers and decimals")
        case Decimal():
            return format(value.normalize(), "f")
        case datetime():
            return json.dumps(f"{value.astimezone(UTC).replace(tzinfo=None).isoformat()}Z")
        case date():
            return json.dumps(value.isoformat())
        case _:
            return json.dumps(value)
