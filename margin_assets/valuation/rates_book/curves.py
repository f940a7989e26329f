"""Curves that follow their landed quotes: built where they change, the last good one kept."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from margin_assets.kernels.numeric.arrays import FloatArray
from margin_assets.kernels.numeric.money import instants
from margin_assets.kernels.rates.conventions import days_of, years_of
from margin_assets.kernels.rates.curves import discount_factors
from margin_assets.kernels.rates.quotes import Bootstrap, QuotedCurve, Unbuildable, evaluated_on
from margin_assets.kernels.rates.rates_rules import CurveRules, RatesRules
from margin_assets.valuation.curve_terms import CurveTerms
from margin_assets.valuation.indices import known_index
from margin_assets.valuation.market import Calendars
from margin_assets.valuation.node_curves import BuiltCurve
from margin_assets.valuation.quote_terms import quoted_curve
from schemas.rates.results import CURVE_STATUSES

FRESH, STALE, UNUSABLE = CURVE_STATUSES
NO_QUOTES = "no_quotes"
_CALENDARS = Calendars(())
_COLUMNS = ("curve", "kind", "tenor", "quote", "start", "start_date")


class CurveQuote(NamedTuple):
    """One quote and when it was made, in microseconds."""

    kind: str
    tenor: str | None
    quote: float
    start: str | None
    start_date: date | None
    at: int

    @property
    def key(self) -> tuple[str | None, str | None, date | None]:
        """What it is the quote of: the next one of the same replaces it."""
        return self.tenor, self.start, self.start_date

    @property
    def is_spot(self) -> bool:
        """Whether it runs from today: a FRA of a required tenor is no quote of that tenor."""
        return self.start is None and self.start_date is None

    def ends(self, day: date) -> float:
        """Years from a day to about its last one: the order of nodes."""
        start = years_of(self.start) if self.start else 0.0
        if self.start_date is not None:
            start = (self.start_date - day).days / 365.25
        return start + (years_of(self.tenor) if self.tenor else 0.25)


class Nodes(NamedTuple):
    """A curve that stands, with the quotes it was made of in the order of its nodes."""

    built: BuiltCurve
    quotes: tuple[CurveQuote, ...]
    quoted: QuotedCurve
    error: float
    """Largest repricing error."""


class StandingCurve(NamedTuple):
    """A curve as it stands at an instant."""

    rules: CurveRules
    status: str
    problem: str | None
    nodes: Nodes | None
    good: tuple[CurveQuote, ...]
    """Quotes that made it last."""
    day: date | None
    """Its reference day."""

    @property
    def said(self) -> tuple[object, ...]:
        """What tells it from how it stood before."""
        return self.status, self.problem, self.day, self.good


@dataclass
class _Held:
    rules: CurveRules | None = None
    """None of a curve that the rulebook does not name."""
    newest: dict[object, CurveQuote] = field(default_factory=dict)
    good: tuple[CurveQuote, ...] = ()
    nodes: Nodes | None = None
    problem: str | None = None
    day: date | None = None
    has_moved: bool = False


class CurveBook:
    """The curves of the rulebook; quotes of others are kept, and make no curve."""

    def __init__(self) -> None:
        self._held: dict[str, _Held] = {}
        self._rules: RatesRules | None = None

    def follow(self, rules: RatesRules) -> None:
        """Takes the rules in force; curves whose rules changed are built anew."""
        if rules == self._rules:
            return
        self._rules = rules
        for one in rules.curves:
            held = self._held.setdefault(one.name, _Held())
            held.has_moved |= held.rules != one
            held.rules = one

    def take(self, rows: pl.DataFrame) -> None:
        """Takes quotes, in order of time and landing."""
        for name, quote in _quotes(rows):
            held = self._held.setdefault(name, _Held())
            before = held.newest.get(quote.key)
            if before is None or quote.at >= before.at:
                held.newest[quote.key] = quote
                held.has_moved = True

    def load(self, curves: pl.DataFrame) -> dict[str, tuple[object, ...]]:
        """Takes the last rows of `curves`: of which quotes each was made, and on which day.

        Quotes are taken before. Returns what each row said, as `StandingCurve.said`.
        """
        said: dict[str, tuple[object, ...]] = {}
        for rules, held in self._in_order():
            rows = curves.filter(pl.col("curve") == rules.name)
            if not rows.height:
                continue
            last = rows.filter(pl.col("cycle") == pl.col("cycle").max()).sort("node")
            made = last.filter(pl.col("node") > 0).with_columns(event_time=pl.col("quoted_at"))
            held.good = tuple(quote for _, quote in _quotes(made))
            held.day, held.problem = last["reference_date"][0], last["problem"][0]
            held.has_moved = False
            if last["zero_rate"].is_not_null().any():
                held.nodes, _ = self._built(rules, held.good, last["reference_date"][0])
            said[rules.name] = (last["status"][0], held.problem, held.day, held.good)
        return said

    def stand(self, at: int, day: date) -> tuple[StandingCurve, ...]:
        """Every curve as of an instant (microseconds) on a valuation day, in the rules' order."""
        moved: set[str] = set()
        found: dict[str, StandingCurve] = {}
        with evaluated_on(day):
            for rules, held in self._in_order():
                is_same = not held.has_moved and held.day == day and not _has_aged(rules, held, at)
                if not is_same or rules.discount_curve in moved:
                    self._rebuild(rules, held, at, day)
                    moved.add(rules.name)
                found[rules.name] = _standing(rules, held, at, found)
        return tuple(found.values())

    def _in_order(self) -> Iterable[tuple[CurveRules, _Held]]:
        rules = self._rules.curves if self._rules else ()
        return ((one, self._held[one.name]) for one in rules)

    def _rebuild(self, rules: CurveRules, held: _Held, at: int, day: date) -> None:
        """Of the newest quotes; where they make no curve, of those that did before."""
        quotes, problem = _usable(rules, held, at, day)
        nodes = None
        if problem is None:
            nodes, problem = self._built(rules, quotes, day)
        if nodes is not None:
            held.good = nodes.quotes
        elif held.good:
            nodes, _ = self._built(rules, held.good, day)
        held.nodes, held.problem, held.day, held.has_moved = nodes, problem, day, False

    def _built(
        self, rules: CurveRules, quotes: Sequence[CurveQuote], day: date
    ) -> tuple[Nodes | None, str | None]:
        """A curve of the quotes, or what is wrong with it."""
        under: list[QuotedCurve] = []
        if rules.discount_curve is not None:
            below = self._held[rules.discount_curve].nodes
            if below is None:
                return None, f"no_curve:{rules.discount_curve}"
            under.append(below.quoted)
        ordered = tuple(sorted(quotes, key=lambda quote: quote.ends(day)))
        try:
            quoted = _quoted(rules, ordered, day)
            # Helpers made anew: moved quotes start the solver where the last ones left it, and a
            # curve would hang on what was quoted before.
            bootstrap = Bootstrap(day, [*under, quoted], {})
            curve = bootstrap.curves()[rules.name]
            days = bootstrap.node_days()[rules.name]
            error = bootstrap.repricing_errors()[rules.name]
        except (Unbuildable, ValueError, RuntimeError):
            return None, "not_built"
        if len(days) != len(ordered):
            return None, "not_built"
        built = BuiltCurve(rules.name, curve, days_of(day), quoted.day_count, tuple(days))
        rates = forwards(built)
        if not (rates >= rules.least_forward).all() or not (rates <= rules.most_forward).all():
            return None, "forward_out_of_bounds"
        return Nodes(built, ordered, quoted, error), None


