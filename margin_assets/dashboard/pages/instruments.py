"""Reference data of the rates book: bonds and swaps as they stand, and every version of one."""

from dataclasses import dataclass
from typing import Any

import polars as pl

from margin_assets.dashboard.tables import Sealed, listed

SORTABLE = ("instrument_id", "kind", "issuer", "currency", "maturity")
_SHOWN = (
    *("instrument_id", "kind", "isin", "cusip", "issuer", "rating", "bond_class", "currency"),
    *("rate", "index_name", "spread", "issue_date", "maturity", "event_time", "cycle"),
)


@dataclass(frozen=True)
class Query:
    """What is asked for; what is None is not asked."""

    sort: str = "instrument_id"
    descends: bool = False
    kind: str | None = None
    currency: str | None = None
    issuer: str | None = None
    text: str = ""
    """Literal part of the id."""
    offset: int = 0
    limit: int = 100


def instruments(sealed: Sealed, query: Query) -> dict[str, Any]:
    """A page of the versions in force, in a total order, and how many there are in all."""
    rows = sealed.once("instruments", lambda: _in_force(sealed))
    equal = {"kind": query.kind, "currency": query.currency, "issuer": query.issuer}
    kept = rows.filter(
        pl.col("instrument_id").str.contains(query.text, literal=True),
        *(pl.col(name) == wanted for name, wanted in equal.items() if wanted is not None),
    )
    # Total, or paging would show a row twice where many are equal.
    keys = list(dict.fromkeys((query.sort, "instrument_id")))
    falls = [query.descends, False][: len(keys)]
    page = kept.sort(keys, descending=falls, nulls_last=True).slice(query.offset, query.limit)
    return {"total": kept.height, "rows": listed(page, *_SHOWN)}


def versions(sealed: Sealed, instrument: str) -> list[dict[str, Any]]:
    """All landed versions of an instrument, whole: by when they took effect, then by landing."""
    found = [
        {"table": table} | row
        for table in ("bonds", "swaps")
        for row in listed(sealed.rows(table, pl.col("instrument_id") == instrument))
    ]
    return sorted(found, key=lambda row: (row["event_time"], row["cycle"]))


def _in_force(sealed: Sealed) -> pl.DataFrame:
    """Of each id the version of the latest event time; of two of one time the later known."""
    bonds = sealed.rows("bonds").with_columns(rate=pl.col("coupon"))
    swaps = sealed.rows("swaps").with_columns(
        kind=pl.lit("swap"),
        rate=pl.col("fixed_rate"),
        issuer=pl.col("counterparty"),
        issue_date=pl.col("start_date"),
        maturity=pl.col("end_date"),
    )
    rows = pl.concat([bonds, swaps], how="diagonal").sort(
        "event_time", "cycle", maintain_order=True
    )
    return rows.unique("instrument_id", keep="last", maintain_order=True)
