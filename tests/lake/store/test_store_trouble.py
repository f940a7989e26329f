"""A store that fails under a commit: what is tried again, what is not, and whose commit it was."""

from dataclasses import replace
from pathlib import Path

import botocore.exceptions
import polars as pl
import pytest
from deltalake.exceptions import CommitFailedError, DeltaError

from margin_assets.lake.ledger.ledger import AnotherSession, Ledger
from margin_assets.lake.objects.patience import Patience, StoreUnavailable, declared_bounds
from margin_assets.lake.objects.troubles import Kind, Trouble, trouble_of
from margin_assets.lake.store.declared import SchemaMismatch
from margin_assets.lake.store.store import Lake
from tests.support import store_proxy
from tests.support.store_faults import LOST, SWALLOWED, UNAVAILABLE, Always, Fault, First

GET = "Generic S3 error\n ↳ Error performing GET http://h:1/x in 1ms - Server returned"


class Remembering:
    """A listener that remembers what it was told."""

    def __init__(self) -> None:
        self.causes: list[str] = []
        self.ended = 0

    def failing(self, _: object, cause: str) -> None:
        self.causes.append(cause)

    def recovered(self, _: object) -> None:
        self.ended += 1


@pytest.fixture
def failing_lake(s3_proxy: store_proxy.StoreProxy) -> Lake:
    """A lake with a ledger and a table, reached by the proxy; it waits little."""
    made = Lake(s3_proxy.server.uri(), s3_proxy.storage_options)
    patience = made.access.patience
    patience.bounds = replace(
        patience.bounds, first_pause_seconds=0.02, longest_pause_seconds=0.1, retry_seconds=20
    )
    patience.serve(Remembering())
    for name in ("cycles", "firm_risk"):
        made._create(name)
    return made


def causes(lake: Lake) -> list[str]:
    listener = lake.access.patience.listener
    assert isinstance(listener, Remembering)
    return listener.causes


@pytest.mark.s3
@pytest.mark.parametrize("fault", [LOST, SWALLOWED], ids=lambda fault: fault.kind)
def test_a_plan_whose_answer_was_lost_is_our_own(
    failing_lake: Lake, s3_proxy: store_proxy.StoreProxy, fault: Fault
):
    ledger = Ledger(failing_lake)
    ledger.open_plan()

    with s3_proxy.failing(First(fault, only_commits=True)):
        plan = ledger.plan({"files": []})

    assert plan.cycle == 1
    rows = failing_lake.scan("cycles").collect()
    assert rows["state"].to_list() == ["planned"]


@pytest.mark.s3
@pytest.mark.parametrize("fault", [LOST, SWALLOWED, UNAVAILABLE], ids=lambda fault: fault.kind)
def test_a_rival_that_planned_first_is_still_a_rival(
    failing_lake: Lake, s3_proxy: store_proxy.StoreProxy, fault: Fault
):
    slow, quick = Ledger(failing_lake), Ledger(Lake(failing_lake.uri, failing_lake.storage_options))
    slow.open_plan()
    quick.plan({"files": [], "of": "quick"})

    with (
        s3_proxy.failing(First(fault, count=3, only_commits=True)),
        pytest.raises(AnotherSession),
    ):
        slow.plan({"files": [], "of": "slow"})

    assert failing_lake.scan("cycles").collect().height == 1


@pytest.mark.s3
def test_a_step_is_given_up_when_its_budget_is_spent(
    failing_lake: Lake, s3_proxy: store_proxy.StoreProxy
):
    patience = failing_lake.access.patience
    patience.bounds = replace(patience.bounds, retry_seconds=0.5, request_retries=0)

    with (
        s3_proxy.failing(Always(UNAVAILABLE)),
        pytest.raises(
            StoreUnavailable, match=r"\Acannot use s3://[^\n]*503 ServiceUnavailable[^\n]*\Z"
        ),
    ):
        failing_lake.held("cycles").open()

    assert set(causes(failing_lake)) == {"opening cycles: 503 ServiceUnavailable"}
    assert failing_lake.version("cycles") >= 0


@pytest.mark.s3
def test_our_own_mistakes_are_not_tried_again(failing_lake: Lake, s3_proxy: store_proxy.StoreProxy):
    broken = pl.DataFrame({"cycle": [1], "unknown": ["x"]})
    before = s3_proxy.counts()["requests"]

    with pytest.raises(SchemaMismatch):
        failing_lake.write("firm_risk", broken, 1)

    assert s3_proxy.counts()["requests"] == before
    assert causes(failing_lake) == []


