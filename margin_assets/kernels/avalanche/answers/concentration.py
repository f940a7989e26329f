"""Shares of margin by manager, asset class, venue and counterparty, against their limits."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from margin_assets.kernels.numeric.arrays import FloatArray


class Shared(NamedTuple):
    """Margin of each member of one dimension, USD; a component may be negative."""

    dimension: str
    names: Sequence[str]
    baseline: FloatArray
    stressed: FloatArray


class Member(NamedTuple):
    """One member's shares of the fund's totals of the same measure."""

    name: str
    baseline: float
    """USD."""
    stressed: float
    baseline_share: float
    stressed_share: float
    distance: float
    """Limit less the larger share: negative beyond the limit."""
    is_breach: bool


class Concentration(NamedTuple):
    """One dimension: its members by stressed share, the largest first, and how uneven they are."""

    dimension: str
    limit: float
    members: tuple[Member, ...]
    baseline_index: float
    """Herfindahl and Hirschman's: sum of squared shares; 1 over the number where all are even."""
    stressed_index: float


def concentration(shared: Shared, limit: float) -> Concentration:
    """Shares of baseline and stressed margin side by side, each of its own fund total.

    A dimension whose total is 0 or less has shares of 0: nothing is concentrated in no margin.
    """
    base, stressed = _shares(shared.baseline), _shares(shared.stressed)
    order = sorted(range(len(shared.names)), key=lambda i: (-stressed[i], shared.names[i]))
    members = tuple(
        Member(
            shared.names[i],
            float(shared.baseline[i]),
            float(shared.stressed[i]),
            float(base[i]),
            float(stressed[i]),
            float(limit - max(base[i], stressed[i])),
            bool(max(base[i], stressed[i]) > limit),
        )
        for i in order
    )
    return Concentration(
        shared.dimension, limit, members, float((base**2).sum()), float((stressed**2).sum())
    )


def index_excess(found: Concentration) -> float:
    """How far the stressed index lies from even shares towards one member, from 0 to 1."""
    count = len(found.members)
    even = 1.0 / count if count else 1.0
    if count <= 1:
        return 1.0 if count else 0.0
    return float(np.clip((found.stressed_index - even) / (1.0 - even), 0.0, 1.0))


def hidden_share(total_addon: float, sum_of_addons: float, margin: float) -> float:
    """Hidden concentration: what the add-on on the fund's whole position exceeds the sum by.

    As a share of all margin, the hidden part in it. Splitting a position over venues lowers every
    venue's add-on, not the cost of closing it. Source: Glasserman, Moallemi and Yuan, Operations
    Research 64 (2016).
    """
    hidden = max(0.0, total_addon - sum_of_addons)
    return hidden / (margin + hidden) if hidden > 0.0 else 0.0


def _shares(amounts: FloatArray) -> FloatArray:
    total = float(np.sum(amounts))
    return amounts / total if total > 0.0 else np.zeros(len(amounts))
