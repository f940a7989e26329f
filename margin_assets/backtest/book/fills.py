"""A book as the fills and cash movements of a lake tell it: no owner answers, they have already.

What stands before the first session enters at it. An account is one life, from its first fill or
movement on.
"""

import hashlib
import json
from collections.abc import Mapping

import numpy as np
import polars as pl

from margin_assets.backtest.book.plan import Lives, Movements, Plan, Trades
from margin_assets.backtest.faults import BacktestError
from margin_assets.backtest.history.building import History
from margin_assets.kernels.book.fills import history_effects, sized_cash
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.money import MICRO, instants, to_scaled
from margin_assets.lake.ledger.ledger import Ledger
from margin_assets.lake.ledger.sealed import SealedTables
from margin_assets.lake.store.store import Lake
from schemas.landed import ACCOUNT_TYPES

_TEMPER = "fills"
_SHOWN = 5


def told_by(lake: Lake, history: History, sessions: range) -> Plan:
    """The book of a lake's last sealed cycle.

    Raises:
        BacktestError: No cycle is sealed, an account has no type, or the history lacks a symbol.
    """
    sealed = Ledger(lake).last_sealed()
    if sealed is None:
        raise BacktestError(f"no cycle is sealed in {lake.uri}: there are no fills")
    tables = SealedTables(lake, sealed)
    names = ("fills", "cash_movements", "accounts", "instruments")
    fills, movements, accounts, instruments = (
        tables.in_landing_order(name).collect() for name in names
    )
    known = contracts_of(history, instruments)
    return plan_of(history_effects(fills), movements, accounts, (history, sessions), known)


def plan_of(
    effects: pl.DataFrame,
    movements: pl.DataFrame,
    accounts: pl.DataFrame,
    at: tuple[History, range],
    contracts: Mapping[str, int] | None = None,
) -> Plan:
    """The book that effects of fills, cash movements and accounts come to.

    `contracts`: row of the history's chain by symbol.

    Raises:
        BacktestError: An account has no type, or the history lacks a symbol or has split it before.
    """
    history, sessions = at
    names = sorted({*effects["account_id"], *movements["account_id"]})
    kinds = dict(accounts.sort("event_time").select("account_id", "account_type").iter_rows())
    if unknown := [name for name in names if name not in kinds]:
        raise BacktestError(f"accounts without a type: {', '.join(unknown[:_SHOWN])}")
    seat = {name: number for number, name in enumerate(names)}
    trades = _trades(effects, seat, at, contracts or {})
    paid = _placed(instants(movements["event_time"]), history, sessions)
    money = np.stack([paid, _seats(movements, seat), to_scaled(movements["amount"])])
    money = money[:, np.argsort(paid, kind="stable")]
    money = np.ascontiguousarray(money[:, money[0] < sessions.stop])
    moves = Movements(*money)
    return Plan(
        book_id=_identity(trades, moves, kinds),
        title=f"{len(names)} accounts as their fills tell them",
        seats=len(names),
        tempers=(_TEMPER,),
        lives=_lives(names, kinds, (trades, moves), sessions),
        trades=trades,
        movements=moves,
        debit_spread=0.0,
    )


def _placed(instants_: Int64Array, history: History, sessions: range) -> Int64Array:
    """The session at whose close each instant counts; the first for what was before."""
    place = np.searchsorted(history.closes, instants_)
    return np.maximum(place, sessions.start).astype(np.int64)


def _seats(rows: pl.DataFrame, seat: dict[str, int]) -> Int64Array:
    return np.array([seat[name] for name in rows["account_id"]], dtype=np.int64)


