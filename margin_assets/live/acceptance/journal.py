"""Accepting a plan's rows: what was seen before, what contradicts it, what is late."""

from collections.abc import Callable
from functools import partial

import numpy as np
import polars as pl

from margin_assets.kernels.book.corrections import MISMATCH, counting, overruled
from margin_assets.kernels.book.fills import (
    FillRow,
    effects_in_order,
    fill_rows,
    plain_effects,
    tree_effects,
)
from margin_assets.kernels.corporate.exercises import leg_fills
from margin_assets.kernels.history.short_sales import Tape, with_sales
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.money import instants
from margin_assets.live.acceptance.acceptance import Accepted, Lookup, Refusal, Scan, Test
from margin_assets.live.acceptance.seen_ids import SeenIds
from margin_assets.live.state.points import PointsOf
from schemas import feed_columns

IDS = {
    "fills": "fill_id",
    "cash_movements": "movement_id",
    "desk_actions": "action_id",
    "exercises": "exercise_id",
    "corporate_actions": "action_id",
}
Opened = Callable[[pl.Expr], pl.DataFrame]
"""Opening balances that fulfil a condition, as fills with the points that they count from."""


class Journal:
    """Ids seen, corrections and the rows they hang from: what acceptance remembers."""

    def __init__(
        self, lookup: Lookup, scan: Scan, points_of: PointsOf, opened: Opened | None = None
    ) -> None:
        self._lookup = lookup
        self._opened = opened
        self._scan = scan
        self._points_of = points_of
        self._seen: dict[str, SeenIds] = {}
        self._children: dict[str, list[FillRow]] = {}
        self._parent: dict[str, str] = {}
        self._originals: dict[str, FillRow] = {}

    def load(self, held_since: int | None = None) -> None:
        """Reads what the sealed cycles left; from `held_since` on nothing was evaluated."""
        for feed, key in IDS.items():
            ids = self._scan(feed).select(pl.col(key).hash(seed=0)).collect(engine="streaming")
            self._seen[feed] = SeenIds(ids[key].to_numpy(), partial(self._landed, feed, key))
        lost = overruled(self._scan("fills"), self._scan("quarantine")).select("fill_id")
        if names := set(lost.collect()["fill_id"]):
            for name in names.difference(self._landed("fills", "fill_id", sorted(names))):
                self._seen["fills"].discard(name)
        corrections = self._counting("fills", pl.col("corrects_fill_id").is_not_null())
        is_held = pl.lit(value=False) if held_since is None else pl.col("cycle") >= held_since
        held = corrections.filter(is_held)
        for row in (*_known_rows(corrections.filter(~is_held)), *self._with_points(held)):
            self._link(row)

    def settle(self) -> None:
        """What was accepted is sealed: from now on it can be looked up."""
        for ids in self._seen.values():
            ids.settle()

    def _landed(self, feed: str, key: str, ids: list[str]) -> list[str]:
        return self._counting(feed, pl.col(key).is_in(ids))[key].to_list()

    def _counting(self, feed: str, condition: pl.Expr) -> pl.DataFrame:
        """Rows of sealed cycles that still count."""
        rows = self._lookup(feed, condition)
        if feed != "fills" or rows["corrects_fill_id"].null_count() == rows.height:
            return rows
        refused = self._lookup("quarantine", pl.col("reasons") == MISMATCH)
        return counting(rows.lazy(), refused.lazy()).collect()

    def _with_points(self, fills: pl.DataFrame) -> list[FillRow]:
        return fill_rows(fills, self._points_of(fills)) if fills.height else []

    def _link(self, row: FillRow) -> None:
        parent = row.corrects or ""
        self._children.setdefault(parent, []).append(row)
        self._parent[row.fill_id] = parent

    def accept_by_id(self, feed: str, rows: pl.DataFrame, tested: Test | None = None) -> Accepted:
        """Rows with ids of their own: the same content again is dropped, other content refused.

        Fills are also tested for the corrections they make, and by `tested`, in its order.
        """
        ids, seen = rows[IDS[feed]], self._seen[feed]
        if tested is None and self._is_plain(feed, rows) and seen.are_new(ids):
            seen.add_all(ids)
            return Accepted(rows)
        return self._accept_one_by_one(feed, rows, tested)

    def _accept_one_by_one(self, feed: str, rows: pl.DataFrame, tested: Test | None) -> Accepted:
        key, columns = IDS[feed], [*feed_columns(feed)]
        ids, seen = rows[key].to_list(), self._seen[feed]
        named = rows["corrects_fill_id"].drop_nulls().to_list() if feed == "fills" else []
        seen.check([*ids, *named])
        known, taken = self._known(feed, rows), Accepted(rows)
        contents = _contents(rows, columns, ids, seen)
        accounts = rows["account_id"].to_list() if "account_id" in columns else None
        fills = self._linked_rows(feed, rows)
        accepted = []
        places = list(zip(rows["file_number"], rows["file_row"], strict=True))
        for place in tested.order() if tested else range(rows.height):
            number, line = places[place]
            name, fill = ids[place], fills[place] if fills else None
            if name in seen and known.get(name) == contents[place]:
                taken.duplicates[number] = taken.duplicates.get(number, 0) + 1
                continue
            problem = self._problem(name, feed, fill)
            problem = problem or (tested.problem(place) if tested else None)
            if problem:
                account = None if accounts is None else accounts[place]
                taken.refusals.append(Refusal(number, line, *problem, account))
                continue
            seen.add(name)
            known[name] = contents[place]
            if tested:
                tested.take(place)
            accepted.append(place)
            for child in [] if fill is None else self._take(fill):
                taken.overruled.append(self._overrule(child, rows[accepted]))
        taken.rows = rows[sorted(accepted)]
        return taken

    def _overrule(self, row: FillRow, landed_now: pl.DataFrame) -> pl.DataFrame:
        """Takes back a correction that waited: it has no effect, and its id may land again."""
        self._seen["fills"].discard(row.fill_id)
        self._children[row.corrects or ""].remove(row)
        del self._parent[row.fill_id]
        self._originals.pop(row.fill_id, None)
        is_it = pl.col("fill_id") == row.fill_id
        found = landed_now.filter(is_it).tail(1)
        return found if found.height else self._counting("fills", is_it)

    def _problem(self, name: str, feed: str, fill: FillRow | None) -> tuple[str, str] | None:
        if name in self._seen[feed]:
            return "id_reused", f"{IDS[feed]} {name} has landed before with other content"
        return self._correction_problem(fill) if fill is not None and fill.corrects else None

    def _linked_rows(self, feed: str, rows: pl.DataFrame) -> list[FillRow]:
        """Fills as rows where corrections are about; elsewhere none are needed."""
        if feed != "fills" or self._is_plain(feed, rows):
            return []
        return fill_rows(rows, rows["point"].to_numpy())

    def _is_plain(self, feed: str, rows: pl.DataFrame) -> bool:
        """Whether no row corrects another, nor may be waited for by a correction."""
        if feed != "fills":
            return True
        return not self._children and rows["corrects_fill_id"].null_count() == rows.height

    def _known(self, feed: str, rows: pl.DataFrame) -> dict[str, tuple[object, ...]]:
        """Content of ids that have landed in earlier cycles; also loads corrected originals."""
        key, columns = IDS[feed], [*feed_columns(feed)]
        seen = self._seen[feed]
        again = [name for name in rows[key].to_list() if name in seen]
        if feed == "fills":
            named = rows["corrects_fill_id"].drop_nulls().to_list()
            again += [name for name in named if name in seen]
        if not again:
            return {}
        found = self._counting(feed, pl.col(key).is_in(again))
        if feed == "fills":
            for row in self._with_points(found):
                self._originals[row.fill_id] = row
        return {str(row[columns.index(key)]): row for row in found.select(columns).rows()}

    def _correction_problem(self, row: FillRow) -> tuple[str, str] | None:
        """Why a correction cannot be taken, if it cannot."""
        above: str | None = row.corrects
        while above is not None:
            if above == row.fill_id:
                return "correction_cycle", f"{row.fill_id} would close a circle of corrections"
            above = self._parent.get(above)
        parent = self._originals.get(row.corrects or "")
        if parent is not None and not _same_place(parent, row):
            return "correction_mismatch", f"{row.corrects} is of another account or symbol"
        return None

    def _take(self, row: FillRow) -> list[FillRow]:
        """Remembers a fill; returns the waiting corrections that turn out not to fit it."""
        self._originals[row.fill_id] = row
        if row.corrects is not None:
            self._link(row)
        waiting = self._children.get(row.fill_id, [])
        return [child for child in waiting if not _same_place(row, child)]

    def effects(
        self, fills: pl.DataFrame, last_point: int | None, openings: pl.DataFrame
    ) -> pl.DataFrame:
        """What the accepted fills change, sorted by grid point, time and landing.

        `openings`: balances accepted with them, as fills.
        """
        if not fills.height or not self._children:
            return effects_in_order(plain_effects(fills, fills["point"].to_numpy()))
        roots = {self._root(name) for name in self._touched(fills)}
        self._fetch(roots)
        in_tree = pl.Series([self._root(n) in roots for n in fills["fill_id"].to_list()])
        plain = fills.filter(~in_tree)
        after = -1 if last_point is None else last_point
        trees = [
            effect
            for root in sorted(roots)
            if root in self._originals
            for effect in tree_effects(self._originals[root], self._children, after)
        ]
        self._originals.clear()
        effects = effects_in_order(plain_effects(plain, plain["point"].to_numpy()), trees)
        return with_sales(effects, partial(self.tape, fills, openings))

    def tape(self, fills: pl.DataFrame, openings: pl.DataFrame, keys: pl.DataFrame) -> Tape:
        """All fills of some accounts and symbols, opening balances before them.

        Those accepted now and those of past cycles; of everybody where `keys` names symbols alone.
        """
        among = pl.all_horizontal(
            pl.col(name).is_in(keys[name].unique().implode()) for name in keys.columns
        )
        # What is held is among those accepted now.
        past = self._lookup("fills", among).join(fills, on="fill_id", how="anti")
        opened = openings.clear() if self._opened is None else self._opened(among)
        opened = opened.join(openings, on="fill_id", how="anti")
        pointed = past.with_columns(point=pl.Series(self._points_of(past), dtype=pl.Int64))
        columns = [*feed_columns("fills"), "point"]
        parts = (opened, openings, pointed, fills, self._legs(keys))
        both = pl.concat([part.select(columns) for part in parts])
        return both.drop("point"), both["point"].to_numpy()

    def _legs(self, keys: pl.DataFrame) -> pl.DataFrame:
        """What past cycles settled of some accounts, or of some symbols, as fills."""
        named = keys["symbol"].unique().implode()
        among = pl.col("symbol").is_in(named) | pl.col("share_symbol").is_in(named)
        if "account_id" in keys.columns:
            among &= pl.col("account_id").is_in(keys["account_id"].unique().implode())
        settled = self._lookup("settlements", among)
        return leg_fills(settled, instants(settled["settled_at"]))

    def _fetch(self, roots: set[str]) -> None:
        """Loads originals of earlier cycles that new corrections end at."""
        missing = [n for n in roots if n not in self._originals and n in self._seen["fills"]]
        if missing:
            for row in self._with_points(self._counting("fills", pl.col("fill_id").is_in(missing))):
                self._originals[row.fill_id] = row

    def _touched(self, fills: pl.DataFrame) -> list[str]:
        """New fills that correct something or that a correction waits for."""
        ids, parents = fills["fill_id"].to_list(), fills["corrects_fill_id"].to_list()
        pairs = zip(ids, parents, strict=True)
        return [name for name, parent in pairs if parent is not None or name in self._children]

    def _root(self, name: str) -> str:
        while name in self._parent:
            name = self._parent[name]
        return name


def _same_place(one: FillRow, other: FillRow) -> bool:
    return (one.account_id, one.symbol) == (other.account_id, other.symbol)


def _known_rows(fills: pl.DataFrame) -> list[FillRow]:
    """Corrections of sealed cycles: whatever their point was, it has passed."""
    past: Int64Array = np.full(fills.height, -2, dtype=np.int64)
    return fill_rows(fills, past)


def _contents(
    rows: pl.DataFrame, columns: list[str], ids: list[str], seen: SeenIds
) -> list[tuple[object, ...]]:
    """Content of each row, where an id may come twice; else nothing is compared."""
    if len(set(ids)) == len(ids) and seen.isdisjoint(ids):
        return [()] * len(ids)
    return rows.select(columns).rows()
