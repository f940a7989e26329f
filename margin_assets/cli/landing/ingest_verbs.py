"""Verbs by which messages land: ingest http, ingest kafka."""

import time
from pathlib import Path
from typing import Annotated

import typer

from margin_assets.cli import output
from margin_assets.cli.desk.dashboard_verbs import listens
from margin_assets.cli.landing.feed_verbs import stop_on_signal
from margin_assets.cli.options import DEFAULT_LANDING, LandingOption, example, group
from margin_assets.cli.output import Refusal

DEFAULT_PORT = 3040
DEFAULT_TOKEN_FILE = Path("~/.config/margin/ingest.token")
_TOLD_SECONDS = 1.0

ingest = group(
    "Land what comes as messages: a small HTTP server, a Kafka consumer.",
    "margin ingest http --landing ./landing",
)


def register(app: typer.Typer) -> None:
    """Adds the verbs of this module."""
    ingest.command(
        epilog=example("margin ingest http", "margin ingest http --landing s3://desk/landing")
    )(http)
    ingest.command(
        epilog=example(
            "margin ingest kafka --brokers kafka:9092 --topic trades=fills --topic quotes=prices"
        )
    )(kafka)
    app.add_typer(ingest, name="ingest")


def http(
    *,
    landing: LandingOption = DEFAULT_LANDING,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = DEFAULT_PORT,
    token_file: Annotated[
        Path, typer.Option(metavar="FILE", help="Holds what a delivery must bring; made if absent.")
    ] = DEFAULT_TOKEN_FILE,
) -> None:
    """Take POST /landing/FEED with rows as NDJSON, on loopback; each becomes a landed file."""
    from margin_assets.dashboard.serving import LOOPBACK, Place, run
    from margin_assets.ingest.http import application

    file = token_file.expanduser()
    file.parent.mkdir(parents=True, exist_ok=True)
    place = Place(listens(LOOPBACK, port), file)
    output.note(f"landing in {landing}")
    run(
        lambda token: application(landing, token, place.hosts()),
        place,
        lambda at: output.note(f"POST rows to {at}/landing/FEED, token in {file}"),
    )


def kafka(
    *,
    brokers: Annotated[str, typer.Option(metavar="HOST:PORT,...", help="Where the brokers are.")],
    topic: Annotated[
        list[str], typer.Option(metavar="TOPIC=FEED", help="A topic and its feed; again for more.")
    ],
    group: Annotated[str, typer.Option(metavar="ID", help="The consumer group.")] = "margin",
    landing: LandingOption = DEFAULT_LANDING,
) -> None:
    """Land the messages of Kafka topics, one JSON row each.

    Offsets are committed after the rows are kept: killed before, they come again and count once.
    """
    from margin_assets.ingest.kafka import KafkaTrouble, follow, subscribed

    feeds = dict(map(_feed_of, topic))
    try:
        consumer = subscribed(brokers, group, feeds)
        messages, told = 0, time.monotonic()
        with stop_on_signal("batch") as is_stopped:
            for one in follow(consumer, feeds, landing, is_stopped):
                messages += one.last - one.first + 1
                if time.monotonic() - told > _TOLD_SECONDS:
                    output.note(f"{messages} messages; {one.topic} up to offset {one.last}")
                    told = time.monotonic()
        consumer.close()
    except KafkaTrouble as trouble:
        raise Refusal(f"kafka: {trouble}") from None
    output.note(f"{messages} messages landed")


def _feed_of(text: str) -> tuple[str, str]:
    """A topic and its feed.

    Raises:
        Refusal: it is not written so, or there is no such feed.
    """
    from schemas import FEEDS

    topic, _, feed = text.partition("=")
    if not topic or feed not in FEEDS:
        raise Refusal(f"--topic {text}: write TOPIC=FEED, a feed being one of {', '.join(FEEDS)}")
    return topic, feed
