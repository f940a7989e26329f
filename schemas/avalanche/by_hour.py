"""Tables that tell a run of the avalanche by the hour: need, what pays it, who calls.

Amounts are model values in US dollars; a need or a call is positive. Hours count from the first of
the run, 0.
"""

import dataframely as dy

from schemas.avalanche import fields
from schemas.avalanche.answers import run_id


def hour() -> dy.Int64:
    """The hour of the run that a row is about."""
    return dy.Int64(
        primary_key=True, min=0, description="Hour of the run, from 0.", metadata={"unit": "h"}
    )


class NeedByHour(dy.Schema):
    """Quantiles of one run's need by the end of one hour, and what became of its paths by then.

    Need is that of arm A with every due paid, so that no default cuts it off; shares are of arm C.
    """

    run_id = run_id()
    hour = hour()
    need_50_usd = fields.usd("Median; negative: more came back than was called.")
    need_90_usd = fields.usd("90%.")
    need_95_usd = fields.usd("95%.")
    need_99_usd = fields.usd("99%.")
    exhausted_share = fields.share("Of paths: exhausted by then.")
    default_share = fields.share("Of paths: in default by then.")


class SourcesByHour(dy.Schema):
    """What one bad path of one run could be paid from after one hour, all entities together."""

    run_id = run_id()
    hour = hour()
    path = dy.Int64(min=0, description="The middling one of those of the worst 1% that are told.")
    need_usd = fields.usd("Calls due less margin returned.")
    cash_usd = fields.usd("Above the operating minimum; negative: below it.")
    hqla_usd = fields.usd("Collateral left, after haircut.")
    undrawn_usd = fields.usd("Lines not yet asked for.")
    known_dues_usd = fields.usd("Due within the look-ahead.")
    arrears_usd = fields.usd("Due and unpaid.")
    turned_usd = fields.usd("Cash from collateral since the start.")
    drawn_usd = fields.usd("Cash from lines since the start.")
    raised_usd = fields.usd("Cash from forced sales since the start.")


class CallsByHour(dy.Schema):
    """What one venue calls in one hour of one run: the mean over sixteen of the worst 1% of paths.

    No row: nothing.
    """

    run_id = run_id()
    venue_id = fields.key_of("Venue.", key=True)
    hour = hour()
    called_usd = fields.usd("Variation and initial margin called.", least=0.0)
