"""Five sample accounts of five tempers at one instant, for reading figures off by hand.

The published facts are totals: the betas of twelve symbols and, per account, market value,
beta-weighted exposure, the weights above 30% and, for HEDGED, long and short value. The split
into positions is our reconstruction: round quantities at one round price per symbol that meet
every total exactly. META belongs to the twelve but no account's totals need it. The deposits
are ours too, and leave each account in good order.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal

from margin_assets.scenarios.batch import Batch, Scenario, feed_frame

AT = datetime(2020, 3, 9, 14, 30, tzinfo=UTC)

# Symbol: price in USD, beta on SPY.
_MARKET = {
    "AAPL": ("175", "1.2"),
    "AMZN": ("155", "1.3"),
    "GOOGL": ("140", "1.15"),
    "JNJ": ("160", "0.7"),
    "JPM": ("150", "1.0"),
    "KO": ("60", "0.6"),
    "META": ("350", "1.25"),
    "MSFT": ("380", "1.1"),
    "NVDA": ("400", "1.8"),
    "PG": ("145", "0.6"),
    "SPY": ("450", "1.0"),
    "TSLA": ("200", "2.0"),
}

# Account: opening deposit in USD, then signed quantities.
_BOOKS: Mapping[str, tuple[int, Mapping[str, int]]] = {
    "CONSERVATIVE": (104_000, {"JNJ": 200, "PG": 200, "KO": 300, "JPM": 100}),
    "MODERATE": (91_500, {"MSFT": 100, "AAPL": 200, "SPY": 50, "JNJ": 100}),
    "AGGRESSIVE": (101_000, {"NVDA": 200, "TSLA": 300, "AMZN": 200}),
    "HEDGED": (120_000, {"AAPL": 500, "GOOGL": 300, "MSFT": -200, "AMZN": -100}),
    "CONCENTRATED": (120_000, {"NVDA": 500}),
}


def batches() -> Iterator[Batch]:
    """The one batch: accounts, deposits, fills and prices, all at `AT`."""
    rows = {
        "accounts": ((account, "reg_t", AT.date(), AT) for account in _BOOKS),
        "instruments": _instruments(),
        "betas": (
            (symbol, Decimal(beta), AT.date(), None, None) for symbol, (_, beta) in _MARKET.items()
        ),
        "cash_movements": (
            (f"{account}-OPEN", account, Decimal(usd), "deposit", AT)
            for account, (usd, _) in _BOOKS.items()
        ),
        "fills": _fills(),
        "prices": ((symbol, Decimal(usd), AT, "sample") for symbol, (usd, _) in _MARKET.items()),
    }
    yield Batch(AT, {feed: feed_frame(feed, feed_rows) for feed, feed_rows in rows.items()})


def _instruments() -> Iterator[tuple[object, ...]]:
    for symbol in _MARKET:
        if symbol == "SPY":
            yield (symbol, "etf", "SPX", 1, True, AT)
        else:
            yield (symbol, "equity", symbol, 1, True, AT)
    yield ("SPX", "broad_index_high_cap", "SPX", 1, True, AT)


def _fills() -> Iterator[tuple[object, ...]]:
    for account, (_, positions) in _BOOKS.items():
        for symbol, quantity in positions.items():
            price = Decimal(_MARKET[symbol][0])
            yield (f"{account}-{symbol}", account, symbol, quantity, price, AT, None)


SCENARIO = Scenario(
    name="sample-accounts",
    title="Five sample accounts at one instant",
    summary=(
        "CONSERVATIVE, MODERATE, AGGRESSIVE, HEDGED and CONCENTRATED, all in good order: the "
        "figures of a long/short book and of a single name beside those of spread ones."
    ),
    batches=batches,
    batch_count=1,
)
