"""A portfolio document as the frames that the kernels take."""

from collections.abc import Sequence
from datetime import UTC, datetime, time
from decimal import ROUND_FLOOR, Decimal
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from margin_assets.calendar import sessions
from margin_assets.kernels.book.deciding import DECIDING
from margin_assets.kernels.book.deliverables import adjusted
from margin_assets.kernels.book.delivered_terms import is_unmodelled
from margin_assets.kernels.book.terms import (
    INSTRUMENT_COLUMNS,
    Marks,
    instrument_terms,
    marked_terms,
    with_underlyings,
)
from margin_assets.kernels.margin.margined import Margined
from margin_assets.kernels.margin.settlement import with_dividends
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.money import MAX_TOTAL, to_decimal, to_scaled
from margin_assets.kernels.options.quotes import quoted_positions
from margin_assets.kernels.rules.rules import benchmark, rules_in_force
from margin_assets.whatif.agreement import DocumentError
from margin_assets.whatif.document import Account, Bond, Document, Option, symbol_of
from schemas.columns import MAX_PRICE

SYMBOL = "symbol"
_ONE, _MICRO = Decimal(1), Decimal("0.000001")
NOON = time(12)
"""Hour of `as_of`, in UTC: one day in London and New York, and before every session's close."""
_ASSET_CLASS_OF_BOND = {
    "us_treasury": "treasury",
    "agency": "agency",
    "municipal": "municipal",
    "corporate_investment_grade": "corporate",
    "listed_non_investment_grade": "corporate",
    "other": "corporate",
}


class Holding(NamedTuple):
    """What a document holds of one symbol on one side, and the rows that say so."""

    symbol: str
    quantity: Decimal
    last_fill: Decimal | None
    rows: tuple[int, ...]
    sold_at: Decimal | None = None
    """Average price of a short sale."""


class Case(NamedTuple):
    """One document ready to be margined."""

    margined: Margined
    holdings: list[Holding]

    def sides(self, symbol: str) -> list[Holding]:
        """What is held of a symbol; of shares not held, the options that have ended in them."""
        is_over = (pl.col("underlying") == symbol) & (pl.col("expires_at") <= pl.col("as_of"))
        ended = self.margined.positions.filter(is_over)["symbol"].to_list()
        held = [holding for holding in self.holdings if holding.symbol == symbol]
        return held or [holding for holding in self.holdings if holding.symbol in ended]


def case_of(document: Document) -> Case:
    """Frames of a document. Its prices are as good as it says, at noon of `as_of`."""
    rules = rules_in_force(document.as_of)
    at = datetime.combine(document.as_of, NOON, UTC)
    micros = round(at.timestamp() * 1e6)
    holdings = _holdings(document)
    terms, account = _terms(document, holdings, at), _account(document.account, at)
    held = _held(document, holdings)
    positions, book, series = quoted_positions(held, terms, rules, micros, account)
    cash = _cash(document, positions)
    frames = positions, account.with_columns(cash=to_decimal(cash, 2))
    book = with_dividends(book._replace(cash=cash), account)
    return Case(Margined.of_arrays(frames, (book, series), rules), holdings)


def scaled(numbers: Sequence[Decimal | None], scale: int) -> pl.Series:
    """Exact decimals of `scale` places; the numbers have no more. None is null."""
    whole = [0 if n is None else int(n.scaleb(scale)) for n in numbers]
    missing = np.array([n is None for n in numbers], dtype=np.bool_)
    return to_decimal(np.array(whole, dtype=np.int64), scale, missing)


def _holdings(document: Document) -> list[Holding]:
    """Positions of the document: contracts netted, a security long and short kept apart.

    An unpriced short is carried at the dearest last fill known, and where none is known a security
    at the largest price there may be: the bound that holds.
    """
    found: dict[tuple[str, bool], list[tuple[int, Any]]] = {}
    for i, row in enumerate(document.positions):
        is_short = row.kind == "equity" and row.quantity < 0
        found.setdefault((symbol_of(i, row), is_short), []).append((i, row))
    marks = {symbol: known.price for symbol, known in document.instruments.items()}
    holdings = [
        _holding(symbol, rows, marks.get(symbol)) for (symbol, _), rows in sorted(found.items())
    ]
    return [holding for holding in holdings if holding.quantity]


