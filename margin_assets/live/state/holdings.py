"""What the session knows of every account: cash, type, and its positions in book order."""

from typing import NamedTuple

import numpy as np
import polars as pl

from margin_assets.kernels.book.book import CASH, PORTFOLIO, REG_T, Book, offsets_of
from margin_assets.kernels.book.fills import EFFECT_COLUMNS, sized_cash
from margin_assets.kernels.book.sales import (
    average_prices,
    proceeds_of,
    sale_columns,
    take_sales,
)
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.money import MICRO, instants, to_decimal, to_scaled, units
from margin_assets.live.state.exact_sums import add_exactly, joined, split
from margin_assets.live.state.names import Names
from schemas.landed import ACCOUNT_TYPES

# A position's key: account, class group and symbol in one integer, so that one sorted array
# finds it and keeps the book in order.
_GROUP_BITS = 20
_SYMBOL_BITS = 20
_LIMIT = 1 << 20
_BY_POSITION = ("account", "series", "quantity", "last_fill_price", "sold", "proceeds")
_LONG_AGO = np.iinfo(np.int64).min


class _Whole(NamedTuple):
    """Columns of the whole book that are worked out, and the sizes that they were made by."""

    multiplier: Int64Array
    quantity: Int64Array
    sale_price: Int64Array


