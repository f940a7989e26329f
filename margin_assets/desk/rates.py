"""The rates book as a sealed cycle left it: sheets for a person, and losses by past moves."""

from collections.abc import Callable, Mapping
from datetime import date, datetime

import numpy as np
import polars as pl

from margin_assets.desk.tenors import by_term
from margin_assets.kernels.numeric.money import instants
from margin_assets.kernels.rates.rates_rules import rates_rules
from margin_assets.kernels.rates.tail_risk import expected_shortfall, value_at_risk
from margin_assets.kernels.rules.grid import day_of, new_york_day
from margin_assets.lake.ledger.sealed import SealedTables
from margin_assets.valuation.rates_book import RATES_FEEDS, RatesBook
from margin_assets.valuation.rates_book.curves import CurveBook
from margin_assets.valuation.rates_book.par import par_slopes
from margin_assets.valuation.rates_book.placing import Move

Scan = Callable[[str], pl.LazyFrame]
"""Tables as of one sealed cycle."""
SHEETS = ("summary", "instruments", "sensitivities")
_BOOK = ("account_id", "desk", "legal_entity", "currency")
_TAIL = {"scope": pl.String, "subject": pl.String, "days": pl.Int64, "tail": pl.Float64}
_TAIL |= {"value_at_risk": pl.Float64, "expected_shortfall": pl.Float64, "left_out": pl.Int64}


def loaded_book(scan: SealedTables, as_of: int) -> RatesBook | None:
    """The book of all rows of sealed cycles up to an instant (microseconds); None of no rows."""
    landed = {feed: scan.in_landing_order(feed).collect() for feed in RATES_FEEDS}
    rows = {feed: _past(frame, as_of) for feed, frame in landed.items() if frame.height}
    if not rows:
        return None
    book = RatesBook()
    book.take(rows)
    book.load(scan("curves"), scan("rates_values"), as_of)
    return book


def _past(rows: pl.DataFrame, as_of: int) -> pl.DataFrame:
    past = rows.filter(pl.Series(instants(rows["event_time"]) <= as_of))
    return past.sort("event_time", maintain_order=True)


def sheets(scan: Scan) -> dict[str, pl.DataFrame]:
    """Books, positions, and key rates side by side; empty where no cycle valued any."""
    keys = ("account_id", "desk", "legal_entity", "instrument_id")
    long = scan("rates_sensitivities").select(*keys, "tenor", "dv01").collect()
    order = by_term(long["tenor"].unique().to_list())
    wide = long.pivot("tenor", index=keys, values="dv01", sort_columns=False)
    found = {
        "summary": newest(scan, "desk_risk").drop("cycle"),
        "instruments": scan("rates_values").drop("cycle").sort(keys).collect(),
        "sensitivities": wide.select(*keys, *order).fill_null(0.0).sort(keys),
    }
    return {name: found[name] for name in SHEETS}


def newest(scan: Scan, table: str) -> pl.DataFrame:
    """Rows of the last cycle that wrote them, of a table of books."""
    rows = scan(table)
    last = rows.filter(pl.col("cycle") == pl.col("cycle").max()).collect()
    return last.sort([name for name in _BOOK if name in last.columns])


def by_quote(scan: Scan) -> pl.DataFrame:
    """DV01 of each book by quote of the curves, as of the cycle that moved the book last."""
    slopes = newest(scan, "desk_sensitivities")
    if slopes.is_empty():
        return pl.DataFrame(schema=dict.fromkeys((*_BOOK, "curve", "tenor"), pl.String))
    at = int(instants(slopes["as_of"].head(1)).item())
    rules, day = rates_rules(day_of(at)), new_york_day(at)
    if rules is None:
        raise LookupError("the cycle knew of no rates book")
    curves = CurveBook()
    curves.follow(rules)
    curves.load(scan("curves").collect())
    return par_slopes(curves.stand(at, day), slopes, day)


def tail_losses(scan: SealedTables, as_of: datetime, tail: float) -> pl.DataFrame:
    """Value at risk and expected shortfall of the firm and of each desk, in reporting currency.

    Of the present book under each past day's move of the zero rates of its curves, one business
    day of the curves each. Conventions: `kernels/rates/tail_risk.py`. Positive is a loss.
    Positions without a value or an exchange rate are in no figure: `left_out` counts them.
    """
    at = int(instants(pl.Series([as_of])).item())
    book = loaded_book(scan, at)
    if book is None:
        return pl.DataFrame(schema=_TAIL)
    days, books, gains = book.gains(at, moves_of(scan("curves")))
    if not days:
        return pl.DataFrame(schema=_TAIL)
    desks = books["desk"].to_numpy()
    chosen = [("firm", None, np.full(len(desks), fill_value=True))]
    chosen += [("desk", desk, desks == desk) for desk in np.unique(desks).tolist()]
    rows = []
    for scope, name, among in chosen:
        pnl, lost = gains[among].sum(axis=0), int(books.filter(pl.Series(among))["left_out"].sum())
        figures = value_at_risk(pnl, tail), expected_shortfall(pnl, tail)
        rows.append((scope, name, len(days), tail, *figures, lost))
    return pl.DataFrame(rows, schema=_TAIL, orient="row")


def moves_of(curves: pl.DataFrame) -> dict[date, dict[str, Move]]:
    """How the zero rates of each curve moved to each of its days from the one before.

    Of a day the last nodes count; the day before is read at the nodes of this one. A day on which
    no quote was made is none: its curve is laid anew, and stands where it stood.
    """
    moves: dict[date, dict[str, Move]] = {}
    known = curves.filter(pl.col("zero_rate").is_not_null()).sort("curve", "cycle", "node")
    for (name,), rows in known.partition_by("curve", as_dict=True, maintain_order=True).items():
        last = rows.filter(pl.col("cycle") == pl.col("cycle").max().over("reference_date"))
        before: Mapping[str, np.ndarray] | None = None
        quoted_at = None
        for (day,), nodes in last.partition_by(
            "reference_date", as_dict=True, maintain_order=True
        ).items():
            newest = nodes["quoted_at"].max()
            if newest == quoted_at:
                continue
            quoted_at = newest
            now = {column: nodes[column].to_numpy() for column in ("years", "zero_rate")}
            if before is not None:
                was = np.interp(now["years"], before["years"], before["zero_rate"])
                moves.setdefault(day, {})[str(name)] = (now["years"], now["zero_rate"] - was)
            before = now
    return moves
