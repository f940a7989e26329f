"""Portfolios of which some rows are of SIMM and some of the schedule: the sum of both margins.

Source: BCBS and IOSCO, Margin requirements for non-centrally cleared derivatives (2020), 3.5: model
and schedule may be used beside each other, by asset class; neither offsets the other.
"""

from collections.abc import Iterator
from typing import Any

import polars as pl

from margin_assets.crif.answers import Document, documents
from margin_assets.crif.faults import with_models
from margin_assets.crif.portfolios import Answered, Method, answered
from margin_assets.crif.words import SCHEDULE, SIMM, in_words

Key = tuple[str, str]
"""A regulation and a side."""


def both_documents(rows: pl.DataFrame, methods: dict[str, Method]) -> Iterator[Document]:
    """A document each portfolio: what each model makes of its rows, and the sum.

    Sums are by regulation and side, and the total is the worst of them. A portfolio that either
    model refuses is refused; one without rows of a model has none of its margin.

    Args:
        rows: Rows as `reading.opened` yields them.
        methods: What each model computes by.
    """
    unclear = _unclear(rows)
    parts = {model: answered(rows, method) for model, method in methods.items()}
    told = {
        model: zip(_is_absent(part), documents(part), strict=True) for model, part in parts.items()
    }
    for simm, schedule in zip(told[SIMM], told[SCHEDULE], strict=True):
        found = {
            model: document
            for model, (is_absent, document) in ((SIMM, simm), (SCHEDULE, schedule))
            if not is_absent
        }
        name = simm[1]["portfolio_id"]
        yield {"portfolio_id": name, **_summed(found, unclear.get(name))}


def _unclear(rows: pl.DataFrame) -> dict[str, str]:
    """Portfolios with a row that may be of either model, and counts in neither or both."""
    # Whose a row is does not hang on its amount.
    worded = in_words(rows, {})
    either = with_models(worded, SIMM)["own"] != with_models(worded, SCHEDULE)["own"]
    said = pl.format("line {}: IMModel is empty, and the row may be of either model", "line")
    found = rows.filter(either).group_by("portfolio_id", maintain_order=True).agg(said.first())
    return {name or "": text for name, text in found.rows()}


def _is_absent(part: Answered) -> Iterator[bool]:
    """Whether a portfolio has no row of the model, in order."""
    return iter(part.portfolios["left_out"] == part.portfolios["rows"])


def _summed(found: dict[str, Document], unclear: str | None) -> Document:
    refused = [document["error"] for document in found.values() if "error" in document]
    if unclear is not None or refused:
        return {"error": unclear or refused[0]}
    named = {model: _by_key(document) for model, document in found.items()}
    if len({bool(totals) for totals in named.values()}) > 1:
        silent = next(model for model, totals in named.items() if not totals)
        return {"error": f"its rows of model {silent} name no regulation, and the others do"}
    keys = sorted({key for totals in named.values() for key in totals}, key=lambda k: (k[1], k[0]))
    rows: list[Document] = [
        {"regulation": key[0], "side": key[1], **_shares(named, key)} for key in keys
    ]
    whole = sum(document["total"] for document in found.values())
    return {
        "total": max((row["total"] for row in rows), default=whole),
        "models": {model: _alone(document) for model, document in found.items()},
        "regulations": rows,
    }


def _by_key(document: Document) -> dict[Key, float]:
    return {(row["regulation"], row["side"]): row["total"] for row in document["regulations"]}


def _shares(named: dict[str, dict[Key, float]], key: Key) -> dict[str, float]:
    shares = {model: totals.get(key, 0.0) for model, totals in named.items()}
    return {"total": sum(shares.values()), **shares}


def _alone(document: Document) -> dict[str, Any]:
    """A model's own answer; what it left out is the other's."""
    left_out = ("portfolio_id", "rows_left_out")
    return {name: value for name, value in document.items() if name not in left_out}
