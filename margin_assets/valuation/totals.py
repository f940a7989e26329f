"""Sums over a document's instruments, in its currency and by currency, desk and legal entity."""

from collections.abc import Sequence
from typing import Any

from margin_assets.valuation.document import Document

Row = dict[str, Any]
_SUMMED = ("npv", "dv01", "par_dv01", "cs01", "gamma")


def fx_rate(document: Document, currency: str) -> float | None:
    """Price of a unit of a currency in the document's; none if no pair says it."""
    if currency == document.currency:
        return 1.0
    direct = document.fx.get(f"{currency}{document.currency}")
    if direct is not None:
        return direct
    inverse = document.fx.get(f"{document.currency}{currency}")
    return None if inverse is None else 1.0 / inverse


def converted(document: Document, currency: str, amount: float) -> float | None:
    """An amount in the document's currency; none if no pair says the rate."""
    rate = fx_rate(document, currency)
    return None if rate is None else amount * rate


def totals(document: Document, rows: Sequence[Row]) -> Row:
    """Sums of what is valued; what is not, is named and missing from them."""
    out = [_left_out(document, row) for row in rows]
    counted = [row for row, missing in zip(rows, out, strict=True) if missing is None]
    found: Row = {"currency": document.currency} | _sums(document, counted)
    found["is_complete"] = len(counted) == len(rows)
    found["not_included"] = [missing for missing in out if missing is not None]
    found["by_currency"] = {
        currency: _sums(document, [r for r in counted if r["currency"] == currency])
        for currency in dict.fromkeys(row["currency"] for row in counted)
    }
    for key in ("desk", "legal_entity"):
        names = dict.fromkeys(row[key] for row in counted if key in row)
        if names:
            found[f"by_{key}"] = {
                name: _sums(document, [r for r in counted if r.get(key) == name]) for name in names
            }
    return found


def _left_out(document: Document, row: Row) -> Row | None:
    if row["status"] not in ("valued", "matured"):
        return {"id": row["id"], "reason": row["reason"]}
    if fx_rate(document, row["currency"]) is None:
        pair = f"{row['currency']}{document.currency}"
        return {"id": row["id"], "reason": f"fx.{pair} is missing"}
    return None


def _sums(document: Document, rows: Sequence[Row]) -> Row:
    """Sums in the document's currency."""
    rates = [fx_rate(document, row["currency"]) or 0.0 for row in rows]
    found: Row = {
        key: sum(rate * row[key] for rate, row in zip(rates, rows, strict=True) if key in row)
        for key in _SUMMED
        if any(key in row for row in rows) or key != "par_dv01"
    }
    keys: dict[str, float] = {}
    for rate, row in zip(rates, rows, strict=True):
        for tenor, dv01 in row.get("key_rates", {}).items():
            keys[tenor] = keys.get(tenor, 0.0) + rate * dv01
    return found | {"key_rates": keys}
