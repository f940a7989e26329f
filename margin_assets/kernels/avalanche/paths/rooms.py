"""Room for one block of paths: arrays of zeros in the shapes of the platform."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from margin_assets.kernels.avalanche.paths.normals import LANES
from margin_assets.kernels.avalanche.paths.plan import Plan
from margin_assets.kernels.avalanche.paths.ring import RING
from margin_assets.kernels.avalanche.paths.state import (
    FactorState,
    Liquid,
    Margin,
    Rings,
    State,
    Tally,
    Weather,
)
from margin_assets.kernels.avalanche.platform import Platform
from margin_assets.kernels.numeric.arrays import Int64Array


def new_state(platform: Platform, plan: Plan) -> State:
    """Room for one block: some megabytes, kept from block to block by one thread."""
    factors, units = len(platform.factors.sigma), len(platform.units.factor)
    sets, estimators = len(platform.sets.account), len(platform.estimators.memory)
    f, u, m = (factors,), (units,), (estimators, factors)
    by_unit = dict.fromkeys(("left", "moved", "curved", "lasted"), u)
    by_estimator = dict.fromkeys(("estimate", "ratio", "struck"), m)
    features = dict.fromkeys(("w", "w2"), (estimators + 1, units))
    on_path = dict.fromkeys(("mark", "level", "value", "best", "kept"), ())
    return State(
        _room(Weather, {"raw": ((factors + 3) // 4 * 4,), "mixed": f, **_scenario(f)}, ()),
        _room(FactorState, {**by_unit, **by_estimator, **features}, f),
        _room(Margin, {"active": (len(platform.groups.estimator),), **on_path}, (sets,)),
        _rings(platform, plan),
        _liquid(platform, plan),
        _room(Tally, {}, ()),
    )


def _rings(platform: Platform, plan: Plan) -> Rings:
    accounts, entities = len(platform.accounts.cash), len(platform.entities.nav)
    stretches, places = len(plan.patience.stretches), len(plan.posting.account)
    by_account = dict.fromkeys(("due", "back", "arrive"), (RING, accounts))
    by_entity = dict.fromkeys(("net", "credit", "proceeds", "unpaid"), (RING, entities))
    others = {
        "by_set": (RING, len(platform.sets.account)),
        "owed": (RING, stretches, entities),
        "postable": (RING, places),
    }
    rings: Rings = _room(Rings, {**by_account, **by_entity, **others}, ())
    # It has no paths.
    return rings._replace(touched=np.zeros(RING, dtype=np.int64))


def _liquid(platform: Platform, plan: Plan) -> Liquid:
    units, entities = len(platform.units.factor), len(platform.entities.nav)
    shapes = {
        **dict.fromkeys(("cash", "arrears", "need"), (len(platform.accounts.cash),)),
        **dict.fromkeys(("drawn", "drawn_today", "draws"), (len(platform.facilities.account),)),
        **dict.fromkeys(("credit", "nav", "costs", "is_behind"), (entities,)),
        **dict.fromkeys(("outlook", "scratch"), (RING,)),
        "hqla": (len(platform.collateral.account),),
        "nav_days": (plan.hours // 24 + 1, entities),
        "raises": (units,),
    }
    liquid: Liquid = _room(Liquid, shapes, ())
    # These have no paths.
    room = np.zeros((RING, len(plan.posting.account)))
    return liquid._replace(choice=np.zeros((5, units)), room=room)


def _scenario(by_factor: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    return dict.fromkeys(("shock", "volatility", "depth"), by_factor)


def _room(kind: Any, shapes: Mapping[str, tuple[int, ...]], other: tuple[int, ...]) -> Any:  # noqa: ANN401 - any record of arrays
    """A record of zeros, whole where its fields say so; fields not named have the last shape."""
    return kind(
        **{
            name: np.zeros(
                (*shapes.get(name, other), LANES),
                dtype=np.int64 if declared is Int64Array else np.float64,
            )
            for name, declared in kind.__annotations__.items()
        }
    )
