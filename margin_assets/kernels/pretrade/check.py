"""An order checked: the account's figures before and after it, and the rules that refuse it."""

from typing import NamedTuple

import numpy as np

from margin_assets.kernels.pretrade.legs import Held, Legs
from margin_assets.kernels.pretrade.reasons import Against, Reason, reasons
from margin_assets.kernels.pretrade.scene import Scene, narrowed
from margin_assets.kernels.pretrade.sides import Side, sides, sma_entry, tried


class Check(NamedTuple):
    """The answer to an order of one account."""

    before: Side
    after: Side
    only_reduces: bool
    """Whether no leg opens a position, makes one larger or turns it round."""
    sma_entry: int | None
    """What the order adds to the SMA (positive) or takes."""
    reasons: tuple[Reason, ...]


def check(scene: Scene, held: Held, legs: Legs, against: Against) -> Check:
    """An order of one account: what it comes to at the marks, dealt at the prices of its legs."""
    scene, held, legs = narrowed(scene, held, legs)
    both = tried(scene, held, legs)
    entry = sma_entry(scene, both)
    balances = np.array([against.balance, against.balance + (entry or 0)], dtype=np.int64)
    found = sides(scene, both, (balances, against.owed))
    refused = tuple(reasons(scene, both, found, against, entry))
    return Check(*found, both.only_reduces, entry, refused)
