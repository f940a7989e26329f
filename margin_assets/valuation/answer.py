"""The answer to a valuation document: curves, instruments, totals, scenarios."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from margin_assets.kernels.numeric.arrays import FloatArray
from margin_assets.kernels.rates.conventions import day_of, years_of
from margin_assets.kernels.rates.curves import BASIS_POINT, discount_factors
from margin_assets.kernels.rates.quotes import Unbuildable
from margin_assets.kernels.rates.tail_risk import expected_shortfall, value_at_risk
from margin_assets.kernels.rates.values import Valued
from margin_assets.valuation.bond_figures import BondMarket, accrued_interest, bonds_of, priced
from margin_assets.valuation.book import Book, lay_out
from margin_assets.valuation.document import Document, HistoricalResults
from margin_assets.valuation.instrument_terms import FixedLeg, FloatingRateNote, Swap
from margin_assets.valuation.market import RatesMarket, market_of
from margin_assets.valuation.node_curves import BuiltCurve
from margin_assets.valuation.risk import (
    NO_CURVE,
    Positioned,
    open_terms,
    past_of,
    positioned,
    scenario_values,
    valued,
)
from margin_assets.valuation.swap_legs import ANNUITY, VALUE
from margin_assets.valuation.totals import converted, totals
from margin_assets.whatif.agreement import DocumentError

Row = dict[str, Any]
VALUED, QUOTED, MATURED, UNPRICED = "valued", "priced_without_curve", "matured", "unpriced"


class Results(NamedTuple):
    """A document's book, valued."""

    document: Document
    market: RatesMarket
    book: Book
    placed: Positioned
    found: Valued
    spreads: FloatArray
    reasons: dict[int, str]
    """Why a part has no value, by part."""
    bonds: dict[int, Row]
    """Figures of each bond, by its place in the document."""
    quote_slopes: list[FloatArray]


def answer(document: Document) -> Row:
    """The answer to a document, in the shape of docs/rates.md.

    Raises:
        DocumentError: it is refused, with the place and the reason.
    """
    _refuse_contradictions(document)
    try:
        return _answered(document, market_of(document))
    except Unbuildable as error:
        raise DocumentError(f"curves.{error.name}: cannot be built: {error.reason}") from None


def _answered(document: Document, market: RatesMarket) -> Row:
    results = _results(document, market)
    rows = [_instrument(results, i) for i in range(len(document.instruments))]
    told: Row = {
        "valuation_date": document.valuation_date,
        "currency": document.currency,
        "curves": _curves(market),
        "instruments": rows,
        "totals": totals(document, rows),
    }
    if document.historical is not None:
        told["historical"] = _historical(document.historical)
    return told


def _refuse_contradictions(document: Document) -> None:
    for name, known in document.fixings.items():
        if late := [day for day in known if day > document.valuation_date]:
            raise DocumentError(
                f"fixings.{name}.{min(late)}: after the valuation date {document.valuation_date}"
            )
    for i, scenario in enumerate(document.scenarios):
        for name in scenario.curves or ():
            if name not in document.curves:
                raise DocumentError(f"scenarios[{i}].curves: there is no curve {name!r}")
    if len({years_of(tenor) for tenor in document.key_rates}) < len(document.key_rates):
        raise DocumentError("key_rates: a tenor stands twice")


def _results(document: Document, market: RatesMarket) -> Results:
    book = lay_out(document, market)
    past = past_of(book, market, document.fixings)
    found, out = open_terms(book, market, past)
    placed = positioned(found, book, market, document.key_rates)
    reasons = {one.part: one.reason for one in out}
    spreads = np.zeros(len(book.parts))
    bonds: dict[int, Row] = {}
    for i, part in bonds_of(book).items():
        if (reason := reasons.get(part)) is not None and reason != NO_CURVE:
            continue
        laid, discount = book.bonds[i], book.parts[part].discount
        bond = BondMarket(laid, part, None if discount is None else market.curves[discount])
        known: float | None = 0.0
        if isinstance(laid.terms, FloatingRateNote):
            known = accrued_interest(laid.terms, laid, market, past)
        try:
            bonds[i], spreads[part] = priced(bond, placed, known)
        except ValueError as error:
            reasons[part] = str(error)
    slopes = [] if market.bootstrap is None else market.bootstrap.quote_slopes()
    return Results(
        document, market, book, placed, valued(placed, spreads), spreads, reasons, bonds, slopes
    )


def _instrument(results: Results, i: int) -> Row:
    instrument = results.document.instruments[i]
    parts = [n for n, part in enumerate(results.book.parts) if part.owner == i]
    row: Row = {
        "id": instrument.id,
        "kind": instrument.kind,
        "currency": instrument.currency or results.document.currency,
        "notional": instrument.notional,
    }
    row |= {
        key: held
        for key in ("desk", "legal_entity")
        if (held := getattr(instrument, key)) is not None
    }
    status, reason = _status(results, i, parts)
    row["status"] = status
    if reason is not None:
        row["reason"] = reason
    if status == VALUED:
        row |= _risk(results, [n for n in parts if results.book.parts[n].role == VALUE])
        row["npv_reporting"] = converted(results.document, row["currency"], row["npv"])
        if isinstance(instrument, Swap):
            row |= _swap(results, instrument, parts)
        if results.document.scenarios:
            row["scenarios"] = _scenarios(results, parts)
    elif status == MATURED:
        row["npv"] = row["npv_reporting"] = 0.0
    return row | results.bonds.get(i, {})


