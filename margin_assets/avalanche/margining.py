"""How a book is margined: each set today and under more volatility, each model on history."""

from typing import Any, NamedTuple

import numpy as np

from margin_assets.avalanche.book.building import Built
from margin_assets.avalanche.book.margins import charged_of
from margin_assets.avalanche.book.models import (
    Modelled,
    Row,
    SetExposure,
    anchored,
    margin_today,
    modelled,
)
from margin_assets.kernels.avalanche.platform import BILATERAL
from margin_assets.kernels.initial_margin.cuts import Planes, States, forms_of
from margin_assets.kernels.initial_margin.historical import filtered
from margin_assets.kernels.initial_margin.procyclicality import (
    Tool,
    charged,
    coverage_of,
    step_response,
    swing_of,
)
from margin_assets.kernels.numeric.arrays import FloatArray

Document = dict[str, Any]
MULTIPLES = (1.0, 2.0, 5.0, 10.0)
_STEP, _STEP_DAYS = 2.0, (1, 5, 20)


class _Case(NamedTuple):
    """One set with its model."""

    held: SetExposure
    model: Row
    made: Modelled
    anchor: list[Planes]


def margining(built: Built) -> Document:
    """Sets and models of a book; margins before add-ons and brokers' multiples, USD.

    `today` is what is charged. `at_1x`, `at_2x` and the like are the model's margin with the
    volatility of every factor so many times what it is, before any tool against procyclicality.
    """
    cases = list(_cases(built))
    by_model: dict[str, list[_Case]] = {}
    for case in cases:
        by_model.setdefault(case.model["im_model_id"], []).append(case)
    return {
        "sets": [_set_row(built, number) for number in range(len(built.report))],
        "models": [_model_row(built, name, held) for name, held in by_model.items()],
        "changes": changes_of(built),
        "warnings": list(built.warnings),
    }


def _models(built: Built) -> dict[str, Row]:
    return {row["im_model_id"]: row for row in built.tables["im_model"].iter_rows(named=True)}


def _cases(built: Built) -> list[_Case]:
    """Sets with a model and exposures; those whose cuts are given have no model to look at."""
    models = _models(built)
    found = []
    for report, held in zip(built.report, built.sets, strict=True):
        if report.family == "as given" or not len(held.factors):
            continue
        model = models[report.im_model_id]
        made = modelled(model, held, built.market, built.settings.cuts)
        found.append(_Case(held, model, made, anchored(model, made, held, built.market)))
    return found


def _set_row(built: Built, number: int) -> Document:
    report = built.report[number]
    row: Document = {
        "ns_id": report.ns_id,
        "im_model_id": report.im_model_id,
        "family": report.family,
        "today": report.margin,
        "cuts": report.cuts,
        "mean_error": report.positions_mean,
        "low_error": report.positions_low,
        "volatility_mean_error": report.volatility_mean,
        "volatility_low_error": report.volatility_low,
        "note": report.note,
        "received": _received(built, number),
    }
    for multiple in MULTIPLES:
        row[f"at_{multiple:g}x"] = model_margin(built, number, multiple)
    return row


def _received(built: Built, number: int) -> float | None:
    """What the other side posts by the same model: that of the mirrored exposures, kept apart.

    None where it posts nothing, or where cuts are given: none of the other side's are.
    """
    row = built.tables["netting_set"].row(number, named=True)
    report, held = built.report[number], built.sets[number]
    is_bilateral = built.platform.sets.kind[number] == BILATERAL
    if row["im_direction"] != "two_way" or not is_bilateral or report.family == "as given":
        return None
    if not len(held.factors):
        return 0.0
    net = held.net._replace(delta=-held.net.delta, gamma=-held.net.gamma)
    mirrored = held._replace(delta=-held.delta, gamma=-held.gamma, net=net)
    model = _models(built)[report.im_model_id]
    made = modelled(model, mirrored, built.market, built.settings.cuts)
    anchor = anchored(model, made, mirrored, built.market)
    return float(charged_of(margin_today(made.groups, net), margin_today(anchor, net), made))


def model_margin(built: Built, number: int, multiple: float) -> float:
    """Margin of one set by its model with every volatility times a multiple (row A-02).

    An estimate that never moves keeps its ratio at 1: so do SIMM, schedule and flat models.
    """
    groups, cuts = built.platform.groups, built.platform.cuts
    total = 0.0
    for group in range(groups.start[number], groups.anchor[number]):
        is_static = built.platform.estimators.memory[groups.estimator[group]] >= 1.0
        v = 1.0 if is_static else multiple
        largest = -np.inf
        for cut in range(cuts.start[group], cuts.start[group + 1]):
            part = slice(cuts.entries[cut], cuts.entries[cut + 1])
            form = cuts.constant[cut] + (cuts.w[part] * v + cuts.w2[part] * v * v).sum()
            largest = max(largest, float(form))
        total += float(groups.weight[group, 0]) * largest
    return total


