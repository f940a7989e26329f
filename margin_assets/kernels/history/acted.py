"""Past positions, cash and prices with opening balances and corporate actions in them."""

from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import polars as pl

from margin_assets.kernels.book.counting import counting_from
from margin_assets.kernels.book.fills import FillRow, fill_rows
from margin_assets.kernels.book.sales import sale_columns
from margin_assets.kernels.corporate.actions import Action, Register, register_of
from margin_assets.kernels.corporate.carried import NO_QUOTE, Quote, carried
from margin_assets.kernels.corporate.openings import opening_fills
from margin_assets.kernels.corporate.tapes import Walked, entries_of, walked
from margin_assets.kernels.history.short_sales import Tape
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.money import instants, to_decimal, to_instants, to_scaled
from schemas import TABLES, feed_columns


def none_of(table: str) -> pl.DataFrame:
    """No row of a table, without a query: the threads of one at import survive no fork."""
    columns = TABLES[table].schema.columns()
    return pl.DataFrame(schema={name: column.dtype for name, column in columns.items()})


NO_ACTIONS, NO_BALANCES = none_of("corporate_actions"), none_of("opening_balances")
_COLUMNS = [*feed_columns("fills"), "point"]


class Path(NamedTuple):
    """What moves positions: fills and opening balances, and the actions on them."""

    fills: pl.DataFrame
    """With opening balances as the first of them, each with its `point`."""
    register: Register

    @property
    def tape(self) -> Tape:
        """The fills, and the points that they count from."""
        return self.fills, self.fills["point"].to_numpy()


def path_of(
    fills: pl.DataFrame, balances: pl.DataFrame, actions: pl.DataFrame, opens: Int64Array
) -> Path:
    """The path of the accounts that have fills or balances; `opens` of all sessions."""
    rows = [_pointed(opening_fills(balances)), _pointed(fills)]
    return Path(pl.concat([part.select(_COLUMNS) for part in rows]), register_of(actions, opens))


def _pointed(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(point=pl.Series(counting_from(rows), dtype=pl.Int64))


def _walks(path: Path, at: int) -> Iterator[tuple[str, frozenset[str], Walked]]:
    """Accounts and symbols that actions have acted on by an instant, with what they come to."""
    actions = path.register.acted(at)
    for (account, names), rows in _tapes(path, actions):
        mine = [action for action in actions if action.symbol in names]
        yield account, names, walked(entries_of(rows, at), mine)


def _tapes(
    path: Path, actions: list[Action]
) -> list[tuple[tuple[str, frozenset[str]], list[FillRow]]]:
    """What moved each account in symbols that actions tie together, in order."""
    symbols = {name for one in actions for name in path.register.connected(one.symbol)}
    tied = path.fills.filter(pl.col("symbol").is_in(list(symbols)))
    tapes: dict[tuple[str, frozenset[str]], list[FillRow]] = defaultdict(list)
    for row in fill_rows(tied, tied["point"].to_numpy()) if actions else ():
        tapes[row.account_id, path.register.connected(row.symbol)].append(row)
    return sorted(tapes.items(), key=lambda one: (one[0][0], *one[0][1]))


def moved_by_actions(path: Path, until: int) -> pl.DataFrame:
    """Units that actions add to what fills moved: `account_id`, `symbol`, `point`, `quantity`.

    At the points of the actions, and at those of fills that come after one and happened before.
    """
    found: list[tuple[str, str, int, int]] = []
    for (account, names), rows in _tapes(path, path.register.standing(until)):
        points = {row.point for row in rows} | {*path.register.points()}
        was: dict[str, int] = {}
        for point in sorted(at for at in points if at <= until):
            mine = [one for one in path.register.acted(point) if one.symbol in names]
            entries = entries_of(rows, point)
            now = {name: one.quantity for name, one in walked(entries, mine).books.items()}
            for entry in entries:
                now[entry.symbol] = now.get(entry.symbol, 0) - entry.quantity
            changes = {n: now.get(n, 0) - was.get(n, 0) for n in sorted(now.keys() | was.keys())}
            found += [(account, name, point, change) for name, change in changes.items() if change]
            was = now
    schema = {"account_id": pl.String, "symbol": pl.String, "point": pl.Int64}
    return pl.DataFrame(found, schema=schema | {"quantity": pl.Int64}, orient="row")


def with_actions(holdings: pl.DataFrame, path: Path, at: int) -> pl.DataFrame:
    """What accounts hold at an instant, actions taken: columns as of `holdings`."""
    found: list[tuple[str, str, int, int, int, int]] = []
    replaced: list[tuple[str, str]] = []
    for account, names, walk in _walks(path, at):
        replaced += [(account, name) for name in names]
        found += [(account, name, *vars(one).values()) for name, one in walk.books.items()]
    if not replaced:
        return holdings
    key: dict[str, type[pl.DataType]] = {"account_id": pl.String, "symbol": pl.String}
    others = holdings.join(
        pl.DataFrame(replaced, schema=key, orient="row"), on=list(key), how="anti"
    )
    numbers = ("quantity", "price", "sold", "proceeds")
    schema = key | dict.fromkeys(numbers, pl.Int64)
    rows = pl.DataFrame(found, schema=schema, orient="row")
    quantity, price, sold, proceeds = (rows[name].to_numpy() for name in numbers)
    mine = rows.select(
        *key,
        quantity=to_decimal(quantity, 6),
        last_fill_price=to_decimal(price, 6),
        **sale_columns(sold, proceeds),
    )
    return pl.concat([others, mine.select(holdings.columns)])


def cash_of_actions(path: Path, at: int) -> pl.DataFrame:
    """Cents that actions paid at once by an instant: `account_id`, `point` and `cash`."""
    rows = [(account, at, walk.cash) for account, _, walk in _walks(path, at) if walk.cash]
    schema = {"account_id": pl.String, "point": pl.Int64, "cash": pl.Int64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def carried_prices(prices: pl.DataFrame, actions: list[Action]) -> pl.DataFrame:
    """Latest prices by symbol, carried over the actions that have acted since."""
    names = sorted({name for a in actions for name in (a.symbol, a.other) if name})
    mine = prices.filter(pl.col("symbol").is_in(names))
    rows = zip(mine["symbol"], to_scaled(mine["price"]), instants(mine["event_time"]), strict=True)
    landed = {symbol: Quote(int(price), int(time)) for symbol, price, time in rows}
    quotes = {
        name: carried(name, lambda symbol: landed.get(symbol, NO_QUOTE), actions) for name in names
    }
    known = {name: quote for name, quote in quotes.items() if quote.time >= 0}
    price, time = np.array([*known.values()], dtype=np.int64).reshape(-1, 2).T
    found = pl.DataFrame(
        {"symbol": list(known), "price": to_decimal(price, 6), "event_time": to_instants(time)},
        schema_overrides={"symbol": pl.String},
    )
    others = prices.filter(~pl.col("symbol").is_in(names))
    return pl.concat([others, found], how="diagonal")
