"""The firm of a sealed cycle held in memory, to check orders against: it decides nothing.

Nothing here reads a table while it answers, and nothing is written.
"""

from margin_assets.live.checking.cash_in_advance import frozen
from margin_assets.live.checking.follower import Follower, Stale
from margin_assets.live.checking.loaded import tables_of
from margin_assets.live.checking.sealed_firm import SealedFirm, UnknownAccount, sealed_firm

__all__ = [
    "Follower",
    "SealedFirm",
    "Stale",
    "UnknownAccount",
    "frozen",
    "sealed_firm",
    "tables_of",
]
