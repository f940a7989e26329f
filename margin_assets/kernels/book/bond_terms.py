"""What an instrument row says of a bond, and how many units a contract of it stands for."""

from functools import cache

import polars as pl

_BOND_CLASS_OF = {
    "treasury": "us_treasury",
    "agency": "agency",
    "municipal": "municipal",
    "corporate": "other",
}
_OPTION = pl.col("asset_class") == "option"


@cache
def bond_terms() -> dict[str, pl.Expr]:
    """Class, coupon, last day and multiplier of an instrument row, a bond's or another.

    A bond's price is in percent: a unit of it stands for a hundredth of its principal.
    """
    one, matures = pl.lit(1, pl.Decimal(38, 6)), pl.col("maturity").is_not_null()
    is_other = (pl.col("asset_class") == "other") & matures
    kind = pl.col("asset_class").replace_strict(
        _BOND_CLASS_OF, default=None, return_dtype=pl.String
    )
    bond_class = pl.coalesce(
        pl.when((kind.is_not_null() & matures) | is_other).then("bond_class"),
        pl.when(matures).then(kind),
        pl.when(is_other).then(pl.lit("other")),
    )
    principal = (pl.coalesce("principal", one) / 100).cast(pl.Decimal(38, 6))
    return {
        "bond_class": bond_class,
        "is_zero_coupon": (pl.col("coupon") == 0.0).fill_null(value=False),
        "expiry": pl.when(_OPTION).then("expiry").when(bond_class.is_not_null()).then("maturity"),
        "multiplier": pl.when(_OPTION)
        .then("multiplier")
        .when(bond_class.is_not_null())
        .then(principal)
        .otherwise(one),
    }
