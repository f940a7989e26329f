from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from desk import DAYS
from hypothesis import given, settings
from hypothesis import strategies as st

from margin_assets.kernels.day_trades import day_trade_rules, day_trades, pattern_day_traders

NEW_YORK = ZoneInfo("America/New_York")
RULES = day_trade_rules(date(2026, 5, 1))
MONDAY = datetime(2025, 3, 3, 9, 30, tzinfo=NEW_YORK)
WEEKS = [date(2025, 3, day) for day in (3, 4, 5, 6, 7, 10, 11, 12, 13, 14)]
Fill = tuple[str, int, float]
"""Security, units, price."""


def tape(fills: list[Fill], start: datetime = MONDAY, account: str = "A") -> pl.DataFrame:
    """Fills a minute apart."""
    return pl.DataFrame(
        {
            "fill_id": [f"{start:%d}-{n:03}" for n in range(len(fills))],
            "account_id": [account] * len(fills),
            "symbol": [fill[0] for fill in fills],
            "quantity": [Decimal(fill[1]) for fill in fills],
            "price": [Decimal(str(fill[2])) for fill in fills],
            "event_time": [start + timedelta(minutes=n) for n in range(len(fills))],
        },
        schema={
            "fill_id": pl.String,
            "account_id": pl.String,
            "symbol": pl.String,
            "quantity": pl.Decimal(38, 6),
            "price": pl.Decimal(38, 6),
            "event_time": pl.Datetime("us", "UTC"),
        },
    )


def held(units: int = 0, account: str = "A") -> pl.DataFrame:
    return pl.DataFrame(
        {"account_id": [account], "symbol": ["X"], "quantity": [Decimal(units)]},
        schema_overrides={"quantity": pl.Decimal(38, 6)},
    )


def counted(quantities: list[int], before: int = 0) -> tuple[int, int]:
    """Day trades and trades of one security on one day."""
    fills = tape([("X", quantity, 10) for quantity in quantities])
    row = day_trades(fills, held(before), DAYS).row(0, named=True)
    return row["day_trades"], row["trades"]


@pytest.mark.parametrize(
    ("quantities", "found"),
    [
        pytest.param([250, 250, -500], (1, 2), id="RN 21-13 A: two buys, one sale"),
        pytest.param([100, -100, 100, -100], (2, 4), id="RN 21-13 B: there and back twice"),
        pytest.param([500, -100, -100, -300], (1, 2), id="RN 21-13 C: one buy, three sales"),
        pytest.param([250, 300, 100, -150, -175], (1, 2), id="RN 21-13 D: sold in part"),
        pytest.param([199, 142, -1, 45, -100, -200], (2, 4), id="RN 21-13 E: bought again between"),
        pytest.param([100], (0, 1), id="a purchase held"),
        pytest.param([-100, 100], (1, 2), id="short, then covered"),
        pytest.param([-100, 200, -100], (2, 3), id="short, round to long, and sold"),
    ],
)
def test_day_trades_from_flat(quantities: list[int], found: tuple[int, int]):
    assert counted(quantities) == found


@pytest.mark.parametrize(
    ("before", "quantities", "found"),
    [
        pytest.param(100, [-100], (0, 1), id="held overnight and sold"),
        pytest.param(100, [-100, 100], (0, 2), id="sold and bought back, held"),
        pytest.param(100, [-100, 100, -100], (1, 3), id="and sold again"),
        pytest.param(100, [100, -100], (1, 2), id="a sale after a new purchase"),
        pytest.param(100, [100, -200], (1, 2), id="today's first, then last night's"),
        pytest.param(100, [100, -100, -100], (1, 2), id="last night's in a sale of its own"),
        pytest.param(-100, [100], (0, 1), id="short overnight and covered"),
        pytest.param(-100, [-50, 150], (1, 2), id="covered after a new short sale"),
        pytest.param(100, [-200, 100], (1, 2), id="sold round to short, and covered"),
    ],
)
def test_day_trades_with_a_position_held_overnight(
    before: int, quantities: list[int], found: tuple[int, int]
):
    assert counted(quantities, before) == found


def test_each_security_counts_by_itself():
    fills = tape([("X", 200, 10), ("Y", 100, 10), ("X", -100, 10), ("Y", -100, 10)])

    row = day_trades(fills, held(), DAYS).row(0, named=True)
    assert (row["day_trades"], row["trades"]) == (2, 4)


