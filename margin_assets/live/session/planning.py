"""What the next plan takes of what has landed, and the rules that it is decided by."""

from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from margin_assets.lake.landing.archive import archive
from margin_assets.lake.landing.backlog import Backlog, backlog_of
from margin_assets.lake.landing.cut import Cut, cut_of
from margin_assets.lake.landing.landing import Landing, Pending
from margin_assets.lake.ledger.adoptions import Adopted
from margin_assets.lake.ledger.cycles import Sealed
from margin_assets.lake.store import faults
from margin_assets.lake.store.store import Lake
from margin_assets.live.acceptance.held import AWAITS, HeldRows, awaiting
from margin_assets.live.acceptance.refusals import ACCEPTANCE, WITH_LIFE
from margin_assets.live.books.plans import PLANS, WITH_RECALLS
from margin_assets.live.session.shards import SHARDS, WITH_PAUSES
from margin_assets.live.session.startup import KnownFiles
from margin_assets.rulebooks import in_force, installed, versions, with_own

SETTLES = "settles"
"""In the manifest of a cycle that takes no files and brings rows up to date."""
NO_FILES: dict[str, Any] = {"archive": "", "files": []}


class Planner:
    """Makes the manifests of a lake's plans. Which files have been taken, it remembers."""

    def __init__(self, lake: Lake, own: Adopted) -> None:
        """`own` are the rulebooks that the lake adopted."""
        self._lake, self._own = lake, own
        self.known = KnownFiles()
        self.waiting: Backlog | None = None
        """What lay in the landing folder, in no sealed cycle, when it was last listed."""
        self._code_version = version("margin-lakehouse")
        # Time does not pass in a rulebook of bounds: the newest version is the one in use.
        self.bounds = in_force("lake", versions("lake")[-1]).numbers["plan"]

    def pending(self, landing: Landing) -> list[Pending]:
        """What has landed and is in no plan yet; what is ahead of our clock waits (8.15)."""
        return self.known.pending(landing, datetime.now(UTC))

    def cut(self, landing: Landing) -> Cut:
        """What of the landed files the next plan takes."""
        pending = self.pending(landing)
        self.waiting = backlog_of(pending)
        return cut_of(pending, **self.bounds)

    def archived(
        self, landing: Landing, cut: Cut, held: HeldRows, cycle: int
    ) -> tuple[dict[str, Any], Cut] | None:
        """The manifest of a cut whose bytes are kept below the lake, and the cut as it became.

        None where there is nothing to evaluate. Without a file, what is held is: the rest of its
        delivery is gone.
        """
        manifest, cut = archive(self._lake, landing, cut, cycle)
        if not manifest["files"] and held.since is None:
            return None
        faults.reach("archived")
        if times := cut.awaits(held.times):
            manifest = manifest | {AWAITS: awaiting(times, held.since or cycle)}
        return manifest, cut

    def ruled(self, manifest: dict[str, Any], last: Sealed | None) -> dict[str, Any]:
        """A manifest with what decides the cycle after the last sealed one."""
        return manifest | {
            "rulebooks": with_own(installed(), self._own.after(last)),
            "code_version": self._code_version,
            ACCEPTANCE: WITH_LIFE,
            PLANS: WITH_RECALLS,
            SHARDS: WITH_PAUSES,
        }

    def taken(self, cut: Cut) -> None:
        """The plan of a cut is sealed."""
        self.known.begun = next((entry for entry in cut.left if entry.begun is not None), None)
        self.waiting = backlog_of(cut.left)
