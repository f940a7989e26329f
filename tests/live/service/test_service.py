"""A service over a real store: it takes over, seals, copies, lets go, and is fenced."""

import time
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from jobs.following import DagsterFollower
from margin_assets.lake.landing.landing import LocalLanding
from margin_assets.lake.ledger.ledger import AnotherSession, Ledger
from margin_assets.lake.objects.access import Access
from margin_assets.lake.objects.s3_objects import S3Objects
from margin_assets.lake.objects.swapped import SwappedObject
from margin_assets.lake.store.store import Lake
from margin_assets.live.service.audit_copy import AuditCopy, AuditDiffers, content_of, name
from margin_assets.live.service.lease import LEASE, Claim, Lease
from margin_assets.live.service.service import Service
from margin_assets.live.session.session import CycleResult, Session
from tests.support.live_driver import Firm, at, opening, price
from tests.support.places import instance_at
from tests.support.seaweed import S3Server

pytestmark = pytest.mark.s3


@pytest.fixture(scope="module")
def firm(s3_server: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Firm:
    lake = Lake(s3_server.uri(), s3_server.storage_options)
    made = Firm(tmp_path_factory.mktemp("served"), lake)
    made.land(at(), **opening("A"))
    return made


class Process:
    """One process of the service, and what it told."""

    def __init__(self, firm: Firm, owner: str, seconds: float = 60.0) -> None:
        self.lake = Lake(firm.lake.uri, firm.lake.storage_options)
        self.lease = Lease(SwappedObject(self.lake.access, LEASE), owner, seconds)
        self.session = Session(self.lake)
        self.told: list[dict[str, Any]] = []
        self.service = Service(self.session, self.lease, self.told.append)
        self.landing = LocalLanding(firm.landing)

    def seal(self, count: int) -> list[CycleResult]:
        """Runs until it sealed so many cycles, then ends as on SIGTERM."""
        found: list[CycleResult] = []
        found.extend(self.service.run(self.landing, lambda: len(found) >= count))
        return found

    def events(self) -> list[str]:
        return [told["event"] for told in self.told if told["event"] != "alive"]


def standing(firm: Firm) -> Claim:
    return Claim.of(SwappedObject(firm.lake.access, LEASE).read().content)


def test_a_service_lives_and_is_taken_over(firm: Firm):
    # Told to end it has sealed the cycle at work, and lets the lease go.
    first = Process(firm, "first")
    (sealed,) = first.seal(1)
    assert sealed.sealed.cycle == 1
    assert first.events() == ["lease_taken", "sealed", "released"]
    assert standing(firm) == Claim(1, "first", 0, is_free=True)
    assert {"landed_to_sealed_seconds", "seconds"} <= first.told[-2].keys()

    # A session that planned, and then heard nothing for longer than its lease: a zombie.
    zombie = Process(firm, "zombie", seconds=0.0)
    epoch = zombie.lease.take()
    zombie.session.ledger.claim(epoch)
    zombie.session.pending(zombie.landing)
    manifest = {"archive": "", "files": [], "settles": True} | {
        key: sealed.sealed.manifest[key] for key in ("rulebooks", "code_version")
    }
    plan = zombie.session.ledger.plan(manifest)

    # Who stood by waits out the lease, claims the next epoch, and finishes the planned cycle.
    firm.land(at(1), prices=[price("X", "101", at(1))])
    heir = Process(firm, "heir", seconds=0.2)
    cycles = heir.seal(2)
    assert [each.sealed.cycle for each in cycles] == [2, 3]
    assert cycles[0].sealed.manifest["settles"]
    # On a machine that stalls it may have lost the lease and taken it again meanwhile.
    assert standing(firm).epoch > epoch == 2

    # Awake again, the zombie can neither seal nor plan.
    with pytest.raises(AnotherSession, match="lease 2 was taken over"):
        zombie.session.ledger.seal(plan, None, {}, {}, {})
    with pytest.raises(AnotherSession):
        zombie.session.ledger.plan(manifest)
    assert Ledger(heir.lake).last_sealed().cycle == 3


def test_the_audit_copy_follows_and_sees_what_was_changed(
    firm: Firm, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
):
    access = Access(s3_server.uri(), s3_server.storage_options)
    copy = AuditCopy(firm.lake, access)

    assert copy.follow() == 3
    assert copy.behind == 0
    # Another process finds what is there, and makes nothing twice.
    again = AuditCopy(firm.lake, access)
    # Some years of seals are millions: to list them would take minutes at each start.
    monkeypatch.setattr(again._objects, "listed", None)
    assert again.follow() == 0
    copy._objects.delete([f"cycles/{name(3)}"])
    assert AuditCopy(firm.lake, access).follow() == 1
    copy._objects.delete([f"cycles/{name(3)}"])
    assert copy._objects.create(f"cycles/{name(3)}", b"{}")
    forged = AuditCopy(firm.lake, access)
    forged._next = 3
    with pytest.raises(AuditDiffers, match="cycle 3"):
        forged.follow()
    sealed = Ledger(firm.lake).sealed(1)
    assert copy._objects.read(f"cycles/{name(1)}", 0, 1 << 20) == content_of(sealed)


class Away:
    """Dagster's instance behind a storage that is away for the first so many calls."""

    def __init__(self, instance: dg.DagsterInstance, calls: int) -> None:
        self._instance, self.calls = instance, calls

    def open(self) -> "Away":
        self._answer()
        return self

    def report_runless_asset_event(self, event: Any) -> None:
        self._answer()
        self._instance.report_runless_asset_event(event)

    def _answer(self) -> None:
        if self.calls:
            self.calls -= 1
            raise ConnectionError("the database is away")


def until_told(follower: DagsterFollower) -> None:
    while follower.behind_seconds:
        time.sleep(0.01)


def test_what_dagster_could_not_be_told_it_is_told_later(tmp_path: Path):
    firm = Firm(tmp_path)
    results = [firm.run(**opening("A")), firm.run(prices=[price("X", "101", at(1))])]
    with instance_at(tmp_path / "home") as instance:
        back, gone = Away(instance, 3), Away(instance, 10**6)
        follower = DagsterFollower(back.open, pause_seconds=0.01)
        other = DagsterFollower(gone.open, pause_seconds=0.01)
        with follower.following():
            # Two cycles of one business date: the same checks again.
            for result in results:
                follower.take(result)
            until_told(follower)
        with other.following():
            # Sealing does not wait for it, and neither does the end.
            other.take(results[0])

        told = instance.fetch_materializations(dg.AssetKey("cycles"), limit=10).records
        cycles = {each.asset_materialization.metadata["cycle"].value for each in told}
        checks = instance.event_log_storage.get_asset_check_execution_history(
            dg.AssetCheckKey(dg.AssetKey("positions"), "positions_obeys_its_schema"), limit=10
        )

    assert (len(told), cycles) == (2, {1, 2})
    assert len(checks) == 2
    assert follower.refused == 0
    assert other.behind_seconds > 0


def test_an_event_that_dagster_refuses_keeps_no_other_waiting(tmp_path: Path):
    firm = Firm(tmp_path)
    result = firm.run(**opening("A"))
    told: list[object] = []

    class Refusing:
        def report_runless_asset_event(self, event: Any) -> None:
            if event.asset_key == dg.AssetKey("prices"):
                raise ValueError("not this one")
            told.append(event)

    follower = DagsterFollower(Refusing, pause_seconds=0.001)
    with follower.following():
        follower.take(result)
        until_told(follower)

    assert follower.refused == 1
    assert len(told) > 10


def test_what_goes_under_a_lock_carries_a_checksum(firm: Firm, s3_server: S3Server):
    # A bucket with a default retention refuses a PUT without one; no emulator does.
    sent: list[dict[str, str]] = []
    copy = AuditCopy(firm.lake, Access(s3_server.uri(), s3_server.storage_options))
    assert isinstance(copy._objects, S3Objects)
    client = copy._objects.client()
    client.meta.events.register("before-send.s3", lambda request, **_: sent.append(request.headers))

    copy.follow()

    puts = [{name.lower() for name in headers} for headers in sent if "If-None-Match" in headers]
    assert puts
    assert all("x-amz-checksum-crc32" in names or "x-amz-trailer" in names for names in puts)
