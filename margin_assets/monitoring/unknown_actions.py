"""Corporate actions that have acted on a symbol that nobody knows: a misspelt one changes nothing.

One may be announced before the first row of its symbol lands; from its ex date on it is named.
"""

import polars as pl

from margin_assets.calendar import sessions
from margin_assets.kernels.corporate.actions import register_of
from margin_assets.lake.ledger.cycles import Sealed
from margin_assets.lake.ledger.sealed import SealedTables
from margin_assets.lake.store.store import Lake

_TELL = (
    ("instruments", "symbol"),
    ("instruments", "underlying"),
    ("opening_balances", "symbol"),
    ("fills", "symbol"),
    ("prices", "symbol"),
)
"""Where a symbol is known from; the large tables last, read for what is left."""


def unknown_actions(lake: Lake, sealed: Sealed | None) -> pl.DataFrame:
    """Actions that stand and have acted by a seal: action_id, symbol, kind, effective_on."""
    tables = SealedTables(lake, sealed)
    rows = tables("corporate_actions")
    columns = ["action_id", "symbol", "kind", "effective_on"]
    if sealed is None or sealed.as_of is None or rows.is_empty():
        return rows.select(columns).clear()
    register = register_of(rows, sessions().opens)
    acted = register.acted(int(sealed.as_of.timestamp() * 1e6))
    left = {action.symbol for action in acted}
    for table, column in _TELL:
        if left:
            among = pl.col(column).is_in(list(left))
            left -= {*tables(table, among, columns=(column,))[column]}
    names = [action.action_id for action in acted if action.symbol in left]
    return rows.filter(pl.col("action_id").is_in(names)).select(columns).sort("action_id")
