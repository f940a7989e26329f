"""What runs and sensors work on as Dagster resources, and how daily twins are stored."""

import os
from contextlib import AbstractContextManager
from pathlib import Path

import dagster as dg
import polars as pl

from margin_assets.desk.notices.contacts import Post, post_of
from margin_assets.engines import Engine, engine_of
from margin_assets.lake.io_manager import DailyIOManager
from margin_assets.lake.landing.landing import Landing
from margin_assets.lake.landing.places import landing_at, watched_at
from margin_assets.lake.ledger.ledger import Ledger
from margin_assets.lake.store.store import Lake


class LakeResource(dg.ConfigurableResource[Lake]):
    """The lake of a code location: a folder, or `s3://bucket/prefix`."""

    uri: str

    def lake(self) -> Lake:
        """A lake of the caller's own; its tables may be missing."""
        return Lake(self.uri)

    def created(self) -> Lake:
        """The lake, with every table."""
        lake = self.lake()
        if not lake.is_created():
            lake.create()
        return lake


class EngineResource(dg.ConfigurableResource[Engine]):
    """Where the heavy work of a run is done."""

    name: str = "local"
    """`local`, or `ray`."""
    address: str = ""
    """Ray cluster to join; without one a cluster of the run's own."""

    def engine(self) -> Engine:
        """The engine.

        Raises:
            EngineUnavailable: it is not installed.
        """
        return engine_of(self.name, self.address if self.name == "ray" else "")


class LandingResource(dg.ConfigurableResource[Landing]):
    """Where files land: a folder, or `s3://bucket/prefix`."""

    folder: str
    queue: str = ""
    """URL of the SQS queue that a bucket tells of what lands, if it does."""

    def landing(self) -> Landing:
        """What lands there; a folder may not exist yet."""
        return landing_at(self.folder)

    def watched(self) -> AbstractContextManager[Landing]:
        """What lands there, for a run that stays."""
        return watched_at(self.folder, self.queue)


class ValidationResource(dg.ConfigurableResource[None]):
    """Where Data Docs are built; nowhere if empty."""

    docs: str = ""

    def folder(self) -> Path | None:
        """The folder of the site."""
        return Path(self.docs) if self.docs else None


class MetricsResource(dg.ConfigurableResource[None]):
    """Where a live run serves its metrics while it is warm; nowhere if the port is 0."""

    host: str = "127.0.0.1"
    port: int = 0


class PostResource(dg.ConfigurableResource[None]):
    """Channels by which messages leave the house: an outbox, and those of a contacts file."""

    outbox: str
    contacts: str = ""

    def post(self) -> Post:
        """The channels, read anew: contacts may change while a daemon runs."""
        file = Path(self.contacts) if self.contacts else None
        # Secrets that variables hold are looked up here: a resource's configuration is shown.
        return post_of(Path(self.outbox), file, os.environ)


class DailyTwins(DailyIOManager):
    """Stores daily twins, each row stamped with the cycle whose landed rows it was made from."""

    def handle_output(self, context: dg.OutputContext, obj: pl.DataFrame | pl.LazyFrame) -> None:
        """Replaces the run's business dates; see `DailyIOManager`."""
        if isinstance(obj, pl.DataFrame | pl.LazyFrame):
            sealed = Ledger(self.lake()).last_sealed()
            stamp = pl.lit(None if sealed is None else sealed.cycle, pl.Int64)
            obj = obj.with_columns(cycle=stamp)
        super().handle_output(context, obj)
