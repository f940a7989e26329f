"""Empty lakes by copy: thirty tables take a while to create and little time to copy."""

import http.client
import os
import tempfile
from collections.abc import Collection
from contextlib import suppress
from functools import cache
from pathlib import Path

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from margin_assets.lake.objects.s3_objects import S3Objects
from margin_assets.lake.store.store import Lake


@cache
def _pattern() -> tuple[tuple[str, ...], dict[str, bytes]]:
    """A local lake as `Lake.create` leaves it: its folders, and its files by path."""
    with tempfile.TemporaryDirectory(prefix="empty-lake-") as name:
        Lake(name).create()
        root, found = Path(name), sorted(Path(name).rglob("*"))
        folders = tuple(str(path.relative_to(root)) for path in found if path.is_dir())
        return folders, {
            path.relative_to(root).as_posix(): path.read_bytes() for path in found if path.is_file()
        }


_SECRET = "AWS_SECRET_ACCESS_KEY"


def created(lake: Lake, few: Collection[str] = ()) -> Lake:
    """The same lake, with every table, or with the few that a test of a store is about."""
    options = lake.storage_options or {}
    is_remote = isinstance(lake._objects, S3Objects)
    # Without keys of its own a lake looks for them as a user's does.
    if lake.is_there() or (is_remote and _SECRET not in options):
        lake.create()
        return lake
    folders, files = _pattern()
    if few:
        files = {path: made for path, made in files.items() if path.split("/_delta_log/")[0] in few}
    if is_remote:
        _upload(lake, options, files)
    else:
        _write(lake.uri, folders, files)
    return lake


def _write(root: str, folders: tuple[str, ...], files: dict[str, bytes]) -> None:
    """Every file below a folder, by plain paths: thousands of tests ask for two hundred each."""
    Path(root).mkdir(parents=True, exist_ok=True)
    for folder in folders:
        with suppress(FileExistsError):
            os.mkdir(f"{root}/{folder}")  # noqa: PTH102 (a `Path` costs as much as the folder)
    for path, content in files.items():
        made = os.open(f"{root}/{path}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        os.write(made, content)
        os.close(made)


def _upload(lake: Lake, options: dict[str, str], files: dict[str, bytes]) -> None:
    """Puts every file by one connection: boto3 takes three times as long for so small ones."""
    keys = Credentials(options["AWS_ACCESS_KEY_ID"], options[_SECRET])
    signer = S3SigV4Auth(keys, "s3", options["AWS_REGION"])
    endpoint, place = options["AWS_ENDPOINT_URL"], lake.uri.removeprefix("s3://")
    connection = http.client.HTTPConnection(endpoint.removeprefix("http://"))
    for path, content in files.items():
        headers = {"X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"}
        request = AWSRequest("PUT", f"{endpoint}/{place}/{path}", headers, content)
        signer.add_auth(request)
        connection.request("PUT", f"/{place}/{path}", content, dict(request.headers))
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200, path
    connection.close()