def test_night_ends_the_day():
    fills = pl.concat(
        [tape([("X", 100, 10)]), tape([("X", -100, 10)], start=MONDAY + timedelta(days=1))]
    )

    found = day_trades(fills, held(), DAYS)
    assert found["business_date"].to_list() == [date(2025, 3, 3), date(2025, 3, 4)]
    assert found["day_trades"].to_list() == [0, 0]


@pytest.mark.parametrize(
    ("fills", "before", "commitment"),
    [
        pytest.param([("X", 100, 10)], 0, 1_000, id="cost of what is open"),
        pytest.param([("X", 100, 10), ("X", -100, 12), ("X", 90, 11)], 0, 1_000, id="the largest"),
        pytest.param([("X", 100, 10), ("Y", 100, 20)], 0, 3_000, id="over all securities"),
        pytest.param(
            [("X", 100, 10), ("X", 100, 20), ("X", -150, 30), ("Y", 300, 10)],
            0,
            4_000,
            id="first opened, first closed: 50 at 20 are left",
        ),
        pytest.param([("X", -100, 10)], 0, 1_000, id="a short sale too"),
        pytest.param([("X", -100, 10)], 100, 0, id="a sale of what was held is none"),
        pytest.param([("X", 1, 0.005)], 0, 0.01, id="rounded as fills are"),
    ],
)
def test_commitment(fills: list[Fill], before: int, commitment: float):
    found = day_trades(tape(fills), held(before), DAYS)

    assert float(found["commitment"].item()) == commitment


def test_commitment_is_of_one_day_and_one_account():
    fills = [
        tape([("X", 100, 10)]),
        tape([("X", 50, 10)], start=MONDAY + timedelta(days=1)),
        tape([("X", 20, 10)], start=MONDAY + timedelta(days=1), account="B"),
    ]

    found = day_trades(pl.concat(fills), held(), DAYS)
    assert found["commitment"].to_list() == [1_000, 500, 200]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(1, 9)), min_size=1, max_size=12))
