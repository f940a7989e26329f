from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from margin_assets.kernels.book.book import REG_T
from margin_assets.kernels.book.fills import history_effects
from margin_assets.kernels.day_trading.day_trades import (
    day_trade_rules,
    day_trades,
    is_legacy,
    standing_trades,
    weighed,
)
from margin_assets.kernels.day_trading.pattern_book import Closing, PatternBook
from margin_assets.kernels.day_trading.pattern_rows import pattern_frame, rows_of
from margin_assets.kernels.intraday.intraday import intraday_rules
from margin_assets.kernels.numeric.money import MICRO
from tests.support.desk import DAYS

NEW_YORK = ZoneInfo("America/New_York")
RULES = day_trade_rules(date(2026, 5, 1))
MONDAY = datetime(2025, 3, 3, 9, 30, tzinfo=NEW_YORK)
WEEKS = [date(2025, 3, day) for day in (3, 4, 5, 6, 7, 10, 11, 12, 13, 14)]
FIRST = int(np.searchsorted(DAYS.days, (WEEKS[0] - date(1970, 1, 1)).days))
LEVERAGE = {"2x": 2 * MICRO, "-3x": -3 * MICRO, "5x": 5 * MICRO}
Fill = tuple[str, int, float]
"""Security, units, price."""


def tape(fills: Sequence[Fill], start: datetime = MONDAY, account: int = 0) -> pl.DataFrame:
    """Fills a minute apart."""
    return pl.DataFrame(
        {
            "fill_id": [f"{account}-{start:%d}-{n:03}" for n in range(len(fills))],
            "account_id": [str(account)] * len(fills),
            "symbol": [fill[0] for fill in fills],
            "quantity": [Decimal(fill[1]) for fill in fills],
            "price": [Decimal(str(fill[2])) for fill in fills],
            "event_time": [start + timedelta(minutes=n) for n in range(len(fills))],
            "corrects_fill_id": pl.Series([None] * len(fills), dtype=pl.String),
        },
        schema_overrides={
            "quantity": pl.Decimal(38, 6),
            "price": pl.Decimal(38, 6),
            "event_time": pl.Datetime("us", "UTC"),
        },
    )


def correcting(place: int, quantity: int, price: float, **after: float) -> pl.DataFrame:
    """A correction of Monday's fill at a place."""
    row = tape([("X", quantity, price)], start=MONDAY + timedelta(**after))
    return row.with_columns(fill_id=pl.lit("fix"), corrects_fill_id=pl.lit(f"0-03-{place:03}"))


def standing(fills: pl.DataFrame, multiplier: int | None = 1) -> pl.DataFrame:
    effects = history_effects(fills).with_columns(account=pl.col("account_id").cast(pl.Int64))
    micro = None if multiplier is None else multiplier * MICRO
    trades = standing_trades(effects, DAYS).with_columns(
        multiplier=pl.lit(micro, pl.Int64),
        leverage=pl.col("symbol").replace_strict(LEVERAGE, default=MICRO),
    )
    return weighed(trades, DAYS)


def counts_of(fills: pl.DataFrame, before: int = 0, multiplier: int | None = 1) -> pl.DataFrame:
    """What the trades of fills come to, in an account that held so much of X on the first day."""
    trades = standing(fills, multiplier)
    path = trades.group_by("account", "day", "symbol", maintain_order=True).agg(
        pl.col("quantity").sum()
    )
    held = path.with_columns(pl.col("quantity").cum_sum().over("account", "symbol"))
    more = pl.when(pl.col("symbol") == "X").then(before * MICRO).otherwise(0)
    return day_trades(trades, held.with_columns(pl.col("quantity") + more))


def counted(quantities: list[int], before: int = 0) -> tuple[int, int]:
    """Day trades and trades of one security on one day."""
    row = counts_of(tape([("X", quantity, 10) for quantity in quantities]), before)
    return row.select("day_trades", "trades").row(0)


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

    assert counts_of(fills).select("day_trades", "trades").row(0) == (2, 4)


def test_night_ends_the_day():
    fills = pl.concat(
        [tape([("X", 100, 10)]), tape([("X", -100, 10)], start=MONDAY + timedelta(days=1))]
    )

    found = counts_of(fills)
    assert found["day"].to_list() == [FIRST, FIRST + 1]
    assert found["day_trades"].to_list() == [0, 0]


