"""Who moves when one snapshot is margined under two rulebooks."""

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from margin_assets.kernels.book.book import CASH
from margin_assets.kernels.book.figures import gross_values
from margin_assets.kernels.book.series import OPTION, series_of
from margin_assets.kernels.margin.margined import Margined
from margin_assets.kernels.numeric.money import PPM
from margin_assets.kernels.options.quotes import implied_of
from margin_assets.kernels.rules.rules import Rules


def seen_under(
    positions: pl.DataFrame, before: Rules, after: Rules
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The positions as each of two sets of rules sees them.

    A snapshot's volatilities are those that its prices imply in the model of its day: where the
    days of the model differ, they are implied again, else moves would be of the prices.
    """
    if before.days_a_year == after.days_a_year:
        return positions, positions
    return _implied_again(positions, before), _implied_again(positions, after)


def _implied_again(positions: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    known = positions.unique("symbol", keep="first", maintain_order=True)
    series = series_of(known, rules)
    options = np.flatnonzero(series.kind == OPTION)
    volatility = np.full(known.height, np.nan)
    volatility[options] = implied_of(series, options, rules)
    implied = known.select("symbol", implied_volatility=pl.Series(volatility).fill_nan(None))
    return positions.drop("implied_volatility").join(
        implied, on="symbol", how="left", maintain_order="left", validate="m:1"
    )


def warned(era: Margined, was_warned: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Whether the ladder would warn of each account, not in call, by place.

    A warning that stands ends at a higher share of the gross market value than it begins at.
    """
    figures, rules = era.figures, era.rules
    excess = figures.equity - figures.governing
    gross = gross_values(figures, slice(None))
    level = np.where(was_warned, rules.warning_ends, rules.warning_below)
    # `share_order` over columns: the share is not rounded.
    whole = gross // PPM
    rest = (gross - whole * PPM) * level
    line = whole * level + rest // PPM
    is_below = (excess < line) | ((excess == line) & (rest % PPM > 0))
    found: npt.NDArray[np.bool_] = is_below & (excess >= 0) & (era.book.account_type != CASH)
    return found


def rulebook_moves(before: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    """Accounts that two margin summaries of one snapshot state differently, one row each, USD.

    `change` is what the account has to bring in more, less if negative: the fall of its excess.
    It is the change of the requirement, but where a rule moves equity too (loan value of options).
    `status` is `call` below zero excess, and `warning` where the summaries have it `is_warned`; an
    indeterminate account is never cured. Sorted by the largest increase, then by account.

    Raises:
        ValueError: The summaries are not of the same accounts.
    """
    if not before["account_id"].sort().equals(after["account_id"].sort()):
        raise ValueError("the two summaries are not of the same accounts")
    is_determinate = (pl.col("status") == "determinate") & (pl.col("status_b") == "determinate")
    stays_in_call = (pl.col("excess") < 0) & ~is_determinate
    stated = ("requirement", "excess", "is_warned")
    moved = pl.any_horizontal(pl.col(name) != pl.col(f"{name}_b") for name in stated)
    both = _stated(before).join(_stated(after), on="account_id", suffix="_b", validate="1:1")
    return (
        both.filter(moved)
        .select(
            "account_id",
            "account_type",
            is_determinate=is_determinate,
            status_before=_status(pl.col("excess") < 0, pl.col("is_warned")),
            status_after=_status((pl.col("excess_b") < 0) | stays_in_call, pl.col("is_warned_b")),
            requirement_before="requirement",
            requirement_after="requirement_b",
            excess_before="excess",
            excess_after="excess_b",
            change=pl.col("excess") - pl.col("excess_b"),
        )
        .sort("change", "account_id", descending=[True, False])
    )


def _stated(summary: pl.DataFrame) -> pl.DataFrame:
    is_warned = pl.col("is_warned") if "is_warned" in summary.columns else pl.lit(value=False)
    return summary.select(
        *("account_id", "account_type", "status", "excess"),
        requirement="governing_requirement",
        is_warned=is_warned,
    )


def _status(is_in_call: pl.Expr, is_warned: pl.Expr) -> pl.Expr:
    warning = pl.when(is_warned).then(pl.lit("warning")).otherwise(pl.lit("ok"))
    return pl.when(is_in_call).then(pl.lit("call")).otherwise(warning)


def totals_of(moves: pl.DataFrame) -> dict[str, Any]:
    """How many accounts move, into a call, out of one and into a warning, and the net change."""
    was_in_call, is_in_call = (moves[f"status_{when}"] == "call" for when in ("before", "after"))
    is_warned = moves["status_after"] == "warning"
    return {
        "moved": moves.height,
        "newly_in_call": int((~was_in_call & is_in_call).sum()),
        "cured": int((was_in_call & ~is_in_call).sum()),
        "newly_warned": int(((moves["status_before"] == "ok") & is_warned).sum()),
        "change": moves["change"].sum(),
    }
