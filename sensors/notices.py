"""Sends messages about what was sealed, outside the cycle.

Dagster resolves annotations when a sensor is built, so this module must not use
`from __future__ import annotations`.
"""

from functools import cache

import dagster as dg

from margin_assets.assets.resources import LakeResource, PostResource
from margin_assets.desk.notices.contacts import Post
from margin_assets.desk.notices.notifier import Notifier, Round

_TABLE = "notifications"


@dg.sensor(
    minimum_interval_seconds=5,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Sends messages about sealed decisions, margin calls and deadlines coming due.",
)
def notice_sensor(
    context: dg.SensorEvaluationContext, lake: LakeResource, post: PostResource
) -> dg.SensorResult | dg.SkipReason:
    """One round of the sender a tick: the table says what was sent, so there is no cursor."""
    if not lake.lake().is_created():
        return dg.SkipReason("No lake yet.")
    sender = _sender(lake)
    sender.post = post.post()
    done = sender.round()
    for message in done.tried:
        if message.error is not None:
            told = (message.message_id, message.recipient, message.channel, message.error)
            context.log.warning("message %s to %s by %s: %s", *told)
    if done.is_idle:
        return dg.SkipReason("Nothing is to be told.")
    if done.is_stepped_aside:
        return dg.SkipReason("Another sender was at work.")
    return dg.SensorResult(
        asset_events=[dg.AssetMaterialization(_TABLE, metadata=_figures(done))],
        skip_reason=dg.SkipReason(f"{done.count('sent')} messages were sent."),
    )


@cache
def _sender(lake: LakeResource) -> Notifier:
    """The sender of this process: what it has read is not read again at the next tick."""
    return Notifier(lake.lake(), Post({}))


def _figures(done: Round) -> dict[str, int]:
    ends = {state: done.count(state) for state in ("sent", "failed")}
    return done.counts._asdict() | ends
