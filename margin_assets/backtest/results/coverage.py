"""Rows of `backtest_coverage`: counts of breaches summed over groups, and tested."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl

from margin_assets.backtest.engine.record import DAY_COLUMNS
from margin_assets.backtest.methods import METHODS
from margin_assets.backtest.running import Ran
from margin_assets.kernels.backtest.coverage import Transitions, coverage_tests
from margin_assets.kernels.backtest.days import BEYOND_REQUIRED, BREACH, CALM, LOST, REQUIRED
from margin_assets.kernels.initial_margin.procyclicality import HORIZONS, swing_of
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.money import to_decimal

_AMOUNTS = ("required", "lost", "beyond_required")
_TESTS = (
    *("kupiec", "kupiec_p", "independence", "independence_p"),
    *("conditional", "conditional_p", "peak_to_trough", "five_day_rise"),
)
_FIVE = HORIZONS.index(5)
Group = tuple[str, str, tuple[slice | int, slice | int]]


def coverage_frame(ran: Ran) -> pl.DataFrame:
    """One row a method, horizon and group that has windows."""
    counts = np.sum([year.counts for year in ran.years], axis=0)
    sums = np.sum([year.sums for year in ran.years], axis=0)
    swings = _swings(ran)
    rows: list[dict[str, Any]] = []
    for h, days in enumerate(ran.ground.counting.horizons):
        for m, method in enumerate(METHODS):
            for kind, name, (crises, tempers) in _groups(ran):
                counted = counts[h, crises, m][..., tempers, :, :].reshape(-1, 3, 2).sum(axis=0)
                if not counted.sum():
                    continue
                amounts = sums[h, crises, m][..., tempers, :].reshape(-1, 4).sum(axis=0)
                row: dict[str, Any] = {"method": method, "horizon_days": days, "group_kind": kind}
                row |= {"group_name": name} | _tested(ran, counted, is_daily=days == 1)
                row |= {"run_id": ran.run_id} | _told(amounts)
                row |= swings.get((method, kind, name), {}) if days == 1 else {}
                rows.append(row)
    frame = pl.DataFrame(rows, infer_schema_length=None)
    missing = [pl.lit(None).alias(name) for name in _TESTS if name not in frame.columns]
    return frame.with_columns(missing).with_columns(
        *(pl.col(name).cast(pl.Float64) for name in _TESTS),
        *(to_decimal(frame[name].to_numpy(), 2).alias(name) for name in _AMOUNTS),
    )


def _groups(ran: Ran) -> Iterator[Group]:
    everything = slice(None)
    yield "all", "all", (everything, everything)
    for n, temper in enumerate(ran.plan.tempers):
        yield "temper", temper, (everything, n)
    for n, crisis in enumerate(ran.ground.counting.crises, 1):
        yield "crisis", crisis.key, (n, everything)


def _tested(ran: Ran, counted: Int64Array, *, is_daily: bool) -> dict[str, Any]:
    """Both tests of one group's counts; days in a row are windows of one session only."""
    windows, breaches = int(counted.sum()), int(counted[:, 1].sum())
    followed = Transitions(*counted[CALM].tolist(), *counted[BREACH].tolist())
    share = 1.0 - ran.ground.counting.confidence
    found = coverage_tests(windows, breaches, share, followed if is_daily else None)
    return {
        "account_days": windows,
        "breaches": breaches,
        "expected": found.expected,
        "breach_share": breaches / windows,
        "kupiec": found.kupiec,
        "kupiec_p": found.kupiec_p,
        "independence": found.independence,
        "independence_p": found.independence_p,
        "conditional": found.conditional,
        "conditional_p": found.conditional_p,
    }


def _told(amounts: Int64Array) -> dict[str, int]:
    return {
        "required": int(amounts[REQUIRED]),
        "lost": int(amounts[LOST]),
        "beyond_required": int(amounts[BEYOND_REQUIRED]),
    }


def _swings(ran: Ran) -> dict[tuple[str, str, str], dict[str, float]]:
    """How far requirements a dollar of gross value swing, by method: over all, and in crises."""
    days = np.concatenate([year.days for year in ran.years])
    crisis = ran.ground.crisis[days[:, 0]]
    gross = days[:, DAY_COLUMNS.index("gross")]
    found = {}
    for method in METHODS:
        asked = days[:, DAY_COLUMNS.index(method)]
        spans = [("all", "all", np.ones(len(days), dtype=np.bool_))]
        spans += [
            ("crisis", one.key, crisis == n) for n, one in enumerate(ran.ground.counting.crises, 1)
        ]
        for kind, name, within in spans:
            there = within & (gross > 0) & (asked > 0)
            if not there.any():
                continue
            swing = swing_of(asked[there] / gross[there])
            found[method, kind, name] = {
                "peak_to_trough": swing.peak_to_trough,
                "five_day_rise": swing.rises[_FIVE],
            }
    return found
