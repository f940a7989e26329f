"""Laws that every run obeys, counted over its rows: what breaks one is wrong, whatever the book."""

import polars as pl

from schemas.avalanche.results import LAWS

_CENT = 0.01
_BOOK = ("snapshot_id", "scenario", "seed")


def broken_laws(runs: pl.LazyFrame, paths: pl.LazyFrame) -> dict[str, int]:
    """How many paths (or runs) break each law of `LAWS`.

    Args:
        runs: Rows of `avalanche_runs`.
        paths: Rows of `avalanche_paths`.
    """
    rows = paths.join(
        runs.select("run_id", "arm", *_BOOK), on="run_id", how="inner", validate="m:1"
    )
    never = pl.col("exhaustion_hour").is_null()
    broken = {
        "cash_is_conserved": pl.col("unexplained_cash").abs() > _CENT,
        "without_sales_nothing_is_sold": (pl.col("arm") == "A")
        & ((pl.col("sold") != 0.0) | (pl.col("impact_cost") != 0.0)),
        "no_default_without_exhaustion": pl.col("default_hour").is_not_null()
        & (never | (pl.col("exhaustion_hour") > pl.col("default_hour"))),
        "no_amount_is_negative": pl.min_horizontal(
            "peak_need", "max_day_call", "gross_calls", "sold", "facility_drawn", "hqla_left"
        )
        < -_CENT,
    }
    found = rows.select(rule.sum().cast(pl.Int64).alias(name) for name, rule in broken.items())
    counts: dict[str, int] = found.collect().row(0, named=True)
    counts["a_run_has_its_paths"] = _incomplete(runs, paths)
    counts["a_path_that_sold_nothing_is_the_same_in_every_arm"] = _apart(rows)
    return {law: counts[law] or 0 for law in LAWS}


def _incomplete(runs: pl.LazyFrame, paths: pl.LazyFrame) -> int:
    """Runs that lack paths, or have others than those numbered from 0."""
    counted = paths.group_by("run_id").agg(
        count=pl.len().cast(pl.Int64), last=pl.col("path").max(), kinds=pl.col("path").n_unique()
    )
    held = runs.join(counted, on="run_id", how="left", validate="1:1")
    is_whole = (
        (pl.col("count") == pl.col("paths"))
        & (pl.col("last") == pl.col("paths") - 1)
        & (pl.col("kinds") == pl.col("paths"))
    )
    return held.filter(~is_whole.fill_null(value=False)).collect().height


def _apart(rows: pl.LazyFrame) -> int:
    """Paths of arms that sell, that sold nothing, and yet differ from the arm that does not."""
    keys = (*_BOOK, "path")
    calm = rows.filter(pl.col("arm") == "A").select(*keys, alone="peak_need")
    others = rows.filter((pl.col("arm") != "A") & (pl.col("sold") == 0.0))
    # A shorter run of the same book has the same paths: one of them is enough.
    both = others.join(calm.unique(keys), on=list(keys), how="inner")
    return both.filter(pl.col("peak_need") != pl.col("alone")).collect().height
