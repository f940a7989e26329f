"""The page of the rates book: its curves, and the risk of the positions that pass a filter."""

from dataclasses import dataclass
from typing import Any

import polars as pl

from margin_assets.dashboard.tables import Sealed, listed
from margin_assets.desk.tenors import by_term

_LARGEST, _HEAT, _NAMES, _MOVES = 20, 15, 10, 5
_HISTORY_DAYS, _POINTS = 370, 400
_SECONDS = 20.0
_KEYS = ("account_id", "desk", "legal_entity", "instrument_id")
_SHOWN = (
    *_KEYS,
    *("kind", "issuer", "currency", "maturity", "quantity", "status", "reasons"),
    *("npv_reporting", "dv01_reporting", "share", "requirement", "requirement_rule"),
)
_CHARTED = ("3M", "2Y", "5Y", "10Y", "30Y")

Answer = dict[str, Any]


@dataclass(frozen=True)
class Filter:
    """Which positions; what is None is not asked."""

    account: str | None = None
    desk: str | None = None
    currency: str | None = None
    kind: str | None = None
    years_from: float | None = None
    years_to: float | None = None
    """Years to maturity, of 365.25 days."""
    least_dv01: float | None = None
    """Size in the reporting currency."""


def rates(sealed: Sealed, asked: Filter) -> Answer:
    """The book as of the last cycle that moved it; `positions` is 0 where nothing passes."""
    rows = sealed.once("rates", lambda: _positions(sealed))
    kept = rows.filter(_conditions(asked))
    key_rates = sealed.once("rates_keys", lambda: sealed.rows("rates_sensitivities"))
    return {
        "as_of": _moment(rows),
        "totals": _totals(kept),
        "desks": _by(kept, "desk"),
        "issuers": _by(kept, "issuer")[:_NAMES],
        "concentration": _concentration(kept),
        "largest": listed(_ranked(kept).head(_LARGEST), *_SHOWN),
        "heat": _heat(kept, key_rates),
        "choices": sealed.once("rates_choices", lambda: _choices(rows)),
    }


def curves(sealed: Sealed, name: str | None) -> Answer | None:
    """All curves now, and one of them over its days; None where there is no such curve."""
    rows = sealed.for_a_while("curves", _SECONDS, lambda: sealed.rows("curves"))
    last = rows.filter(pl.col("cycle") == pl.col("cycle").max().over("curve"))
    names = last["curve"].unique().sort().to_list()
    if name is not None and name not in names:
        return None
    chosen = name or next(iter(names), None)
    return {
        "curves": [_curve(last.filter(curve=one)) for one in names],
        "chosen": chosen,
        "days": _days(rows.filter(curve=chosen) if names else rows),
    }


def history(sealed: Sealed, asked: Filter) -> Answer:
    """Value and DV01 by day, of the books of an account, a desk and a currency."""
    rows = sealed.for_a_while("desk_risk", _SECONDS, lambda: sealed.rows("desk_risk"))
    of_day = rows.with_columns(day=pl.col("as_of").dt.date())
    last = of_day.filter(pl.col("cycle") == pl.col("cycle").max().over("day"))
    kept = last.filter(_conditions(Filter(asked.account, asked.desk, asked.currency)))
    found = (
        kept.group_by("day")
        .agg(
            dv01=pl.col("dv01_reporting").sum(),
            npv=pl.col("npv_reporting").sum(),
            unpriced=pl.col("unpriced").sum(),
            without_fx=pl.col("fx_rate").is_null().sum(),
        )
        .sort("day")
        .tail(_HISTORY_DAYS)
    )
    return {"days": listed(found)}


def _positions(sealed: Sealed) -> pl.DataFrame:
    """Positions with their DV01 in the reporting currency, and years to maturity."""
    books = sealed.rows("desk_risk")
    last = books.filter(pl.col("cycle") == pl.col("cycle").max())
    rates = last.select("currency", "fx_rate").unique("currency")
    values = sealed.rows("rates_values")
    years = (pl.col("maturity") - pl.col("as_of").dt.date()).dt.total_days() / 365.25
    return values.join(rates, on="currency", how="left", maintain_order="left").with_columns(
        dv01_reporting=pl.col("dv01") * pl.col("fx_rate"), years=years
    )


def _conditions(asked: Filter) -> list[pl.Expr]:
    equal = {"account_id": asked.account, "desk": asked.desk, "currency": asked.currency}
    equal |= {"kind": asked.kind}
    found = [pl.col(name) == wanted for name, wanted in equal.items() if wanted is not None]
    if asked.years_from is not None:
        found.append(pl.col("years") >= asked.years_from)
    if asked.years_to is not None:
        found.append(pl.col("years") <= asked.years_to)
    if asked.least_dv01 is not None:
        found.append(pl.col("dv01_reporting").abs() >= asked.least_dv01)
    return found or [pl.lit(value=True)]