def _trades(
    effects: pl.DataFrame,
    seat: dict[str, int],
    at: tuple[History, range],
    contracts: Mapping[str, int],
) -> Trades:
    (history, sessions), when = at, effects["event_time"].to_numpy()
    place = _placed(when, history, sessions)
    told = np.searchsorted(history.closes, when)
    security = _securities(effects["symbol"], told, history, contracts)
    for split, of in zip(history.splits.place, history.splits.security, strict=True):
        crossed = (security == of) & (told < split) & (split <= place)
        if crossed.any():
            raise BacktestError(
                f"{history.symbols[of]} was split between its fills and the first session"
            )
    columns = (place, _seats(effects, seat), security)
    multiplier = _multipliers(security, history)
    units = effects["quantity"].to_numpy() * multiplier
    rows = np.stack([*columns, units, sized_cash(effects, multiplier * MICRO)])
    rows = rows[:, np.argsort(place, kind="stable")]
    return Trades(*np.ascontiguousarray(rows[:, rows[0] < sessions.stop]))


def contracts_of(history: History, instruments: pl.DataFrame) -> dict[str, int]:
    """Row of the chain of each option that a lake lists, by its terms; the latest listing's."""
    if history.chain is None:
        return {}
    terms = ["underlying", "right", "strike", "expiry"]
    options = instruments.filter(pl.col("asset_class") == "option")
    listed = options.unique("symbol", keep="last", maintain_order=True)
    listed = listed.with_columns(strike=pl.Series(to_scaled(listed["strike"])))
    rows = history.chain.contracts.select(*terms, row=pl.int_range(pl.len()))
    latest = rows.unique(terms, keep="first", maintain_order=True)
    found = listed.join(latest, on=terms, how="inner", validate="m:1")
    return dict(found.select("symbol", "row").iter_rows())


def _multipliers(security: Int64Array, history: History) -> Int64Array:
    """Units that one of each security stands for."""
    found, first = np.ones(len(security), dtype=np.int64), len(history.symbols)
    is_option = security >= first
    if history.chain is not None and is_option.any():
        units = history.chain.contracts["multiplier"].to_numpy()
        found[is_option] = units[security[is_option] - first]
    return found


def _securities(
    symbols: pl.Series, place: Int64Array, history: History, contracts: Mapping[str, int]
) -> Int64Array:
    """Security of each symbol on its session: the one that has the ticker then.

    A contract has its row of the chain, behind all of them.
    """
    of_ticker: dict[str, list[tuple[int, int]]] = {}
    for number, symbol in enumerate(history.symbols):
        of_ticker.setdefault(symbol.partition("@")[0], []).append(
            (int(history.last[number]), number)
        )
    if missing := sorted({*symbols} - of_ticker.keys() - contracts.keys()):
        raise BacktestError(f"history {history.document.name} has no {', '.join(missing[:_SHOWN])}")
    known = {ticker: sorted(ends) for ticker, ends in of_ticker.items()}
    always = len(history.days)
    known |= {name: [(always, len(history.symbols) + row)] for name, row in contracts.items()}
    return np.array(
        [
            next((number for last, number in known[s] if last >= at), known[s][-1][1])
            for s, at in zip(symbols, place.tolist(), strict=True)
        ],
        dtype=np.int64,
    )


def _lives(
    names: list[str], kinds: dict[str, str], events: tuple[Trades, Movements], sessions: range
) -> Lives:
    opened = np.full(len(names), sessions.stop, dtype=np.int64)
    for rows in events:
        np.minimum.at(opened, rows.seat, rows.place)
    order = np.argsort(opened, kind="stable")
    nothing = np.zeros(len(names), dtype=np.int64)
    types = [ACCOUNT_TYPES.index(kinds[names[n]]) for n in order.tolist()]
    return Lives(
        account_id=tuple(names[n] for n in order.tolist()),
        seat=order.astype(np.int64),
        temper=nothing,
        account_type=np.array(types, dtype=np.int8),
        opened=opened[order],
        closes=np.full(len(names), sessions.stop, dtype=np.int64),
        patience=nothing,
        pays=nothing,
        pocket=nothing,
    )


def _identity(trades: Trades, movements: Movements, kinds: dict[str, str]) -> str:
    found = hashlib.sha256(json.dumps(kinds, sort_keys=True).encode())
    for column in (*trades, *movements):
        found.update(np.ascontiguousarray(column).tobytes())
    return found.hexdigest()[:32]
