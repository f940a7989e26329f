"""Laws that every run obeys, counted over its rows: what breaks one is wrong, whatever the book."""

from typing import NamedTuple

import polars as pl

from schemas.avalanche.results import LAWS

_CENT = 0.01
_HAIR = 1e-9
_BOOK = ("snapshot_id", "scenario", "seed")
_COUNTED = ("peak_need", "exhaustion_hour", "default_hour", "gross_calls", "sold", "pnl")


class Kept(NamedTuple):
    """Tables that the laws are asked of."""

    runs: pl.LazyFrame
    """Rows of `avalanche_runs`."""
    paths: pl.LazyFrame
    """Rows of `avalanche_paths`."""
    requirements: pl.LazyFrame
    """Rows of `im_requirements`."""
    books: pl.LazyFrame
    """What a book holds in all, dollars: `snapshot_id`, `exposure_usd`, `lines_usd`,
    `securities_usd`; a book that is not there bounds nothing."""


def broken_laws(kept: Kept) -> dict[str, int]:
    """How many paths (or runs, or sets) break each law of `LAWS`."""
    rows = kept.paths.join(
        kept.runs.select("run_id", "arm", "code_version", *_BOOK),
        on="run_id",
        how="inner",
        validate="m:1",
    )
    within = rows.join(kept.books, on="snapshot_id", how="left", validate="m:1")
    broken = _by_path()
    found = within.select(rule.sum().cast(pl.Int64).alias(name) for name, rule in broken.items())
    counts: dict[str, int] = found.collect().row(0, named=True)
    counts["a_run_has_its_paths"] = _incomplete(kept.runs, kept.paths)
    counts["a_path_that_sold_nothing_is_the_same_in_every_arm"] = _apart(rows)
    counts["a_path_is_the_same_in_every_run_of_it"] = _different(rows)
    counts["a_run_is_what_its_paths_are"] = _told_wrong(kept.runs, kept.paths)
    counts["cuts_never_say_too_much"] = _too_much(kept.requirements)
    return {law: counts[law] or 0 for law in LAWS}


def _by_path() -> dict[str, pl.Expr]:
    """What is wrong with one path beside its run and its book."""
    never = pl.col("exhaustion_hour").is_null()
    calls = pl.col("gross_calls") * (1.0 + _HAIR) + _CENT

    def beyond(name: str, most: str) -> pl.Expr:
        return pl.col(name) > pl.col(most) * (1.0 + _HAIR) + _CENT

    return {
        "cash_is_conserved": pl.col("unexplained_cash").abs() > _CENT,
        "without_sales_nothing_is_sold": (pl.col("arm") == "A")
        & ((pl.col("sold") != 0.0) | (pl.col("impact_cost") != 0.0)),
        "no_default_without_exhaustion": pl.col("default_hour").is_not_null()
        & (never | (pl.col("exhaustion_hour") > pl.col("default_hour"))),
        "no_amount_is_negative": pl.min_horizontal(
            "peak_need", "max_day_call", "gross_calls", "sold", "facility_drawn", "hqla_left"
        )
        < -_CENT,
        "need_is_within_the_calls": pl.max_horizontal("peak_need", "max_day_call") > calls,
        "no_more_is_sold_than_there_is": beyond("sold", "exposure_usd"),
        "no_line_is_drawn_beyond_its_size": beyond("facility_drawn", "lines_usd"),
        "no_security_appears": beyond("hqla_left", "securities_usd"),
    }


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


def _different(rows: pl.LazyFrame) -> int:
    """Paths that a longer or a shorter run of the same has otherwise."""
    keys = (*_BOOK, "arm", "code_version", "path")
    kinds = rows.group_by(keys).agg(kinds=pl.struct(_COUNTED).n_unique())
    return kinds.filter(pl.col("kinds") > 1).collect().height


def _told_wrong(runs: pl.LazyFrame, paths: pl.LazyFrame) -> int:
    """Runs whose probabilities or mean need are not those of their paths."""
    told = {
        "need_mean": pl.col("peak_need").mean(),
        "exhaustion_probability": pl.col("exhaustion_hour").is_not_null().mean(),
        "default_probability": pl.col("default_hour").is_not_null().mean(),
    }
    found = paths.group_by("run_id").agg(rule.alias(f"{name}_found") for name, rule in told.items())
    both = runs.join(found, on="run_id", how="inner", validate="1:1")
    is_apart = [
        (pl.col(name) - pl.col(f"{name}_found")).abs() > _HAIR * pl.col(name).abs() + _HAIR
        for name in told
    ]
    return both.filter(pl.any_horizontal(is_apart)).collect().height


def _too_much(requirements: pl.LazyFrame) -> int:
    """Sets whose cuts were above their model on a state held out, in the mean or at its 5%."""
    worst = pl.max_horizontal("mean_error", "low_error")
    return requirements.filter(worst > _HAIR).collect().height
