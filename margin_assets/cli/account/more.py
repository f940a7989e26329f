"""More of what stands behind an account: rates, add-ons, day trading, the rulebooks as sealed."""

from collections.abc import Mapping
from datetime import datetime

import polars as pl

from margin_assets.cli.account.rows import WHERE, Document, Tables
from margin_assets.kernels.numeric.money import instants
from margin_assets.kernels.rules.grid import day_of
from margin_assets.lake.ledger.adoptions import Adopted, decided_as
from margin_assets.lake.ledger.cycles import Sealed
from margin_assets.lake.store.store import Lake
from margin_assets.rulebooks import families, in_force


def rates(tables: Tables, as_of: datetime | None) -> list[Document]:
    """The rates in use, with the landed rows that say them."""
    if as_of is None:
        return []
    landed = tables.landed("rates", pl.col("event_time") <= as_of)
    last = landed.unique("name", keep="last", maintain_order=True)
    return last.select("name", "rate_annual", "event_time", "source", *WHERE).to_dicts()


def house(tables: Tables, mine: pl.Expr) -> list[Document]:
    """What the house's overlays add."""
    rows = tables.rows("house_requirements", mine).sort("overlay", "subject")
    return rows.select("overlay", "subject", "base", "rate", "addon", "reason").to_dicts()


def day_trading(tables: Tables, mine: pl.Expr) -> list[Document]:
    """Its last business days under the rule of pattern day traders, newest first."""
    rows = tables.rows("pattern_day_traders", mine).sort("business_date", descending=True)
    return rows.head(5).drop("account_id", "as_of", "cycle", strict=False).to_dicts()


def rulebooks(lake: Lake, sealed: Sealed) -> list[Document]:
    """Versions that the cycle decided by at its end, with their citations.

    The source of one that the lake adopted is who did, and why.
    """
    if sealed.as_of is None:
        return []
    day = day_of(instants(pl.Series([sealed.as_of])).item())
    with decided_as(lake, sealed):
        books = [in_force(family, day) for family in families() if family != "lake"]
    own = {(one.family, one.effective, one.digest): one for one, _ in Adopted(lake).all()}
    found = []
    for book in books:
        recorded = _hash(sealed.manifest["rulebooks"].get(book.family), str(book.effective))
        adoption = own.get((book.family, book.effective, recorded or ""))
        found.append(
            {
                "family": book.family,
                "effective": book.effective,
                "source": book.numbers.get("source", "") if adoption is None else adoption.told,
                "hash": recorded,
            }
        )
    return found


def _hash(recorded: object, effective: str) -> str | None:
    """Of the text that the cycle was planned under; None of a cycle that kept dates alone."""
    return recorded.get(effective) if isinstance(recorded, Mapping) else None


def cycle_of(sealed: Sealed) -> Document:
    """The cycle, its hash and the version of the code that sealed it."""
    return {
        "cycle": sealed.cycle,
        "as_of": sealed.as_of,
        "hash": sealed.hash,
        "previous_hash": sealed.previous_hash,
        "code_version": sealed.manifest.get("code_version"),
    }
