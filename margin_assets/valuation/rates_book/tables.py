"""Tables of the rates book, shaped from its figures. Everything is rounded here, once."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

from margin_assets.kernels.numeric.arrays import BoolArray, FloatArray, Int64Array
from margin_assets.kernels.numeric.money import to_decimal, to_instants
from margin_assets.kernels.rates.conventions import day_of
from margin_assets.kernels.rates.curves import BASIS_POINT, discount_factors
from margin_assets.valuation.rates_book.curves import CurveQuote, StandingCurve, forwards
from margin_assets.valuation.rates_book.figures import STALE_VALUE, UNPRICED, Positions
from margin_assets.valuation.rates_book.standing import KEYS
from schemas.rates.results import Curves

BOOK = ("account_id", "desk", "legal_entity", "currency")
_SLOPE_PLACES, _RATE_PLACES = 6, 12
_CURVE = {
    name: column.dtype
    for name, column in Curves.columns().items()
    if name not in ("cycle", "as_of")
} | {"quoted_at": pl.Int64()}


class Books(NamedTuple):
    """Books by account, desk, legal entity and currency."""

    rows: pl.DataFrame
    of: Int64Array
    """Book of each position."""


def books_of(positions: pl.DataFrame) -> Books:
    """The books that there are, in the order of their keys."""
    keyed = positions.select(
        *BOOK[:-1], pl.col("currency").fill_null(""), place=pl.int_range(pl.len())
    )
    rows = keyed.select(BOOK).unique().sort(BOOK).with_row_index("book")
    numbered = keyed.join(rows, on=BOOK, how="left").sort("place")
    return Books(rows.drop("book"), numbered["book"].cast(pl.Int64).to_numpy())


def rounded(values: FloatArray, places: int = _SLOPE_PLACES) -> pl.Series:
    """Floats to so many places; NaN is null."""
    return pl.Series(np.round(values, places), dtype=pl.Float64).fill_nan(None)


def cents(values: Int64Array, known: BoolArray) -> pl.Series:
    """Amounts of cents; null where not known."""
    return to_decimal(values, 2).zip_with(
        pl.Series(known), pl.Series([None], dtype=pl.Decimal(38, 2))
    )


def in_reporting(amounts: Int64Array, fx: FloatArray) -> Int64Array:
    """Cents in the reporting currency; 0 without a rate."""
    found: Int64Array = np.rint(np.nan_to_num(amounts * fx)).astype(np.int64)
    return found


def rates_values(positions: Positions) -> pl.DataFrame:
    """One row for each position."""
    known, fx = positions.is_known, positions.fx
    accrued = np.rint(np.nan_to_num(positions.accrued) * 100).astype(np.int64)
    return positions.rows.with_columns(
        quantity=to_decimal(np.rint(positions.quantity * 100).astype(np.int64), 2),
        npv=cents(positions.npv, known),
        npv_reporting=cents(in_reporting(positions.npv, fx), known & np.isfinite(fx)),
        accrued=cents(accrued, np.isfinite(positions.accrued)),
        dv01=rounded(positions.dv01),
        cs01=rounded(positions.cs01),
        gamma=rounded(positions.gamma),
        convexity=rounded(positions.convexity),
        # Not rounded: a session that starts goes on with it.
        z_spread=pl.Series(positions.z_spread).fill_nan(None),
        requirement=cents(positions.requirement, positions.is_charged),
        requirement_rule=positions.rule,
    )


def rates_sensitivities(positions: Positions, tenors: Sequence[str]) -> pl.DataFrame:
    """One row for each position and key rate on which it hangs."""
    by_key = np.round(np.nan_to_num(positions.keys), _SLOPE_PLACES)
    row, tenor = np.nonzero(by_key)
    # Chosen before: rows are many, and of the other columns none is shown.
    return positions.rows.select(KEYS)[row].with_columns(
        tenor=pl.Series(tenors, dtype=pl.String).gather(tenor),
        dv01=pl.Series(by_key[row, tenor]),
    )


def desk_risk(positions: Positions, books: Books) -> pl.DataFrame:
    """One row for each book."""
    count = books.rows.height

    def summed(values: FloatArray) -> FloatArray:
        sums = np.bincount(books.of, np.nan_to_num(values), count)
        found: FloatArray = sums.astype(np.float64)
        return found

    status = positions.rows["status"]
    lasts = np.bincount(books.of, (status != "matured").to_numpy(), count)
    npv = exact_sums(positions.npv, books)
    fx = np.full(count, np.nan)
    fx[books.of] = positions.fx
    gamma = summed(positions.gamma)
    value = npv / 100.0
    convexity = np.divide(gamma / BASIS_POINT**2, value, out=np.full(count, np.nan), where=npv != 0)
    dv01, everyone = summed(positions.dv01), np.ones(count, np.bool_)
    required = exact_sums(np.where(positions.is_charged, positions.requirement, 0), books)
    return books.rows.with_columns(
        positions=pl.Series(lasts.astype(np.int64)),
        unpriced=_counted(status == UNPRICED, books),
        stale=_counted(status == STALE_VALUE, books),
        npv=cents(npv, everyone),
        dv01=rounded(dv01),
        cs01=rounded(summed(positions.cs01)),
        gamma=rounded(gamma),
        convexity=rounded(convexity),
        fx_rate=rounded(fx, _RATE_PLACES),
        npv_reporting=cents(in_reporting(npv, fx), np.isfinite(fx)),
        dv01_reporting=rounded(dv01 * fx),
        requirement=cents(required, everyone),
        requirement_reporting=cents(in_reporting(required, fx), np.isfinite(fx)),
    )


def exact_sums(amounts: Int64Array, books: Books) -> Int64Array:
    """Sums of cents by book, exact."""
    found = np.zeros(books.rows.height, np.int64)
    np.add.at(found, books.of, amounts)
    return found


def _counted(chosen: pl.Series, books: Books) -> pl.Series:
    found = np.bincount(books.of, chosen.to_numpy(), books.rows.height)
    return pl.Series(found.astype(np.int64))


def desk_sensitivities(
    books: Books,
    by_key: tuple[Sequence[str], FloatArray],
    by_node: Iterable[tuple[StandingCurve, FloatArray]],
) -> pl.DataFrame:
    """One row for each book and key rate, and for each book and node; what is 0 has none."""
    tenors, keys = by_key
    parts = [_slopes(books, "", tenors, keys)]
    parts += [
        _slopes(books, one.rules.name, [label(quote) for quote in one.nodes.quotes], slopes)
        for one, slopes in by_node
        if one.nodes is not None and slopes.shape[1]
    ]
    return pl.concat(parts)


def label(quote: CurveQuote) -> str:
    """Name of a quote's node: its tenor, a FRA's two, a future's first day."""
    if quote.start_date is not None:
        return quote.start_date.isoformat()
    return str(quote.tenor) if quote.start is None else f"{quote.start}x{quote.tenor}"


