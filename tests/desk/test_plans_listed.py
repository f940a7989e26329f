from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from margin_assets.desk.plans import Choice, plans

NOW = datetime(2020, 3, 9, 20, 0, tzinfo=UTC)
LATER, BEFORE = NOW + timedelta(hours=4), NOW - timedelta(hours=20)
ROWS = pl.DataFrame(
    [
        ("live", "approved", True, LATER),
        ("out", "recalled", False, LATER),
        ("yesterday", "recalled", False, BEFORE),
        ("filled", "filled", False, LATER),
    ],
    schema=["plan_id", "state", "is_live", "ends_at"],
    orient="row",
).with_columns(version=1, account_id=pl.lit("A"), proposed_at=NOW)


@pytest.mark.parametrize(
    ("choice", "found"),
    [
        (Choice(), {"live"}),
        (Choice(at=NOW), {"live", "out"}),
        (Choice(ended_too=True), {"live", "out", "yesterday", "filled"}),
    ],
)
def test_recalled_plans_are_listed_while_their_orders_may_be_out(
    choice: Choice, found: set[str]
) -> None:
    assert set(plans(lambda _table: ROWS.lazy(), choice)["plan_id"]) == found