def _model_row(built: Built, name: str, cases: list[_Case]) -> Document:
    """Swing, response to a step and coverage of a model over the history, its sets together."""
    first = cases[0]
    tool = Tool(first.model["apc"], first.made.share)
    row: Document = {
        "im_model_id": name,
        "family": first.model["family"],
        "decay": first.made.decay,
        "tool": tool.name,
        "sets": len(cases),
        "today": sum(margin_today(case.made.groups, case.held.net) for case in cases),
    }
    response = step_response(_STEP, first.made.decay, max(_STEP_DAYS), tool)
    row |= {f"step_{day}d": float(response[day]) for day in _STEP_DAYS}
    return row | _lived(built, cases, tool)


def _lived(built: Built, cases: list[_Case], tool: Tool) -> Document:
    """What the model would have charged on each day of the history, and what was lost beyond it."""
    none = dict.fromkeys(("peak_to_trough", "rise_1d", "rise_5d", "rise_30d", "mean_over_last"))
    if not built.history.dates:
        return none | dict.fromkeys(("days", "breaches", "expected", "p_value"))
    paths = [_path(built, case) for case in cases]
    raw = np.sum(paths, axis=0)
    anchor = sum(margin_today(case.anchor, case.held.net) for case in cases)
    path = charged(raw, np.full(len(raw), anchor), tool)
    found: Document = dict(none)
    if path.min() > 0.0:
        swing = swing_of(path)
        rises = dict(zip(("rise_1d", "rise_5d", "rise_30d"), swing.rises, strict=True))
        found |= {"peak_to_trough": swing.peak_to_trough, **rises}
        found["mean_over_last"] = swing.mean_over_last
    losses = [_losses(built, case) for case in cases]
    days = int(cases[0].model["mpor_days"])
    every = np.concatenate([loss[::days] for loss in losses])
    margin = np.concatenate([p[: len(loss)][::days] for p, loss in zip(paths, losses, strict=True)])
    return found | coverage_of(every, margin, cases[0].model["alpha"])._asdict()


def _path(built: Built, case: _Case) -> FloatArray:
    """[day]: the model's margin of today's positions, with the volatility of each day."""
    sigma = built.market.sigma[case.held.factors]
    returns = built.history.daily[:, case.held.factors]
    if case.made.decay >= 1.0:
        v = np.ones_like(returns)
    else:
        known = filtered(returns, case.made.decay).volatility
        v = np.divide(known, sigma, out=np.ones_like(known), where=sigma > 0.0)
    states = States(v, v * v)
    parts = [forms_of(group, case.held.net, states).max(axis=0) for group in case.made.groups]
    total: FloatArray = np.sum(parts, axis=0)
    return total


def _losses(built: Built, case: _Case) -> FloatArray:
    """[day]: loss of today's positions over the margin period that starts then."""
    days = int(case.model["mpor_days"])
    returns = built.history.daily[:, case.held.factors]
    total = np.cumsum(np.vstack([np.zeros(returns.shape[1]), returns]), axis=0)
    moves = total[days:] - total[:-days]
    earned: FloatArray = np.einsum("df,f->d", moves, case.held.net.delta)
    earned += 0.5 * np.einsum("df,f->d", moves**2, case.held.net.gamma)
    return -earned


def changes_of(built: Built) -> list[Document]:
    """What each announced change does to the margin of each set today, once it holds in full."""
    models = _models(built)
    changes = built.tables["im_model_change"].unique(
        ["old_model_id", "new_model_id"], maintain_order=True
    )
    found = []
    for change in changes.iter_rows(named=True):
        for report, held in zip(built.report, built.sets, strict=True):
            if report.im_model_id != change["old_model_id"] or not len(held.factors):
                continue
            levels = [
                margin_today(
                    modelled(models[name], held, built.market, built.settings.cuts).groups,
                    held.net,
                )
                for name in (change["old_model_id"], change["new_model_id"])
            ]
            found.append(
                {
                    "ns_id": report.ns_id,
                    "old_model_id": change["old_model_id"],
                    "new_model_id": change["new_model_id"],
                    "old": levels[0],
                    "new": levels[1],
                    "change": levels[1] - levels[0],
                }
            )
    return found
