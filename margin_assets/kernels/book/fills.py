"""Fills, corrections and busts: which version of a fill stands, and what that changes when."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import polars as pl
from numba import njit

from margin_assets.kernels.book.sales import UNTOLD
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.compiled import OWNS
from margin_assets.kernels.numeric.money import (
    BEYOND,
    MAX_POSITION,
    MICRO,
    instants,
    to_decimal,
    to_scaled,
    units_of,
    value_cents,
)


class FillRow(NamedTuple):
    """One landed fill. Quantity and price in micros, times in microseconds."""

    fill_id: str
    account_id: str
    symbol: str
    quantity: int
    price: int
    event_time: int
    point: int
    """When it counts from: its grid point in the live day, its event time in history."""
    corrects: str | None


class Effect(NamedTuple):
    """What a fill or its correction changes at a point; cash in cents, of single units."""

    point: int
    event_time: int
    fill_id: str
    account_id: str
    symbol: str
    quantity: int
    cash: int
    price: int
    traded: int
    """Point of the original: its trade's multiplier is the one in force then."""
    undone_quantity: int = 0
    """Of the version it replaces, as its price: 0 where there is none."""
    undone_price: int = 0
    original: str = ""
    """Fill at the root of its corrections, itself if there are none."""
    original_time: int = 0
    sale_quantity: int = UNTOLD
    """Opening sales after it where a correction acts, else they follow from those before."""
    sale_proceeds: int = UNTOLD


EFFECT_COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "point": pl.Int64,
    "event_time": pl.Int64,
    "fill_id": pl.String,
    "account_id": pl.String,
    "symbol": pl.String,
    "quantity": pl.Int64,
    "cash": pl.Int64,
    "price": pl.Int64,
    "traded": pl.Int64,
    "undone_quantity": pl.Int64,
    "undone_price": pl.Int64,
    "original": pl.String,
    "original_time": pl.Int64,
    "sale_quantity": pl.Int64,
    "sale_proceeds": pl.Int64,
}
Children = Mapping[str, Sequence[FillRow]]


@njit(**OWNS)
def fill_cash(quantity: Int64Array, price: Int64Array) -> Int64Array:
    """Cash that each fill moves, cents: minus quantity x price, rounded per fill."""
    cash = np.empty(len(quantity), dtype=np.int64)
    for i in range(len(quantity)):
        cash[i] = -value_cents(quantity[i], price[i])
    return cash


def sized_cash(effects: pl.DataFrame, multiplier: Int64Array) -> Int64Array:
    """Cash of effects whose trades have these multipliers (micro-units a contract), cents."""
    cash = effects["cash"].to_numpy().copy()
    is_sized = multiplier != MICRO
    if is_sized.any():
        chosen = effects.filter(pl.Series(is_sized))
        columns = [chosen[name].to_numpy() for name in _SIZED]
        cash[is_sized] = _sized_cash(multiplier[is_sized], *columns)
    return cash


_SIZED = ("quantity", "price", "undone_quantity", "undone_price")


@njit(**OWNS)
def _sized_cash(
    multiplier: Int64Array,
    quantity: Int64Array,
    price: Int64Array,
    undone_quantity: Int64Array,
    undone_price: Int64Array,
) -> Int64Array:
    cash = np.empty(len(quantity), dtype=np.int64)
    for i in range(len(quantity)):
        undone = units_of(undone_quantity[i], multiplier[i])
        done = units_of(quantity[i] + undone_quantity[i], multiplier[i])
        if max(abs(undone), abs(done)) > MAX_POSITION:
            # No exact amount: the account is then `beyond_range`.
            cash[i] = -BEYOND if done > undone else BEYOND
        else:
            cash[i] = value_cents(undone, undone_price[i]) - value_cents(done, price[i])
    return cash


def fill_rows(fills: pl.DataFrame, points: Int64Array) -> list[FillRow]:
    """Landed fills as rows, each with the point it counts from."""
    columns = (
        fills["fill_id"].to_list(),
        fills["account_id"].to_list(),
        fills["symbol"].to_list(),
        to_scaled(fills["quantity"]).tolist(),
        to_scaled(fills["price"]).tolist(),
        instants(fills["event_time"]).tolist(),
        points.tolist(),
        fills["corrects_fill_id"].to_list(),
    )
    return [FillRow(*row) for row in zip(*columns, strict=True)]


def plain_effects(fills: pl.DataFrame, points: Int64Array) -> pl.DataFrame:
    """Effects of fills that nothing corrects, one a fill."""
    quantity, price = to_scaled(fills["quantity"]), to_scaled(fills["price"])
    return pl.DataFrame(
        {
            "point": points,
            "event_time": instants(fills["event_time"]),
            "fill_id": fills["fill_id"],
            "account_id": fills["account_id"],
            "symbol": fills["symbol"],
            "quantity": quantity,
            "cash": fill_cash(quantity, price),
            "price": price,
            "traded": points,
            "undone_quantity": np.zeros(fills.height, dtype=np.int64),
            "undone_price": np.zeros(fills.height, dtype=np.int64),
            "original": fills["fill_id"],
            "original_time": instants(fills["event_time"]),
            "sale_quantity": np.full(fills.height, UNTOLD, dtype=np.int64),
            "sale_proceeds": np.full(fills.height, UNTOLD, dtype=np.int64),
        },
        schema=EFFECT_COLUMNS,
    )