def _moment(rows: pl.DataFrame) -> str | None:
    return rows["as_of"][0].isoformat() if rows.height else None


def _totals(rows: pl.DataFrame) -> Answer:
    found = rows.select(
        positions=pl.len(),
        unpriced=(pl.col("status") == "unpriced").sum(),
        stale=(pl.col("status") == "stale").sum(),
        without_fx=(pl.col("npv").is_not_null() & pl.col("npv_reporting").is_null()).sum(),
        npv=pl.col("npv_reporting").sum(),
        dv01=pl.col("dv01_reporting").sum(),
        gross_dv01=pl.col("dv01_reporting").abs().sum(),
        requirement=_in_reporting("requirement").sum(),
    )
    return listed(found)[0]


def _in_reporting(amount: str) -> pl.Expr:
    return pl.col(amount).cast(pl.Float64) * pl.col("fx_rate")


def _by(rows: pl.DataFrame, name: str) -> list[Answer]:
    """Sums by a name, the largest DV01 first; what has no name stands under none."""
    found = rows.group_by(name).agg(
        positions=pl.len(),
        unpriced=(pl.col("status") == "unpriced").sum(),
        npv=pl.col("npv_reporting").sum(),
        dv01=pl.col("dv01_reporting").sum(),
        gross_dv01=pl.col("dv01_reporting").abs().sum(),
        requirement=_in_reporting("requirement").sum(),
    )
    largest = pl.col("gross_dv01")
    return listed(found.sort(largest, name, descending=[True, False], nulls_last=True))


def _ranked(rows: pl.DataFrame) -> pl.DataFrame:
    """The largest DV01 first, with its share of all sizes."""
    size = pl.col("dv01_reporting").abs()
    return rows.with_columns(share=pl.when(size.sum() > 0).then(size / size.sum())).sort(
        size, *_KEYS, descending=[True, *[False] * len(_KEYS)], nulls_last=True
    )


def _concentration(rows: pl.DataFrame) -> Answer:
    """Share of the sizes of DV01 in the largest positions."""
    shares = _ranked(rows)["share"].fill_null(0.0)
    return {"top_5": shares.head(5).sum(), "top_10": shares.head(10).sum()}


def _heat(rows: pl.DataFrame, key_rates: pl.DataFrame) -> Answer:
    """Key rates of the largest positions, in the reporting currency; and of all that pass."""
    tenors = by_term(key_rates["tenor"].unique().to_list())
    held = key_rates.join(rows.select(*_KEYS, "fx_rate"), on=_KEYS, how="inner").with_columns(
        slope=pl.col("dv01") * pl.col("fx_rate")
    )
    sums = dict(held.group_by("tenor").agg(pl.col("slope").sum()).rows())
    shown = _ranked(rows).head(_HEAT).select(_KEYS)
    cells = {row[:-1]: row[-1] for row in held.select(*_KEYS, "tenor", "slope").rows()}
    return {
        "tenors": tenors,
        "sums": [sums.get(tenor, 0.0) for tenor in tenors],
        "rows": [
            {"name": key[-1], "desk": key[1], "dv01": [cells.get((*key, t), 0.0) for t in tenors]}
            for key in shown.rows()
        ],
    }


def _choices(rows: pl.DataFrame) -> Answer:
    """What a filter may ask for."""
    columns = {"account": "account_id", "desk": "desk", "currency": "currency", "kind": "kind"}
    return {
        word: rows[column].drop_nulls().unique().sort().to_list()
        for word, column in columns.items()
    }


def _curve(rows: pl.DataFrame) -> Answer:
    first = rows.row(0, named=True)
    nodes = rows.filter(pl.col("node") > 0)
    told = ("curve", "currency", "status", "problem", "repricing_error")
    columns = ("tenor", "kind", "node_date", "years", "quote", "zero_rate", "quoted_at")
    as_of = first["as_of"].isoformat()
    return {name: first[name] for name in told} | {"as_of": as_of, "nodes": listed(nodes, *columns)}


def _days(rows: pl.DataFrame) -> Answer:
    """Zero rates of chosen nodes at the end of each of a curve's days."""
    day = "reference_date"
    of_days = rows.filter(pl.col("zero_rate").is_not_null() & pl.col("tenor").is_in(_CHARTED))
    last = of_days.filter(pl.col("cycle") == pl.col("cycle").max().over(day)).sort(day)
    held = {(on, tenor): rate for on, tenor, rate in last.select(day, "tenor", "zero_rate").rows()}
    dates = last[day].unique().sort().tail(_POINTS).to_list()
    tenors = [tenor for tenor in _CHARTED if tenor in last["tenor"].to_list()]
    return {
        "days": [on.isoformat() for on in dates],
        "rates": {tenor: [held.get((on, tenor)) for on in dates] for tenor in tenors},
    }