def forwards(built: BuiltCurve) -> FloatArray:
    """Continuous forward rate to each node from the one before."""
    times = built.curve.times
    logs = -np.log(discount_factors(built.curve, times))
    found: FloatArray = np.diff(logs, prepend=0.0) / np.diff(times, prepend=0.0)
    return found


def _quotes(rows: pl.DataFrame) -> Iterable[tuple[str, CurveQuote]]:
    times = instants(rows["event_time"]).tolist()
    for row, at in zip(rows.select(_COLUMNS).iter_rows(), times, strict=True):
        curve, kind, tenor, quote, start, start_date = row
        yield curve, CurveQuote(kind, tenor, quote, start, start_date, at)


def _usable(
    rules: CurveRules, held: _Held, at: int, day: date
) -> tuple[tuple[CurveQuote, ...], str | None]:
    """Quotes to build of, and what is missing among them."""
    if not held.newest:
        return (), NO_QUOTES
    quotes = [
        quote
        for quote in held.newest.values()
        if not (quote.start_date is not None and quote.start_date <= day)
    ]
    given = {quote.tenor for quote in quotes if quote.is_spot}
    missing = [tenor for tenor in rules.required if tenor not in given]
    if missing:
        return (), "missing:" + ",".join(missing)
    return tuple(quote for quote in quotes if not _is_past_use(rules, quote, at)), None


def _is_past_use(rules: CurveRules, quote: CurveQuote, at: int) -> bool:
    """Whether the curve does without the quote rather than be as old as it is."""
    is_required = quote.is_spot and quote.tenor in rules.required
    return not is_required and at - quote.at > rules.stale_after


def _has_aged(rules: CurveRules, held: _Held, at: int) -> bool:
    """Whether a curve of its newest quotes would be made without one that is in it."""
    if held.nodes is None or held.problem is not None:
        return False
    return any(_is_past_use(rules, quote, at) for quote in held.nodes.quotes)


def _standing(
    rules: CurveRules, held: _Held, at: int, found: dict[str, StandingCurve]
) -> StandingCurve:
    nodes = held.nodes
    if nodes is None:
        return StandingCurve(rules, UNUSABLE, held.problem, None, held.good, held.day)
    age = at - min(quote.at for quote in nodes.quotes)
    status = STALE if age > rules.stale_after else FRESH
    if age > rules.unusable_after:
        status = UNUSABLE
    if rules.discount_curve is not None:
        below = found[rules.discount_curve].status
        status = max(status, below, key=CURVE_STATUSES.index)
    return StandingCurve(rules, status, held.problem, nodes, held.good, held.day)


def _quoted(rules: CurveRules, quotes: Sequence[CurveQuote], day: date) -> QuotedCurve:
    said: dict[str, Any] = {
        "currency": rules.currency,
        "interpolation": rules.interpolation,
        "quotes": [_terms(quote) for quote in quotes],
        "index": rules.index_name,
        "discount_curve": rules.discount_curve,
    }
    if rules.fixed_day_count:
        fixed = {"day_count": rules.fixed_day_count, "frequency": rules.fixed_frequency}
        said |= {"conventions": {"swap": fixed}}
    conventions = known_index(rules.index_name) if rules.index_name else None
    known = {} if conventions is None else {str(rules.index_name): conventions}
    terms = CurveTerms.model_validate(said)
    return quoted_curve((rules.name, terms), day, _CALENDARS.get, known)


def _terms(quote: CurveQuote) -> dict[str, Any]:
    """The quote as a document writes it."""
    first = quote.start_date
    return {
        "kind": quote.kind,
        "tenor": quote.tenor,
        "start": quote.start,
        "start_date": None if first is None else first.isoformat(),
        "price" if quote.kind == "future" else "rate": quote.quote,
    }
