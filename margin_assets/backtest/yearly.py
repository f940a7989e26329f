"""A year of a history under a policy, kept in a lake, and what is told of it there."""

from typing import Any

from margin_assets.backtest.asking import Asked, one_year
from margin_assets.backtest.checkpoints import Checkpoints
from margin_assets.backtest.policy import Policy
from margin_assets.backtest.results.difference import days_unlike
from margin_assets.backtest.results.storing import store_tables, tables_of
from margin_assets.lake.store.store import Lake


def year_kept(lake: Lake, asked: Asked, policy: Policy) -> tuple[dict[str, Any], list[str]]:
    """Runs the last year of what is asked, once; facts of it, and the tables that got new rows.

    The facts: the run, the session it was walked from, and by runs that the lake holds of the
    same names and range the first session that differs and how many before it are the same.

    Raises:
        BacktestError: As `one_year`.
    """
    ran = one_year(asked, policy, Checkpoints.beside(lake))
    tables = tables_of(ran)
    written, unlike = store_tables(lake, tables), days_unlike(lake, tables)
    facts = {
        "run_id": ran.run_id,
        "walked_from": str(ran.walked_from or "none"),
        "first_unlike": {run: str(day) for run, (day, _) in unlike.items()},
        "untouched": {run: same for run, (_, same) in unlike.items()},
    }
    return facts, written
