"""Margins of portfolios as documents, one each, in order."""

from collections.abc import Iterator
from typing import Any

import polars as pl

from margin_assets.crif.portfolios import Answered
from margin_assets.kernels.initial_margin.regulations import worst

Document = dict[str, Any]

_MEASURES = ("total", "delta", "vega", "curvature", "base_correlation")
_NO_AMOUNT = "net_to_gross_ratio"


def documents(found: Answered) -> Iterator[Document]:
    """A document each portfolio: the figures of its worst unit, then the total of every one.

    A refused portfolio is its name and the reason.
    """
    by_unit = _grouped(found.product_classes, "unit")
    classes = _by_class(found.risk_classes)
    worst_of = {row["portfolio"]: row for row in worst(found.units).to_dicts()}
    regulations = _grouped(found.units.filter(pl.col("regulation").is_not_null()), "portfolio")
    for portfolio in found.portfolios.to_dicts():
        name = portfolio["portfolio_id"] or ""
        if portfolio["error"] is not None:
            yield {"portfolio_id": name, "error": portfolio["error"]}
            continue
        unit = worst_of.get(portfolio["portfolio"], {"unit": None, "total": 0.0, "add_on": 0.0})
        yield {
            "portfolio_id": name,
            "total": unit["total"],
            "add_on": unit["add_on"],
            "product_classes": [_product(row, classes) for row in by_unit.get(unit["unit"], [])],
            "regulations": [
                {"regulation": row["regulation"], "side": row["side"], "total": row["total"]}
                for row in regulations.get(portfolio["portfolio"], [])
            ],
            **({"rows_left_out": portfolio["left_out"]} if portfolio["left_out"] else {}),
        }


def in_currency(document: Document, rate: float) -> Document:
    """A document with every amount in another currency; `rate`: US dollars for one unit of it."""
    return {
        name: value if name == _NO_AMOUNT else _exchanged(value, rate)
        for name, value in document.items()
    }


def _exchanged(value: Any, rate: float) -> Any:  # noqa: ANN401 (whatever a document holds)
    if isinstance(value, float):
        return value / rate
    if isinstance(value, list):
        return [_exchanged(one, rate) for one in value]
    return in_currency(value, rate) if isinstance(value, dict) else value


def _product(row: Document, classes: dict[tuple[int, str], list[Document]]) -> Document:
    head = {"product_class": row["product_class"], "total": row["total"]}
    if "gross" in row:
        ratio = row["net_to_gross_ratio"]
        return {**head, "gross": row["gross"], "net_to_gross_ratio": ratio, "risk_classes": []}
    key = (row["unit"], row["product_class"])
    return {**head, "risk_classes": classes.get(key, [])}


def _by_class(risk_classes: pl.DataFrame) -> dict[tuple[int, str], list[Document]]:
    found: dict[tuple[int, str], list[Document]] = {}
    for row in risk_classes.to_dicts():
        shown = {"risk_class": row["risk_class"], **{name: row[name] for name in _MEASURES}}
        found.setdefault((row["unit"], row["product_class"]), []).append(shown)
    return found


def _grouped(frame: pl.DataFrame, key: str) -> dict[int, list[Document]]:
    found: dict[int, list[Document]] = {}
    for row in frame.to_dicts():
        found.setdefault(row[key], []).append(row)
    return found
