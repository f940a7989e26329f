"""The tables over the firm's books: desk, intraday margin and Regulation T."""

import numpy as np
import polars as pl

from margin_assets.kernels.book.book import REG_T
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.money import instant
from margin_assets.kernels.rules.grid import rules_at
from margin_assets.live.firm.parts import Parts

Frames = dict[str, pl.DataFrame]


def desk_frames(parts: Parts) -> Frames:
    """Versions of calls and plans, outcomes of acts, settlements, since asked for last."""
    found = {"margin_calls": parts.calls.book.take(), "desk_outcomes": parts.outcomes.take()}
    found |= parts.plans.take() | {"accrued_dividends": parts.dividends.take()}
    found["settlements"] = parts.settling.take()
    return {name: frame for name, frame in found.items() if frame.height}


def intraday_frames(parts: Parts, point: int, of: Int64Array | None) -> Frames:
    """The tables of intraday margin, and of the rule before it (of some accounts)."""
    found = parts.intraday.frames(parts.holdings.accounts.all, instant(point), of)
    rows = parts.day_trades.frame(of)
    return found | {"pattern_day_traders": rows.with_columns(as_of=instant(point))}


def reg_t_frames(parts: Parts, point: int, of: Int64Array | None) -> Frames:
    """The tables of Regulation T (of some accounts) as of a grid point."""
    holdings, reg_t = parts.holdings, parts.reg_t
    chosen = np.arange(len(holdings.accounts)) if of is None else of
    places = chosen[reg_t.book.has_row(holdings.account_type[chosen] == REG_T, chosen)]
    rules, names = rules_at(point), holdings.accounts.all
    now = parts.valuation.reg_t(places, point)
    found = {
        "special_memorandum_accounts": reg_t.memoranda(names, places, now, rules),
        "reg_t_calls": reg_t.calls(names, of),
    }
    return {name: frame.with_columns(as_of=instant(point)) for name, frame in found.items()}
