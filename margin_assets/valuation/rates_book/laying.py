"""Instruments laid out once each, and the held ones joined: flows by part, parts by instrument."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple

import numpy as np

from margin_assets.kernels.numeric.arrays import FloatArray, Int64Array
from margin_assets.kernels.rates.bonds import settled
from margin_assets.kernels.rates.conventions import to_ql
from margin_assets.kernels.rates.flows import Flows, joined
from margin_assets.kernels.rates.rates_rules import RatesRules
from margin_assets.valuation.book import Book, LaidBond, lay_out
from margin_assets.valuation.curve_terms import CurveTerms, IndexTerms
from margin_assets.valuation.document import Document
from margin_assets.valuation.market import RatesMarket, market_of
from margin_assets.valuation.rates_book.terms import Terms
from margin_assets.valuation.swap_legs import VALUE, LaidPart
from margin_assets.whatif.agreement import DocumentError

NO_INDEX, UNUSABLE_TERMS = "no_index", "unusable_terms"


class _Laid(NamedTuple):
    parts: tuple[LaidPart, ...]
    bond: LaidBond | None


class Held(NamedTuple):
    """The instruments held, laid out and joined."""

    names: tuple[str, ...]
    book: Book
    """Its bonds by place among the names."""
    owner: Int64Array
    """Place of each part's instrument."""
    spreads: FloatArray
    """Of each part, over its discount curve; `Spreads` knows them."""
    faults: Mapping[int, str]
    """Why an instrument has no parts, by its place."""

    def accrued(self, day: date) -> FloatArray:
        """Interest since the last coupon, a unit of face; NaN where there is none to be said."""
        found = np.full(len(self.names), np.nan)
        on = to_ql(day)
        for place, bond in self.book.bonds.items():
            if bond.fixed is None:
                found[place] = 0.0 if bond.bill is not None else np.nan
                continue
            ahead = [i for i, row in enumerate(bond.rows) if row.pay > on]
            if ahead:
                unit = bond.fixed.held[ahead[0]] / 100.0
                found[place] = settled(bond.fixed, on).accrued * unit
        return found


class Layer:
    """Lays instruments out by a rulebook's curves and indices, each once."""

    def __init__(self, rules: RatesRules, day: date) -> None:
        self.rules = rules
        self._day = day
        self._extra: list[str] = []
        """Indices that no curve projects."""
        self._laid: dict[str, tuple[Terms, _Laid | str]] = {}
        self.market = self._market()

    def held(self, known: Mapping[str, Terms], names: Sequence[str]) -> Held:
        """Those instruments, all of known terms, in that order."""
        laid = [self._lay(name, known[name]) for name in names]
        faults = {place: one for place, one in enumerate(laid) if isinstance(one, str)}
        parts: list[LaidPart] = []
        bonds: dict[int, LaidBond] = {}
        for place, one in enumerate(laid):
            if isinstance(one, str):
                continue
            parts += (part._replace(owner=place) for part in one.parts)
            if one.bond is not None:
                bonds[place] = one.bond
        flows = joined([_numbered(part.flows, n) for n, part in enumerate(parts)])
        owner = np.array([part.owner for part in parts], np.int64)
        spreads = np.zeros(len(owner))
        return Held(tuple(names), Book(tuple(parts), bonds, flows), owner, spreads, faults)

    def _lay(self, name: str, terms: Terms) -> _Laid | str:
        known = self._laid.get(name)
        if known is None or known[0] is not terms:
            known = self._laid[name] = (terms, self._lay_anew(terms))
        return known[1]

    def _lay_anew(self, terms: Terms) -> _Laid | str:
        if terms.instrument is None:
            return UNUSABLE_TERMS
        if not terms.index_is_known:
            return NO_INDEX
        if terms.index_name is not None and terms.index_name not in self.market.indices:
            self._extra.append(terms.index_name)
            self.market = self._market()
        document = self._document([terms.instrument])
        try:
            book = lay_out(document, self.market)
        except DocumentError:
            return UNUSABLE_TERMS
        # A unit rate on the fixed leg is for par rates, which nobody asks of a book.
        parts = [part for part in book.parts if part.role == VALUE]
        return _Laid(tuple(parts), book.bonds.get(0))

    def _market(self) -> RatesMarket:
        return market_of(self._document([]))

    def _document(self, instruments: list[object]) -> Document:
        rules = self.rules
        indices = {name: IndexTerms(curve=curve) for name, curve in rules.indices.items()}
        indices |= {name: IndexTerms() for name in self._extra}
        # Names and places of curves are all that laying out reads of them.
        curves = {one.name: CurveTerms(flat_rate=0.0) for one in rules.curves}
        return Document.model_construct(
            valuation_date=self._day,
            currency=rules.reporting,
            curves=curves,
            indices=indices,
            discounting=rules.discounting,
            key_rates=list(rules.key_rates),
            instruments=instruments,
        )


def _numbered(flows: Flows, number: int) -> Flows:
    return flows._replace(instrument=np.full(flows.rows, number, np.int32))