@pytest.mark.parametrize(
    ("correction", "found"),
    [
        pytest.param(correcting(1, 0, 10, hours=1), (0, 1), id="a bust takes the day trade back"),
        pytest.param(correcting(1, -5, 10, hours=1), (1, 2), id="in its original's place"),
        pytest.param(correcting(0, -100, 10, hours=1), (0, 1), id="turned round: two sales"),
        pytest.param(correcting(1, 0, 10, days=1), (1, 2), id="the next day: it was one"),
    ],
)
def test_corrections(correction: pl.DataFrame, found: tuple[int, int]):
    fills = pl.concat([tape([("X", 100, 10), ("X", -100, 10)]), correction])

    assert counts_of(fills).select("day_trades", "trades").rows() == [found]


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
    assert counts_of(tape(fills), before)["commitment"].item() == round(commitment * 100)


@pytest.mark.parametrize(
    ("units", "price", "multiplier", "cents"),
    [
        pytest.param(2, 3.5, 100, 70_000, id="a contract"),
        pytest.param(2, 3.5, None, None, id="of a size not known"),
        pytest.param(10**9, 10**7, 100, None, id="beyond all bounds"),
    ],
)
def test_commitment_by_multiplier(
    units: int, price: float, multiplier: int | None, cents: int | None
):
    found = counts_of(tape([("X", units, price)]), multiplier=multiplier)

    assert found["commitment"].item() == cents


def test_commitment_is_of_one_day_and_one_account():
    fills = [
        tape([("X", 100, 10)]),
        tape([("X", 50, 10)], start=MONDAY + timedelta(days=1)),
        tape([("X", 20, 10)], start=MONDAY + timedelta(days=1), account=1),
    ]

    found = counts_of(pl.concat(fills))
    assert found["commitment"].to_list() == [100_000, 50_000, 20_000]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(1, 9)), min_size=1, max_size=12))
def test_long_only_day_trades_are_half_the_runs(made: list[tuple[bool, int]]):
    quantities, position = [], 0
    runs: list[bool] = []
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


Counts = dict[int, tuple[int, int]]
"""Day trades and trades by day of `WEEKS`."""


def lived(
    counts: Counts,
    commitment: float | None = 0,
    equity: float | None = 30_000,
    maintenance: float = 10_000,
    paid: dict[int, float] | None = None,
) -> list[dict[str, object]]:
    """The row of each day of `WEEKS` on which there is one, just after it ended."""
    book, found, account = PatternBook(DAYS), [], np.zeros(1, dtype=np.int64)

    def closing(places: np.ndarray, _: np.ndarray) -> Closing:
        own, required = (
            np.full(len(places), round((usd or 0) * 100)) for usd in (equity, maintenance)
        )
        return Closing(own, required, np.full(len(places), equity is not None))

    for n in range(len(WEEKS)):
        if book.day != FIRST + n:
            book.begin(FIRST + n)
        if n in (paid or {}):
            book.pay(account, np.array([round(paid[n] * 100)]))
        if n in counts:
            row = {"account": 0, "day": FIRST + n, "commitment": commitment}
            row |= dict(zip(("day_trades", "trades"), counts[n], strict=True))
            cents = None if commitment is None else round(commitment * 100)
            rows = pl.DataFrame([row | {"commitment": cents}], schema_overrides=INTEGERS)
            book.trade(account, rows)
        book.end_day(lambda places: np.full(len(places), fill_value=True), closing)
        # As a session that starts again: what is kept is what the table holds.
        table = pattern_frame(book.past, DAYS, ["A"])
        found += table.filter(pl.col("business_date") == WEEKS[n]).rows(named=True)
        day, book = book.day, PatternBook(DAYS)
        book.load(rows_of(table, DAYS, lambda names: np.zeros(len(names), dtype=np.int64)), day)
    return found


INTEGERS = {"commitment": pl.Int64}
DESIGNATED = {0: (4, 8)}


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
def test_pattern_day_trader(counts: Counts, since: int | None):
    rows = lived(counts)

    found = {row["business_date"]: row["is_pattern_day_trader"] for row in rows}
    stays = [] if since is None else WEEKS[since:]
    expected = {WEEKS[n] for n in counts} | {*stays}
    assert found == {day: day in stays for day in expected}
    assert rows[-1]["pattern_since"] == (None if since is None else WEEKS[since])


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
    row = lived(DESIGNATED | {1: (1, 2)}, equity=equity, commitment=commitment)[1]

    names = ("minimum_equity_shortfall", "buying_power", "special_call")
    assert [float(row[name]) for name in names] == [shortfall, power, call]
    assert row["special_call_due"] == (date(2025, 3, 11) if call else None)


def test_nothing_is_asked_on_the_day_of_the_designation():
    first, second, *_ = lived(DESIGNATED)

    assert (first["buying_power"], first["is_determinate"]) == (None, True)
    assert (second["buying_power"], second["is_determinate"]) == (80_000, True)


