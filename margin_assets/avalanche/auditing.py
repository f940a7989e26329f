"""Cuts against the models that they stand for, on the very paths that a figure rests on.

A historical model is asked in full, over all its scenarios, at each end of day of the worst paths.
"""

from typing import NamedTuple

import numpy as np

from margin_assets.avalanche.book.building import Built
from margin_assets.avalanche.book.faults import BookError
from margin_assets.avalanche.book.models import (
    Row,
    SetExposure,
    historical_model,
    is_historical,
    modelled,
)
from margin_assets.avalanche.book.scenarios import scenario_of
from margin_assets.avalanche.running import ARMS, Asked, run
from margin_assets.kernels.avalanche.results import Trace
from margin_assets.kernels.avalanche.simulation import trace
from margin_assets.kernels.initial_margin.cuts import States, values_of
from margin_assets.kernels.numeric.arrays import FloatArray, Int64Array

_DAY = 24
_WORST = 0.01
_LEAST = 16


class SetAudit(NamedTuple):
    """One set; errors are of the cuts against the model, in shares of the model's margin today.

    They are never above zero, but for rounding.
    """

    ns_id: str
    im_model_id: str
    mean_error: float
    worst_error: float
    missing: float
    """Margin that the cuts leave out at the hour of the peak, mean over paths, USD, before any tool
    against procyclicality and with the broker's multiple."""


class Audit(NamedTuple):
    """What the cuts leave out on the worst paths of a run."""

    scenario: str
    arm: str
    seed: int
    paths: int
    """Paths of the run, of which the worst were audited."""
    audited: int
    states: int
    """Ends of day at which each set's model was asked in full."""
    peak_need: float
    """Mean over the audited paths, USD."""
    missing: float
    """Sum over sets, mean over the audited paths, USD."""
    sets: tuple[SetAudit, ...]


def audit(built: Built, asked: Asked) -> Audit:
    """Asks every historical model in full at each end of day of a run's worst paths.

    The worst are the paths of the largest peak need: one in a hundred, sixteen at the least.

    Raises:
        BookError: No set of the book has a historical model and a history.
    """
    models = {row["im_model_id"]: row for row in built.tables["im_model"].iter_rows(named=True)}
    audited = [
        number
        for number, report in enumerate(built.report)
        if report.im_model_id in models
        and is_historical(models[report.im_model_id], built.market)
        and len(built.sets[number].factors)
    ]
    if not audited:
        raise BookError(["no set has a historical model and a history: there is nothing to audit"])
    ran = run(built, asked)
    worst = _worst(ran.results.peak_need)
    settings = built.loop(seed=asked.seed, arm=ARMS[asked.arm])
    told = trace(built.platform, scenario_of(built, asked.scenario), settings, worst)
    found = tuple(
        _set(built, told, number, models[built.report[number].im_model_id]) for number in audited
    )
    days = settings.hours // _DAY
    return Audit(
        asked.scenario,
        asked.arm,
        asked.seed,
        asked.paths,
        len(worst),
        len(worst) * days,
        float(told.results.peak_need.mean()),
        sum(one.missing for one in found),
        found,
    )


def _worst(need: FloatArray) -> Int64Array:
    count = min(len(need), max(_LEAST, int(np.ceil(_WORST * len(need)))))
    # By need, and of equal needs the first path.
    order = np.lexsort((np.arange(len(need)), -need))
    return np.sort(order[:count]).astype(np.int64)


def _set(built: Built, told: Trace, number: int, model: Row) -> SetAudit:
    held, report = built.sets[number], built.report[number]
    hour = int(built.platform.sets.eod_hour[number])
    ends = np.arange(hour, built.settings.days * _DAY, _DAY)
    states = _states(built, told, number, ends)
    exact = historical_model(model, held, built.market)
    truth, _ = exact(states)
    today, _ = exact(States(*(np.ones((1, len(held.factors))) for _ in range(2))))
    made = modelled(model, held, built.market, built.settings.cuts)
    stood = values_of(made.groups[0], held.net, states)
    # Below a dollar of margin nothing is short of anything.
    error = (stood - truth) / max(float(today[0]), 1.0)
    paths = len(told.results.path)
    short = (truth - stood).reshape(paths, len(ends)) * built.platform.sets.multiplier[number]
    # The last end of day before each path's peak; none: the margin of today is exact.
    last = np.searchsorted(ends, told.results.peak_hour, side="right") - 1
    at_peak = np.where(last >= 0, short[np.arange(paths), np.maximum(last, 0)], 0.0)
    return SetAudit(
        report.ns_id,
        report.im_model_id,
        float(error.mean()),
        float(error.min()),
        float(at_peak.mean()),
    )


def _states(built: Built, told: Trace, number: int, ends: Int64Array) -> States:
    """Features of the set's factors, by path and end of day: exposures' own fractions left."""
    held = built.sets[number]
    groups = built.platform.groups
    estimator = int(groups.estimator[groups.start[number]])
    v = told.ratio[:, ends, estimator][:, :, held.factors].reshape(-1, len(held.factors))
    left = told.left[:, ends].reshape(-1, told.left.shape[2])
    delta = _kept(held, held.delta, held.net.delta, left)
    gamma = _kept(held, held.gamma, held.net.gamma, left)
    return States(delta * v, gamma * v * v)


def _kept(held: SetExposure, rows: FloatArray, net: FloatArray, left: FloatArray) -> FloatArray:
    """Share of each factor's net exposure that is left; of one that nets to nothing, all."""
    kept = np.zeros((len(left), len(held.factors)))
    for row, place, unit in zip(rows, held.local, held.unit, strict=True):
        kept[:, place] += row * left[:, unit]
    return np.divide(kept, net, out=np.ones_like(kept), where=net != 0.0)
