"""Names to places in the session's arrays, in order of first appearance."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import polars as pl

from margin_assets.kernels.numeric.arrays import BoolArray, Int64Array

NOBODY: Int64Array = np.zeros(0, dtype=np.int64)
"""Places of none."""
_MANY = 10_000
"""Names that are looked up at once: each as an object of its own costs memory."""
_SHARE = 16
"""Of all names that is many: to look some up at once costs as much as there are of them."""
_FEW = 64
"""From so small a share of all places on, sorting some is cheaper than a flag for each."""


class Names:
    """Ids and their places. A place, once given, never changes."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self.all: list[str] = []
        self._place: dict[str, int] = {}
        self._series = pl.Series(dtype=pl.String)
        self.add(names)

    def __len__(self) -> int:
        return len(self.all)

    def __contains__(self, name: str) -> bool:
        return name in self._place

    def place(self, name: str) -> int:
        """Place of a known name."""
        return self._place[name]

    @property
    def series(self) -> pl.Series:
        """All names, in order of their places."""
        # A hundred thousand texts take 2 ms to become a column, and cycles bring few new ones.
        if len(self._series) != len(self.all):
            self._series = pl.Series(self.all, dtype=pl.String)
        return self._series

    def add(self, names: Iterable[str]) -> int:
        """Gives new names a place and returns how many there were."""
        known, before = self._place, len(self.all)
        new = dict.fromkeys(name for name in names if name not in known)
        self.all += new
        known.update(zip(new, range(before, len(self.all)), strict=True))
        return len(new)

    def of(self, rows: pl.DataFrame, column: str) -> Int64Array:
        """Place of what each row names in a column, which the rows may be `carrying`."""
        carried = _carried(column)
        if carried in rows.columns:
            return rows[carried].to_numpy()
        return self.places(rows[column])

    def places(self, names: pl.Series) -> Int64Array:
        """Place of each name; all must be known."""
        if len(names) < max(_MANY, len(self.all) // _SHARE):
            return np.array([self._place[name] for name in names.to_list()], dtype=np.int64)
        known = pl.DataFrame({"name": self.series}).with_row_index("place")
        asked = names.alias("name").to_frame()
        found = asked.join(known, on="name", how="left", maintain_order="left")["place"]
        if found.null_count():
            raise KeyError(names.filter(found.is_null())[0])
        return found.cast(pl.Int64).to_numpy()


def carrying(rows: pl.DataFrame, names: Mapping[str, Names]) -> pl.DataFrame:
    """Rows with the places of what their columns name, for `Names.of`: looked up this once."""
    return rows.with_columns(
        pl.Series(_carried(column), known.places(rows[column])) for column, known in names.items()
    )


def _carried(column: str) -> str:
    return f"place_of_{column}"


def united(count: int, *parts: Int64Array) -> Int64Array:
    """Places that are in any of the parts, of `count` in all, in order and each once."""
    if _are_few(count, parts):
        return np.unique(np.concatenate([NOBODY, *parts])).astype(np.int64, copy=False)
    return np.flatnonzero(_flags(count, *parts))


def without(count: int, places: Int64Array, *others: Int64Array) -> Int64Array:
    """Places, of `count` in all, that are in none of the others, in order and each once."""
    if _are_few(count, (places, *others)):
        return np.setdiff1d(places, np.concatenate([NOBODY, *others]))
    return np.flatnonzero(_flags(count, places) & ~_flags(count, *others))


def _are_few(count: int, parts: Sequence[Int64Array]) -> bool:
    # Sorting the places of a whole firm is dear, and of one trade a flag for every account.
    return sum(map(len, parts)) * _FEW < count


def _flags(count: int, *parts: Int64Array) -> BoolArray:
    flags = np.zeros(count, dtype=np.bool_)
    for part in parts:
        flags[part] = True
    return flags
