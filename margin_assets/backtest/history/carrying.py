"""The contracts that a book holds, as columns of its history: a chain has thousands, a book few."""

import numpy as np
import polars as pl

from margin_assets.backtest.faults import BacktestError
from margin_assets.backtest.history.actions import Actions
from margin_assets.backtest.history.building import (
    Contracts,
    History,
    origins_of,
    prices_of,
    totals_of,
)
from margin_assets.backtest.history.chain import Chain
from margin_assets.backtest.history.segments import Segment
from margin_assets.kernels.numeric.arrays import Int64Array

_NOTHING = Actions(*(np.zeros(0, dtype=np.int64) for _ in range(3)))


def carrying(history: History, securities: Int64Array) -> tuple[History, Int64Array]:
    """A history with the contracts that trades are of as columns, and the trades' columns.

    Args:
        history: With its chain.
        securities: Of each trade: a column, or of a contract its row of the chain behind them.

    Raises:
        BacktestError: A contract is written on what the history lacks.
    """
    first = len(history.symbols)
    held = np.unique(securities[securities >= first]) - first
    if history.chain is None or not len(held):
        return history, securities
    found = [_segment(history.chain, row) for row in held.tolist()]
    terms = history.chain.contracts[held.tolist()]
    since = np.array([segment.places[0] for segment in found], dtype=np.int64)
    under = [
        security_of(history, name, place)
        for name, place in zip(terms["underlying"], since.tolist(), strict=True)
    ]
    contracts = Contracts(first, terms, np.array(under, dtype=np.int64), since)
    columns = securities.copy()
    is_held = securities >= first
    columns[is_held] = first + np.searchsorted(held, securities[is_held] - first)
    return _with_columns(history, contracts, found), columns


def security_of(history: History, ticker: str, place: int) -> int:
    """Column of the security that has a ticker on a session.

    Raises:
        BacktestError: None has.
    """
    named = [
        (int(history.last[n]), n)
        for n, symbol in enumerate(history.symbols)
        if symbol.partition("@")[0] == ticker and history.last[n] >= place
    ]
    if not named:
        raise BacktestError(f"history {history.document.name} has no {ticker} under its options")
    return min(named)[1]


def _segment(chain: Chain, row: int) -> Segment:
    quotes = chain.quotes.filter(pl.col("contract") == row)
    symbol = chain.contracts["symbol"][row]
    return Segment(
        symbol=symbol,
        ticker=symbol,
        places=quotes["place"].to_numpy().astype(np.int64),
        close=quotes["close"].to_numpy().astype(np.int64),
        file=tuple(quotes["file"].to_list()),
        file_row=quotes["file_row"].to_numpy().astype(np.int64),
        end=None,
        is_ended=False,
    )


def _with_columns(history: History, contracts: Contracts, found: list[Segment]) -> History:
    price, age = prices_of(found, len(history.days))
    total = totals_of(price, age, _NOTHING, _NOTHING)
    count, groups = len(found), [history.class_group[n] for n in contracts.underlying.tolist()]
    bars = history.bars
    before = price[np.maximum(bars.place - 1, 0)]
    return history._replace(
        symbols=(*history.symbols, *(segment.symbol for segment in found)),
        asset_class=(*history.asset_class, *["option"] * count),
        class_group=(*history.class_group, *groups),
        price=np.hstack([history.price, price]),
        age=np.hstack([history.age, age]),
        total=np.hstack([history.total, total]),
        last=np.append(history.last, np.full(count, len(history.days))),
        worth=np.append(history.worth, np.zeros(count, dtype=np.int64)),
        beta=np.hstack([history.beta, history.beta[:, contracts.underlying]]),
        bars=bars._replace(
            price=np.hstack([bars.price, before]),
            is_there=np.hstack([bars.is_there, np.zeros(before.shape, dtype=np.bool_)]),
        ),
        rows=pl.concat([history.rows, origins_of(found, history.days, contracts.first)]),
        contracts=contracts,
    )


def quoted_at(history: History, place: int) -> pl.DataFrame:
    """Contracts that are quoted on a session: their row of the chain, terms and close."""
    chain = history.chain
    if chain is None:
        return pl.DataFrame(schema={"underlying": pl.String})
    quotes = chain.quotes.filter(pl.col("place") == place).select("contract", "close")
    terms = chain.contracts.with_row_index("contract").with_columns(
        pl.col("contract").cast(pl.Int64)
    )
    return quotes.join(terms, on="contract", how="left", maintain_order="left", validate="1:1")
