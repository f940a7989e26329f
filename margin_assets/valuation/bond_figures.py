"""What is said of a bond in particular: prices, accrued interest, yield, spread."""

from typing import Any, NamedTuple

import numpy as np

from margin_assets.kernels.numeric.arrays import FloatArray
from margin_assets.kernels.rates.bills import (
    Bill,
    discount_rate,
    investment_rate,
    price_at_discount,
    price_at_investment,
)
from margin_assets.kernels.rates.bonds import Settled, dated, dirty_price, settled, z_spread
from margin_assets.kernels.rates.conventions import (
    QlObject,
    day_count,
    days_of,
    of_ql,
    period,
    to_ql,
)
from margin_assets.kernels.rates.curves import BASIS_POINT
from margin_assets.kernels.rates.legs import OvernightIndex, Period, TermIndex
from margin_assets.kernels.rates.terms import Past
from margin_assets.kernels.rates.yields import (
    Dated,
    YieldConvention,
    YieldFigures,
    at_yield,
    implied_yield,
)
from margin_assets.valuation.book import Book, LaidBond
from margin_assets.valuation.instrument_terms import Bill as BillTerms
from margin_assets.valuation.instrument_terms import Bondlike, FixedBond, FloatingRateNote
from margin_assets.valuation.market import RatesMarket
from margin_assets.valuation.node_curves import BuiltCurve
from margin_assets.valuation.risk import Positioned, part_rows

Row = dict[str, Any]


class BondMarket(NamedTuple):
    """A bond, its part of the book, and what it hangs on."""

    laid: LaidBond
    part: int
    curve: BuiltCurve | None
    """None: the document names no discount curve for it."""


class Priced(NamedTuple):
    """Figures of a bond and the spread at which it is valued off its curve."""

    figures: Row
    spread: float


class _Held(NamedTuple):
    """What a bond is at its settlement, as far as its terms say."""

    accrued: float | None
    settled: Settled | None
    """Of a fixed-rate bond: its payments are known without a curve."""


class _Ahead(NamedTuple):
    """Payments after settlement, per 100, and the curve from settlement on."""

    factors: FloatArray
    years: FloatArray
    amounts: FloatArray


def priced(bond: BondMarket, placed: Positioned, accrued: float | None) -> Priced:
    """The bond's figures, at its quote if it has one, else off its curve.

    Args:
        bond: the bond.
        placed: the book on the market's grid.
        accrued: accrued interest of what pays no fixed coupon; none if it is not known.

    Raises:
        ValueError: a quote that no price, yield or spread answers to.
    """
    held = _Held(accrued, None)
    if bond.laid.fixed is not None:
        found = settled(bond.laid.fixed, to_ql(bond.laid.settlement))
        held = _Held(found.accrued, found)
    quoted = _quoted(bond.laid, held)
    ahead = None if bond.curve is None else _ahead(bond, bond.curve, placed, held.settled)
    spread, dirty = bond.laid.terms.z_spread or 0.0, quoted
    if ahead is not None and quoted is not None:
        spread = z_spread(*ahead, quoted)
    elif ahead is not None:
        dirty = dirty_price(*ahead, spread)
    figures = _prices(bond.laid, dirty, held.accrued)
    if ahead is not None:
        figures["z_spread"] = spread
    if dirty is not None:
        figures |= _by_kind(bond.laid, held.settled, dirty)
    return Priced(figures, spread)


def _prices(laid: LaidBond, dirty: float | None, accrued: float | None) -> Row:
    clean = None if dirty is None or accrued is None else dirty - accrued
    found: Row = {
        "settlement_date": laid.settlement,
        "clean_price": clean,
        "accrued": accrued,
        "dirty_price": dirty,
    }
    if dirty is not None:
        found["market_value"] = dirty / 100.0 * laid.terms.notional * _share(laid)
    return found


def _share(laid: LaidBond) -> float:
    """What is outstanding of the face at settlement."""
    if laid.fixed is None:
        return 1.0
    day = to_ql(laid.settlement)
    rows = zip(laid.rows, laid.fixed.held, strict=True)
    return next(held for row, held in rows if row.pay > day)


def _quoted(laid: LaidBond, held: _Held) -> float | None:
    """The dirty price that the terms say, in whatever way; none if they leave it to the curve."""
    terms = laid.terms
    if isinstance(terms, FixedBond) and terms.yield_rate is not None and held.settled is not None:
        flows = _dated(terms, laid, held.settled)
        return at_yield(flows, terms.yield_rate, yield_convention(terms)).dirty
    if isinstance(terms, BillTerms):
        return _quoted_bill(terms, laid.bill)
    return _stated(terms, held.accrued)


def _quoted_bill(terms: BillTerms, days: Bill | None) -> float | None:
    if days is None:
        raise ValueError("has matured")
    if terms.discount_rate is not None:
        return price_at_discount(days, terms.discount_rate)
    if terms.investment_rate is not None:
        return price_at_investment(days, terms.investment_rate)
    return _stated(terms, 0.0)


