"""Revisions without an id: what equals any earlier row is a duplicate (semantics 8.18)."""

from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from tests.support.live_driver import Firm, Row, at, opening, price


def revised(figure: str) -> dict[str, list[Row]]:
    """One row of each feed that says the figure of the same moment."""
    of_day = {"symbol": "X", "as_of_date": "2020-03-09"}
    rate = {"name": "risk_free", "rate_annual": Decimal(f"0.0{figure}")}
    return {
        "prices": [price("X", figure, at(1))],
        "betas": [of_day | {"beta": Decimal(figure)}],
        "volatilities": [of_day | {"volatility_annual": Decimal(figure), "kind": "historical_30d"}],
        "rates": [rate | {"event_time": price("X", "1", at(1))["event_time"]}],
    }


@pytest.mark.parametrize("restarts", [False, True], ids=["one session", "restarted"])
def test_going_back_to_an_earlier_figure_takes_a_new_time(tmp_path: Path, restarts: bool):
    firm = Firm(tmp_path)
    firm.run(**opening("A"))
    for note, figure in enumerate(("5", "6", "5")):
        if restarts:
            firm.restart()
        # Another file each time: one of the same bytes would not be read at all.
        rows = revised(figure)
        firm.run(**{feed: [one | {"note": note} for one in rows[feed]] for feed in rows})

    for feed in revised("5"):
        assert firm.table(feed).filter(pl.col("cycle") > 1).height == 2, feed
    last = firm.table("landed_files").filter(cycle=4)
    assert last.select("rows_duplicate", "rows_accepted").rows() == [(1, 0)] * 4
