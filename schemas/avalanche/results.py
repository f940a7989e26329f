"""Tables of what runs of the avalanche came to: runs, their paths, how sets are margined."""

import dataframely as dy

from schemas import columns
from schemas.avalanche import fields
from schemas.avalanche.models import FAMILIES

ARMS = ("A", "B", "C")
LAWS = (
    "cash_is_conserved",
    "without_sales_nothing_is_sold",
    "no_default_without_exhaustion",
    "no_amount_is_negative",
    "a_run_has_its_paths",
    "a_path_that_sold_nothing_is_the_same_in_every_arm",
    "a_path_is_the_same_in_every_run_of_it",
    "a_run_is_what_its_paths_are",
    "need_is_within_the_calls",
    "no_more_is_sold_than_there_is",
    "no_line_is_drawn_beyond_its_size",
    "no_security_appears",
    "cuts_never_say_too_much",
)
"""What holds of every run, whatever the book."""


def _hash(description: str, *, key: bool = False) -> dy.String:
    return dy.String(regex="^[0-9a-f]{32}$", primary_key=key, description=description)


def _run_id() -> dy.String:
    return _hash("Run: hash of the book, of what was asked and of the code's version.", key=True)


def _snapshot_id(*, key: bool = False) -> dy.String:
    return _hash("Book: hash of its rows.", key=key)


def _hour(description: str) -> dy.Int64:
    return dy.Int64(
        min=0, nullable=True, description=f"{description} Null: never.", metadata={"unit": "h"}
    )


class AvalancheBooks(dy.Schema):
    """One row of one table of a book that was run: from these alone a run is made again."""

    book_number = dy.Int64(min=1, description="Order in which books came; the newest is largest.")
    snapshot_id = _snapshot_id(key=True)
    table_name = dy.String(primary_key=True, description="Table of the book.")
    line = dy.Int64(min=0, primary_key=True, description="Line of its file, from which it came.")
    row = dy.String(description="JSON of the row, by its columns.")


class AvalancheRuns(dy.Schema):
    """One run: a book, a scenario, an arm, a seed and a number of paths, and what it came to."""

    run_id = _run_id()
    snapshot_id = _snapshot_id()
    as_of = dy.Date(nullable=True, description="Day of the book; null where it names none.")
    scenario = dy.String(description="Scenario by name.")
    arm = columns.code("A sells nothing, B sells, C sells and moves prices.", ARMS)
    seed = dy.Int64(min=0, description="Of every random number.")
    paths = columns.count("Paths run: 0 to this less one.")
    settings = dy.String(description="JSON: settings of the loop.")
    code_version = dy.String(description="Version of this program.")
    initial_margin = fields.usd("Charged before the first hour.", least=0.0)
    need_mean = fields.usd("Peak need, mean.")
    need_q50 = fields.usd("Peak need, median.")
    need_q95 = fields.usd("Peak need, 95%.")
    need_q99 = fields.usd("Peak need, 99%.")
    need_q99_low = dy.Float64(
        nullable=True,
        description="Lower end of its 95% interval; null: no path bounds it.",
        metadata={"unit": "USD"},
    )
    need_q99_high = dy.Float64(
        nullable=True, description="Upper end; likewise.", metadata={"unit": "USD"}
    )
    exhaustion_probability = fields.share("Of paths: known dues above what can be had in time.")
    default_probability = fields.share("Of paths: dues unpaid beyond the grace.")


class AvalanchePaths(dy.Schema):
    """One path of a run."""

    run_id = _run_id()
    path = dy.Int64(min=0, primary_key=True, description="Path: the same in every longer run.")
    peak_need = fields.usd("Largest need: calls due less margin returned.")
    peak_hour = _hour("Hour of it.")
    exhaustion_hour = _hour("First hour when known dues exceed what can be had in time.")
    default_hour = _hour("First hour of a default.")
    max_day_call = fields.usd("Largest sum of margin due in a day.")
    gross_calls = fields.usd("All calls struck.")
    im_peak_ratio = columns.fraction("Largest initial margin over that before the first hour.")
    sold = fields.usd("Exposure sold.")
    impact_cost = fields.usd("Cost of the sales.")
    facility_drawn = fields.usd("Drawn by the end.")
    hqla_left = fields.usd("Collateral left.")
    pnl = fields.usd("Of all positions, costs deducted.")
    unexplained_cash = fields.usd("Cash that conservation leaves unexplained: 0 up to rounding.")


class ImRequirements(dy.Schema):
    """Initial margin of one netting set of a book, today."""

    snapshot_id = _snapshot_id(key=True)
    ns_id = fields.key_of("Netting set.", key=True)
    im_model_id = fields.key_of("Its model.")
    family = columns.code(
        "Family of the model; `as given` where cuts were.", (*FAMILIES, "as given")
    )
    margin = fields.usd("By the model and its tool, before brokers' multiples and add-ons.")
    multiplier = columns.fraction("Broker's multiple, calibration to the venue, wrong-way risk.")
    cuts = columns.count("Linear forms that stand for the model.")
    mean_error = columns.fraction("Mean relative error of the cuts on states held out; at most 0.")
    low_error = columns.fraction("Its 5% quantile.")
    note = dy.String(description="What is to be known of it; empty: nothing.")


class ModelChangeImpacts(dy.Schema):
    """What an announced change of model does to one netting set, once it holds in full."""

    snapshot_id = _snapshot_id(key=True)
    ns_id = fields.key_of("Netting set.", key=True)
    old_model_id = fields.key_of("Model today.", key=True)
    new_model_id = fields.key_of("Model to come.", key=True)
    old_margin = fields.usd("By the model today.")
    new_margin = fields.usd("By the model to come.")
    change = fields.usd("The difference; positive is more margin.")
