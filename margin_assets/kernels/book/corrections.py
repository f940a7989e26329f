"""Which corrections count, and which wait: told from what has landed and what was refused."""

from collections.abc import Collection, Iterable, Mapping

import polars as pl

MISMATCH = "correction_mismatch"
"""Reason of a correction that is of another account or symbol than its original."""
_ROW = ("file_id", "file_row", "cycle")


def overruled(fills: pl.LazyFrame, quarantine: pl.LazyFrame) -> pl.LazyFrame:
    """Rows of `fills` that were refused after they were accepted: they stay without effect.

    Such a correction waited for its original, which then landed under another account or symbol
    (semantics 2.4). A row that was refused first, and landed again later, counts.
    """
    refused = quarantine.filter(pl.col("reasons") == MISMATCH).select(
        "file_id", "file_row", refused_in="cycle"
    )
    waited = fills.filter(pl.col("corrects_fill_id").is_not_null())
    both = waited.join(refused, on=["file_id", "file_row"])
    return both.filter(pl.col("refused_in") >= pl.col("cycle")).drop("refused_in")


def counting(fills: pl.LazyFrame, quarantine: pl.LazyFrame) -> pl.LazyFrame:
    """Rows of `fills` but for those that were overruled, in their order."""
    without = overruled(fills, quarantine).select(_ROW)
    return fills.join(without, on=_ROW, how="anti", maintain_order="left")


def repeated(fills: pl.LazyFrame, quarantine: pl.LazyFrame) -> pl.LazyFrame:
    """Ids under which more than one fill counts, with how many; there must be none."""
    counts = counting(fills, quarantine).group_by("fill_id").len()
    return counts.filter(pl.col("len") > 1).sort("fill_id")


def waiting(corrects: Mapping[str, str], landed: Collection[str]) -> set[str]:
    """Ids of corrections without effect, since the original at the end of their chain is not there.

    `corrects` names what each correction replaces; `landed` are the ids of all that counts.
    """
    root: dict[str, str] = {}
    for name in corrects:
        path = []
        while name in corrects and name not in root:
            path.append(name)
            name = corrects[name]
        root |= dict.fromkeys(path, root.get(name, name))
    return {name for name in corrects if root[name] not in landed}


def waiting_rows(fills: pl.LazyFrame, quarantine: pl.LazyFrame) -> pl.DataFrame:
    """Corrections that wait (semantics 2.4), whole chains of them, by event time and id."""
    counted = counting(fills, quarantine)
    corrections = counted.filter(pl.col("corrects_fill_id").is_not_null()).collect()
    corrects = dict(_pairs(corrections))
    named = corrections["corrects_fill_id"].implode()
    landed = counted.filter(pl.col("fill_id").is_in(named)).select("fill_id").collect()
    found = waiting(corrects, set(landed["fill_id"]))
    return corrections.filter(pl.col("fill_id").is_in(list(found))).sort("event_time", "fill_id")


def _pairs(corrections: pl.DataFrame) -> Iterable[tuple[str, str]]:
    return corrections.select("fill_id", "corrects_fill_id").iter_rows()
