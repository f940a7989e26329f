import http.server
import os
import resource
import threading
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from margin_assets.lake.objects.objects import LocalObjects
from margin_assets.lake.objects.patience import StoreUnavailable
from margin_assets.lake.objects.s3_objects import StoreRefused
from margin_assets.lake.store.store import Lake
from tests.support.seaweed import S3Server

CONTENT = bytes(range(256)) * 40_000


def test_objects_come_back_by_ranges(lake: Lake):
    pieces = [CONTENT[start : start + 700_001] for start in range(0, len(CONTENT), 700_001)]
    lake.put_object("landed/ab/c d.csv", [b"", *pieces])

    with lake.open_object("landed/ab/c d.csv") as stream:
        assert stream.read() == CONTENT
        assert stream.read() == b""
    with lake.open_object("landed/ab/c d.csv", 100, 6_000_000) as stream:
        assert stream.read(10) == CONTENT[100:110]
        assert stream.seek(-5, os.SEEK_END) == 5_999_995
        assert stream.read(100) == CONTENT[6_000_095:6_000_100]
        assert stream.seek(3) == 3
        assert stream.read() == CONTENT[103:6_000_100]
    with lake.open_object("landed/ab/c d.csv", len(CONTENT) - 2, 10) as stream:
        assert stream.read() == CONTENT[-2:]
    with lake.open_object("landed/ab/c d.csv", len(CONTENT) + 5) as stream:
        assert stream.read() == b""


def test_objects_are_there_or_not(lake: Lake):
    lake.put_object("landed/empty", [])

    assert lake.has_object("landed/empty")
    assert lake.open_object("landed/empty").read() == b""
    assert not lake.has_object("landed/other")
    with pytest.raises(FileNotFoundError):
        lake.open_object("landed/other")


def test_an_object_whose_writer_fails_does_not_appear(lake: Lake):
    def half() -> Iterator[bytes]:
        yield CONTENT[:9_000_000]
        raise OSError("the source is gone")

    with pytest.raises(OSError, match="the source is gone"):
        lake.put_object("landed/half", half())

    assert not lake.has_object("landed/half")


def test_an_object_may_be_put_again(lake: Lake):
    for _ in range(2):
        lake.put_object("landed/a", [b"same"])

    assert lake.open_object("landed/a").read() == b"same"


@pytest.mark.parametrize("path", ["../a", "/a", "landed/../../a"])
def test_objects_stay_below_the_lake(shared_lake: Lake, path: str):
    with pytest.raises(ValueError, match="not a path below the lake"):
        shared_lake.put_object(path, [b"x"])


def test_a_good_store_passes_the_probe(shared_lake: Lake):
    shared_lake.check_store()


@pytest.mark.s3
def test_the_probe_leaves_nothing_behind(s3_server: S3Server):
    uri = s3_server.uri()
    Lake(uri, s3_server.storage_options).check_store()

    client = boto3.client(
        "s3",
        endpoint_url=s3_server.storage_options["AWS_ENDPOINT_URL"],
        aws_access_key_id=s3_server.access_key,
        aws_secret_access_key=s3_server.secret_key,
        region_name="us-east-1",
    )
    prefix = uri.removeprefix("s3://lake/")
    found = client.list_objects_v2(Bucket="lake", Prefix=f"{prefix}/").get("Contents", [])
    assert [entry["Key"] for entry in found if not entry["Key"].endswith("/")] == []


@pytest.mark.s3
@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"AWS_SECRET_ACCESS_KEY": "wrong"}, id="wrong secret"),
        pytest.param({"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, id="nobody listens"),
    ],
)
def test_a_store_that_does_not_let_us_in_is_named_in_one_line(
    s3_server: S3Server, wrong: dict[str, str]
):
    lake = Lake(s3_server.uri(), {**s3_server.storage_options, **wrong})

    with pytest.raises(StoreUnavailable, match=r"\Acannot use s3://lake/[^\n]*Start the store"):
        lake.check_store()


class _AcceptsEverything(http.server.BaseHTTPRequestHandler):
    def _accept(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_PUT = do_DELETE = _accept  # noqa: N815 (named by http.server)

    def log_message(self, *_: object) -> None:
        pass


def test_a_store_that_ignores_conditions_is_refused():
    with http.server.HTTPServer(("127.0.0.1", 0), _AcceptsEverything) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        lake = Lake(
            "s3://lake/x",
            {
                "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}",
                "AWS_ACCESS_KEY_ID": "a",
                "AWS_SECRET_ACCESS_KEY": "b",
                "AWS_REGION": "us-east-1",
            },
        )
        with pytest.raises(StoreRefused, match=r"\As3://lake/x ignores If-None-Match[^\n]*\Z"):
            lake.check_store()
        server.shutdown()


def test_a_new_file_that_does_not_fit_is_not_left_behind(tmp_path: Path):
    objects = LocalObjects(str(tmp_path))
    objects.add("prices/a.parquet", b"whole")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            objects.add("prices/b.parquet", b"x" * 1000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    with pytest.raises(FileExistsError):
        objects.add("prices/a.parquet", b"other")

    assert [*objects.listed("prices")] == ["prices/a.parquet"]
    assert objects.read("prices/a.parquet", 0, 9) == b"whole"
