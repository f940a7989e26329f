"""Cells of CRIF rows as the format's own words: however they are cased, and null where unknown."""

import re
from collections.abc import Callable, Mapping
from typing import Final

import polars as pl

from margin_assets.kernels.initial_margin.crif_terms import (
    ADD_ONS,
    BUCKETS,
    PRESENT_VALUE,
    PRODUCT_CLASSES,
    RISK_TYPES,
    SCHEDULE_CLASSES,
    SUB_CURVES,
    TENORS,
)

SIMM: Final = "simm"
SCHEDULE: Final = "schedule"
_WHOLE = re.compile(r"(\d+)\.0+")


def _bare(word: str) -> str:
    return re.sub(r"[^a-z0-9]", "", word.lower())


def _words(*words: str) -> dict[str, str]:
    return {_bare(word): word for word in words}


_RISK_TYPES = _words(*(kind.name for kind in RISK_TYPES), *ADD_ONS, PRESENT_VALUE)
_PRODUCT_CLASSES = _words(*PRODUCT_CLASSES, *SCHEDULE_CLASSES)
_TENORS = _words(*TENORS)
_SUB_CURVES = _words(*SUB_CURVES)
_BUCKETS = _words(*BUCKETS)
_MODELS = {"simm": SIMM, "simmp": SIMM, "simmr": SIMM, "schedule": SCHEDULE}


def _bucket(word: str) -> str | None:
    # A program that takes buckets for numbers writes 1.0.
    return _BUCKETS.get(_bare(_WHOLE.sub(r"\1", word)))


def in_words(rows: pl.DataFrame, rates: Mapping[str, float]) -> pl.DataFrame:
    """Rows with the columns that faults are looked for in and margins made of.

    `risk`, `product`, `tenor`, `curve`, `place` and `model` are words of the format, null where
    the cell is empty or no word of it; `usd` is AmountUSD, or Amount where that is in dollars or in
    a currency whose rate (dollars for one unit) is given;
    `number` is Amount; `name` is the qualifier, codes of currencies in capitals. Sides' regulations
    are lists of names.
    """
    return rows.with_columns(
        risk=_mapped(rows["risk_type"], lambda word: _RISK_TYPES.get(_bare(word))),
        product=_mapped(rows["product_class"], lambda word: _PRODUCT_CLASSES.get(_bare(word))),
        tenor=_mapped(rows["label1"], lambda word: _TENORS.get(_bare(word))),
        curve=_mapped(rows["label2"], lambda word: _SUB_CURVES.get(_bare(word))),
        place=_mapped(rows["bucket"], _bucket),
        model=_mapped(rows["im_model"], lambda word: _MODELS.get(_bare(word))),
        currency=pl.col("amount_currency").str.to_uppercase(),
        number=_number("amount"),
        given_usd=_number("amount_usd"),
        collect=_regulations("collect_regulations"),
        post=_regulations("post_regulations"),
        valued_on=_day("valuation_date"),
        ends_on=_day("end_date"),
    ).with_columns(
        name=pl.when(pl.col("risk").is_in(_OF_CURRENCIES))
        .then(pl.col("qualifier").str.to_uppercase())
        .otherwise(pl.col("qualifier")),
        usd=pl.when(pl.col("amount_usd").is_not_null())
        .then("given_usd")
        .otherwise(
            pl.col("number")
            * pl.col("currency").replace_strict(
                {**rates, "USD": 1.0}, default=None, return_dtype=pl.Float64
            )
        ),
    )


_OF_CURRENCIES = [
    kind.name for kind in RISK_TYPES if kind.name.startswith(("Risk_IR", "Risk_FX", "Risk_X"))
] + ["Risk_Inflation", "Risk_InflationVol"]


def _mapped(cells: pl.Series, word_of: Callable[[str], str | None]) -> pl.Series:
    """Every cell by its word: few differ, so each is looked at once."""
    known = {cell: word_of(cell) for cell in cells.drop_nulls().unique()}
    found = {cell: word for cell, word in known.items() if word is not None}
    if not found:
        return pl.Series([None] * len(cells), dtype=pl.String)
    return cells.replace_strict(found, default=None, return_dtype=pl.String)


def _number(column: str) -> pl.Expr:
    """Null where the cell is empty or no finite number."""
    number = pl.col(column).cast(pl.Float64, strict=False)
    return pl.when(number.is_finite()).then(number)


def _day(column: str) -> pl.Expr:
    return pl.col(column).str.strptime(pl.Date, "%Y-%m-%d", strict=False)


def _regulations(column: str) -> pl.Expr:
    """Names in capitals, however listed: `ESA,USPR`, `[ESA, USPR]`; an empty list for none.

    What is `Excluded` is under no regulation of its side.
    """
    names = pl.col(column).str.to_uppercase().str.extract_all(r"[A-Z0-9_\\-]+")
    known = names.list.eval(
        pl.element().filter(pl.element() != "EXCLUDED").replace("SEC-UNSEG", "SEC-unseg")
    )
    return pl.coalesce(known, pl.lit([], dtype=pl.List(pl.String))).list.unique(maintain_order=True)
