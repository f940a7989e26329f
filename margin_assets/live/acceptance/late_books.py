"""What comes after an action that it should have come before: worked out again from the tape."""

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

import polars as pl

from margin_assets.kernels.book.fills import EFFECT_COLUMNS, Effect, FillRow, fill_rows
from margin_assets.kernels.corporate.actions import Register
from margin_assets.kernels.corporate.dividends import Entry
from margin_assets.kernels.corporate.tapes import Late, late_effects
from margin_assets.live.acceptance.journal import Journal

_PLACE = ("account_id", "symbol", "point")
_ACCRUALS = {"point": pl.Int64, **dict.fromkeys(Entry._fields, pl.String)}
_ACCRUALS |= {"amount": pl.Int64, "happened_at": pl.Int64}
_NO_ACCRUALS = pl.DataFrame(schema=_ACCRUALS)
_Place = tuple[str, frozenset[str]]


class Moved(NamedTuple):
    """Rows of a cycle that move positions: as fills, and what they change."""

    fills: pl.DataFrame
    openings: pl.DataFrame
    """Opening balances as fills."""
    effects: pl.DataFrame
    """Of the fills."""
    opened: pl.DataFrame
    """Of the opening balances."""


class Worked(NamedTuple):
    """What they change once actions have acted on what came before them."""

    effects: pl.DataFrame
    """Of the fills: those from before an action as what they come to after it."""
    derived: pl.DataFrame
    """Of all else: no transactions."""
    accruals: pl.DataFrame
    """Changes of what dividends are due, each with its `point`."""


