"""Whose need it is: by manager and factor, and by what managers add to each other."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from margin_assets.avalanche.answers.case import Case, by_venue, run, traced
from margin_assets.avalanche.answers.documents import Document
from margin_assets.avalanche.answers.standing import stood_book
from margin_assets.avalanche.book.building import Built
from margin_assets.kernels.avalanche.answers.attribution import (
    Attribution,
    Attributor,
    blocks,
    tail,
)
from margin_assets.kernels.avalanche.answers.scaling import scaled
from margin_assets.kernels.avalanche.answers.shapley import (
    Pair,
    Shares,
    Value,
    pairs,
    shapley,
)
from margin_assets.kernels.avalanche.paths.philox import SHAPLEY, uniforms
from margin_assets.kernels.avalanche.results import Results
from margin_assets.kernels.numeric.arrays import FloatArray, Int64Array

_BLOCK = 16  # paths that are traced at once
_LEVEL = 0.99


class Effort(NamedTuple):
    """How much is re-run to share out what is no sum."""

    players: int = 8
    """Managers looked at one by one, those with the largest shares; the others act as one."""
    permutations: int = 12
    paths: int = 32
    """Tail paths that a coalition is run on, spread evenly over the tail."""


def attribution(case: Case, arm: str, results: Results) -> Attribution:
    """Need of the worst 1% of paths by manager and factor; the parts add up to it."""
    attributor = Attributor(case.platform, case.holdings)
    for places in blocks(tail(results.peak_need, _LEVEL), _BLOCK):
        attributor.add(traced(case, arm, results.path[places]))
    return attributor.result()


def attribution_document(case: Case, found: Attribution) -> Document:
    """The matrix and its sums, managers and factors by their names."""
    names = case.holdings.names
    manager, factor = found.by_manager, found.by_factor
    return {
        "paths": found.paths,
        "need": found.need,
        "residual": found.residual,
        "residual_share": abs(found.residual) / found.need if found.need > 0.0 else 0.0,
        "managers": list(names.managers),
        "factors": list(names.factors),
        "by_manager": manager.tolist(),
        "by_factor": factor.tolist(),
        "variation_margin": float(found.vm.sum()),
        "initial_margin": float(found.im.sum()),
        "addons": float(found.addon.sum()),
        "matrix": (found.vm + found.im + found.addon).tolist(),
        "by_venue": _named(names.venues, by_venue(case, found.by_set)),
        "by_class": _named(*_classes(case, factor)),
    }


def _named(names: Sequence[str], values: FloatArray) -> list[Document]:
    """The largest first; of equals in the order of the book."""
    order = np.argsort(-values, kind="stable")
    return [{"name": names[place], "need": float(values[place])} for place in order]


def _classes(case: Case, by_factor: FloatArray) -> tuple[list[str], FloatArray]:
    classes = sorted(set(case.holdings.names.classes))
    held = np.array(case.holdings.names.classes)
    return classes, np.array([by_factor[held == name].sum() for name in classes])


class Players(NamedTuple):
    """Managers one by one, the rest as one; each entry the managers of one player."""

    names: list[str]
    members: list[Int64Array]


def players_of(case: Case, found: Attribution, most: int) -> Players:
    """The managers with the largest shares of need, and all others together."""
    order = np.argsort(-np.abs(found.by_manager), kind="stable")
    names = case.holdings.names.managers
    single, rest = order[:most], np.sort(order[most:])
    members = [np.array([manager]) for manager in single]
    told = [names[manager] for manager in single]
    if len(rest):
        return Players([*told, f"{len(rest)} others"], [*members, rest])
    return Players(told, members)


def game(case: Case, arm: str, players: Players, paths: Int64Array) -> Value:
    """Mean need on some paths with the players' books scaled."""

    def need(scales: FloatArray) -> float:
        by_manager = np.zeros(len(case.holdings.names.managers))
        for members, scale in zip(players.members, scales, strict=True):
            by_manager[members] = scale
        platform = scaled(case.platform, case.holdings, by_manager)
        return float(run(case._replace(platform=platform), arm, paths).peak_need.mean())

    return need


def shared_out(
    case: Case, arm: str, results: Results, found: Attribution, effort: Effort
) -> Document:
    """Shapley's shares of the need, sales and impact in it, and the pairs worse together."""
    players = players_of(case, found, effort.players)
    worst = tail(results.peak_need, _LEVEL)
    spread = np.linspace(0, len(worst) - 1, min(effort.paths, len(worst))).round().astype(np.int64)
    need = game(case, arm, players, results.path[worst[spread]])
    count = len(players.names)
    drawn = uniforms(case.settings.seed, SHAPLEY, 0, effort.permutations * count)
    shares = shapley(need, drawn.reshape(effort.permutations, count))
    together = pairs(need, count, np.arange(count))
    return {
        "players": players.names,
        "paths": len(spread),
        "shapley": _shares_document(players, shares),
        "total": shares.total,
        "none": shares.none,
        "pairs": [_pair_document(players, pair) for pair in together],
    }


def _shares_document(players: Players, shares: Shares) -> list[Document]:
    rows = zip(players.names, shares.amount.tolist(), shares.error.tolist(), strict=True)
    return [{"name": name, "need": amount, "error": error} for name, amount, error in rows]


def _pair_document(players: Players, pair: Pair) -> Document:
    return {
        "first": players.names[pair.first],
        "second": players.names[pair.second],
        "together": pair.joint,
        "alone": pair.alone,
        "excess": pair.excess,
    }


def attributed_book(held: Built, case: Case, arm: str, *, shared: bool) -> Document:
    """Whose need it is, with what is shared out by re-runs where asked.

    Raises:
        BookError: The arm sells what nobody knows the turnover of.
    """
    if arm != "A":
        held.require_depth()
    results = run(case, arm)
    found = attribution(case, arm, results)
    told: Document = {"scenario": case.scenario_name, "arm": arm}
    told |= attribution_document(case, found) | stood_book(held, case, found)
    if shared:
        told["shared"] = shared_out(case, arm, results, found, Effort())
    return told
