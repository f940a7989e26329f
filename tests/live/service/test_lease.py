"""Who is active: one at a time, whatever clocks say and answers get lost."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from botocore.exceptions import EndpointConnectionError
from hypothesis import given, settings
from hypothesis import strategies as st

from margin_assets.lake.objects.access import Access
from margin_assets.lake.objects.patience import StoreUnavailable
from margin_assets.lake.objects.swapped import Held, SwappedObject
from margin_assets.live.service.lease import LEASE, Lease, is_attended
from margin_assets.live.service.service import Service
from tests.support.mini_session import NOON
from tests.support.seaweed import S3Server

SECONDS = 6.0


class Store:
    """An object in memory, as S3 answers for it; an answer may be lost."""

    def __init__(self) -> None:
        self.held: Held | None = None
        self.puts = 0
        self.loses = False

    def read(self) -> Held | None:
        return self.held

    def swap(self, seen: str | None, content: bytes) -> str | None:
        if seen != (None if self.held is None else self.held.tag):
            return None
        self.puts += 1
        self.held = Held(content, f"tag-{self.puts}", NOON)
        if self.loses:
            self.loses = False
            return None
        return self.held.tag


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_the_first_takes_it_and_the_second_stands_by(store: Store, clock: Clock):
    first, second = (Lease(store, name, SECONDS, clock) for name in "ab")

    assert first.take() == 1
    assert second.take() is None
    assert first.is_held()
    assert not second.is_held()


def test_who_stands_by_takes_over_when_nothing_is_renewed(store: Store, clock: Clock):
    first, second = (Lease(store, name, SECONDS, clock) for name in "ab")
    first.take()
    second.take()

    clock.now = SECONDS - 0.1
    assert second.take() is None
    clock.now = SECONDS
    # The one stops counting on it no later than the other may take it.
    assert not first.is_held()
    assert second.take() == 2
    assert not first.renew()


def test_a_renewal_starts_the_wait_again(store: Store, clock: Clock):
    first, second = (Lease(store, name, SECONDS, clock) for name in "ab")
    first.take()
    second.take()
    clock.now = 5.0
    assert first.renew()
    second.take()

    clock.now = 10.9
    assert second.take() is None
    assert first.is_held()


def test_what_is_let_go_is_taken_at_once(store: Store, clock: Clock):
    first, second = (Lease(store, name, SECONDS, clock) for name in "ab")
    first.take()

    assert first.release()
    assert second.take() == 2
    assert not first.release()


def test_a_renewal_whose_answer_is_lost_was_made(store: Store, clock: Clock):
    lease = Lease(store, "a", SECONDS, clock)
    lease.take()
    store.loses = True

    assert lease.renew()
    assert json.loads(store.held.content)["renewal"] == 1
    assert lease.renew()


STEPS = st.lists(
    st.tuples(st.sampled_from(("take", "renew", "release", "wait", "lose")), st.integers(0, 2)),
    max_size=60,
)


@given(STEPS)
@settings(max_examples=200, deadline=None)
def test_two_never_hold_it_and_an_epoch_is_had_once(steps: list[tuple[str, int]]):
    store, clock = Store(), Clock()
    leases = [Lease(store, name, SECONDS, clock) for name in "abc"]
    epochs: list[int] = []
    for step, who in steps:
        if step == "wait":
            clock.now += 1 + 2 * who
        elif step == "lose":
            store.loses = True
        elif step != "take":
            getattr(leases[who], step)()
        elif not leases[who].is_held():
            epochs += [epoch] if (epoch := leases[who].take()) else []
        assert sum(lease.is_held() for lease in leases) <= 1
    assert epochs == sorted(set(epochs))


@pytest.mark.s3
def test_a_real_store_refuses_who_has_not_seen_the_last(s3_server: S3Server):
    access = Access(s3_server.uri(), s3_server.storage_options)
    first, second = (Lease(SwappedObject(access, LEASE), name, SECONDS) for name in "ab")

    assert first.take() == 1
    assert first.renew()
    assert second.take() is None
    stale = SwappedObject(access, LEASE)
    seen = stale.read()
    assert first.renew()
    assert stale.swap(seen.tag, b"{}") is None
    assert stale.swap(None, b"{}") is None
    assert first.release()
    assert second.take() == 2


def test_a_lease_is_attended_while_it_is_renewed(store: Store, clock: Clock):
    assert not is_attended(store, NOON)
    lease = Lease(store, "a", SECONDS, clock)
    lease.take()

    assert is_attended(store, NOON + timedelta(seconds=59))
    assert not is_attended(store, NOON + timedelta(seconds=61))
    lease.release()
    assert not is_attended(store, NOON)


def test_a_folder_has_no_lease(tmp_path: Path):
    with pytest.raises(ValueError, match="a lease needs a lake on S3"):
        SwappedObject(Access(str(tmp_path), None), LEASE)


def away() -> EndpointConnectionError:
    return EndpointConnectionError(endpoint_url="http://store")


def test_a_store_that_goes_away_ends_a_service_by_its_name(
    store: Store, monkeypatch: pytest.MonkeyPatch
):
    """Who stands by asks again; who was active says why it ends, though it cannot let go."""
    access = Access("s3://desk/tables", None)
    access.patience.bounds = replace(access.patience.bounds, first_pause_seconds=0.01)
    answers = iter([away()])

    def read() -> Held | None:
        for error in answers:
            raise error
        return store.held

    def run(*_: object, **__: object) -> None:
        monkeypatch.setattr(store, "swap", raising)
        raise StoreUnavailable("cannot use s3://desk/tables")

    def raising(*_: object) -> None:
        raise away()

    store.read = read
    session = SimpleNamespace(
        lake=SimpleNamespace(access=access),
        ledger=SimpleNamespace(claim=lambda _: None),
        pending=lambda _: [],
        run=run,
    )
    told: list[dict[str, object]] = []
    service = Service(session, Lease(store, "us", SECONDS), told.append)

    with pytest.raises(StoreUnavailable):
        next(service.run(None, lambda: False))
    assert [e["event"] for e in told if e["event"] != "alive"] == ["lease_taken", "lease_lost"]