def test_long_only_day_trades_are_half_the_runs(made: list[tuple[bool, int]]):
    quantities, position, runs = [], 0, []
    for is_sale, size in made:
        quantity = -min(size, position) if is_sale else size
        if quantity:
            position += quantity
            quantities.append(quantity)
            runs = runs if runs[-1:] == [quantity > 0] else [*runs, quantity > 0]
    if quantities:
        assert counted(quantities) == (len(runs) // 2, len(runs))
        assert counted([-quantity for quantity in quantities]) == (len(runs) // 2, len(runs))
        assert counted([q for q in quantities for _ in range(2)]) == (len(runs) // 2, len(runs))


def test_missing_quantity_is_refused():
    fills = tape([("X", 1, 10)]).with_columns(quantity=pl.lit(None, pl.Decimal(38, 6)))

    with pytest.raises(ValueError, match="missing values in quantity"):
        day_trades(fills, held(), DAYS)


def activity(counts: dict[int, tuple[int, int]], commitment: float = 0) -> pl.DataFrame:
    """Day trades and trades by day of `WEEKS`."""
    return pl.DataFrame(
        {
            "account_id": ["A"] * len(counts),
            "business_date": [WEEKS[n] for n in counts],
            "day_trades": [found[0] for found in counts.values()],
            "trades": [found[1] for found in counts.values()],
            "commitment": [Decimal(str(commitment))] * len(counts),
        },
        schema={
            "account_id": pl.String,
            "business_date": pl.Date,
            "day_trades": pl.Int64,
            "trades": pl.Int64,
            "commitment": pl.Decimal(38, 2),
        },
    )


def accounts(
    equity: float = 30_000,
    maintenance: float = 10_000,
    switch: date | None = None,
    since: date | None = None,
) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "account_id": ["A"] * len(WEEKS),
            "business_date": WEEKS,
            "equity": [Decimal(str(equity))] * len(WEEKS),
            "maintenance_requirement": [Decimal(str(maintenance))] * len(WEEKS),
            "intraday_margin_from": pl.Series([switch] * len(WEEKS), dtype=pl.Date),
            "pattern_since": pl.Series([since] * len(WEEKS), dtype=pl.Date),
        },
        schema_overrides=dict.fromkeys(("equity", "maintenance_requirement"), pl.Decimal(38, 2)),
    )


def standing(counts: dict[int, tuple[int, int]], **more: object) -> list[dict[str, object]]:
    commitment = more.pop("commitment", 0)
    rows = pattern_day_traders(activity(counts, commitment), accounts(**more), DAYS, RULES)
    return rows.rows(named=True)


@pytest.mark.parametrize(
    ("counts", "since"),
    [
        pytest.param({0: (3, 6)}, None, id="three are not four"),
        pytest.param({0: (4, 8)}, 0, id="four on a day"),
        pytest.param({0: (1, 2), 1: (1, 2), 2: (1, 2), 4: (1, 2)}, 4, id="four in five days"),
        pytest.param(
            {0: (1, 2), 1: (1, 2), 2: (1, 2), 5: (1, 2)}, None, id="the sixth is too late"
        ),
        pytest.param({1: (3, 6), 5: (1, 2)}, 5, id="over a weekend"),
        pytest.param({0: (6, 100)}, None, id="6% of the trades are not more than 6%"),
        pytest.param({0: (6, 99)}, 0, id="a trade fewer"),
    ],
)
def test_pattern_day_trader(counts: dict[int, tuple[int, int]], since: int | None):
    rows = standing(counts)

    flags = [row["is_pattern_day_trader"] for row in rows]
    assert flags == [since is not None and n >= since for n in range(len(WEEKS))]
    assert rows[-1]["pattern_since"] == (None if since is None else WEEKS[since])


def test_designation_from_before_stays():
    assert all(row["is_pattern_day_trader"] for row in standing({}, since=date(2020, 1, 1)))


@pytest.mark.parametrize(
    ("equity", "shortfall", "power", "commitment", "call"),
    [
        pytest.param(30_000, 0, 80_000, 80_000, 0, id="four times the excess, used whole"),
        pytest.param(30_000, 0, 80_000, 80_000.01, 0.01, id="a cent more is called"),
        pytest.param(25_000, 0, 60_000, 100_000, 10_000, id="a quarter of what is beyond it"),
        pytest.param(24_999.99, 0.01, 59_999.96, 0, 0, id="a cent below the minimum"),
        pytest.param(9_000, 16_000, 0, 4_000, 1_000, id="below maintenance there is none"),
    ],
)
def test_what_is_asked_of_a_pattern_day_trader(
    equity: float, shortfall: float, power: float, commitment: float, call: float
):
    row = standing({1: (1, 2)}, since=WEEKS[0], equity=equity, commitment=commitment)[1]

    names = ("minimum_equity_shortfall", "buying_power", "special_call")
    assert [float(row[name]) for name in names] == [shortfall, power, call]
    assert row["special_call_due"] == (date(2025, 3, 11) if call else None)


def test_nothing_is_asked_on_the_day_of_the_designation():
    first, second, *_ = standing({0: (4, 8)})

    assert (first["buying_power"], first["is_determinate"]) == (None, True)
    assert second["buying_power"] == 80_000


def test_unknown_close_before_is_no_figure():
    row = standing({}, since=date(2020, 1, 1))[0]

    assert (row["buying_power"], row["special_call"], row["is_determinate"]) == (None, None, False)


def test_gap_in_the_rows_is_an_unknown_close():
    rows = accounts(since=date(2020, 1, 1)).filter(pl.col("business_date") != WEEKS[1])
    found = pattern_day_traders(activity({}), rows, DAYS, RULES)

    assert found["is_determinate"].to_list() == [False, False, *[True] * 7]


@pytest.mark.parametrize(
    ("chosen", "last"),
    [
        pytest.param(None, date(2026, 6, 3), id="until the rule takes effect"),
        pytest.param(date(2026, 6, 9), date(2026, 6, 8), id="until its own switch"),
    ],
)
def test_legacy_regime_ends(chosen: date | None, last: date):
    june = [date(2026, 6, day) for day in (1, 2, 3, 4, 5, 8, 9, 10, 11, 12)]
    rows = accounts(switch=chosen).with_columns(business_date=pl.Series(june))

    found = pattern_day_traders(activity({}), rows, DAYS, RULES)
    assert found["business_date"].to_list() == [day for day in june if day <= last]


def test_activity_without_a_row_is_refused():
    with pytest.raises(ValueError, match="no row for"):
        pattern_day_traders(activity({1: (1, 2)}), accounts().head(1), DAYS, RULES)


def test_numbers_during_the_phase_in_are_the_last_ones():
    assert day_trade_rules(date(2026, 9, 1)) == RULES == (4, 5, 60_000, 2_500_000, 4, 5)
