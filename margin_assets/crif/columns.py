"""The header of a CRIF file: which column is which, however it is spelled, and what parts them."""

import csv
import re
from pathlib import Path
from typing import NamedTuple


class CrifError(ValueError):
    """A file that cannot be read as CRIF: one line that names what is wrong."""


COLUMNS = {
    "portfolio_id": "PortfolioID",
    "product_class": "ProductClass",
    "risk_type": "RiskType",
    "qualifier": "Qualifier",
    "bucket": "Bucket",
    "label1": "Label1",
    "label2": "Label2",
    "amount": "Amount",
    "amount_currency": "AmountCurrency",
    "amount_usd": "AmountUSD",
    "trade_id": "TradeID",
    "im_model": "IMModel",
    "collect_regulations": "CollectRegulations",
    "post_regulations": "PostRegulations",
    "valuation_date": "ValuationDate",
    "end_date": "EndDate",
}
"""What is read, by our name for it, as the format spells it."""
_ALIASES = {
    "portfolio": "portfolio_id",
    "collectregulation": "collect_regulations",
    "postregulation": "post_regulations",
}
_NEEDED = ("portfolio_id", "risk_type")
_DELIMITERS = (",", "\t", ";", "|")


class Layout(NamedTuple):
    """How a file is laid out: what parts its fields, and its header's names by ours."""

    delimiter: str
    names: dict[str, str]
    place_of_portfolio: int


def layout_of(path: Path) -> Layout:
    """The layout that a file's first line tells; case, spaces and underscores do not matter.

    Raises:
        CrifError: No header, a column that is needed is missing, or one stands there twice.
        OSError: The file cannot be read.
    """
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
        header = lines.readline(1_000_000).rstrip("\r\n")
    delimiter = max(_DELIMITERS, key=header.count)
    fields = next(csv.reader([header], delimiter=delimiter), [])
    known = {_bare(name): ours for ours, name in COLUMNS.items()} | _ALIASES
    names: dict[str, str] = {}
    for field in fields:
        ours = known.get(_bare(field))
        if ours is None:
            continue
        if ours in names or fields.count(field) > 1:
            raise CrifError(f"{path}: two columns for {COLUMNS[ours]}: keep one")
        names[ours] = field
    missing = [COLUMNS[name] for name in _NEEDED if name not in names]
    if missing:
        raise CrifError(f"{path}: no column {' and no '.join(missing)} in its first line")
    if "amount" not in names and "amount_usd" not in names:
        raise CrifError(f"{path}: no column AmountUSD and no Amount in its first line")
    return Layout(delimiter, names, fields.index(names["portfolio_id"]))


def _bare(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
