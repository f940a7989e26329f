"""Documents of answers as rows of the lake's tables."""

import math
from collections.abc import Mapping
from typing import Any

import polars as pl

from schemas.avalanche import answers, by_hour

Document = Mapping[str, Any]
Rows = list[dict[str, Any]]


def frames_of(run_id: str, document: Document) -> dict[str, pl.DataFrame]:
    """Rows of each table from the document of all answers to one run."""
    rows: dict[str, Rows] = {
        "funding_forecast": [_funding(day) for day in document["funding"]],
        "facility_sizes": [_facility(document["facility"])] if document["facility"] else [],
        "margin_attribution": _attribution(document["attribution"]),
        "concentration_shares": _shares(document["concentration"]),
        "margin_efficiency": [_efficiency(row) for row in document["efficiency"]],
        "early_warnings": [_warning(document["warning"])],
        "recommendations": [_measure(row) for row in document["advice"]["recommendations"]],
        "need_by_hour": _need(document["fan"], document["arms"]["C"]),
        "sources_by_hour": _sources(document["sources"]),
        "calls_by_hour": _calls(document["calls"]),
    }
    return {name: _frame(name, run_id, held) for name, held in rows.items()}


def warning_frame(run_id: str, document: Document) -> pl.DataFrame:
    """The row of `early_warnings`, from the document of a reading."""
    return _frame("early_warnings", run_id, [_warning(document)])


def reverse_frame(run_id: str, document: Document) -> pl.DataFrame:
    """Rows of `reverse_stress`, from the document of a search."""
    rows = [
        {
            "answer": answer["rank"],
            "factor_id": move["factor"],
            "deviations": move["deviations"],
            "factor_return": move["return"],
            "distance": answer["distance"],
            "default_probability": answer["on_all_paths"]["default"]["probability"],
            "exhaustion_probability": answer["on_all_paths"]["exhaustion"]["probability"],
        }
        for answer in document["answers"]
        for move in answer["moves"]
    ]
    return _frame("reverse_stress", run_id, rows)


SCHEMAS = {
    "funding_forecast": answers.FundingForecast,
    "facility_sizes": answers.FacilitySizes,
    "margin_attribution": answers.MarginAttribution,
    "concentration_shares": answers.ConcentrationShares,
    "margin_efficiency": answers.MarginEfficiency,
    "reverse_stress": answers.ReverseStress,
    "early_warnings": answers.EarlyWarnings,
    "recommendations": answers.Recommendations,
    "need_by_hour": by_hour.NeedByHour,
    "sources_by_hour": by_hour.SourcesByHour,
    "calls_by_hour": by_hour.CallsByHour,
}
"""Tables that the answers fill."""


def _frame(name: str, run_id: str, rows: Rows) -> pl.DataFrame:
    schema = SCHEMAS[name]
    held = [{"run_id": run_id} | row for row in rows]
    return schema.validate(pl.DataFrame(held, schema=pl.Schema(schema)), cast=True)


def _bounded(amount: float) -> float | None:
    return amount if math.isfinite(amount) else None


def _funding(day: Document) -> dict[str, Any]:
    median, at_95, at_99 = day["outflow"]
    return {
        "day": day["day"],
        "contractual_usd": day["contractual"],
        "expected_margin_usd": day["expected_margin"],
        "outflow_50_usd": median,
        "outflow_95_usd": at_95,
        "outflow_99_usd": at_99,
        "buffer_usd": day["buffer"],
        "shortfall_usd": day["shortfall"],
        "is_simulated": day["is_simulated"],
    }


def _facility(found: Document) -> dict[str, Any]:
    return {
        "facility_id": found["facility"],
        "level": found["level"],
        "verdict": found["verdict"],
        "commitment_usd": found["commitment"],
        "low_usd": found["low"],
        "high_usd": _bounded(found["high"]),
        "missing_usd": found["missing"],
        "exhausted_paths": found["exhausted_with"],
    }


def _attribution(found: Document) -> Rows:
    return [
        {"manager_id": manager, "factor_id": factor, "need_usd": need}
        for manager, row in zip(found["managers"], found["matrix"], strict=True)
        for factor, need in zip(found["factors"], row, strict=True)
        if need != 0.0
    ]


def _shares(found: list[Document]) -> Rows:
    return [
        {
            "dimension": one["dimension"],
            "member": member["name"],
            "baseline_usd": member["baseline"],
            "stressed_usd": member["stressed"],
            "baseline_share": member["baseline_share"],
            "stressed_share": member["stressed_share"],
            "limit": one["limit"],
            "is_breach": member["is_breach"],
        }
        for one in found
        for member in one["members"]
    ]


def _efficiency(row: Document) -> dict[str, Any]:
    return {
        "manager_id": row["name"],
        "strategy": row["strategy"] or None,
        "expected_return_usd": row["expected_return"],
        "margin_usd": row["margin"],
        "need_usd": row["need"],
        "value_at_risk_usd": row["value_at_risk"],
        "return_on_margin": row["return_on_margin"],
        "return_on_need": row["return_on_need"],
        "margin_over_risk": row["margin_over_risk"],
    }


def _warning(found: Document) -> dict[str, Any]:
    return {
        "score": found["score"],
        "level": found["level"],
        **found["components"],
        "nearest_scenario": found["nearest_scenario"],
        "unknown": ", ".join(found["unknown"]),
    }


def _measure(row: Document) -> dict[str, Any]:
    kept = ("rank", "name", "kind", "subject", "owner", "horizon")
    amounts = ("cost", "need_reduction", "gap_reduction", "gap_left")
    return {name: row[name] for name in kept} | {f"{name}_usd": row[name] for name in amounts}


def _need(fan: Document, arm: Document) -> Rows:
    levels = [f"need_{level * 100:.0f}_usd" for level in fan["levels"]]
    shares = zip(arm["exhaustion_by_hour"], arm["default_by_hour"], strict=True)
    return [
        dict(zip(levels, needs, strict=True))
        | {"hour": hour, "exhausted_share": exhausted, "default_share": failed}
        for hour, (needs, (exhausted, failed)) in enumerate(
            zip(zip(*fan["hours"], strict=True), shares, strict=True)
        )
    ]


_SOURCES = ("need", "cash", "hqla", "undrawn", "known_dues", "arrears", "turned", "drawn", "raised")


def _sources(found: Document) -> Rows:
    held = {f"{name}_usd": found[name] for name in _SOURCES}
    return [
        {"hour": hour, "path": found["path"]} | dict(zip(held, amounts, strict=True))
        for hour, amounts in enumerate(zip(*held.values(), strict=True))
    ]


def _calls(found: Document) -> Rows:
    return [
        {"venue_id": venue, "hour": hour, "called_usd": amount}
        for venue, amounts in zip(found["venues"], found["amounts"], strict=True)
        for hour, amount in enumerate(amounts)
        if amount > 0.0
    ]
