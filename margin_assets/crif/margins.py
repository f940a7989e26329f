"""Initial margin of a CRIF file: which rulebook, then portfolio after portfolio."""

import math
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Literal, NamedTuple

import polars as pl

from margin_assets.crif.answers import Document, documents, in_currency
from margin_assets.crif.both import both_documents
from margin_assets.crif.columns import CrifError, layout_of
from margin_assets.crif.currencies import CODES
from margin_assets.crif.portfolios import Method, answered
from margin_assets.crif.reading import opened
from margin_assets.crif.words import SCHEDULE, SIMM
from margin_assets.kernels.initial_margin.parameters import HORIZONS, Parameters, parameters
from margin_assets.rulebooks import in_force, versions

BOTH = "both"


class Question(NamedTuple):
    """What is asked of a file."""

    model: Literal["simm", "schedule", "both"] = "simm"
    """Both: each row by its own model, and the sum."""
    version: str | None = None
    """Of SIMM: `2.5`, or the newest held."""
    horizon: str = "10d"
    currency: str = "USD"
    """The calculation currency: FX sensitivities to it are no risk."""
    as_of: date | None = None
    """Valuation date of schedule rows without one."""
    rates: Mapping[str, float] = MappingProxyType({})
    """Dollars for one unit of a currency, for amounts without AmountUSD."""
    amounts_in: str = "USD"
    """What answers are in, by its rate in `rates`."""


class Opened(NamedTuple):
    """The head of an answer, the file's number of rows, and its portfolios' documents by parts."""

    head: Document
    rows: int
    parts: Iterator[tuple[int, list[Document]]]
    """Rows behind a part, and its documents."""


def initial_margin(path: Path, question: Question) -> Opened:
    """Initial margin of every portfolio of a CRIF file, in order of first appearance.

    Raises:
        CrifError: The file is no CRIF, or no such version, horizon or currency; one line.
        OSError: The file cannot be read.
    """
    models = (SIMM, SCHEDULE) if question.model == BOTH else (question.model,)
    methods = {model: _method(question, model) for model in models}
    found = opened(path, layout_of(path))
    rate = _answer_rate(question)
    parts = ((rows.height, list(_documents(rows, methods, rate))) for rows in found.frames)
    return Opened(_head(question, methods), found.rows, parts)


def _documents(rows: pl.DataFrame, methods: dict[str, Method], rate: float) -> Iterator[Document]:
    if len(methods) > 1:
        found = both_documents(rows, methods)
    else:
        (method,) = methods.values()
        found = documents(answered(rows, method))
    return found if rate == 1.0 else (in_currency(document, rate) for document in found)


def _answer_rate(question: Question) -> float:
    """Dollars for one unit of what answers are in: none is assumed."""
    rates = {"USD": 1.0, **question.rates}
    if question.amounts_in not in CODES:
        raise CrifError(f"{question.amounts_in!r} is no currency")
    if question.amounts_in not in rates:
        raise CrifError(f"amounts in {question.amounts_in} need its rate in US dollars")
    return rates[question.amounts_in]


def simm_versions() -> dict[str, date]:
    """Versions of SIMM that are held, by name, oldest first, with the day each came into force."""
    return {in_force("simm", day).numbers["version"]: day for day in versions("simm")}


def _method(question: Question, model: str) -> Method:
    if question.currency not in CODES:
        raise CrifError(f"{question.currency!r} is no currency")
    for currency, rate in question.rates.items():
        if currency not in CODES:
            raise CrifError(f"a rate of {currency!r}, which is no currency")
        if not 0.0 < rate < math.inf or (currency == "USD" and rate != 1.0):
            raise CrifError(f"a rate of {rate:g} US dollars for one {currency} cannot be")
    if question.horizon not in HORIZONS:
        raise CrifError(f"no horizon {question.horizon!r}: {' or '.join(HORIZONS)}")
    if model == SCHEDULE:
        schedule = in_force("schedule_im", versions("schedule_im")[-1]).numbers
        return Method(SCHEDULE, question.currency, schedule, question.as_of, question.rates)
    held = simm_versions()
    version = question.version or list(held)[-1]
    if version not in held:
        raise CrifError(f"no SIMM version {version!r}: {', '.join(held)}")
    numbers = in_force("simm", held[version]).numbers
    found = parameters(numbers, question.horizon, question.currency)
    return Method(SIMM, question.currency, found, question.as_of, question.rates)


def _head(question: Question, methods: dict[str, Method]) -> Document:
    simm = methods.get(SIMM)
    rates = {"rates": dict(question.rates)} if question.rates else {}
    if simm is None or not isinstance(simm.by, Parameters):
        head = {"model": question.model, "currency": "USD"}
        return head | {"amounts_in": question.amounts_in, **rates}
    return {
        "model": question.model,
        "version": simm.by.version,
        "horizon": question.horizon,
        "currency": question.currency,
        "amounts_in": question.amounts_in,
        **rates,
    }