class Holdings:
    """Accounts in order of appearance; positions sorted by account, class group, symbol."""

    def __init__(self) -> None:
        self.accounts = Names()
        self.account_type = np.zeros(0, dtype=np.int8)
        self.is_registered = np.zeros(0, dtype=np.bool_)
        self.is_exempt = np.zeros(0, dtype=np.bool_)
        self.intraday_from = np.zeros(0, dtype=np.int64)
        """First day (since 1970) under intraday margin; negative where none was chosen."""
        self.cash = np.zeros(0, dtype=np.int64)
        self.accrued = np.zeros(0, dtype=np.int64)
        """Of dividends that are not paid yet what counts in equity, cents."""
        # Exact sums that left the range: cash in cents by account, quantities in micro-units by
        # account and symbol. The arrays hold `BEYOND` there, which no rule takes for an amount.
        self._cash_beyond: dict[int, int] = {}
        self._quantity_beyond: dict[int, int] = {}
        self.type_time = np.zeros(0, dtype=np.int64)
        self._key = np.zeros(0, dtype=np.int64)
        self.account = np.zeros(0, dtype=np.int64)
        self.series = np.zeros(0, dtype=np.int32)
        self.quantity = np.zeros(0, dtype=np.int64)
        self.last_fill_price = np.zeros(0, dtype=np.int64)
        self.sold = np.zeros(0, dtype=np.int64)
        """Opening sales of a short position, micro-units; what they brought, micro-dollars."""
        self.proceeds = np.zeros(0, dtype=np.int64)
        self._offsets = np.zeros(1, dtype=np.int64)
        self._whole: _Whole | None = None
        """What the whole book was last made of; None once a position has moved."""
        self._unsized = pl.DataFrame(schema=EFFECT_COLUMNS)

    def add(self, accounts: pl.Series) -> int:
        """Makes room for accounts not seen before, unregistered and empty; returns how many."""
        new = self.accounts.add(accounts.unique(maintain_order=True).to_list())
        if new:
            self.account_type = np.concatenate(
                [self.account_type, np.full(new, REG_T, dtype=np.int8)]
            )
            self.is_registered = np.concatenate([self.is_registered, np.zeros(new, dtype=np.bool_)])
            self.is_exempt = np.concatenate([self.is_exempt, np.zeros(new, dtype=np.bool_)])
            self.intraday_from = np.concatenate(
                [self.intraday_from, np.full(new, -1, dtype=np.int64)]
            )
            self.cash = np.concatenate([self.cash, np.zeros(new, dtype=np.int64)])
            self.accrued = np.concatenate([self.accrued, np.zeros(new, dtype=np.int64)])
            self.type_time = np.concatenate(
                [self.type_time, np.full(new, _LONG_AGO, dtype=np.int64)]
            )
            self._offsets = np.concatenate(
                [self._offsets, np.full(new, len(self._key), dtype=np.int64)]
            )
        return new

    def apply_accounts(self, rows: pl.DataFrame) -> Int64Array:
        """Takes account versions, in order of time and landing; returns whose they are."""
        place, time = self.accounts.places(rows["account_id"]), instants(rows["event_time"])
        newer = time >= self.type_time[place]
        place = place[newer]
        codes = rows["account_type"].replace_strict(
            list(ACCOUNT_TYPES), [CASH, REG_T, PORTFOLIO], return_dtype=pl.Int8
        )
        self.account_type[place] = codes.to_numpy()[newer]
        chosen = rows["intraday_margin_from"].cast(pl.Int32).fill_null(-1).to_numpy()
        self.intraday_from[place] = chosen[newer]
        self.type_time[place] = time[newer]
        self.is_registered[place] = True
        self.is_exempt[place] = rows["is_exempt"].fill_null(value=False).to_numpy()[newer]
        return np.unique(place)

    def apply_cash(self, rows: pl.DataFrame) -> Int64Array:
        """Takes cash movements; returns whose they are."""
        place = self.accounts.places(rows["account_id"])
        add_exactly(self.cash, place, to_scaled(rows["amount"]), place, self._cash_beyond)
        return np.unique(place)

    def apply_effects(
        self,
        effects: pl.DataFrame,
        symbols: Names,
        class_group: np.ndarray,
        multiplier: Int64Array,
    ) -> Int64Array:
        """Takes what fills change, in order, each with its trade's multiplier; returns whose."""
        account = self.accounts.places(effects["account_id"])
        symbol = symbols.places(effects["symbol"])
        cash = sized_cash(effects, multiplier)
        self._whole = None
        add_exactly(self.cash, account, cash, account, self._cash_beyond)
        keys = self._keys(account, symbol, class_group)
        unique, inverse = np.unique(keys, return_inverse=True)
        price = np.zeros(len(unique), dtype=np.int64)
        price[inverse] = effects["price"].to_numpy()
        self._insert(unique)
        place = np.searchsorted(self._key, unique)
        change = effects["quantity"].to_numpy()
        names = _without_group(account, symbol)
        self._sell(place, inverse, effects)
        add_exactly(self.quantity, place[inverse], change, names, self._quantity_beyond)
        self.last_fill_price[place] = price
        self._drop_flat(place)
        return np.unique(account)

    def _sell(self, place: Int64Array, inverse: Int64Array, effects: pl.DataFrame) -> None:
        """Takes the opening sales of effects at places whose quantity is still as it was."""
        quantity, price, sold, proceeds = (
            effects[name].to_numpy()
            for name in ("quantity", "price", "sale_quantity", "sale_proceeds")
        )
        sales = self.sold[place], self.proceeds[place]
        held = self.quantity[place]
        take_sales(inverse.astype(np.int64), (quantity, price), (sold, proceeds), held, sales)
        self.sold[place], self.proceeds[place] = sales

    def with_sales_undone(
        self, effects: pl.DataFrame, undone: pl.DataFrame, symbols: Names
    ) -> pl.DataFrame:
        """Effects that take sales back, not as purchases: `undone` tells shares and strikes."""
        rows = undone.filter(pl.col("shares") > 0)
        left: dict[tuple[str, str], tuple[int, int]] = {}
        columns = ("account_id", "share_symbol", "shares", "strike")
        for account, symbol, shares, strike in rows.select(columns).iter_rows():
            sold, brought = left.get((account, symbol)) or self._sales(
                account, symbols.place(symbol)
            )
            left[account, symbol] = sold - shares, brought - int(proceeds_of(shares, strike))
        told = [(*key, *(max(value, 0) for value in sales)) for key, sales in left.items()]
        names = ("account_id", "symbol", "sale_quantity", "sale_proceeds")
        sums = pl.DataFrame(told, schema={n: EFFECT_COLUMNS[n] for n in names}, orient="row")
        joined = effects.join(
            sums, on=names[:2], how="left", suffix="_left", maintain_order="left", validate="m:1"
        )
        filled = (pl.coalesce(f"{name}_left", name).alias(name) for name in names[2:])
        return joined.with_columns(filled).select(effects.columns)

    def _sales(self, account: str, symbol: int) -> tuple[int, int]:
        """Opening sales of one position: units and what they brought; 0 where there is none."""
        is_it = (self.account == self.accounts.place(account)) & (self.series == symbol)
        return int(self.sold[is_it].sum()), int(self.proceeds[is_it].sum())

    def held_before(
        self, account: Int64Array, symbol: Int64Array, change: Int64Array
    ) -> Int64Array:
        """Quantity held before each change of a list, those above it in the list taken."""
        frame = pl.DataFrame({"account": account, "symbol": symbol, "change": change})
        earlier = pl.col("change").cum_sum().over("account", "symbol") - pl.col("change")
        at = self.places(account)
        mine = pl.DataFrame(
            {
                "account": self.account[at],
                "symbol": self.series[at].astype(np.int64),
                "held": self.quantity[at],
            }
        )
        joined = frame.with_columns(earlier=earlier).join(
            mine, on=["account", "symbol"], how="left", maintain_order="left", validate="m:1"
        )
        return joined.select(pl.col("held").fill_null(0) + pl.col("earlier")).to_series().to_numpy()

    def remember_prices(self, effects: pl.DataFrame, symbols: Names, group: np.ndarray) -> None:
        """Last fill prices by the order of the effects, whatever order they were taken in."""
        account = self.accounts.places(effects["account_id"])
        keys = self._keys(account, symbols.places(effects["symbol"]), group)
        place = np.searchsorted(self._key, keys)
        there = place < len(self._key)
        there[there] = self._key[place[there]] == keys[there]
        self.last_fill_price[place[there]] = effects["price"].to_numpy()[there]

    def remember_unsized(self, effects: pl.DataFrame, symbols: Names, known: np.ndarray) -> None:
        """Keeps fills of symbols without an instrument row: their multiplier is not known yet."""
        is_unknown = ~known[symbols.places(effects["symbol"])]
        if is_unknown.any():
            rows = effects.filter(pl.Series(is_unknown)).select(*EFFECT_COLUMNS)
            self._unsized = pl.concat([self._unsized, rows])

    def size(self, symbols: Names, multiplier: Int64Array, known: np.ndarray) -> Int64Array:
        """Books again the cash of fills whose multiplier has become known; returns whose it is."""
        place = symbols.places(self._unsized["symbol"])
        ready = pl.Series(known[place], dtype=pl.Boolean)
        rows, self._unsized = self._unsized.filter(ready), self._unsized.filter(~ready)
        account = self.accounts.places(rows["account_id"])
        change = sized_cash(rows, multiplier[place[ready.to_numpy()]]) - rows["cash"].to_numpy()
        add_exactly(self.cash, account, change, account, self._cash_beyond)
        return np.unique(account)

    def _keys(self, account: Int64Array, symbol: Int64Array, group: np.ndarray) -> Int64Array:
        if len(group) >= _LIMIT:
            msg = f"more than {_LIMIT} symbols in one session"
            raise OverflowError(msg)
        ranked = group[symbol].astype(np.int64)
        keys: Int64Array = (account << (_GROUP_BITS + _SYMBOL_BITS)) | (ranked << _SYMBOL_BITS)
        return keys | symbol

    def _insert(self, keys: Int64Array) -> None:
        place = np.searchsorted(self._key, keys)
        there = place < len(self._key)
        there[there] = self._key[place[there]] == keys[there]
        new, place = keys[~there], place[~there]
        if not len(new):
            return
        self._key = np.insert(self._key, place, new)
        self.account = np.insert(self.account, place, new >> (_GROUP_BITS + _SYMBOL_BITS))
        symbol = (new & ((1 << _SYMBOL_BITS) - 1)).astype(np.int32)
        self.series = np.insert(self.series, place, symbol)
        for name in ("quantity", "last_fill_price", "sold", "proceeds"):
            setattr(self, name, np.insert(getattr(self, name), place, 0))
        self._count(new >> (_GROUP_BITS + _SYMBOL_BITS), 1)

    def _drop_flat(self, touched: Int64Array) -> None:
        flat = touched[self.quantity[touched] == 0]
        if not len(flat):
            return
        self._count(self.account[flat], -1)
        for name in ("_key", *_BY_POSITION):
            setattr(self, name, np.delete(getattr(self, name), flat))

    def load(
        self,
        accounts: pl.DataFrame,
        positions: pl.DataFrame,
        symbols: Names,
        class_group: np.ndarray,
    ) -> None:
        """Takes saved `account_state` and `positions` frames; their names must be known."""
        place = self.accounts.places(accounts["account_id"])
        self.cash[place], beyond = split(accounts["cash"])
        self._cash_beyond = {int(place[row]): exact for row, exact in beyond.items()}
        quantity, beyond = split(positions["quantity"])
        held = positions.select(
            "account_id",
            "symbol",
            quantity=pl.Series(quantity),
            price=pl.Series(to_scaled(positions["last_fill_price"])),
            cash=pl.lit(0, dtype=pl.Int64),
            **{
                name: pl.Series(to_scaled(positions[name].fill_null(0)))
                for name in ("sale_quantity", "sale_proceeds")
            },
        )
        if held.height:
            single = np.full(held.height, MICRO, dtype=np.int64)
            self.apply_effects(held, symbols, class_group, single)
        names = _without_group(
            self.accounts.places(positions["account_id"]), symbols.places(positions["symbol"])
        )
        self._quantity_beyond = {int(names[row]): exact for row, exact in beyond.items()}

    def regroup(self, class_group: np.ndarray) -> None:
        """Puts the book in order again after class groups changed."""
        keys = self._keys(self.account, self.series.astype(np.int64), class_group)
        order = np.argsort(keys, kind="stable")
        self._key, self._whole = keys[order], None
        for name in _BY_POSITION:
            setattr(self, name, getattr(self, name)[order])

    def _count(self, owners: Int64Array, each: int) -> None:
        """Positions of accounts came (`each` 1) or went (-1): those behind them move."""
        more = each * np.bincount(owners, minlength=len(self.accounts))
        self._offsets = self._offsets + np.concatenate([[0], np.cumsum(more)])

    def holders(self, symbols: Int64Array, count: int) -> Int64Array:
        """Accounts that hold any of the symbols, of `count` in all."""
        chosen = np.zeros(count, dtype=np.bool_)
        chosen[symbols] = True
        held = np.zeros(len(self.accounts), dtype=np.bool_)
        held[self.account[chosen[self.series]]] = True
        return np.flatnonzero(held)

    def book(self, multiplier: Int64Array, of: tuple[Int64Array, Int64Array] | None = None) -> Book:
        """The arrays as the kernels read them, quantities in units.

        With `of`, some accounts in another order: they, and the places of all their positions.
        """
        everything = slice(None), slice(None)
        accounts, places = everything if of is None else of
        whole = self._sized(multiplier)
        return Book(
            offsets=self._offsets if of is None else offsets_of(np.diff(self._offsets)[accounts]),
            series=self.series[places],
            quantity=whole.quantity[places],
            last_fill_price=self.last_fill_price[places],
            sale_price=whole.sale_price[places],
            account_type=self.account_type[accounts],
            is_registered=self.is_registered[accounts],
            is_exempt=self.is_exempt[accounts],
            cash=self.cash[accounts] + self.accrued[accounts],
        )

    def _sized(self, multiplier: Int64Array) -> _Whole:
        held = self._whole
        # A book is asked for several times a grid point; a walk over a million positions each.
        if held is None or not np.array_equal(held.multiplier, multiplier):
            sized = units(self.quantity, multiplier, self.series)
            held = _Whole(multiplier.copy(), sized, average_prices(self.sold, self.proceeds))
            self._whole = held
        return held

    def places(self, of: Int64Array | None = None) -> Int64Array:
        """Places of positions (of some accounts) in the book, in order."""
        if of is None:
            return np.arange(len(self.account), dtype=np.int64)
        owners = np.unique(of)
        first, count = self._offsets[owners], np.diff(self._offsets)[owners]
        starts = np.repeat(first - offsets_of(count)[:-1], count)
        return starts + np.arange(len(starts), dtype=np.int64)

    def holdings(self, symbols: Names, of: Int64Array | None = None) -> pl.DataFrame:
        """Positions (of some accounts) as a frame: what is held, its last fill, opening sales."""
        chosen = self.places(of)
        names = pl.Series(self.accounts.all, dtype=pl.String)
        keys = _without_group(self.account[chosen], self.series[chosen].astype(np.int64))
        return pl.DataFrame(
            {
                "account_id": names.gather(self.account[chosen]),
                "symbol": pl.Series(symbols.all, dtype=pl.String).gather(self.series[chosen]),
                "quantity": joined(self.quantity[chosen], 6, keys, self._quantity_beyond),
                "last_fill_price": to_decimal(self.last_fill_price[chosen], 6),
                **sale_columns(self.sold[chosen], self.proceeds[chosen]),
            }
        )

    def account_state(self, of: Int64Array | None = None) -> pl.DataFrame:
        """Accounts (or some of them) as a frame, sorted by id."""
        chosen = np.arange(len(self.accounts)) if of is None else of
        types = [ACCOUNT_TYPES[code] for code in self.account_type[chosen]]
        return pl.DataFrame(
            {
                "account_id": pl.Series([self.accounts.all[a] for a in chosen], dtype=pl.String),
                "account_type": pl.Series(types, dtype=pl.String),
                "is_registered": self.is_registered[chosen],
                "is_exempt": self.is_exempt[chosen],
                "cash": joined(self.cash[chosen], 2, chosen, self._cash_beyond),
            }
        ).sort("account_id")


def _without_group(account: Int64Array, symbol: Int64Array) -> Int64Array:
    """Name of a position that stays when its class group changes."""
    return (account << _SYMBOL_BITS) | symbol