class LateBooks:
    """Finds late fills and late actions among those of a cycle, and what they change."""

    def __init__(self, journal: Journal, register: Register) -> None:
        self._journal = journal
        self._register = register
        self._found: tuple[Moved, list[Late], dict[_Place, list[FillRow]]] | None = None
        """What the rows of the cycle at work were found to change, and of what."""

    def worked(self, moved: Moved, last_point: int | None) -> Worked:
        """What the rows of a cycle change."""
        as_they_are, self._found = Worked(moved.effects, moved.opened, _NO_ACCRUALS), None
        if not self._register:
            return as_they_are
        known = pl.concat([moved.effects, moved.opened])
        late = self._late_fills(known)
        ties = {
            (self._register.connected(version.action.symbol), version.known)
            for version in self._register.late(-1 if last_point is None else last_point)
        }
        if not late and not ties:
            return as_they_are
        tapes = self._tapes(moved, late, {s for symbols, _ in ties for s in symbols})
        late |= {
            Late(account, *tie) for tie in ties for account, symbols in tapes if symbols == tie[0]
        }
        self._found = moved, sorted(late, key=_in_order), tapes
        return self._told(*self._found)

    def is_late(self, point: int) -> bool:
        """Whether anything is worked out again at a grid point of the cycle at work."""
        return self._found is not None and any(one.point == point for one in self._found[1])

    def again(self, point: int, legs: pl.DataFrame) -> Worked | None:
        """What the rows of a grid point change where the cycle settled options before it.

        `legs`: of what it settled so far, as fills with their points. None where they move nothing
        that is worked out again at the point.
        """
        if self._found is None:
            return None
        moved, late, tapes = self._found
        asked = {(one.account, one.symbols): one for one in late if one.point == point}
        beside: dict[_Place, list[FillRow]] = defaultdict(list)
        for row in fill_rows(legs, legs["point"].to_numpy()):
            place = row.account_id, self._register.connected(row.symbol)
            if place in asked:
                beside[place].append(row)
        if not beside:
            return None
        known = {place: tapes.get(place, []) + beside[place] for place in asked}
        there = pl.col("point") == point
        told = self._told(moved, list(asked.values()), known)
        return Worked(*(frame.filter(there) for frame in told))

    def _late_fills(self, effects: pl.DataFrame) -> set[Late]:
        """Positions of which a fill counts after an action that it happened before.

        And those of which one is corrected: opening sales are told again, actions among them.
        """
        last = self._register.last_at()
        before = pl.col("symbol").replace_strict(
            list(last), list(last.values()), default=-1, return_dtype=pl.Int64
        )
        corrects = pl.col("traded") < pl.col("point")
        is_told = corrects & (before >= 0)
        suspects = effects.filter((pl.col("original_time") < before) | is_told)
        found = set()
        columns = (*_PLACE, "original_time", corrects.alias("corrects"))
        for account, symbol, point, time, is_anew in suspects.select(columns).iter_rows():
            symbols = self._register.connected(symbol)
            acted = [a for a in self._register.acted(point) if a.symbol in symbols]
            if any(is_anew or a.at > time for a in acted):
                found.add(Late(account, symbols, point))
        return found

    def _tapes(
        self, moved: Moved, late: Iterable[Late], of_everybody: set[str]
    ) -> dict[_Place, list[FillRow]]:
        """Fills by account and symbols that are tied together."""
        keys = {(one.account, symbol) for one in late for symbol in one.symbols}
        schema = {"account_id": pl.String, "symbol": pl.String}
        asked = [pl.DataFrame(sorted(keys), schema=schema, orient="row")] if keys else []
        if of_everybody:
            asked.append(pl.DataFrame({"symbol": sorted(of_everybody)}))
        found: dict[_Place, dict[str, FillRow]] = defaultdict(dict)
        for chosen in asked:
            rows, points = self._journal.tape(moved.fills, moved.openings, chosen)
            pointed = rows.with_columns(point=pl.Series(points, dtype=pl.Int64))
            mine = pointed.join(chosen, on=chosen.columns, how="semi", maintain_order="left")
            for row in fill_rows(mine, mine["point"].to_numpy()):
                place = row.account_id, self._register.connected(row.symbol)
                found[place][row.fill_id] = row
        return {place: list(rows.values()) for place, rows in found.items()}

    def _told(self, moved: Moved, late: list[Late], tapes: dict[_Place, list[FillRow]]) -> Worked:
        numbered = pl.concat([moved.effects, moved.opened]).with_row_index("row")
        folded: dict[int, Effect] = {}
        others: list[Effect] = []
        accruals: list[tuple[object, ...]] = []
        for one in late:
            is_there = (
                (pl.col("account_id") == one.account)
                & pl.col("symbol").is_in(list(one.symbols))
                & (pl.col("point") == one.point)
            )
            there = numbered.filter(is_there)
            last = dict(there.select("symbol", "row").iter_rows())
            traded = dict(there.group_by("symbol").agg(pl.col("quantity").sum()).iter_rows())
            tape = tapes.get((one.account, one.symbols), [])
            change = late_effects(one, (tape, []), self._register, traded)
            accruals += [(one.point, *entry) for entry in change.accruals]
            for effect in change.effects:
                if effect.symbol in last:
                    folded[last[effect.symbol]] = effect
                else:
                    others.append(effect)
        both = _folded(numbered.drop("row"), folded)
        trades, opened = both.head(moved.effects.height), both.tail(moved.opened.height)
        derived = pl.DataFrame(others, schema=EFFECT_COLUMNS, orient="row")
        owed = pl.DataFrame(accruals, schema=_ACCRUALS, orient="row")
        return Worked(trades, pl.concat([opened, derived]), owed)


def _folded(effects: pl.DataFrame, changes: dict[int, Effect]) -> pl.DataFrame:
    """Effects of fills with what an action makes of them: a trade in units of today."""
    if not changes:
        return effects
    rows = effects.rows(named=True)
    for row, change in changes.items():
        told = {name: getattr(change, name) for name in ("price", "sale_quantity", "sale_proceeds")}
        moved = {name: rows[row][name] + getattr(change, name) for name in ("quantity", "cash")}
        rows[row] = rows[row] | told | moved
    return pl.DataFrame(rows, schema=effects.schema)


def _in_order(late: Late) -> tuple[int, str, list[str]]:
    return late.point, late.account, sorted(late.symbols)
