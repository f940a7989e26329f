"""What announced changes of model do to the need: before, phased in as announced, and in full."""

import numpy as np
import polars as pl

from margin_assets.avalanche.answers.case import liquid
from margin_assets.avalanche.answers.documents import Document, quantile_document
from margin_assets.avalanche.book.building import Built, built
from margin_assets.avalanche.book.reading import Tables
from margin_assets.avalanche.running import Asked, run
from margin_assets.kernels.avalanche.answers.quantiles import quantile
from margin_assets.kernels.numeric.arrays import FloatArray

_TAIL = 0.99


def changed_need(held: Built, asked: Asked) -> Document:
    """Peak need at 99% on the same paths under the old models, the phase-in and the new ones.

    Every due is paid and nothing is sold, so that need is not cut off. `line` is what is left to
    borrow after cash and collateral; `by_set` the mean part in the peak need under new less old.
    """
    tables = held.tables
    free = held._replace(settings=held.settings.model_copy(update={"unlimited": True}))
    versions = {
        "old": _rebuilt(free, _without_changes(tables)),
        "phased": free,
        "new": _rebuilt(free, _in_full(tables)),
    }
    found: Document = {}
    parts: dict[str, FloatArray] = {}
    for name, version in versions.items():
        results = run(version, asked._replace(arm="A")).results
        at = quantile(results.peak_need, _TAIL)
        sources = liquid(version.platform)
        line = max(0.0, at.value - sources.cash - sources.hqla)
        found[name] = {"need_q99": quantile_document(at), "line": line}
        parts[name] = results.peak_by_set.mean(axis=0, dtype=np.float64)
    moved = parts["new"] - parts["old"]
    found["by_set"] = dict(zip(held.holdings.names.sets, moved.tolist(), strict=True))
    return found


def _rebuilt(held: Built, tables: Tables) -> Built:
    return built(tables)._replace(settings=held.settings)


def _without_changes(tables: Tables) -> Tables:
    return tables | {"im_model_change": tables["im_model_change"].clear()}


def _in_full(tables: Tables) -> Tables:
    """The sets of a model that changes, with the one that comes last in its place."""
    last = tables["im_model_change"].sort("effective").unique("old_model_id", keep="last")
    new = dict(last.select("old_model_id", "new_model_id").rows())
    sets = tables["netting_set"].with_columns(pl.col("im_model_id").replace(new))
    return _without_changes(tables) | {"netting_set": sets}
