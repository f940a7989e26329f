"""Quality gates of a book before a run: what names nothing, contradicts itself, or is stale."""

import re
from collections.abc import Callable, Iterator

import numpy as np
import polars as pl

from margin_assets.avalanche.book.calendars import calendar_faults, venue_faults
from margin_assets.avalanche.book.faults import refuse
from margin_assets.avalanche.book.reading import LINE, Tables
from margin_assets.avalanche.book.settings import BookSettings
from margin_assets.kernels.numeric.arrays import FloatArray

USD = "USD"
_PROFILE_HOURS = 24
_ROUNDING = 1e-6
_BETWEEN = re.compile(r"[\s;,\[\]]+")

_REFERENCES = (
    ("manager", "entity_id", "legal_entity", "entity_id"),
    ("netting_set", "entity_id", "legal_entity", "entity_id"),
    ("netting_set", "venue_id", "venue", "venue_id"),
    ("netting_set", "counterparty_id", "counterparty", "counterparty_id"),
    ("counterparty", "wrong_way_factor_id", "risk_factor", "factor_id"),
    ("exposure", "ns_id", "netting_set", "ns_id"),
    ("exposure", "factor_id", "risk_factor", "factor_id"),
    ("position", "ns_id", "netting_set", "ns_id"),
    ("risk_factor", "underlying_id", "risk_factor", "factor_id"),
    ("factor_history", "factor_id", "risk_factor", "factor_id"),
    ("correlation", "factor_id", "risk_factor", "factor_id"),
    ("correlation", "other_id", "risk_factor", "factor_id"),
    ("im_cut", "ns_id", "netting_set", "ns_id"),
    ("im_cut", "factor_id", "risk_factor", "factor_id"),
    ("im_model", "liq_addon_id", "addon", "addon_id"),
    ("im_model", "conc_addon_id", "addon", "addon_id"),
    ("im_model_change", "old_model_id", "im_model", "im_model_id"),
    ("im_model_change", "new_model_id", "im_model", "im_model_id"),
    ("cash_balance", "entity_id", "legal_entity", "entity_id"),
    ("collateral_holding", "entity_id", "legal_entity", "entity_id"),
    ("facility", "entity_id", "legal_entity", "entity_id"),
    ("cash_ladder", "entity_id", "legal_entity", "entity_id"),
)
"""Table and column of each reference, and where what it names must be."""
_PAYING = (
    ("netting_set", "call_ccy"),
    ("collateral_holding", "ccy"),
    ("facility", "ccy"),
    ("cash_ladder", "ccy"),
)


def judge(tables: Tables, settings: BookSettings) -> None:
    """Refuses a book that cannot be run, with everything that is wrong with it.

    Raises:
        BookError: Each fault with its file, line and column.
    """
    gates: tuple[Callable[[Tables, BookSettings], Iterator[str]], ...] = (
        _references,
        _managers,
        _models,
        _currencies,
        _terms,
        _profiles,
        _staleness,
        _scenarios,
        _dates,
        calendar_faults,
        venue_faults,
    )
    refuse(fault for gate in gates for fault in gate(tables, settings))


def _at(table: str, line: int, column: str) -> str:
    return f"{table} line {line}, column {column}:"


def _references(tables: Tables, _: BookSettings) -> Iterator[str]:
    for table, column, named, key in _REFERENCES:
        known = tables[named][key].implode()
        lost = tables[table].filter(pl.col(column).is_not_null() & ~pl.col(column).is_in(known))
        for line, value in lost.select(LINE, column).rows():
            yield f"{_at(table, line, column)} {value!r} is not in {named}"


def _managers(tables: Tables, _: BookSettings) -> Iterator[str]:
    managers = dict(tables["manager"].select("manager_id", "entity_id").rows())
    owners = dict(tables["netting_set"].select("ns_id", "entity_id").rows())
    if not managers:
        return
    rows = tables["exposure"].select(LINE, "ns_id", "manager_id").rows()
    for line, ns_id, manager in rows:
        if manager not in managers:
            yield f"{_at('exposure', line, 'manager_id')} {manager!r} is not in manager"
        elif ns_id in owners and owners[ns_id] != managers[manager]:
            yield (
                f"{_at('exposure', line, 'manager_id')} {manager!r} runs {managers[manager]}, "
                f"set {ns_id!r} is of {owners[ns_id]}"
            )


def _models(tables: Tables, _: BookSettings) -> Iterator[str]:
    given = set(tables["im_cut"].select("ns_id", "im_model_id").rows())
    models = set(tables["im_model"]["im_model_id"])
    rows = tables["netting_set"].select(LINE, "ns_id", "im_model_id").rows()
    for line, ns_id, model in rows:
        if model not in models and (ns_id, model) not in given:
            yield (
                f"{_at('netting_set', line, 'im_model_id')} set {ns_id!r} has model {model!r}, "
                "which is neither in im_model nor has cuts in im_cut"
            )