def _status(results: Results, i: int, parts: Sequence[int]) -> tuple[str, str | None]:
    flows = results.book.flows
    days = [flows.pay_day[flows.instrument == n].max(initial=0) for n in parts]
    today = results.market.valuation
    if all(day_of(day) <= today for day in days):
        return MATURED, None
    reasons = [results.reasons[n] for n in parts if n in results.reasons]
    if not reasons:
        is_number = np.isfinite(results.found.value[parts]).all()
        return (VALUED, None) if is_number else (UNPRICED, "its value is beyond any number")
    is_quoted = reasons == [NO_CURVE] and results.bonds.get(i, {}).get("dirty_price") is not None
    return (QUOTED if is_quoted else UNPRICED), reasons[0]


def _risk(results: Results, parts: Sequence[int]) -> Row:
    found, keys = results.found, len(results.document.key_rates)
    value = float(found.value[parts].sum())
    slopes = found.slopes[parts].sum(axis=0) * BASIS_POINT
    by_key, by_node = slopes[:keys], slopes[keys:]
    curvature = float(found.curvature[parts].sum())
    tenors = sorted(results.document.key_rates, key=years_of)
    row: Row = {
        "npv": value,
        "dv01": float(by_key.sum()),
        "key_rates": dict(zip(tenors, by_key.tolist(), strict=True)),
        "gamma": curvature * BASIS_POINT * BASIS_POINT,
        "convexity": curvature / value if value else None,
        "cs01": float(found.spread_slope[parts].sum()) * BASIS_POINT,
        "curves": _by_curve(results.market, by_node),
    }
    if results.quote_slopes:
        by_quote = _by_quote(results, by_node)
        row["par_dv01"] = sum(quote["dv01"] for quotes in by_quote.values() for quote in quotes)
        row["par_dv01_by_quote"] = by_quote
    return row


def _by_curve(market: RatesMarket, by_node: FloatArray) -> Row:
    """DV01 of each curve's nodes; curves on which nothing hangs are left out."""
    found: Row = {}
    first = 0
    for one in market.curves:
        last = first + one.curve.times.size
        own = by_node[first:last]
        first = last
        if own.any():
            nodes = [
                label | {"dv01": dv01}
                for label, dv01 in zip(_labels(one), own.tolist(), strict=True)
            ]
            found[one.name] = {"dv01": float(own.sum()), "nodes": nodes}
    return found


def _labels(one: BuiltCurve) -> list[Row]:
    days = one.node_days or (None,) * one.curve.times.size
    return [
        ({} if day is None else {"date": day_of(day)}) | {"time": time}
        for day, time in zip(days, one.curve.times.tolist(), strict=True)
    ]


def _by_quote(results: Results, by_node: FloatArray) -> dict[str, list[Row]]:
    """DV01 by quote: nodes of all curves move as their quotes make them."""
    order = {one.name: i for i, one in enumerate(results.market.curves)}
    bounds = np.cumsum([0, *(one.curve.times.size for one in results.market.curves)])
    moved = np.concatenate(
        [
            by_node[bounds[order[one.name]] : bounds[order[one.name] + 1]]
            for one in results.market.quoted
        ]
    )
    found: dict[str, list[Row]] = {}
    for curve, slopes in zip(results.market.quoted, results.quote_slopes, strict=True):
        found[curve.name] = [
            {"kind": quote.kind, "tenor": quote.tenor}
            | ({"start": quote.start} if quote.start is not None else {})
            | {"dv01": float(dv01)}
            for quote, dv01 in zip(curve.quotes, slopes @ moved, strict=True)
        ]
    return found


def _swap(results: Results, swap: Swap, parts: Sequence[int]) -> Row:
    """Values of its legs, and the fixed rate that makes it worth nothing."""
    value = results.found.value
    legs = [n for n in parts if results.book.parts[n].role == VALUE]
    row: Row = {
        "legs": [
            {"side": leg.side, "kind": leg.kind, "npv": float(value[n])}
            for leg, n in zip(swap.legs, legs, strict=True)
        ]
    }
    unit = [n for n in parts if results.book.parts[n].role == ANNUITY]
    if unit:
        annuity = float(value[unit[0]])
        rated = next(leg for leg in swap.legs if isinstance(leg, FixedLeg))
        row["annuity"] = abs(annuity)
        if rated.rate is not None and annuity:
            row["par_rate"] = rated.rate - float(value[legs].sum()) / annuity
    return row


def _scenarios(results: Results, parts: Sequence[int]) -> Row:
    """Gain in each scenario, revalued in full."""
    legs = [n for n in parts if results.book.parts[n].role == VALUE]
    base = results.found.value[legs].sum()
    return {
        scenario.name: float(
            scenario_values(results.placed, results.market, results.spreads, scenario)[legs].sum()
            - base
        )
        for scenario in results.document.scenarios
    }


def _curves(market: RatesMarket) -> Row:
    errors = {} if market.bootstrap is None else market.bootstrap.repricing_errors()
    found: Row = {}
    for one in market.curves:
        factors = discount_factors(one.curve, one.curve.times).tolist()
        rates = one.curve.zero_rates.tolist()
        nodes = [
            label | {"zero_rate": rate, "discount_factor": factor}
            for label, rate, factor in zip(_labels(one), rates, factors, strict=True)
        ]
        found[one.name] = {
            "reference_date": day_of(one.reference),
            "interpolation": one.curve.interpolation,
            "nodes": nodes,
        }
        if one.name in errors:
            found[one.name]["repricing_error"] = errors[one.name]
    return found


def _historical(asked: HistoricalResults) -> Row:
    found: Row = {}
    for name, series in asked.results.items():
        results = np.array(series)
        found[name] = [
            {
                "tail": tail,
                "value_at_risk": value_at_risk(results, tail),
                "expected_shortfall": expected_shortfall(results, tail),
            }
            for tail in asked.tails
        ]
    return found
