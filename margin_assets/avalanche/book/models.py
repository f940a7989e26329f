"""Models of initial margin of a book's netting sets, each as groups of cuts by manager."""

from typing import Any, NamedTuple

import numpy as np

from margin_assets.avalanche.book.faults import BookError
from margin_assets.avalanche.book.tools import TOOLS, share_of
from margin_assets.kernels.avalanche.platform import APC_FLOOR, APC_STRESS
from margin_assets.kernels.initial_margin import historical, normed, scanned
from margin_assets.kernels.initial_margin.cuts import (
    Error,
    Exposure,
    Model,
    Planes,
    Surrogate,
    trained,
)
from margin_assets.kernels.numeric.arrays import FloatArray, Int64Array
from margin_assets.kernels.rules.clearing_rules import ClearingRules

STATIC = ("SIMM", "SCHEDULE", "R4210", "FLAT")
_EXACT = Error(0.0, 0.0)
Row = dict[str, Any]


class FactorModel(NamedTuple):
    """What models know of the factors, all of them."""

    names: tuple[str, ...]
    classes: tuple[str, ...]
    sigma: FloatArray
    sigma_bar: FloatArray
    stressed: FloatArray
    """[factor]: daily volatility of the worst year of the history."""
    long_run: FloatArray
    """[factor]: unfiltered daily volatility of the history."""
    returns: FloatArray
    """[day, factor]; no days without a history."""
    correlation: FloatArray
    volatility_of: Int64Array
    """[factor]: place of the implied volatility that belongs to it, or -1."""
    rules: Row
    """Numbers of the rulebook `avalanche_scenarios`."""
    learnt: dict[tuple[object, ...], "Modelled"]
    """Models that were learnt on it, by all that they hang on beside it."""
    points_a_side: int
    """Valuation points of 4210(g) either way, of the rulebook `tims`."""
    clearing: ClearingRules


class SetExposure(NamedTuple):
    """Exposures of one netting set, by row, and net by its own factors."""

    ns_id: str
    factors: Int64Array
    """[local factor]: place among all."""
    local: Int64Array
    """[row]: local factor."""
    unit: Int64Array
    """[row]: what is sold of it."""
    manager: Int64Array
    delta: FloatArray
    gamma: FloatArray
    net: Exposure
    gross_notional: float
    net_to_gross: float
    """Not a number where the set has no positions with a value."""


class Modelled(NamedTuple):
    """One model of one set."""

    groups: list[Planes]
    """Per dollar of delta and of gamma, over the set's local factors."""
    decay: float
    trigger: float
    tool: int
    share: float
    surrogate: list[Surrogate]
    note: str


def modelled(model: Row, held: SetExposure, market: FactorModel, cuts: int) -> Modelled:
    """The groups of cuts of one model for one set, learnt once for a market.

    Raises:
        BookError: The model needs something that the book does not have.
    """
    net = held.net
    arrays = (held.factors, held.local, held.delta, held.gamma, net.delta, net.gamma)
    key = (
        *(held.ns_id, cuts, *model.values(), held.gross_notional, repr(held.net_to_gross)),
        *(array.tobytes() for array in arrays),
    )
    if key not in market.learnt:
        market.learnt[key] = _modelled(model, held, market, cuts)
    return market.learnt[key]


def _modelled(model: Row, held: SetExposure, market: FactorModel, cuts: int) -> Modelled:
    families = {
        "FHS_ES": _historical,
        "FHS_VAR": _historical,
        "SPAN": _span,
        "SIMM": _simm,
        "SCHEDULE": _schedule,
        "R4210": _r4210,
        "FLAT": _flat,
    }
    surrogates, note = (
        families[model["family"]](model, held, market, cuts) if len(held.factors) else ([], "")
    )
    is_static = model["family"] in STATIC or model["reprice"] == "static"
    return Modelled(
        groups=[one.planes for one in surrogates],
        decay=1.0 if is_static else model["lambda"],
        trigger=model["trigger"] if model["reprice"] == "on_trigger" else 0.0,
        tool=TOOLS[model["apc"]],
        share=share_of(model, market.clearing),
        surrogate=surrogates,
        note=note,
    )


