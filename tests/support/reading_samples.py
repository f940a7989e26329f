import hashlib
import io
import json
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from margin_assets.lake.landing.reading import (
    COLUMN_WORDS,
    FILE_REASONS,
    LINE_REASONS,
    FileRead,
    LandedFile,
    read_landed,
)
from schemas import FEEDS, feed_columns

LANDED_AT = datetime(2024, 1, 2, tzinfo=UTC)
AT = "2024-01-01T15:00:00Z"
GOOD: dict[str, dict[str, Any]] = {
    "accounts": {
        "account_id": "A1",
        "account_type": "reg_t",
        "opened_on": "1965-03-01",
        "event_time": AT,
    },
    "instruments": {
        "symbol": "SSO",
        "asset_class": "etf",
        "leverage": 2,
        "marginable": True,
        "event_time": AT,
    },
    "option_adjustments": {
        "symbol": "GE1 C13",
        "effective_on": "2024-01-02",
        "deliverable": "12 GE + 52.00 cash",
    },
    "betas": {"symbol": "SPY", "beta": 1.0, "as_of_date": "2024-01-01"},
    "volatilities": {
        "symbol": "SPY",
        "volatility_annual": 0.2,
        "as_of_date": "2030-01-01",
        "kind": "implied",
    },
    "volumes": {"symbol": "SPY", "average_daily_volume": 8.5e7, "as_of_date": "2024-01-01"},
    "rates": {"name": "risk_free", "rate_annual": 0.0125, "event_time": AT},
    "cash_movements": {
        "movement_id": "M1",
        "account_id": "A1",
        "amount": 100.25,
        "kind": "deposit",
        "event_time": AT,
    },
    "fills": {
        "fill_id": "F1",
        "account_id": "A1",
        "symbol": "NVDA",
        "quantity": -5,
        "price": 500.5,
        "event_time": AT,
    },
    "stock_record": {
        "account_id": "A1",
        "symbol": "NVDA",
        "quantity": -5,
        "as_of": "2024-01-01",
    },
    "prices": {"symbol": "NVDA", "price": 500.5, "event_time": AT},
    "limits": {
        "limit_id": "L1",
        "metric": "beta_weighted_exposure",
        "scope": "firm",
        "amount": 1e7,
        "owner": "risk",
        "event_time": AT,
    },
    "opening_balances": {
        "account_id": "A1",
        "symbol": "NVDA",
        "quantity": -5,
        "cost": 500.5,
        "cash": 2502.5,
        "as_of": AT,
    },
    "corporate_actions": {
        "action_id": "C1",
        "symbol": "NVDA",
        "kind": "split",
        "effective_on": "2024-06-10",
        "new_units": 10,
        "per_units": 1,
        "event_time": AT,
    },
    "exercises": {
        "exercise_id": "E1",
        "account_id": "A1",
        "symbol": "NVDA C500",
        "quantity": 1,
        "kind": "assignment",
        "event_time": AT,
    },
    "bonds": {
        "instrument_id": "T 3.75 11/15/28",
        "kind": "fixed",
        "issuer": "US TREASURY",
        "currency": "USD",
        "coupon": 0.0375,
        "frequency": 2,
        "issue_date": "2017-11-15",
        "maturity": "2028-11-15",
        "event_time": AT,
    },
    "swaps": {
        "instrument_id": "SOFR 5Y",
        "currency": "USD",
        "start_date": "2024-01-03",
        "end_date": "2029-01-03",
        "side": "pay",
        "fixed_rate": 0.0355,
        "fixed_day_count": "act/360",
        "index_name": "USD-SOFR",
        "event_time": AT,
    },
    "fixings": {
        "index_name": "USD-SOFR",
        "fixing_date": "2023-12-29",
        "rate": 0.0538,
        "event_time": AT,
    },
    "fx_rates": {"pair": "EURUSD", "rate": 1.19, "event_time": AT},
    "curve_quotes": {
        "curve": "UST",
        "kind": "par_yield",
        "tenor": "1M",
        "quote": 0.0366,
        "event_time": AT,
    },
    "rates_positions": {
        "account_id": "A1",
        "desk": "treasuries",
        "legal_entity": "ML-US",
        "instrument_id": "T 3.75 11/15/28",
        "quantity": 5e6,
        "event_time": AT,
    },
    "desk_actions": {
        "action_id": "D1",
        "kind": "quarantine_dismiss",
        "subject": "F1",
        "actor": "desk",
        "event_time": AT,
    },
}


class Digits(str):
    """A JSON number given by its digits."""


def landed(path: str, data: bytes):
    file_id = hashlib.sha256(data).hexdigest()
    file = LandedFile(path.split("/")[0], path, file_id, len(data), LANDED_AT)
    return file, lambda: io.BytesIO(data)


def read(path: str, data: bytes):
    return read_landed(*landed(path, data))


def json_line(row: dict[str, object]):
    members = (
        f"{json.dumps(name)}: {value if isinstance(value, Digits) else json.dumps(value)}"
        for name, value in row.items()
    )
    return "{" + ", ".join(members) + "}"


def ndjson(*rows: dict[str, object] | bytes):
    lines = [row if isinstance(row, bytes) else json_line(row).encode() for row in rows]
    return b"\n".join(lines) + b"\n"


def csv_text(*rows: dict[str, object]):
    names = list(dict.fromkeys(name for row in rows for name in row))
    lines = [
        ",".join("" if row.get(name) is None else str(row[name]) for name in names) for row in rows
    ]
    return "\n".join([",".join(names), *lines]).encode() + b"\n"


def parquet(columns: dict[str, pa.Array]):
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer)
    return buffer.getvalue()


def reasons(result: FileRead):
    return dict(result.quarantined.select("file_row", "reasons").iter_rows())


HEADER = b"symbol,price,event_time"
LINE = b"NVDA,5," + AT.encode()


US = pa.timestamp("us", "UTC")
T0 = int(datetime(2024, 1, 1, 15, tzinfo=UTC).timestamp())


def prices(count: int = 1, **columns: pa.Array):
    base = {
        "symbol": pa.array(["NVDA"] * count),
        "price": pa.array([500.5] * count),
        "event_time": pa.array([T0 * 10**6] * count, pa.int64()).cast(US),
    }
    return parquet(base | columns)


def is_listed(reason: str):
    names = {
        f"{name}_{word}" for feed in FEEDS for name in feed_columns(feed) for word in COLUMN_WORDS
    }
    return reason in names | FILE_REASONS.keys() | LINE_REASONS.keys()