def standing(root: FillRow, children: Children, point: int) -> FillRow | None:
    """The version of a fill that stands at a point: the end of its chain of corrections.

    Of several corrections of one row the last by (event time, fill id) stands. None before the
    original counts. A correction of another account or symbol has no effect.
    """
    if root.point > point:
        return None
    row = root
    while True:
        valid = [c for c in children.get(row.fill_id, ()) if c.point <= point and _fits(c, root)]
        if not valid:
            return row
        row = max(valid, key=lambda c: (c.event_time, c.fill_id))


def _fits(correction: FillRow, root: FillRow) -> bool:
    return (correction.account_id, correction.symbol) == (root.account_id, root.symbol)


def members(root: FillRow, children: Children) -> list[FillRow]:
    """The root and every correction below it."""
    found, open_rows = [], [root]
    while open_rows:
        row = open_rows.pop()
        found.append(row)
        open_rows.extend(children.get(row.fill_id, ()))
    return found


def tree_effects(root: FillRow, children: Children, after: int) -> list[Effect]:
    """What the fill and its corrections change at each point later than `after`."""
    acts_at: dict[int, int] = {}
    for row in members(root, children):
        if row.point > after:
            acts_at[row.point] = max(row.event_time, acts_at.get(row.point, row.event_time))
    effects = []
    before = standing(root, children, after)
    for point, event_time in sorted(acts_at.items()):
        now = standing(root, children, point)
        if now is not None and now is not before:
            place = (now.fill_id, now.account_id, now.symbol)
            change = _difference(before, now, root.point)
            effect = Effect(point, event_time, *place, *change)
            effects.append(effect._replace(original=root.fill_id, original_time=root.event_time))
            before = now
    return effects


def _difference(
    before: FillRow | None, now: FillRow, traded: int
) -> tuple[int, int, int, int, int, int]:
    """Numbers of an effect, from `quantity` on."""
    if before is None:
        return now.quantity, _cash(now), now.price, traded, 0, 0
    quantity, cash = now.quantity - before.quantity, _cash(now) - _cash(before)
    return quantity, cash, now.price, traded, before.quantity, before.price


def _cash(row: FillRow) -> int:
    return -int(value_cents(row.quantity, row.price))


def effects_in_order(plain: pl.DataFrame, corrected: Iterable[Effect] = ()) -> pl.DataFrame:
    """Effects of all kinds by point, time and fill, whatever they landed with."""
    trees = pl.DataFrame(list(corrected), schema=EFFECT_COLUMNS, orient="row")
    return pl.concat([plain, trees]).sort("point", "event_time", "fill_id", maintain_order=True)


def standing_fills(fills: pl.DataFrame, points: Int64Array, at: int) -> pl.DataFrame:
    """Fills as they stand at an instant, each in its original's place: as if never corrected.

    With the `point` that each original counts from; what is busted is gone.
    """
    is_plain, roots, children = _trees(fills, points)
    known = [root for root in roots if root.point <= at]
    ends = [standing(root, children, at) or root for root in known]
    corrected = pl.DataFrame(
        {
            "fill_id": pl.Series([root.fill_id for root in known], dtype=pl.String),
            "quantity": to_decimal(np.array([end.quantity for end in ends], dtype=np.int64), 6),
            "price": to_decimal(np.array([end.price for end in ends], dtype=np.int64), 6),
        }
    )
    pointed = fills.select(*_FILL_COLUMNS, point=pl.Series(points))
    plain = pointed.filter(is_plain & (pl.col("point") <= at))
    of_roots = pointed.drop("quantity", "price").join(corrected, on="fill_id", validate="1:1")
    both = [frame.select(pointed.columns) for frame in (plain, of_roots)]
    return pl.concat(both).filter(pl.col("quantity") != 0)


_FILL_COLUMNS = (
    "fill_id",
    "account_id",
    "symbol",
    "quantity",
    "price",
    "event_time",
    "corrects_fill_id",
)


def history_effects(fills: pl.DataFrame) -> pl.DataFrame:
    """Effects of a whole history of fills, by event time; sorted by point, then fill id."""
    return effects_at(fills, instants(fills["event_time"]))


def effects_at(fills: pl.DataFrame, points: Int64Array) -> pl.DataFrame:
    """Effects of fills that count from these points; sorted by point, then time and fill id.

    Corrections of fills that are not among them have none.
    """
    is_plain, roots, children = _trees(fills, points)
    corrected = [effect for root in roots for effect in tree_effects(root, children, -1)]
    return effects_in_order(
        plain_effects(fills.filter(is_plain), points[is_plain.to_numpy()]), corrected
    )


def _trees(
    fills: pl.DataFrame, points: Int64Array
) -> tuple[pl.Series, list[FillRow], dict[str, list[FillRow]]]:
    """Which fills nothing corrects; of the others the originals, and the corrections of each."""
    corrections = fills.filter(pl.col("corrects_fill_id").is_not_null())
    named = pl.concat([corrections["fill_id"], corrections["corrects_fill_id"]]).unique()
    is_plain = ~fills["fill_id"].is_in(named.implode())
    children: dict[str, list[FillRow]] = {}
    roots = []
    for row in fill_rows(fills.filter(~is_plain), points[~is_plain.to_numpy()]):
        if row.corrects is None:
            roots.append(row)
        else:
            children.setdefault(row.corrects, []).append(row)
    return is_plain, roots, children
