"""4210(e)(2) on the bonds of the book: each position's requirement beside its value."""

from datetime import date
from typing import NamedTuple

import numpy as np
import polars as pl

from margin_assets.kernels.book.series import codes_of
from margin_assets.kernels.numeric.arrays import BoolArray, FloatArray, Int64Array
from margin_assets.kernels.rules.dated import dated
from margin_assets.kernels.rules.rules import Rules, rules_in_force
from margin_assets.kernels.securities.bonds import (
    MUNICIPAL,
    PARAGRAPHS,
    SHORT_PARAGRAPH,
    Debt,
    bond_lines,
)
from schemas.landed import BOND_CLASSES

NOT_TOLD = "no bond_class: as other, "
OTHER = BOND_CLASSES[-1]


class Charged(NamedTuple):
    """The bonds among positions as the rule reads them, while terms and the day stand."""

    is_bond: BoolArray
    debt: Debt
    principal: Int64Array
    """Face in cents; short negative."""
    paragraphs: pl.Series
    """What charges each position; null of a swap."""
    rules: Rules

    def lines(self, npv: Int64Array, is_known: BoolArray) -> tuple[Int64Array, BoolArray]:
        """Requirement of each position in cents, and whether there is one to be said.

        A bond without a value has none: what is unpriced is in no sum. Accounts are taken as not
        exempt, and the value with its accrued interest.
        """
        found = bond_lines(self.debt, self.principal, npv, self.rules)
        return found, self.is_bond & is_known


def charged_of(rows: pl.DataFrame, quantity: FloatArray, day: date) -> Charged:
    """Of positions with `kind`, `maturity`, `bond_class` and `is_zero_coupon`, on a day."""
    rules = rules_in_force(day)
    days = pl.Series([day], dtype=pl.Date).new_from_index(0, rows.height)
    last = dated(rows["maturity"], days, rules)
    debt = Debt(
        codes_of(rows["bond_class"].fill_null(OTHER), BOND_CLASSES),
        last.government_band,
        rows["is_zero_coupon"].fill_null(value=False).to_numpy() & last.is_beyond_zero_years,
    )
    is_bond = (rows["kind"] != "swap").fill_null(value=False).to_numpy()
    return Charged(
        is_bond,
        debt,
        np.rint(quantity * 100.0).astype(np.int64),
        _paragraphs(rows, quantity, is_bond),
        rules,
    )


def _paragraphs(rows: pl.DataFrame, quantity: FloatArray, is_bond: BoolArray) -> pl.Series:
    """By class; of short bonds that are not exempted the greater of two holds."""
    words = dict(zip(BOND_CLASSES, PARAGRAPHS, strict=True))
    exempted = BOND_CLASSES[: MUNICIPAL + 1]
    kind, is_short = pl.col("bond_class").fill_null(OTHER), pl.lit(pl.Series(quantity < 0))
    both = pl.format("the greater of {} and {}", kind.replace(words), pl.lit(SHORT_PARAGRAPH))
    said = (
        pl.when(~is_short | kind.is_in(exempted))
        .then(kind.replace(words))
        .when(kind == OTHER)
        .then(pl.lit(SHORT_PARAGRAPH))
        .otherwise(both)
    )
    untold = pl.when(pl.col("bond_class").is_null()).then(pl.lit(NOT_TOLD)).otherwise(pl.lit(""))
    is_one = pl.lit(pl.Series(is_bond))
    return rows.select(pl.when(is_one).then(untold + said).alias("requirement_rule")).to_series()