@pytest.mark.s3
def test_an_archive_is_written_anew_from_its_beginning(
    failing_lake: Lake, s3_proxy: store_proxy.StoreProxy, tmp_path: Path
):
    from margin_assets.lake.landing.archive import archive
    from margin_assets.lake.landing.cut import Cut
    from margin_assets.lake.landing.landing import LocalLanding

    (tmp_path / "fills").mkdir()
    (tmp_path / "fills/a.ndjson").write_bytes(b"0123456789" * 2_000_000)
    landing = LocalLanding(tmp_path)
    patience = failing_lake.access.patience
    patience.bounds = replace(patience.bounds, request_retries=0)

    with s3_proxy.failing(First(UNAVAILABLE, within="partNumber=2")):
        found, left = archive(failing_lake, landing, Cut(list(landing.entries()), []), 1)

    with failing_lake.open_object(found["archive"]) as kept:
        assert kept.read() == b"0123456789" * 2_000_000
    assert left.left == []
    assert causes(failing_lake) == ["archiving: 503 ServiceUnavailable"]


def test_credentials_are_read_anew_where_they_are_at_fault():
    renewed: list[int] = []
    listener = Remembering()
    bounds = replace(declared_bounds(), first_pause_seconds=0.001)
    patience = Patience("s3://lake/x", lambda: renewed.append(1), bounds)
    patience.serve(listener)
    errors = [answered("SlowDown", 503), answered("ExpiredToken", 400), answered("403", 403)]

    def call() -> str:
        if errors:
            raise errors.pop(0)
        return "done"

    assert patience.keep("reading", call) == "done"
    assert len(renewed) == 2
    assert listener.causes == [
        "reading: 503 SlowDown",
        "reading: 400 ExpiredToken",
        "reading: 403",
    ]
    assert listener.ended == 1


def answered(code: str, status: int) -> botocore.exceptions.ClientError:
    response = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return botocore.exceptions.ClientError(response, "PutObject")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        pytest.param(
            OSError(
                f"{GET} non-2xx status code\n \x1b[31m↳\x1b[0m 503 Service Unavailable\n"
                " ↳ <Code>SlowDown</Code>"
            ),
            Trouble(Kind.TRANSIENT, "503 SlowDown"),
            id="delta-rs is throttled",
        ),
        pytest.param(
            DeltaError(
                f"Failed to parse parquet: External: {GET} non-2xx status code: 500 Internal"
            ),
            Trouble(Kind.TRANSIENT, "500"),
            id="delta-rs names a store's fault a broken file",
        ),
        pytest.param(
            OSError("Generic S3 error: HTTP error: Connection reset by peer (os error 104)"),
            Trouble(Kind.TRANSIENT, "connection reset"),
            id="a connection is reset",
        ),
        pytest.param(
            OSError("Generic S3 error: error sending request: operation timed out"),
            Trouble(Kind.TRANSIENT, "timed out"),
            id="a request takes too long",
        ),
        pytest.param(
            OSError(f"{GET} non-2xx status code: 400 Bad Request: <Code>ExpiredToken</Code>"),
            Trouble(Kind.EXPIRED, "400 ExpiredToken"),
            id="credentials have expired",
        ),
        pytest.param(
            OSError("The operation lacked the necessary privileges to complete for path x"),
            Trouble(Kind.REFUSED, "access denied"),
            id="credentials are refused",
        ),
        pytest.param(
            OSError(
                "Object at location x not found: Error performing POST: <Code>NoSuchUpload</Code>"
            ),
            Trouble(Kind.TRANSIENT, "NoSuchUpload"),
            id="an upload was ended twice",
        ),
        pytest.param(
            FileNotFoundError("Error performing GET: 404"), None, id="a file is not there"
        ),
        pytest.param(CommitFailedError("a rival was first"), None, id="a conflict"),
        pytest.param(DeltaError("constraint broken"), None, id="a broken constraint"),
        pytest.param(OSError("No space left on device"), None, id="a local disk"),
        pytest.param(
            answered("SlowDown", 503), Trouble(Kind.TRANSIENT, "503 SlowDown"), id="boto: throttled"
        ),
        pytest.param(
            answered("ExpiredToken", 400),
            Trouble(Kind.EXPIRED, "400 ExpiredToken"),
            id="boto: expired",
        ),
        pytest.param(
            answered("403", 403), Trouble(Kind.REFUSED, "403"), id="boto: refused, no body"
        ),
        pytest.param(answered("NoSuchKey", 404), None, id="boto: no such key"),
        pytest.param(
            botocore.exceptions.EndpointConnectionError(endpoint_url="http://h:1"),
            Trouble(Kind.TRANSIENT, "could not connect"),
            id="boto: nobody there",
        ),
        pytest.param(
            botocore.exceptions.NoCredentialsError(),
            Trouble(Kind.REFUSED, "no credentials"),
            id="boto: no credentials",
        ),
    ],
)
def test_what_is_trouble_of_the_store(error: Exception, expected: Trouble | None):
    assert trouble_of(error) == expected
