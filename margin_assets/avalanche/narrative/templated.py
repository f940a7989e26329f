"""The narrative by template: the same figures, the same words."""

from margin_assets.avalanche.narrative.facts import Facts
from margin_assets.avalanche.report.scales import money


class Templates:
    """Writes each section by its template."""

    def write(self, section: str, facts: Facts) -> str:
        """The section's text.

        Raises:
            KeyError: There is no such section.
        """
        sentences = _SECTIONS[section](facts)
        return " ".join(sentence for sentence in sentences if sentence)


def _margin(f: Facts) -> list[str]:
    return [
        f"In the scenario {f['scenario']}, over {f['paths']} paths, calls less returns peak at a"
        f" median of {f['need_median']}; on the worst percentile they reach {f['need_99']}"
        f" ({f['need_99_low']} to {f['need_99_high']} with sampling error).",
        f"Initial margin stands at {f['margin_today']} today and rises to {f['margin_ratio_99']}"
        " times that on the worst percentile.",
        f"Most is called by {f['first_venue']}: {f['first_venue_need']} on the worst paths.",
    ]


def _liquidity(f: Facts) -> list[str]:
    told = [
        f"Dues can be met from {f['liquid']}: {f['cash']} of cash, {f['bonds']} of bonds and"
        f" {f['lines']} of committed lines.",
        f"Liquidity is exhausted on {f['exhaustion']} of paths and an entity defaults on"
        f" {f['default']}.",
        _facility(f),
    ]
    if f["shortfall"] != money(0.0):
        told.append(
            f"Funding falls short by {f['shortfall']} at most, on day {f['shortfall_day']}."
        )
    return told


def _facility(f: Facts) -> str:
    if "facility" not in f:
        return "There is no committed line to size."
    name = f["facility"]
    if f["facility_verdict"] == "no_line_suffices":
        return f"No size of {name} suffices: its money comes too late on too many paths."
    if f["facility_verdict"] == "none_needed":
        return f"{name} is not needed for the limit that was set."
    return (
        f"{name} must be {f['facility_size']} ({f['facility_low']} to {f['facility_high']});"
        f" {f['facility_missing']} of it is missing."
    )


def _portfolio(f: Facts) -> list[str]:
    told = [
        f"Of a need of {f['tail_need']} on the worst paths {f['first_manager']} brings the most,"
        f" {f['first_manager_need']}; {f['residual_share']} is left unattributed.",
        f"Limits of concentration broken: {f['breaches']}.",
    ]
    if "breach" in f:
        told.append(
            f"The largest is the {f['breach_dimension']} {f['breach']} with {f['breach_share']}."
        )
    if "first_measure" in f:
        told.append(
            f"First to do, by the {f['first_measure_owner']}: {f['first_measure']}, which takes"
            f" {f['first_measure_gap']} off the gap."
        )
    return [*told, f"The integrated score is {f['score']}."]


def _stress(f: Facts) -> list[str]:
    return [
        f"The spiral condition is {f['rho']}: {f['spiral']}.",
        f"Selling changes the share of defaults by {f['sales_on_default']}, and the impact of"
        f" selling by {f['impact_on_default']}.",
        f"The early warning stands at {f['warning']}, {f['level']}; the nearest scenario is"
        f" {f['nearest']}.",
    ]


_SECTIONS = {
    "margin": _margin,
    "liquidity": _liquidity,
    "portfolio": _portfolio,
    "stress": _stress,
}