def _holding(symbol: str, rows: list[tuple[int, Any]], mark: Decimal | None) -> Holding:
    fills = [row.last_fill_price for _, row in rows if row.last_fill_price is not None]
    sizes = [row.principal if row.kind == "bond" else row.quantity for _, row in rows]
    last = max(fills, default=None if rows[0][1].kind == "option" else MAX_PRICE)
    places = tuple(i for i, _ in rows)
    return Holding(symbol, sum(sizes, Decimal(0)), last, places, _sold_at(rows, mark))


def _sold_at(rows: list[tuple[int, Any]], mark: Decimal | None) -> Decimal | None:
    """Average sale price of short stock, where none is told at its mark; in micro-dollars whole."""
    sales = [(row.quantity, row.sale_price or mark) for _, row in rows if row.kind == "equity"]
    if not sales or any(quantity > 0 or price is None for quantity, price in sales):
        return None
    brought = sum(quantity * price for quantity, price in sales if price is not None)
    average: Decimal = brought / sum(quantity for quantity, _ in sales)
    return average.quantize(_MICRO, ROUND_FLOOR)


def _held(document: Document, holdings: list[Holding]) -> pl.DataFrame:
    symbols = [holding.symbol for holding in holdings]
    return pl.DataFrame({SYMBOL: pl.Series(symbols, dtype=pl.String)}).select(
        pl.lit(document.account.account_id).alias("account_id"),
        SYMBOL,
        scaled([holding.quantity for holding in holdings], 6).alias("quantity"),
        scaled([holding.last_fill for holding in holdings], 6).alias("last_fill_price"),
        scaled([None if h.sold_at is None else _ONE for h in holdings], 6).alias("sale_quantity"),
        scaled([holding.sold_at for holding in holdings], 6).alias("sale_proceeds"),
    )


def _terms(document: Document, holdings: list[Holding], at: datetime) -> pl.DataFrame:
    rows, prices, betas = _known(document)
    volatilities = {
        symbol: float(known.volatility_annual)
        for symbol, known in document.instruments.items()
        if known.volatility_annual is not None
    }
    underlyings = [row["underlying"] for row in rows.values() if row.get("underlying")]
    symbols = dict.fromkeys([*(holding.symbol for holding in holdings), *underlyings])
    instruments = pl.DataFrame(
        [{name: row.get(name) for name in INSTRUMENT_COLUMNS} for row in rows.values()],
        schema=INSTRUMENT_COLUMNS,
    )
    contracts = adjusted(instruments, _adjustments(document))
    terms = marked_terms(
        instrument_terms(pl.Series(list(symbols), dtype=pl.String), contracts, sessions().times),
        Marks(
            pl.DataFrame({SYMBOL: pl.Series(list(prices), dtype=pl.String)}).with_columns(
                price=scaled(list(prices.values()), 6),
                event_time=pl.lit(at, pl.Datetime("us", "UTC")),
            ),
            _by_symbol(betas, "beta"),
            _by_symbol(volatilities, "volatility_annual"),
        ),
        benchmark(document.as_of),
    )
    is_priced = pl.col("last_price").is_not_null()
    told = pl.col(SYMBOL).replace_strict(_price_states(document), default="fresh")
    unpriced = pl.when(told == "unusable").then(told).otherwise(pl.lit("missing"))
    state = pl.when(is_priced).then(told).otherwise(unpriced)
    rate = document.rates.risk_free
    stated = terms.with_columns(price_state=state)
    known = with_underlyings(stated, None if rate is None else float(rate))
    return _decided(document, known)


def _decided(document: Document, terms: pl.DataFrame) -> pl.DataFrame:
    """Terms with the values that decide what has ended, where the document tells any."""
    told = {
        symbol_of(i, row): row.settlement_value
        for i, row in enumerate(document.positions)
        if isinstance(row, Option) and row.settlement_value is not None
    }
    if not told:
        return terms
    values = scaled([told.get(symbol) for symbol in terms[SYMBOL]], 6)
    return terms.with_columns(values.set(is_unmodelled(terms), None).alias(DECIDING))


def _price_states(document: Document) -> dict[str, str]:
    """How good a price is, of the symbols of which the document tells."""
    found = {symbol: known.price_state for symbol, known in document.instruments.items()}
    for i, row in enumerate(document.positions):
        if isinstance(row, Option | Bond):
            found[symbol_of(i, row)] = row.price_state
    return {symbol: state for symbol, state in found.items() if state is not None}


