"""The figures that a narrative may state, as text, by section."""

from collections.abc import Mapping
from typing import Any

from margin_assets.avalanche.report.scales import money, percent

Facts = Mapping[str, str]
SECTIONS = ("margin", "liquidity", "portfolio", "stress")


def facts_of(document: Mapping[str, Any]) -> dict[str, Facts]:
    """Facts of each section, from the document of all answers."""
    return {
        "margin": _margin(document),
        "liquidity": _liquidity(document),
        "portfolio": _portfolio(document),
        "stress": _stress(document),
    }


def quantile_of(distribution: Mapping[str, Any], level: float) -> Mapping[str, Any]:
    """The quantile of a level in a distribution's document."""
    found: Mapping[str, Any] = next(q for q in distribution["quantiles"] if q["level"] == level)
    return found


def _margin(document: Mapping[str, Any]) -> Facts:
    need = quantile_of(document["uncensored_need"], 0.99)
    median = quantile_of(document["uncensored_need"], 0.5)
    ratio = quantile_of(document["arms"]["C"]["im_peak_ratio"], 0.99)
    venue = document["by_venue"][0]
    return {
        "scenario": document["run"]["scenario"],
        "paths": f"{document['run']['paths']:,}",
        "margin_today": money(document["initial_margin_today"]),
        "need_median": money(median["value"]),
        "need_99": money(need["value"]),
        "need_99_low": money(need["low"]),
        "need_99_high": money(need["high"]),
        "margin_ratio_99": f"{ratio['value']:.2f}",
        "first_venue": venue["venue"],
        "first_venue_need": money(venue["in_tail"]),
    }


def _liquidity(document: Mapping[str, Any]) -> Facts:
    held, facility = document["liquidity"], document["facility"]
    outcome = document["arms"]["C"]
    day = max(document["funding"], key=lambda one: one["shortfall"])
    facts = {
        "liquid": money(held["total"]),
        "cash": money(held["cash"]),
        "bonds": money(held["hqla"]),
        "lines": money(held["facilities"]),
        "exhaustion": percent(outcome["exhaustion"]["probability"]),
        "default": percent(outcome["default"]["probability"]),
        "shortfall": money(day["shortfall"]),
        "shortfall_day": str(day["day"]),
    }
    if facility:
        facts |= {
            "facility": facility["facility"],
            "facility_size": money(facility["commitment"]),
            "facility_low": money(facility["low"]),
            "facility_high": money(facility["high"]),
            "facility_missing": money(facility["missing"]),
            "facility_verdict": facility["verdict"],
        }
    return facts


def _portfolio(document: Mapping[str, Any]) -> Facts:
    found = document["attribution"]
    by_manager = sorted(
        zip(found["managers"], found["by_manager"], strict=True), key=lambda one: -one[1]
    )
    breaches = [
        (
            dimension["dimension"],
            member["name"],
            max(member["baseline_share"], member["stressed_share"]),
        )
        for dimension in document["concentration"]
        for member in dimension["members"]
        if member["is_breach"]
    ]
    facts = {
        "tail_need": money(found["need"]),
        "first_manager": by_manager[0][0],
        "first_manager_need": money(by_manager[0][1]),
        "residual_share": percent(found["residual_share"]),
        "breaches": str(len(breaches)),
        "score": f"{document['standing']['score']:.0f}",
    }
    if breaches:
        dimension, name, share = max(breaches, key=lambda one: one[2])
        facts |= {"breach_dimension": dimension, "breach": name, "breach_share": percent(share)}
    if picks := document["advice"]["recommendations"]:
        facts |= {
            "first_measure": picks[0]["name"],
            "first_measure_gap": money(picks[0]["gap_reduction"]),
            "first_measure_owner": picks[0]["owner"],
        }
    return facts


def _stress(document: Mapping[str, Any]) -> Facts:
    spiral, warning = document["spiral"], document["warning"]
    amplified = document["amplification"]
    return {
        "rho": f"{spiral['rho']:.2f}",
        "spiral": "stable" if spiral["stable"] else "unstable without an outside buyer",
        "sales_on_default": percent(amplified["sales_on_default"]),
        "impact_on_default": percent(amplified["impact_on_default"]),
        "warning": f"{warning['score']:.2f}",
        "level": warning["level"],
        "nearest": warning["nearest_scenario"] or "none",
    }
