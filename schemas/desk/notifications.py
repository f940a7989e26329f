"""Table of messages that left the house, or are to: each with its fate."""

import dataframely as dy

from schemas import columns

SEVERITIES = ("info", "warning", "urgent", "critical")
"""The gravest last."""
CHANNELS = ("outbox", "smtp", "sns", "webhook")
TEMPLATES = ("decision", "call", "deadline", "plan", "digest")
STATES = ("pending", "sent", "failed", "acknowledged", "escalated", "digested")


class Notifications(dy.Schema):
    """One version of one message's fate: the newest says how it stands."""

    message_id = dy.String(
        primary_key=True,
        regex="^[0-9a-f]{32}$",
        description="Hash of channel, recipient, template and what it is about.",
    )
    version = dy.Int64(primary_key=True, min=1, description="1 where it is written, then on.")
    about = dy.String(
        description="Decision's id, `call_id:version`, `plan_id:version`, "
        "`call_id:which:deadline:minutes` or, of a digest, the hash of its messages."
    )
    event = dy.String(
        description="What happened: reason of a decision, change of a call, state of a plan."
    )
    account_id = columns.identifier("Account; null for a digest.", nullable=True)
    amount = columns.usd("What is owed or lacking; null where nothing is.", nullable=True, least=0)
    severity = columns.code("How grave it is, by the policy.", SEVERITIES)
    channel = columns.code("Way by which it goes.", CHANNELS)
    recipient = columns.identifier("Name of a contact, never an address.")
    step = dy.Int64(min=0, description="Step of the route: 0 first, then those it escalates to.")
    template = columns.code("What it was written from.", TEMPLATES)
    subject = dy.String(description="Its subject, one line.")
    body = dy.String(description="Its text; empty where only a digest tells of it.")
    state = columns.code("Its fate from here on.", STATES)
    attempts = columns.count("Attempts at sending, those that no answer is known of included.")
    created_at = columns.instant("When what it tells happened.")
    due_at = columns.instant("From when it may be sent, by the lake's time: after quiet hours.")
    next_attempt_at = columns.instant(
        "By the sender's clock: not before; null before the first attempt.", nullable=True
    )
    sent_at = columns.instant("By the sender's clock: when its channel took it.", nullable=True)
    acknowledge_by = columns.instant(
        "By the lake's time: when it goes to the next contact; null where nobody is asked.",
        nullable=True,
    )
    acknowledged_by = columns.identifier("Who acknowledged it.", nullable=True)
    digest_id = dy.String(
        nullable=True, regex="^[0-9a-f]{32}$", description="The digest that tells of it."
    )
    error = dy.String(nullable=True, description="Why the last attempt failed; names no address.")
    idempotency_key = dy.String(
        nullable=True,
        description="By which its channel knows it again; null unless sent by one that does.",
    )
    cycle = columns.cycle()
