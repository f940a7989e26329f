"""A document for every kind of instrument, as the help and docs/rates.md show them."""

import json
from collections.abc import Mapping
from typing import Any

_MARKET: Mapping[str, Any] = {
    "valuation_date": "2026-01-28",
    "currency": "USD",
    "curves": {
        "SOFR": {
            "currency": "USD",
            "tenors": ["3M", "1Y", "2Y", "5Y", "10Y", "30Y"],
            "zero_rates": [0.0366, 0.0352, 0.0344, 0.0356, 0.0391, 0.0412],
        }
    },
    "discounting": {"USD": "SOFR"},
}
_SOFR = {"indices": {"USD-SOFR": {"curve": "SOFR"}}}

INSTRUMENTS: Mapping[str, Mapping[str, Any]] = {
    "fixed_bond": {
        "id": "T 3.75 11/15/28",
        "kind": "fixed_bond",
        "notional": 1000000,
        "coupon": 0.0375,
        "frequency": "semiannual",
        "day_count": "act/act isma",
        "maturity": "2028-11-15",
        "clean_price": 100.25,
    },
    "bill": {
        "id": "B 04/30/26",
        "kind": "bill",
        "notional": 1000000,
        "maturity": "2026-04-30",
        "discount_rate": 0.0359,
    },
    "floating_rate_note": {
        "id": "FRN 2028",
        "kind": "floating_rate_note",
        "notional": 1000000,
        "index": "USD-SOFR",
        "spread": 0.0045,
        "frequency": "quarterly",
        "issue_date": "2026-01-28",
        "maturity": "2028-01-28",
    },
    "swap": {
        "id": "5Y SOFR",
        "kind": "swap",
        "notional": 10000000,
        "start_date": "2026-01-30",
        "end_date": "2031-01-30",
        "legs": [
            {
                "kind": "fixed",
                "side": "pay",
                "rate": 0.0355,
                "frequency": "annual",
                "day_count": "act/360",
                "calendar": "us sofr",
                "payment_lag": 2,
            },
            {
                "kind": "floating",
                "side": "receive",
                "index": "USD-SOFR",
                "frequency": "annual",
                "payment_lag": 2,
            },
        ],
    },
}
"""An instrument of each kind, valued in the market of `document`."""


def document(kind: str) -> dict[str, Any]:
    """A whole document with the instrument of that kind."""
    return {**_MARKET, **_SOFR, "instruments": [INSTRUMENTS[kind]]}


def lines() -> list[str]:
    """The instruments, one a line, as JSON."""
    return [json.dumps(instrument) for instrument in INSTRUMENTS.values()]