def _currencies(tables: Tables, _: BookSettings) -> Iterator[str]:
    rated = {USD, *tables["fx_rate"]["ccy"]}
    for line, ccy in tables["cash_balance"].select(LINE, "ccy").rows():
        if ccy not in rated:
            yield f"{_at('cash_balance', line, 'ccy')} {ccy} has no rate in fx_rate"
    accounts = set(tables["cash_balance"].select("entity_id", "ccy").rows())
    for table, column in _PAYING:
        for line, entity, ccy in tables[table].select(LINE, "entity_id", column).rows():
            if ccy not in rated:
                yield f"{_at(table, line, column)} {ccy} has no rate in fx_rate"
            if (entity, ccy) not in accounts:
                yield f"{_at(table, line, column)} {entity} has no cash_balance in {ccy}"


def _terms(tables: Tables, _: BookSettings) -> Iterator[str]:
    kinds = dict(tables["venue"].select("venue_id", "kind").rows())
    wanted = tables["netting_set"].select(LINE, "ns_id", "venue_id", "threshold", "mta")
    for line, ns_id, venue, threshold, mta in wanted.rows():
        if threshold > 0.0 and kinds.get(venue) != "BILATERAL":
            yield (
                f"{_at('netting_set', line, 'threshold')} set {ns_id!r} has a threshold, "
                f"venue {venue!r} is {kinds.get(venue)} and knows none"
            )
        if 0.0 < threshold < mta:
            yield (
                f"{_at('netting_set', line, 'mta')} set {ns_id!r} has an MTA of {mta:,.0f} "
                f"above its threshold of {threshold:,.0f}"
            )
    for line, asset, value, pledged in (
        tables["collateral_holding"].select(LINE, "asset_id", "market_value", "encumbered").rows()
    ):
        if pledged > value:
            yield f"{_at('collateral_holding', line, 'encumbered')} of {asset!r} is above its value"
    for line, facility, size, drawn in (
        tables["facility"].select(LINE, "facility_id", "commitment", "drawn").rows()
    ):
        if drawn > size:
            yield f"{_at('facility', line, 'drawn')} of {facility!r} is above its commitment"


def _profiles(tables: Tables, _: BookSettings) -> Iterator[str]:
    for column in ("hour_profile", "volume_profile"):
        for line, text in tables["risk_factor"].select(LINE, column).rows():
            if fault := _profile_fault(text):
                yield f"{_at('risk_factor', line, column)} {fault}"


def _profile_fault(text: str) -> str:
    if not text:
        return ""
    values = numbers(text)
    if values is None or len(values) != _PROFILE_HOURS:
        return "is not 24 numbers with ';' between them"
    if not np.isfinite(values).all() or (values < 0.0).any():
        return "has a share below 0 or none at all"
    total = float(values.sum())
    return "" if abs(total - 1.0) <= _ROUNDING else f"sums to {total:.6f}, not to 1"


def numbers(text: str) -> FloatArray | None:
    """The numbers of a list, as `11;15`, `11, 15` or `[11 15]`; None where one is none."""
    try:
        return np.array([float(part) for part in _BETWEEN.split(text) if part])
    except ValueError:
        return None


def _staleness(tables: Tables, settings: BookSettings) -> Iterator[str]:
    shares = (
        tables["factor_history"]
        .group_by("factor_id", maintain_order=True)
        .agg(pl.col("stale").mean())
    )
    for factor, share in shares.rows():
        if share > settings.most_stale:
            yield (
                f"factor_history: {share:.1%} of the history of {factor!r} is stale, "
                f"more than {settings.most_stale:.0%}"
            )


def _scenarios(tables: Tables, _: BookSettings) -> Iterator[str]:
    known = ["*", *tables["risk_factor"]["factor_id"]]
    lost = tables["scenario"].filter(~pl.col("factor_id").is_in(known))
    for line, scenario, factor in lost.select(LINE, "scenario_id", "factor_id").rows():
        yield (
            f"{_at('scenario', line, 'factor_id')} scenario {scenario!r} names {factor!r}, "
            "which is not in risk_factor"
        )


def _dates(tables: Tables, settings: BookSettings) -> Iterator[str]:
    if settings.as_of is not None:
        return
    for table in ("cash_ladder", "im_model_change"):
        if tables[table].height:
            yield f"settings: {table} has dates, so `as_of` must say which day is day 0"