def _known(
    document: Document,
) -> tuple[dict[str, dict[str, Any]], dict[str, Decimal], dict[str, float]]:
    """Instrument rows, prices and betas by symbol; a symbol without terms has no row."""
    rows: dict[str, dict[str, Any]] = {}
    prices: dict[str, Decimal] = {}
    betas: dict[str, float] = {}
    for symbol, known in document.instruments.items():
        if known.asset_class is not None:
            rows[symbol] = {
                "symbol": symbol,
                "asset_class": known.asset_class,
                "class_group": known.class_group,
                "leverage": _float(known.leverage),
                "marginable": known.marginable is not False,
                "is_broad_based": known.broad_based,
                "dividend_yield": _float(known.dividend_yield),
                "expected_range": _float(known.expected_range),
                "is_hard_to_borrow": known.hard_to_borrow,
                "borrow_rate": _float(known.borrow_rate),
            }
        if known.price is not None:
            prices[symbol] = known.price
        if known.beta is not None:
            betas[symbol] = float(known.beta)
    for i, row in enumerate(document.positions):
        symbol = symbol_of(i, row)
        if isinstance(row, Option):
            rows[symbol] = _option_row(symbol, row)
            if row.price is not None:
                prices[symbol] = row.price
        elif isinstance(row, Bond):
            rows[symbol] = _bond_row(symbol, row)
            if row.price_pct is not None:
                prices[symbol] = row.price_pct
    return rows, prices, betas


def _by_symbol(numbers: dict[str, float], name: str) -> pl.DataFrame:
    return pl.DataFrame(list(numbers.items()), {SYMBOL: pl.String, name: pl.Float64}, orient="row")


def _float(number: Decimal | None) -> float | None:
    return None if number is None else float(number)


def _option_row(symbol: str, row: Option) -> dict[str, Any]:
    terms = ("underlying", "right", "strike", "expiry", "style", "multiplier", "settlement")
    return {name: getattr(row, name) for name in terms} | {
        "symbol": symbol,
        "asset_class": "option",
        "marginable": True,
        "is_listed": row.listed,
    }


def _adjustments(document: Document) -> pl.DataFrame:
    """What each adjusted contract delivers."""
    options = (row for row in document.positions if isinstance(row, Option))
    contracts = dict.fromkeys(row.contract for row in options if row.deliverable is not None)
    schema = {SYMBOL: pl.String, "deliverable": pl.String}
    rows = [(contract.symbol, contract.deliverable) for contract in contracts]
    paid = scaled([contract.strike_multiplier for contract in contracts], 6)
    return pl.DataFrame(rows, schema, orient="row").with_columns(strike_multiplier=paid)


def _bond_row(symbol: str, row: Bond) -> dict[str, Any]:
    return {
        "symbol": symbol,
        "asset_class": _ASSET_CLASS_OF_BOND[row.bond_class],
        "bond_class": row.bond_class,
        "marginable": True,
        "maturity": row.maturity,
        "coupon": 0.0 if row.zero_coupon else None,
    }


def _account(account: Account, at: datetime) -> pl.DataFrame:
    """The account as the document has it, its cash without proceeds that are told apart."""
    return pl.DataFrame(
        {
            "account_id": [account.account_id],
            "account_type": [account.account_type],
            "is_registered": [account.registered],
            "is_exempt": [account.exempt],
            "cash": scaled([account.cash], 2),
            "accrued": scaled([account.accrued_dividends], 2),
            "sma": scaled([account.sma], 2),
            "as_of": pl.Series([at], dtype=pl.Datetime("us", "UTC")),
        }
    )


def _cash(document: Document, positions: pl.DataFrame) -> Int64Array:
    """Cents of the account, what its short positions are worth among them."""
    cash = int(document.account.cash.scaleb(2))
    if not document.options.short_sale_proceeds_in_cash:
        is_priced = pl.col("last_price").is_not_null()
        short = positions.filter(is_priced & (pl.col("quantity") < 0))
        cash -= sum(to_scaled(short["market_value"]).tolist())
    if abs(cash) > MAX_TOTAL:
        raise DocumentError("account.cash: out of range with the proceeds of the short positions")
    return np.array([cash], dtype=np.int64)
