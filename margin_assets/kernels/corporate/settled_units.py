"""What was settled before an action, in units of after it: a lot is corrected in those of today."""

from collections.abc import Sequence

import polars as pl

from margin_assets.kernels.corporate.actions import Action
from margin_assets.kernels.corporate.balances import DEAREST, divided
from margin_assets.kernels.corporate.carried import Quote, over

_TOLD = ("share_symbol", "shares", "settlement_value", "settled_at")


def in_units_of_today(
    rows: pl.DataFrame, underlying: Sequence[str | None], acted: Sequence[Action]
) -> pl.DataFrame:
    """Rows of `SETTLED`, shares and values as actions since have left them.

    `underlying`: what each option is written on now. `acted`: in order of acting.
    """
    since = max((action.at for action in acted), default=0)
    if not rows.filter(pl.col("settled_at") < since).height:
        return rows
    found = []
    told = rows.select(_TOLD).iter_rows()
    for above, (symbol, shares, value, at) in zip(underlying, told, strict=True):
        now = value
        if value is not None and above is not None:
            # A value that was paid stays one that a table takes.
            now = min(over(above, Quote(value, at), acted).price, DEAREST)
        found.append((*_shares(symbol, shares, at, acted), now))
    schema = {"share_symbol": pl.String, "shares": pl.Int64, "settlement_value": pl.Int64}
    return rows.with_columns(pl.DataFrame(found, schema, orient="row"))


def _shares(
    symbol: str | None, shares: int, at: int, acted: Sequence[Action]
) -> tuple[str | None, int]:
    """What so many shares of an instant have become; what is paid for them is paid."""
    for action in acted:
        if action.symbol != symbol or action.at <= at:
            continue
        if action.own.units:
            shares, _ = divided(shares, action.own, action)
        elif action.other is not None and action.given.units:
            symbol, (shares, _) = action.other, divided(shares, action.given, action)
    return symbol, shares