def _slopes(books: Books, curve: str, tenors: Sequence[str], slopes: FloatArray) -> pl.DataFrame:
    shown = np.round(slopes, _SLOPE_PLACES)
    book, tenor = np.nonzero(shown)
    return books.rows[book].with_columns(
        curve=pl.lit(curve),
        tenor=pl.Series(tenors, dtype=pl.String).gather(tenor),
        dv01=pl.Series(shown[book, tenor]),
    )


def rates_scenarios(
    positions: Positions, books: Books, units: Mapping[str, FloatArray]
) -> pl.DataFrame:
    """One row for each book and scenario; `units` holds the gain of a unit of each instrument."""
    fx = np.full(books.rows.height, np.nan)
    fx[books.of] = positions.fx
    parts = []
    for name, gains in units.items():
        padded = np.concatenate([gains, [0.0]])
        gain = np.where(positions.is_known, padded[positions.place] * positions.quantity, 0.0)
        pnl = exact_sums(np.rint(gain * 100).astype(np.int64), books)
        parts.append(
            books.rows.with_columns(
                scenario=pl.lit(name),
                pnl=to_decimal(pnl, 2),
                pnl_reporting=cents(in_reporting(pnl, fx), np.isfinite(fx)),
            )
        )
    return pl.concat(parts)


def curve_rows(standing: StandingCurve) -> pl.DataFrame:
    """Rows of one curve; of one without quotes or nodes what is known of it."""
    nodes = standing.nodes
    quotes = standing.good if nodes is None else nodes.quotes
    common: dict[str, object] = {
        "curve": standing.rules.name,
        "currency": standing.rules.currency,
        "status": standing.status,
        "problem": standing.problem,
        "reference_date": standing.day,
        "repricing_error": None if nodes is None else nodes.error,
    }
    if not quotes:
        rows = [common | {"node": 0}]
    else:
        rows = [common | _of_quote(n, quote) for n, quote in enumerate(quotes, 1)]
    found = pl.DataFrame(rows, schema=_CURVE)
    times = found["quoted_at"]
    moments = to_instants(times.fill_null(0).to_numpy())
    found = found.with_columns(quoted_at=pl.when(times.is_not_null()).then(moments).otherwise(None))
    return found if nodes is None else _with_nodes(found, standing)


def _of_quote(number: int, quote: CurveQuote) -> dict[str, object]:
    said = quote._asdict()
    return {"node": number, "quoted_at": said.pop("at")} | said


def _with_nodes(rows: pl.DataFrame, standing: StandingCurve) -> pl.DataFrame:
    assert standing.nodes is not None  # noqa: S101 (asked by the caller)
    built = standing.nodes.built
    curve = built.curve
    return rows.with_columns(
        node_date=pl.Series([day_of(day) for day in built.node_days], dtype=pl.Date),
        years=rounded(curve.times, _RATE_PLACES),
        zero_rate=rounded(curve.zero_rates, _RATE_PLACES),
        discount_factor=rounded(discount_factors(curve, curve.times), _RATE_PLACES),
        forward_rate=rounded(forwards(built), _RATE_PLACES),
        repricing_error=pl.lit(round(standing.nodes.error, 15)),
    )
