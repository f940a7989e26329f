"""What is said of a bond in particular: prices, accrued interest, yield, spread."""

from datetime import date
from typing import Any, NamedTuple

import numpy as np

from margin_assets.kernels.rates.bills import (
    discount_rate,
    investment_rate,
    price_at_discount,
    price_at_investment,
)
from margin_assets.kernels.rates.bonds import Settled, dated, dirty_price, settled, z_spread
from margin_assets.kernels.rates.conventions import day_count, days_of, period, to_ql
from margin_assets.kernels.rates.curves import BASIS_POINT
from margin_assets.kernels.rates.fixings import Fixings, term_past
from margin_assets.kernels.rates.legs import TermIndex
from margin_assets.kernels.rates.yields import (
    YieldConvention,
    YieldFigures,
    at_yield,
    implied_yield,
)
from margin_assets.valuation.book import Book, LaidBond
from margin_assets.valuation.instrument_terms import Bill, Bondlike, FixedBond, FloatingRateNote
from margin_assets.valuation.market import BuiltCurve, Market
from margin_assets.valuation.risk import Positioned, part_rows

Row = dict[str, Any]


class BondMarket(NamedTuple):
    """A bond, its part of the book, and what it hangs on."""

    terms: Bondlike
    laid: LaidBond
    part: int
    curve: BuiltCurve | None
    """None: the document names no discount curve for it."""


class Priced(NamedTuple):
    """Figures of a bond and the spread at which it is valued off its curve."""

    figures: Row
    spread: float


def priced(bond: BondMarket, placed: Positioned, accrued: float | None) -> Priced:
    """The bond's figures, at its quote if it has one, else off its curve.

    Raises:
        ValueError: a quote that no price, yield or spread answers to.
    """
    found: Row = {"settlement_date": bond.laid.settlement}
    if isinstance(bond.terms, FixedBond):
        assert bond.laid.fixed is not None
        held = settled(bond.laid.fixed, to_ql(bond.laid.settlement))
        accrued = held.accrued
        quoted = _quoted_fixed(bond.terms, bond.laid, held)
    else:
        held = None
        quoted = _quoted_bill(bond) if isinstance(bond.terms, Bill) else _stated(bond.terms, accrued)
    spread = bond.terms.z_spread or 0.0
    off_curve = None if bond.curve is None else _CurvePrices(bond, placed, held)
    if quoted is not None and off_curve is not None:
        spread = z_spread(off_curve.factors, off_curve.years, off_curve.amounts, quoted)
    dirty = quoted
    if dirty is None and off_curve is not None:
        dirty = dirty_price(off_curve.factors, off_curve.years, off_curve.amounts, spread)
    found |= _prices(dirty, accrued)
    if off_curve is not None:
        found["z_spread"] = spread
    if dirty is not None:
        found |= _by_kind(bond, held, dirty)
        found["market_value"] = dirty / 100.0 * bond.terms.notional * _share(bond)
    return Priced(found, spread)


def _share(bond: BondMarket) -> float:
    """What is outstanding of the face at settlement."""
    if bond.laid.fixed is None:
        return 1.0
    day = to_ql(bond.laid.settlement)
    rows = zip(bond.laid.rows, bond.laid.fixed.held, strict=True)
    return next(held for row, held in rows if row.pay > day)


def _prices(dirty: float | None, accrued: float | None) -> Row:
    clean = None if dirty is None or accrued is None else dirty - accrued
    return {"clean_price": clean, "accrued": accrued, "dirty_price": dirty}


def _stated(bond: Bondlike, accrued: float | None) -> float | None:
    """The dirty price that the quote says."""
    if bond.dirty_price is not None:
        return bond.dirty_price
    if bond.clean_price is None:
        return None
    if accrued is None:
        raise ValueError("accrued interest is not known, so that a clean price says nothing")
    return bond.clean_price + accrued


def _quoted_fixed(bond: FixedBond, laid: LaidBond, held: Settled) -> float | None:
    if bond.yield_rate is None:
        return _stated(bond, held.accrued)
    terms = dated(held, to_ql(laid.settlement), bond.yield_day_count or bond.day_count)
    return at_yield(terms, bond.yield_rate, yield_convention(bond)).dirty


