"""Tables of what people did, and of refused rows that they spoke of.

Acts land as rows of a feed, and are accepted, sealed, chained and replayed like a fill.
"""

import dataframely as dy

from schemas import columns
from schemas.landed import Landed

ACTION_KINDS = (
    "quarantine_dismiss",
    "quarantine_release",
    "call_extend",
    "plan_propose",
    "plan_approve",
    "plan_reject",
    "plan_send",
    "plan_recall",
    "notice_acknowledge",
    "breach_acknowledge",
)
OUTCOMES = ("dismissed", "released")


class DeskActions(Landed):
    """One act of a person, by its own id, as landed."""

    action_id = columns.identifier("Id of the act.", key=True)
    kind = columns.code("What was done.", ACTION_KINDS)
    subject = columns.identifier(
        "What it was done to: the id of a refused row or file, a call, plan, notice or breach."
    )
    actor = columns.identifier("Who did it.")
    reason = dy.String(
        nullable=True, min_length=1, max_length=1000, description="Why, for a person."
    )
    details = dy.String(nullable=True, max_length=100_000, description="More of it, as JSON.")
    event_time = columns.instant("When it was done.")


class RefusedAccounts(dy.Schema):
    """The account that one refused fill or cash movement names in a readable way."""

    quarantine_id = columns.quarantine_id(key=True)
    account_id = columns.account_id()
    cycle = columns.cycle()


class QuarantineClosings(dy.Schema):
    """One refused row that is no longer open: released or dismissed."""

    quarantine_id = columns.quarantine_id(key=True)
    outcome = columns.code("What became of it.", OUTCOMES)
    action_id = columns.identifier(
        "The act that closed it; null where its file landed again.", nullable=True
    )
    cycle = columns.cycle()