def anchored(model: Row, made: Modelled, held: SetExposure, market: FactorModel) -> list[Planes]:
    """The groups that a tool against procyclicality asks beside: stressed, or long-run."""
    if made.tool not in (APC_STRESS, APC_FLOOR):
        return []
    level = market.stressed if made.tool == APC_STRESS else market.long_run
    today = market.sigma[held.factors]
    ratio = np.divide(level[held.factors], today, out=np.ones_like(today), where=today > 0.0)
    if model["family"] in STATIC:
        ratio = np.ones_like(ratio)
    if made.tool == APC_FLOOR and model["apc_param"] is not None:
        ratio = ratio * model["apc_param"]
    return [Planes(group.w * ratio, group.w2 * ratio**2) for group in made.groups]


def margin_today(groups: list[Planes], exposure: Exposure) -> float:
    """Sum over groups of the largest cut, today."""
    return float(
        sum((g.w * exposure.delta + g.w2 * exposure.gamma).sum(axis=1).max() for g in groups)
    )


def _exact(planes: Planes) -> Surrogate:
    return Surrogate(planes, _EXACT, _EXACT)


_Made = tuple[list[Surrogate], str]


def is_historical(model: Row, market: FactorModel) -> bool:
    """Whether the model asks a history, and there is one."""
    return model["family"] in ("FHS_ES", "FHS_VAR") and bool(len(market.returns))


def _historical(model: Row, held: SetExposure, market: FactorModel, cuts: int) -> _Made:
    if not len(market.returns):
        return _normal(model, held, market, cuts)
    made = historical_model(model, held, market)
    return [trained(made, held.net, _classes(held, market), cuts=cuts)], ""


def historical_model(model: Row, held: SetExposure, market: FactorModel) -> Model:
    """The model itself, over all scenarios of its history.

    Raises:
        BookError: A factor of the set lacks returns.
    """
    returns = market.returns[-model["lookback_days"] :, held.factors]
    lacking = np.isnan(returns).any(axis=0)
    days = model["mpor_days"]
    if lacking.any() or len(returns) <= days:
        factor = market.names[held.factors[int(lacking.argmax())]]
        raise BookError(
            [
                f"set {held.ns_id!r}: its model {model['im_model_id']!r} is historical, and "
                f"{factor!r} has not a return on each of more than {days} days"
            ]
        )
    sigma = market.sigma[held.factors]
    daily = _standard(returns, sigma, model["lambda"])
    residuals = historical.over_days(daily, days)
    if model["family"] == "FHS_VAR":
        tail = historical.value_at_risk_tail(residuals, sigma, held.net, model["alpha"])
    else:
        tail = historical.tail_of(model["alpha"], len(residuals))
    return historical.shortfall_model(residuals, sigma, held.net, tail)


def _standard(returns: FloatArray, sigma: FloatArray, decay: float) -> FloatArray:
    """Residuals of the model's own filter; a model without one takes returns over sigma today."""
    if decay < 1.0:
        return historical.filtered(returns, decay).residuals
    return np.divide(returns, sigma, out=np.zeros_like(returns), where=sigma > 0.0)


def _normal(model: Row, held: SetExposure, market: FactorModel, cuts: int) -> _Made:
    sigma = market.sigma[held.factors]
    weights = normed.normal_weights(sigma, model["alpha"], model["mpor_days"])
    linear = _norm(weights, held, market, cuts, is_static=False)
    convex = [_exact(normed.short_convexity(weights, held.net))] if held.net.gamma.any() else []
    return [linear, *convex], "normal shortfall: the book has no history"


