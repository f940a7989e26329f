"""Interest that a floating-rate note has accrued by its settlement."""

import numpy as np

from margin_assets.kernels.rates.conventions import QlObject, day_count, of_ql, to_ql
from margin_assets.kernels.rates.legs import OvernightIndex, Period, TermIndex
from margin_assets.kernels.rates.terms import Past
from margin_assets.valuation.book import LaidBond
from margin_assets.valuation.instrument_terms import FloatingRateNote
from margin_assets.valuation.market import Market


def accrued_interest(
    bond: FloatingRateNote, laid: LaidBond, market: Market, past: Past
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
    start: QlObject, until: QlObject, index: OvernightIndex, of: tuple[Market, Past]
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
