"""The rates book as a sealed cycle left it: sheets for a person, and losses by past moves."""

from collections.abc import Callable

import polars as pl

Scan = Callable[[str], pl.LazyFrame]
"""Tables as of one sealed cycle."""
SHEETS = ("summary", "instruments", "sensitivities")
_BOOK = ("account_id", "desk", "legal_entity", "currency")


def sheets(scan: Scan) -> dict[str, pl.DataFrame]:
    """Books, positions, and key rates side by side; empty where no cycle valued any."""
    keys = ("account_id", "desk", "legal_entity", "instrument_id")
    long = scan("rates_sensitivities").select(*keys, "tenor", "dv01").collect()
    order = sorted(long["tenor"].unique().to_list(), key=_months)
    wide = long.pivot("tenor", index=keys, values="dv01", sort_columns=False)
    found = {
        "summary": newest(scan, "desk_risk").drop("cycle"),
        "instruments": scan("rates_values").drop("cycle").sort(keys).collect(),
        "sensitivities": wide.select(*keys, *order).fill_null(0.0).sort(keys),
    }
    return {name: found[name] for name in SHEETS}


def newest(scan: Scan, table: str) -> pl.DataFrame:
    """Rows of the last cycle that wrote them, of a table of books."""
    rows = scan(table)
    last = rows.filter(pl.col("cycle") == pl.col("cycle").max()).collect()
    return last.sort([name for name in _BOOK if name in last.columns])


def _months(tenor: str) -> float:
    return int(tenor[:-1]) * {"D": 1 / 30, "W": 7 / 30, "M": 1, "Y": 12}[tenor[-1]]