def _quoted_bill(bond: BondMarket) -> float | None:
    terms, days = bond.terms, bond.laid.bill
    assert isinstance(terms, Bill)
    if days is None:
        raise ValueError("has matured")
    if terms.discount_rate is not None:
        return price_at_discount(days, terms.discount_rate)
    if terms.investment_rate is not None:
        return price_at_investment(days, terms.investment_rate)
    return _stated(terms, 0.0)


def yield_convention(bond: FixedBond) -> YieldConvention:
    """How the bond's yield discounts."""
    length = period(bond.yield_frequency or bond.frequency or "annual")
    return YieldConvention(bond.yield_compounding, float(length.frequency() or 1))


class _CurvePrices:
    """Payments after settlement as the curve has them, from settlement on, per 100."""

    def __init__(self, bond: BondMarket, placed: Positioned, held: Settled | None) -> None:
        assert bond.curve is not None
        settlement = days_of(bond.laid.settlement)
        start = np.array([settlement], np.int64)
        at_start, factor = bond.curve.years(start)[0], bond.curve.factors(start)[0]
        if held is not None:
            factors = bond.curve.factors(held.pay_days)
            years, self.amounts = bond.curve.years(held.pay_days), held.amounts
        else:
            rows, worth = part_rows(placed, bond.part)
            kept = placed.grid.day[rows] > settlement
            rows, worth = rows[kept], worth[kept]
            factors, years = np.exp(-placed.logs[rows]), placed.years[rows]
            self.amounts = worth / factors * (100.0 / bond.terms.notional)
        if not self.amounts.size:
            raise ValueError("has matured")
        self.factors, self.years = factors / factor, years - at_start


def _by_kind(bond: BondMarket, held: Settled | None, dirty: float) -> Row:
    if isinstance(bond.terms, Bill):
        assert bond.laid.bill is not None
        return {
            "discount_rate": discount_rate(bond.laid.bill, dirty),
            "investment_rate": investment_rate(bond.laid.bill, dirty),
        }
    if held is None or not isinstance(bond.terms, FixedBond):
        return {}
    terms = dated(
        held, to_ql(bond.laid.settlement), bond.terms.yield_day_count or bond.terms.day_count
    )
    convention = yield_convention(bond.terms)
    rate = bond.terms.yield_rate
    if rate is None:
        rate = implied_yield(terms, dirty, convention)
    return _yield_figures(at_yield(terms, rate, convention), bond.terms.notional)


def _yield_figures(at: YieldFigures, notional: float) -> Row:
    step = BASIS_POINT
    moved = at.slope * step + 0.5 * at.curvature * step * step
    return {
        "yield": at.yield_rate,
        "modified_duration": at.modified_duration,
        "macaulay_duration": at.macaulay_duration,
        "yield_convexity": at.convexity,
        "basis_point_value": moved * notional / 100.0,
        "yield_value_of_a_basis_point": 1.0 / at.slope,
    }


def accrued_of(bond: FloatingRateNote, laid: LaidBond, market: Market, known: Fixings) -> float | None:
    """Accrued interest per 100 of a note on a term index; none where its rate is not fixed."""
    index, day = market.indices[bond.index], to_ql(laid.settlement)
    if not isinstance(index, TermIndex):
        return None
    for row in laid.rows:
        if not row.start < day < row.pay:
            continue
        fixing = index.calendar.advance(row.start, -index.fixing_days, _days())
        number = days_of(date(fixing.year(), fixing.month(), fixing.dayOfMonth()))
        rate = float(term_past(known).at(np.array([number], np.int64))[0])
        if np.isnan(rate):
            return None
        count = day_count(bond.day_count or index.day_count)
        reference = (row.reference_start, row.reference_end)
        gone = count.yearFraction(row.start, min(day, row.end), *reference)
        return 100.0 * (rate + bond.spread) * float(gone)
    return 0.0


def _days() -> Any:
    from margin_assets.kernels.rates.conventions import quantlib

    return quantlib().Days


def bonds_of(book: Book) -> dict[int, int]:
    """Part of each bond, by its place in the document."""
    return {part.owner: n for n, part in enumerate(book.parts) if part.owner in book.bonds}