@pytest.mark.parametrize(
    ("commitment", "equity", "power"),
    [
        pytest.param(0, None, None, id="equity of the day before"),
        pytest.param(None, 30_000, 80_000, id="size of a fill"),
    ],
)
def test_what_is_not_known_is_no_figure(
    commitment: float | None, equity: float | None, power: int | None
):
    row = lived(DESIGNATED | {1: (1, 2)}, commitment=commitment, equity=equity)[1]

    assert (row["buying_power"], row["special_call"]) == (power, None)
    assert (row["is_determinate"], row["special_call_status"]) == (False, None)


@pytest.mark.parametrize(
    ("paid", "restricted"),
    [
        pytest.param({}, 7, id="unmet at the end of the fifth business day"),
        pytest.param({6: 2_500}, None, id="met on the last day"),
        pytest.param({2: 1_000, 5: 1_500}, None, id="in parts"),
        pytest.param({2: 2_500, 3: -0.01}, None, id="met at the end of a day, whatever follows"),
        pytest.param({2: 3_000, 6: -500}, None, id="met is met"),
        pytest.param({1: 2_500}, 7, id="what was there that day is no deposit since"),
    ],
)
def test_special_call(paid: dict[int, float], restricted: int | None):
    rows = lived(DESIGNATED | {1: (1, 2)}, commitment=90_000, paid=paid)

    until = [row["cash_only_until"] for row in rows]
    ninety = date(2025, 6, 9)
    assert until == [ninety if restricted and n >= restricted else None for n in range(len(WEEKS))]
    assert rows[1]["special_call"] == 2_500


@pytest.mark.parametrize(
    ("chosen", "last"),
    [
        pytest.param(None, date(2026, 6, 3), id="until the rule takes effect"),
        pytest.param(date(2026, 6, 9), date(2026, 6, 8), id="until its own switch"),
        pytest.param(date(2030, 1, 1), date(2027, 10, 19), id="until the phase-in ends"),
    ],
)
def test_legacy_regime_ends(chosen: date | None, last: date):
    epoch, rules = date(1970, 1, 1), intraday_rules(date(2026, 6, 4))
    days = np.array([-1 if chosen is None else (chosen - epoch).days])
    kind, ends = np.array([REG_T], dtype=np.int8), (last - epoch).days

    assert is_legacy(kind, days, ends, rules).all()
    assert not is_legacy(kind, days, ends + 1, rules).any()
    assert not is_legacy(kind - 1, days, ends, rules).any()


def test_numbers_during_the_phase_in_are_the_last_ones():
    assert day_trade_rules(date(2026, 9, 1)) == RULES
    assert RULES == (4, 5, 60_000, 2_500_000, 4, 5, 90, 250_000, 1_000_000, 300_000)


@pytest.mark.parametrize(
    ("symbol", "quantity", "commitment"),
    [
        # By hand, of 25,000: what is needed (25% x leverage long, up to all; 30% x leverage short)
        # over the 25% that buying power is four times the excess for.
        pytest.param("X", 500, 25_000, id="plain"),
        pytest.param("X", -500, 25_000, id="plain short"),
        pytest.param("2x", 500, 50_000, id="twice"),
        pytest.param("-3x", 500, 75_000, id="inverse"),
        pytest.param("5x", 500, 100_000, id="no more than all of it"),
        pytest.param("2x", -500, 60_000, id="twice, short"),
        pytest.param("5x", -500, 150_000, id="short has no bound"),
    ],
)
def test_a_leveraged_fund_commits_what_it_needs(symbol: str, quantity: int, commitment: int):
    both = tape([(symbol, quantity, 50), (symbol, -quantity, 50)])

    assert counts_of(both)["commitment"].item() == commitment * 100


def test_leverage_counts_since_the_notices():
    before = datetime(2010, 4, 29, 9, 30, tzinfo=NEW_YORK)
    both = tape([("2x", 500, 50), ("2x", -500, 50)], start=before)
    after = tape([("2x", 500, 50), ("2x", -500, 50)], start=before + timedelta(days=1))

    found = [counts_of(fills)["commitment"].item() for fills in (both, after)]

    assert found == [25_000 * 100, 50_000 * 100]


def test_parts_of_a_leveraged_trade_add_up():
    parts = tape([("2x", 300, 50.01), ("2x", -100, 51), ("2x", 200, 50), ("2x", -400, 52)])

    # 200 of the first are left when the second comes.
    assert counts_of(parts)["commitment"].item() == 2 * (10_002_00 + 10_000_00)
