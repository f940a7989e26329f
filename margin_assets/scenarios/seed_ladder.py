"""The scripted account: 500 NVDA on borrowed money walk the whole ladder in two hours."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import polars as pl

from margin_assets.scenarios.batch import Batch, Scenario, feed_frame

ACCOUNT_ID = "NVDA-SEED"
START = datetime(2020, 3, 9, 14, 30, tzinfo=UTC)

# Minutes after START: SPY and NVDA in USD. The last three repeat the price, as a heartbeat.
_PRICES = {
    0: ("450", "400"),
    5: ("445.5", "392"),
    10: ("441", "384"),
    15: ("432", "368"),
    20: ("423", "352"),
    25: ("414", "336"),
    30: ("414", "336"),
    56: ("414", "336"),
    90: ("414", "336"),
    115: ("414", "336"),
}
_CURE_MINUTE = 95
_OPENING_DEPOSIT = Decimal(70_000)
_CURING_DEPOSIT = Decimal(60_000)


def batches() -> Iterator[Batch]:
    """One batch for each scripted minute, in order."""
    yield Batch(START, _opening())
    for minute in sorted({*_PRICES, _CURE_MINUTE} - {0}):
        at = START + timedelta(minutes=minute)
        if minute == _CURE_MINUTE:
            yield Batch(at, {"cash_movements": _deposit("CURE", _CURING_DEPOSIT, at)})
        else:
            yield Batch(at, {"prices": _marks(minute)})


def _opening() -> dict[str, pl.DataFrame]:
    today = START.date()
    rows: dict[str, list[tuple[object, ...]]] = {
        "accounts": [(ACCOUNT_ID, "reg_t", today, START)],
        "instruments": [
            ("NVDA", "equity", "NVDA", 1, True, START),
            ("SPX", "broad_index_high_cap", "SPX", 1, True, START),
            ("SPY", "etf", "SPX", 1, True, START),
        ],
        "betas": [
            ("NVDA", Decimal("1.8"), today, None, None),
            ("SPY", Decimal("1.0"), today, None, None),
        ],
        "fills": [(f"{ACCOUNT_ID}-BUY", ACCOUNT_ID, "NVDA", 500, Decimal(400), START, None)],
    }
    return {feed: feed_frame(feed, feed_rows) for feed, feed_rows in rows.items()} | {
        "cash_movements": _deposit("OPEN", _OPENING_DEPOSIT, START),
        "prices": _marks(0),
    }


def _deposit(name: str, amount: Decimal, at: datetime) -> pl.DataFrame:
    row = (f"{ACCOUNT_ID}-{name}", ACCOUNT_ID, amount, "deposit", at)
    return feed_frame("cash_movements", [row])


def _marks(minute: int) -> pl.DataFrame:
    at = START + timedelta(minutes=minute)
    marks = zip(("SPY", "NVDA"), _PRICES[minute], strict=True)
    return feed_frame("prices", [(symbol, Decimal(usd), at, "script") for symbol, usd in marks])


SCENARIO = Scenario(
    name="seed-ladder",
    title="One account down the whole ladder",
    summary=(
        "500 NVDA bought at 400 against a debit of 130,000 USD: close-only by stress at once, a "
        "warning at T+15, a call at T+25, a restriction for the overdue call at T+55, the cure "
        "by a deposit at T+95 and the release of the stress restriction at T+110 minutes."
    ),
    batches=batches,
    batch_count=len({*_PRICES, _CURE_MINUTE}),
)
