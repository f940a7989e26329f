"""Tools against procyclicality, as a book names them."""

from collections.abc import Mapping
from typing import Any

from margin_assets.kernels.avalanche.platform import (
    APC_BUFFER,
    APC_FLOOR,
    APC_NONE,
    APC_STRESS,
)
from margin_assets.kernels.rules.clearing_rules import ClearingRules

TOOLS = {
    "none": APC_NONE,
    "buffer25": APC_BUFFER,
    "stress25": APC_STRESS,
    "floor10y": APC_FLOOR,
}


def share_of(model: Mapping[str, Any] | None, rules: ClearingRules) -> float:
    """Buffer or weight of stress of a model's tool: its own, else what the rule asks at least."""
    if model is not None and model["apc_param"] is not None:
        return float(model["apc_param"])
    is_buffer = model is None or TOOLS[model["apc"]] == APC_BUFFER
    return rules.buffer if is_buffer else rules.stress_weight