def _stated(bond: Bondlike, accrued: float | None) -> float | None:
    if bond.dirty_price is not None or bond.clean_price is None:
        return bond.dirty_price
    if accrued is None:
        raise ValueError("accrued interest is not known, so that a clean price says nothing")
    return bond.clean_price + accrued


def yield_convention(bond: FixedBond) -> YieldConvention:
    """How the bond's yield discounts."""
    length = period(bond.yield_frequency or bond.frequency or "annual")
    return YieldConvention(bond.yield_compounding, float(length.frequency() or 1))


def _dated(bond: FixedBond, laid: LaidBond, held: Settled) -> Dated:
    return dated(held, to_ql(laid.settlement), bond.yield_day_count or bond.day_count)


def _ahead(bond: BondMarket, curve: BuiltCurve, placed: Positioned, held: Settled | None) -> _Ahead:
    """Payments after settlement: those that are known, else as the curves forecast them.

    Raises:
        ValueError: there are none.
    """
    settlement = days_of(bond.laid.settlement)
    start = np.array([settlement], np.int64)
    first, factor = curve.years(start)[0], curve.factors(start)[0]
    if held is not None:
        factors = curve.factors(held.pay_days)
        return _Ahead(factors / factor, curve.years(held.pay_days) - first, held.amounts)
    rows, worth = part_rows(placed, bond.part)
    kept = placed.grid.day[rows] > settlement
    rows, worth = rows[kept], worth[kept]
    if not rows.size:
        raise ValueError("has matured")
    factors = np.exp(-placed.logs[rows])
    amounts = worth / factors * (100.0 / bond.laid.terms.notional)
    return _Ahead(factors / factor, placed.years[rows] - first, amounts)


def _by_kind(laid: LaidBond, held: Settled | None, dirty: float) -> Row:
    """Rates of a bill; yield, durations and the like of a fixed-rate bond."""
    if laid.bill is not None:
        return {
            "discount_rate": discount_rate(laid.bill, dirty),
            "investment_rate": investment_rate(laid.bill, dirty),
        }
    if held is None or not isinstance(laid.terms, FixedBond):
        return {}
    flows, convention = _dated(laid.terms, laid, held), yield_convention(laid.terms)
    rate = laid.terms.yield_rate
    if rate is None:
        rate = implied_yield(flows, dirty, convention)
    return _yield_figures(at_yield(flows, rate, convention), laid.terms.notional * _share(laid))


def _yield_figures(at: YieldFigures, outstanding: float) -> Row:
    per_unit = BASIS_POINT * outstanding / 100.0
    # What QuantLib's test suite publishes holds a hundredth of the curvature; 1.44 counts it all.
    bent = 0.5 * at.curvature / 100.0 * BASIS_POINT
    return {
        "yield": at.yield_rate,
        "modified_duration": at.modified_duration,
        "macaulay_duration": at.macaulay_duration,
        "yield_convexity": at.convexity,
        "yield_dv01": -at.slope * per_unit,
        "basis_point_value": (at.slope + bent) * per_unit,
        "yield_value_of_a_basis_point": 1.0 / at.slope,
    }


def accrued_interest(
    bond: FloatingRateNote, laid: LaidBond, market: RatesMarket, past: Past
) -> float | None:
    """Accrued interest per 100; none where the running rate is not known by settlement."""
    index, day = market.indices[bond.index], to_ql(laid.settlement)
    row = next((row for row in laid.rows if row.start < day < row.pay), None)
    if row is None:
        return 0.0
    until = min(day, row.end)
    if isinstance(index, TermIndex):
        rate = _fixed(row, index, past, bond.fixing_days)
    elif bond.averaging == "averaged":
        rate = None
    else:
        rate = _grown(row.start, until, index, (market, past))
    if rate is None:
        return None
    count = day_count(bond.day_count or index.day_count)
    years = count.yearFraction(row.start, until, row.reference_start, row.reference_end)
    return 100.0 * (rate + bond.spread) * float(years)


def _fixed(row: Period, index: TermIndex, past: Past, lag: int | None) -> float | None:
    fixing = of_ql(index.fixing_day(row.start, lag))
    rate = float(past.term[index.number].at(np.array([fixing], np.int64))[0])
    return None if np.isnan(rate) else rate


def _grown(
    start: QlObject, until: QlObject, index: OvernightIndex, of: tuple[RatesMarket, Past]
) -> float | None:
    """The rate compounded so far: what has been fixed, then what the curve forecasts."""
    market, past = of
    known = past.overnight[index.number]
    days = np.array([of_ql(start), of_ql(until)], np.int64)
    first, last = known.place(days)
    if known.missing[last] > known.missing[first]:
        return None
    growth = known.grown[last] / known.grown[first]
    begun = max(days[0], known.days[-1])
    if days[1] > begun:
        number = market.projections.get(index.number)
        if number is None:
            return None
        factors = market.curves[number].factors(np.array([begun, days[1]], np.int64))
        growth *= factors[0] / factors[1]
    return float((growth - 1.0) / day_count(index.day_count).yearFraction(start, until))


def bonds_of(book: Book) -> dict[int, int]:
    """Part of each bond, by its place in the document."""
    return {part.owner: n for n, part in enumerate(book.parts) if part.owner in book.bonds}