def _norm(
    weights: FloatArray, held: SetExposure, market: FactorModel, cuts: int, *, is_static: bool
) -> Surrogate:
    correlation = market.correlation[np.ix_(held.factors, held.factors)]
    made = normed.norm_model(weights, correlation, held.net)
    classes = _classes(held, market)
    return trained(made, held.net, classes, cuts=cuts, is_static=is_static)


def _simm(model: Row, held: SetExposure, market: FactorModel, cuts: int) -> _Made:
    del model
    rules = market.rules["simm_like"]
    sigma = market.sigma_bar[held.factors]
    weights = normed.normal_weights(sigma, rules["alpha"], rules["mpor_days"])
    is_vega = np.array([market.classes[f] == "VOL" for f in held.factors])
    made = [
        _norm(np.where(part, weights, 0.0), held, market, cuts, is_static=True)
        for part in (~is_vega, is_vega)
        if part.any()
    ]
    if held.net.gamma.any():
        made.append(_exact(normed.short_convexity(weights, held.net)))
    return made, "stand-in on factor exposures; `margin im` has the rule itself"


def _span(model: Row, held: SetExposure, market: FactorModel, cuts: int) -> _Made:
    del cuts
    place = {int(factor): number for number, factor in enumerate(held.factors)}
    ranges = np.array(
        [
            scanned.scan_range(market.sigma[f], model["alpha"], model["mpor_days"])
            for f in held.factors
        ]
    )
    scans = scanned.scans(market.clearing.scan)
    groups: list[scanned.Scanned] = []
    used: set[int | None] = set()
    for number, factor in enumerate(held.factors):
        volatility = place.get(int(market.volatility_of[factor]))
        if market.classes[factor] != "VOL":
            planes = scanned.scan_planes(scans, (number, volatility), ranges)
            groups.append(scanned.Scanned(planes, number))
            used |= {number, volatility}
    # A volatility whose price the set does not hold is a commodity by itself.
    groups += [
        scanned.Scanned(scanned.scan_planes(scans, (number, None), ranges), number)
        for number in sorted(set(range(len(held.factors))) - used)
    ]
    made = [_exact(group.planes) for group in groups]
    if model["rate"]:
        made.append(_exact(scanned.credit_plane(groups, held.net, model["rate"])))
    return made, ""


def _r4210(model: Row, held: SetExposure, market: FactorModel, cuts: int) -> _Made:
    del cuts
    moves = market.rules["r4210_move"]
    groups = []
    for number, factor in enumerate(held.factors):
        move = model["rate"] or moves[market.classes[factor]]
        planes = scanned.point_planes(len(held.factors), number, move, market.points_a_side)
        groups.append(_exact(planes))
    return groups, ""


def _schedule(model: Row, held: SetExposure, market: FactorModel, cuts: int) -> _Made:
    del cuts
    rules = market.rules["schedule"]
    if np.isnan(held.net_to_gross) or held.gross_notional <= 0.0:
        raise BookError(
            [f"set {held.ns_id!r}: margin by schedule needs its positions, with notional and value"]
        )
    rate = rules["rate"] if model["rate"] is None else model["rate"]
    part = rules["fixed_part"] + rules["netted_part"] * held.net_to_gross
    gross = float(np.abs(held.net.delta).sum())
    if gross == 0.0:
        raise BookError([f"set {held.ns_id!r}: margin by schedule, and no exposure to carry it"])
    charged = rate * held.gross_notional * part
    return [_exact(scanned.gross_plane(held.net, charged / gross))], ""


def _flat(model: Row, held: SetExposure, market: FactorModel, cuts: int) -> _Made:
    del market, cuts
    if model["rate"] is None:
        raise BookError([f"model {model['im_model_id']!r} is FLAT and has no rate"])
    return [_exact(scanned.gross_plane(held.net, model["rate"]))], ""


def _classes(held: SetExposure, market: FactorModel) -> Int64Array:
    words = sorted({market.classes[f] for f in held.factors})
    return np.array([words.index(market.classes[f]) for f in held.factors], np.int64)
