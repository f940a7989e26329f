"""Rows of CRIF for tests: sensitivities of the kernel, and files."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from margin_assets.kernels.initial_margin.crif_terms import SENSITIVITIES
from margin_assets.kernels.initial_margin.parameters import Parameters, parameters
from margin_assets.rulebooks import in_force, versions

HEADER = (
    "PortfolioID,ProductClass,RiskType,Qualifier,Bucket,Label1,Label2,Amount,AmountCurrency,"
    "AmountUSD"
)
KINDS = (
    ("RatesFX", "Risk_IRCurve", "USD", None, "5y", "OIS", 1e6),
    ("RatesFX", "Risk_IRCurve", "USD", None, "10y", "Libor3m", -2e6),
    ("RatesFX", "Risk_IRCurve", "JPY", None, "2y", "OIS", 3e6),
    ("RatesFX", "Risk_Inflation", "USD", None, None, "", 4e5),
    ("RatesFX", "Risk_XCcyBasis", "JPY", None, None, "", 7e5),
    ("RatesFX", "Risk_IRVol", "USD", None, "1y", "", 5e7),
    ("RatesFX", "Risk_InflationVol", "USD", None, "3y", "", -2e7),
    ("RatesFX", "Risk_FX", "EUR", None, None, "", 4e8),
    ("RatesFX", "Risk_FX", "BRL", None, None, "", -3e7),
    ("RatesFX", "Risk_FXVol", "USDGBP", None, "6m", "", 2e7),
    ("RatesFX", "Risk_FXVol", "EURUSD", None, "2w", "", -3e7),
    ("Credit", "Risk_CreditQ", "A", "1", "5y", "", 3e5),
    ("Credit", "Risk_CreditQ", "A", "1", "1y", "EUR", -1e5),
    ("Credit", "Risk_CreditQ", "B", "7", "3y", "", 2e5),
    ("Credit", "Risk_CreditQ", "C", "Residual", "3y", "", 1e5),
    ("Credit", "Risk_CreditVol", "A", "1", "5y", "", 3e7),
    ("Credit", "Risk_BaseCorr", "CDX IG", None, None, "", 4e5),
    ("Credit", "Risk_BaseCorr", "iTraxx Main", None, None, "", -2e5),
    ("Credit", "Risk_CreditNonQ", "D", "1", "5y", "CMBX", 6e6),
    ("Credit", "Risk_CreditNonQ", "E", "1", "5y", "CMBX", -2e6),
    ("Credit", "Risk_CreditNonQ", "F", "1", "5y", "ABX", 1e6),
    ("Credit", "Risk_CreditVolNonQ", "D", "2", "5y", "CMBX", 6e6),
    ("Equity", "Risk_Equity", "G", "5", None, "", 3e7),
    ("Equity", "Risk_Equity", "H", "5", None, "", -1e7),
    ("Equity", "Risk_Equity", "SPX", "11", None, "", 2e7),
    ("Equity", "Risk_EquityVol", "G", "5", "1y", "", 2e7),
    ("Equity", "Risk_EquityVol", "VIX", "12", "1y", "", 2e7),
    ("Commodity", "Risk_Commodity", "Gold", "12", None, "", 5e7),
    ("Commodity", "Risk_Commodity", "Coal", "1", None, "", -4e8),
    ("Commodity", "Risk_CommodityVol", "Gold", "12", "3m", "", -5e6),
)
"""A row of every risk type and more, as the kernel takes them, without the unit."""
Kind = tuple[object, ...]


def sensitivities(*units: Sequence[Kind]) -> pl.DataFrame:
    """Rows of the kernel: each unit's after the other."""
    rows = [(number, *row) for number, unit in enumerate(units) for row in unit]
    return pl.DataFrame(rows, schema=SENSITIVITIES, orient="row")


def held(version: str, horizon: str = "10d", currency: str = "USD") -> Parameters:
    """Parameters of a version."""
    found = (in_force("simm", day).numbers for day in versions("simm"))
    numbers = next(book for book in found if book["version"] == version)
    return parameters(numbers, horizon, currency)


def written(path: Path, *rows: str, header: str = HEADER) -> Path:
    """A file of rows that are written as they stand."""
    path.write_text("\n".join((header, *rows)) + "\n", "utf-8")
    return path


def written_rows(path: Path, rows: Sequence[Mapping[str, object]]) -> Path:
    """A file of rows by column."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(rows)
    return path
