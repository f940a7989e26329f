"""Dividends that accounts owe at past instants, from the changes that the live day made."""

import polars as pl

from margin_assets.kernels.book.eras import keys_of
from margin_assets.kernels.numeric.money import instants
from margin_assets.kernels.rules.dividend_rules import counts_due
from schemas.books import AHEAD


def with_accrued(accounts: pl.DataFrame, changes: pl.DataFrame) -> pl.DataFrame:
    """The `account_state` frame with `accrued`, what of dividends counts in equity; USD.

    `changes`: rows of `accrued_dividends`. Each account counts what was known at its `as_of`.
    """
    keys = keys_of(accounts, "account_id")
    known = keys_of(accounts, "account_id", "as_of").join(
        changes.filter(pl.col("kind") != AHEAD).drop("as_of", strict=False),
        on="account_id",
        how="inner",
    )
    left = (
        known.filter(pl.col("changed_at") <= pl.col("as_of"))
        .group_by(*keys.columns, "as_of", "action_id")
        .agg(pl.col("amount").sum())
    )
    is_counted = pl.Series(
        [counts_due(int(at)) for at in instants(left["as_of"])], dtype=pl.Boolean
    )
    counted = left.filter((pl.col("amount") < 0) | is_counted)
    sums = counted.group_by(keys.columns).agg(accrued=pl.col("amount").sum())
    joined = accounts.join(sums, on=keys.columns, how="left", maintain_order="left", validate="1:1")
    return joined.with_columns(pl.col("accrued").fill_null(0))
