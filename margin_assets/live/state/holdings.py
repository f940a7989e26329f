"""What the session knows of every account: cash, type, and its positions in book order."""

import numpy as np
import polars as pl

from margin_assets.kernels.book.book import CASH, PORTFOLIO, REG_T, Book, offsets_of
from margin_assets.kernels.book.fills import EFFECT_COLUMNS, sized_cash
from margin_assets.kernels.book.sales import proceeds_of, sale_columns
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.money import MICRO, instants, to_decimal, to_scaled
from margin_assets.live.state.exact_sums import add_exactly, joined, split
from margin_assets.live.state.names import Names, united
from margin_assets.live.state.positions import Positions, without_group
from schemas.landed import ACCOUNT_TYPES

_SALES = ("sale_quantity", "sale_proceeds")
HELD = ("account_id", "symbol", "quantity", "last_fill_price", *_SALES)
"""Columns of saved `positions` that are taken again: the others follow from them and the market."""
_LONG_AGO = np.iinfo(np.int64).min


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
        self._accrued = np.zeros(0, dtype=np.int64)
        """Of dividends that are not paid yet what counts in equity, cents."""
        self._counted = np.zeros(0, dtype=np.int64)
        """Cash and that: a book is asked for several times a grid point."""
        # Exact sums that left the range: cash in cents by account, quantities in micro-units by
        # account and symbol. The arrays hold `BEYOND` there, which no rule takes for an amount.
        self._cash_beyond: dict[int, int] = {}
        self._quantity_beyond: dict[int, int] = {}
        self.type_time = np.zeros(0, dtype=np.int64)
        self.positions = Positions()
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
            self._accrued = np.concatenate([self._accrued, np.zeros(new, dtype=np.int64)])
            self._counted = np.concatenate([self._counted, np.zeros(new, dtype=np.int64)])
            self.type_time = np.concatenate(
                [self.type_time, np.full(new, _LONG_AGO, dtype=np.int64)]
            )
            self.positions.grow(new)
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
        return united(len(self.accounts), place)

    def apply_cash(self, rows: pl.DataFrame) -> Int64Array:
        """Takes cash movements; returns whose they are."""
        place = self.accounts.of(rows, "account_id")
        self._pay(place, to_scaled(rows["amount"]))
        return united(len(self.accounts), place)

    def accrue(self, place: int, cents: int) -> None:
        """Takes what of an account's dividends counts in equity."""
        self._accrued[place] = cents
        self._counted[place] = self.cash[place] + cents

    def _pay(self, place: Int64Array, cents: Int64Array) -> None:
        add_exactly(self.cash, place, cents, place, self._cash_beyond)
        self._counted[place] = self.cash[place] + self._accrued[place]

    def apply_effects(
        self,
        effects: pl.DataFrame,
        symbols: Names,
        class_group: np.ndarray,
        multiplier: Int64Array,
    ) -> Int64Array:
        """Takes what fills change, in order, each with its trade's multiplier; returns whose."""
        account = self.accounts.of(effects, "account_id")
        symbol = symbols.of(effects, "symbol")
        self._pay(account, sized_cash(effects, multiplier))
        held, at = self.positions, self.positions.taken(account, symbol, class_group)
        change, traded, sold, proceeds = (
            effects[name].to_numpy()
            for name in ("quantity", "price", "sale_quantity", "sale_proceeds")
        )
        price = np.zeros(len(at.place), dtype=np.int64)
        price[at.inverse] = traded
        held.sell(at, (change, traded), (sold, proceeds))
        names = without_group(account, symbol)
        add_exactly(held.quantity, at.place[at.inverse], change, names, self._quantity_beyond)
        held.last_fill_price[at.place] = price
        held.close(at)
        return united(len(self.accounts), account)

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
        held = self.positions
        at = held.places(np.array([self.accounts.place(account)], dtype=np.int64))
        at = at[held.series[at] == symbol]
        return int(held.sold[at].sum()), int(held.proceeds[at].sum())

    def held_before(
        self, account: Int64Array, symbol: Int64Array, change: Int64Array
    ) -> Int64Array:
        """Quantity held before each change of a list, those above it in the list taken."""
        key = without_group(account, symbol)
        order = np.argsort(key, kind="stable")
        its, moved = key[order], change[order]
        # Sums of the whole list, less what they were where a position's own changes begin.
        before = np.cumsum(moved) - moved
        first = np.flatnonzero(np.diff(its, prepend=-1))
        before -= np.repeat(before[first], np.diff(first, append=len(its)))
        held = self.positions
        at = held.places(account)
        names = without_group(held.account[at], held.series[at].astype(np.int64))
        known = np.argsort(names)
        place = np.searchsorted(names, its, sorter=known)
        is_held = place < len(names)
        is_held[is_held] = names[known[place[is_held]]] == its[is_held]
        before[is_held] += held.quantity[at[known[place[is_held]]]]
        found = np.empty_like(before)
        found[order] = before
        return found

    def remember_prices(self, effects: pl.DataFrame, symbols: Names, group: np.ndarray) -> None:
        """Last fill prices by the order of the effects, whatever order they were taken in."""
        account, symbol = self.accounts.of(effects, "account_id"), symbols.of(effects, "symbol")
        place, there = self.positions.found(account, symbol, group)
        self.positions.last_fill_price[place[there]] = effects["price"].to_numpy()[there]

    def remember_unsized(self, effects: pl.DataFrame, symbols: Names, known: np.ndarray) -> None:
        """Keeps fills of symbols without an instrument row: their multiplier is not known yet."""
        is_unknown = ~known[symbols.of(effects, "symbol")]
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
        self._pay(account, change)
        return np.unique(account)

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
        self._counted[place] = self.cash[place] + self._accrued[place]
        self._cash_beyond = {int(place[row]): exact for row, exact in beyond.items()}
        quantity, beyond = split(positions["quantity"])
        held = positions.select(
            "account_id",
            "symbol",
            quantity=pl.Series(quantity),
            price=pl.Series(to_scaled(positions["last_fill_price"])),
            cash=pl.lit(0, dtype=pl.Int64),
            **{name: pl.Series(to_scaled(positions[name].fill_null(0))) for name in _SALES},
        )
        if held.height:
            single = np.full(held.height, MICRO, dtype=np.int64)
            self.apply_effects(held, symbols, class_group, single)
        far = positions[np.array(list(beyond), dtype=np.int64)]
        names = without_group(
            self.accounts.places(far["account_id"]), symbols.places(far["symbol"])
        )
        self._quantity_beyond = dict(zip(names.tolist(), beyond.values(), strict=True))

    def book(self, multiplier: Int64Array, of: tuple[Int64Array, Int64Array] | None = None) -> Book:
        """The arrays as the kernels read them, quantities in units.

        With `of`, some accounts in another order: they, and the places of all their positions.
        """
        held, everything = self.positions, (slice(None), slice(None))
        accounts, places = everything if of is None else of
        return Book(
            offsets=held.offsets if of is None else offsets_of(held.sizes(of[0])),
            series=held.series[places],
            quantity=held.units(multiplier)[places],
            last_fill_price=held.last_fill_price[places],
            sale_price=held.sale_price[places],
            account_type=self.account_type[accounts],
            is_registered=self.is_registered[accounts],
            is_exempt=self.is_exempt[accounts],
            cash=self._counted[accounts],
        )

    def holdings(self, symbols: Names, of: Int64Array | None = None) -> pl.DataFrame:
        """Positions (of some accounts) as a frame: what is held, its last fill, opening sales."""
        held = self.positions
        chosen = held.places(of)
        account, series = held.account[chosen], held.series[chosen]
        keys = without_group(account, series.astype(np.int64))
        return pl.DataFrame(
            {
                "account_id": self.accounts.series.gather(account),
                "symbol": symbols.series.gather(series),
                "quantity": joined(held.quantity[chosen], 6, keys, self._quantity_beyond),
                "last_fill_price": to_decimal(held.last_fill_price[chosen], 6),
                **sale_columns(held.sold[chosen], held.proceeds[chosen]),
            }
        )

    def by_id(self, of: Int64Array | None = None) -> Int64Array:
        """Places of accounts (or of some of them), in the order of their ids."""
        chosen = np.arange(len(self.accounts)) if of is None else of
        order = self.accounts.series.gather(chosen).arg_sort()
        found: Int64Array = chosen[order.to_numpy()]
        return found

    def account_state(self, chosen: Int64Array) -> pl.DataFrame:
        """Accounts as a frame, in the order given."""
        return pl.DataFrame(
            {
                "account_id": self.accounts.series.gather(chosen),
                "account_type": pl.Series(ACCOUNT_TYPES).gather(self.account_type[chosen]),
                "is_registered": self.is_registered[chosen],
                "is_exempt": self.is_exempt[chosen],
                "cash": joined(self.cash[chosen], 2, chosen, self._cash_beyond),
            }
        )
