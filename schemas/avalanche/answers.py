"""Tables of what follows from a run of the avalanche: lines, shares, forecasts, warnings, measures.

Amounts are model values in US dollars; a need or an outflow is positive. A run is named by its id,
which is a hash of the book, of what was asked and of the code's version.
"""

import dataframely as dy

from schemas import columns
from schemas.avalanche import fields

VERDICTS = ("none_needed", "sized", "no_line_suffices")
DIMENSIONS = ("manager", "asset class", "venue", "counterparty")
LEVELS = ("normal", "high", "critical")
HORIZONS = ("immediate", "30d", "90d", "structural")


def run_id() -> dy.String:
    """The run that an answer is of."""
    return dy.String(primary_key=True, regex="^[0-9a-f]{32}$", description="Run.")


def known_usd(description: str) -> dy.Float64:
    """Amount in US dollars that may have no bound or not be known."""
    return dy.Float64(nullable=True, description=description, metadata={"unit": "USD"})


class FundingForecast(dy.Schema):
    """Cumulative funding of one run by the end of one of thirty business days."""

    run_id = run_id()
    day = dy.Int64(primary_key=True, min=1, max=30, description="Business day, from 1.")
    contractual_usd = fields.usd("Flows that are due; inflows are negative.")
    expected_margin_usd = fields.usd("Mean margin paid less returned.")
    outflow_50_usd = fields.usd("Flows and margin, median.")
    outflow_95_usd = fields.usd("Flows and margin, 95%.")
    outflow_99_usd = fields.usd("Flows and margin, 99%.")
    buffer_usd = fields.usd("Operational buffer.", least=0.0)
    shortfall_usd = fields.usd("95% outflow and buffer beyond liquidity.", least=0.0)
    is_simulated = dy.Bool(description="Whether paths reach the day; else it is widened.")


class FacilitySizes(dy.Schema):
    """Size of one credit line that one run asks for."""

    run_id = run_id()
    facility_id = fields.key_of("Line.", key=True)
    level = fields.share("Share of paths that must hold before any sale.")
    verdict = columns.code("What was found.", VERDICTS)
    commitment_usd = fields.usd("To be drawn anew; the largest tried where none suffices.")
    low_usd = fields.usd("Lower end of the 95% interval from the number of paths.")
    high_usd = known_usd("Upper end; null: no bound.")
    missing_usd = fields.usd("Beyond what can be drawn today.", least=0.0)
    exhausted_paths = columns.count("Paths exhausted with it.")


class MarginAttribution(dy.Schema):
    """Need of one manager through one factor on the worst 1% of the paths of one run."""

    run_id = run_id()
    manager_id = fields.key_of("Manager.", key=True)
    factor_id = fields.key_of("Risk factor.", key=True)
    need_usd = fields.usd("Mean need; a negative one lowers the total.")


class ConcentrationShares(dy.Schema):
    """Share of margin of one member of one dimension in one run, against its limit."""

    run_id = run_id()
    dimension = dy.String(
        primary_key=True,
        regex="^(" + "|".join(DIMENSIONS) + ")$",
        description="What is shared out.",
    )
    member = fields.key_of("Manager, class, venue or counterparty.", key=True)
    baseline_usd = fields.usd("Margin today.")
    stressed_usd = fields.usd("Margin today and need on the worst paths.")
    baseline_share = fields.number("Of the fund's margin today.", "1")
    stressed_share = fields.number("Of the fund's under stress.", "1")
    limit = fields.share("Limit.")
    is_breach = dy.Bool(description="Whether the larger share is beyond the limit.")


class MarginEfficiency(dy.Schema):
    """What one manager earns on what it brings, in one run."""

    run_id = run_id()
    manager_id = fields.key_of("Manager.", key=True)
    strategy = columns.identifier("Strategy.", nullable=True)
    expected_return_usd = known_usd("A year; null: nobody stated one.")
    margin_usd = fields.usd("Component of initial margin; negative: it lowers the others'.")
    need_usd = fields.usd("Component of the need on the worst paths.")
    value_at_risk_usd = fields.usd("Component of the 99% one-day value at risk.")
    return_on_margin = columns.fraction("Null where it divides by no cost.", nullable=True)
    return_on_need = columns.fraction("Likewise.", nullable=True)
    margin_over_risk = columns.fraction("Likewise.", nullable=True)


class ReverseStress(dy.Schema):
    """Move of one factor in one combination that would break the platform."""

    run_id = run_id()
    answer = dy.Int64(primary_key=True, min=1, description="Rank; 1 is the nearest.")
    factor_id = fields.key_of("Risk factor.", key=True)
    deviations = fields.number("Ten-day move over its deviation.", "1")
    factor_return = fields.number("Ten-day move.", "return")
    distance = fields.number("Mahalanobis distance of the combination.", "1", least=0.0)
    default_probability = fields.share("Of all paths in it.")
    exhaustion_probability = fields.share("Of all paths in it.")


class EarlyWarnings(dy.Schema):
    """One reading of the early warning."""

    run_id = run_id()
    score = fields.share("0 to 1.")
    level = columns.code("Level after it.", LEVELS)
    use = fields.share("99% need of the moderate scenario over liquidity.")
    proximity = fields.share("Nearness to the nearest scenario.")
    spiral = fields.share("Spiral condition, at most 1.")
    leading = fields.share("Mean rank of the leading indicators.")
    nearest_scenario = columns.identifier("Scenario; null: none is known.", nullable=True)
    unknown = dy.String(description="Components that could not be told and count in full.")


class WarningReadings(dy.Schema):
    """The early warning of one book, its level held against flicker by the books before it."""

    book_number = dy.Int64(primary_key=True, min=1, description="Order in which books came.")
    snapshot_id = dy.String(regex="^[0-9a-f]{32}$", description="Book: hash of its rows.")
    run_id = dy.String(
        regex="^[0-9a-f]{32}$", description="Run that `early_warnings` tells the components of."
    )
    as_of = dy.Date(nullable=True, description="Day of the book; null where it names none.")
    need_usd = fields.usd("99% need of the moderate scenario.")
    liquidity_usd = fields.usd("What it is set against: cash, bonds, undrawn committed lines.")
    score = fields.share("0 to 1.")
    level = columns.code("Level after it.", LEVELS)
    points_to = columns.code("Level that it points to; another one: if the next agrees.", LEVELS)
    in_a_row = columns.count("Readings in a row that point to it.")


class Recommendations(dy.Schema):
    """One measure that one run recommends, with those before it in place."""

    run_id = run_id()
    rank = dy.Int64(primary_key=True, min=1, description="Order in which to take it.")
    name = dy.String(min_length=1, description="What to do.")
    kind = columns.identifier("Kind of measure.")
    subject = dy.String(min_length=1, description="To what.")
    owner = dy.String(min_length=1, description="Who does it.")
    horizon = columns.code("How soon it can be in place.", HORIZONS)
    cost_usd = fields.usd("A year; negative: it earns.")
    need_reduction_usd = fields.usd("Off the 99% need.")
    gap_reduction_usd = fields.usd("Off the 99% gap to liquidity.", least=0.0)
    gap_left_usd = fields.usd("99% need less liquidity, after it.")
