"""Raw bytes below the lake on S3.

It goes through boto3 and not through pyarrow.fs, whose streams complete the upload of half a
file when their writer fails.
"""

import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, BinaryIO, NamedTuple, cast

from margin_assets.lake.objects.access import Access
from margin_assets.lake.objects.names import below, new_name
from margin_assets.lake.objects.patience import unavailable
from margin_assets.lake.objects.slices import BUFFER, Chunks

# A person waits for the first contact: seconds to connect, and to be answered.
_SOON = (2, 3)
# As many as one request may delete.
_KEYS = 1_000
# Precondition failed; another conditional request for the key is under way.
_TAKEN = (412, 409)


class Written(NamedTuple):
    """One object as the store tells of it."""

    path: str
    bytes: int
    at: datetime
    """The store's own time of writing it, UTC."""
    tag: str
    """Tells its content from that of a later object of its name."""


class StoreRefused(RuntimeError):
    """The store does not keep the promise that commits rest on."""


class S3Objects:
    """Objects below a prefix of a bucket.

    A read is tried again while the store is in trouble. A put is not: its chunks may be read
    only once, so whoever has them tries again.
    """

    def __init__(self, access: Access) -> None:
        self._uri, self._access = access.uri, access
        self._bucket, _, prefix = access.uri.removeprefix("s3://").partition("/")
        self._prefix = f"{prefix}/" if prefix else ""
        self._options = {key.lower(): value for key, value in (access.given or {}).items()}
        self._made: tuple[int, Any] | None = None

    def put(self, path: str, chunks: Iterable[bytes]) -> None:
        """Upload in parts; a failure on the way aborts the upload."""
        stream = io.BufferedReader(Chunks(iter(chunks)), BUFFER)
        self.client().upload_fileobj(stream, self._bucket, self._prefix + below(path))

    def create(self, path: str, content: bytes) -> bool:
        """Put with If-None-Match."""
        return not _is_refused(self.client(), self._bucket, self._prefix + below(path), content)

    def add(self, path: str, content: bytes) -> None:
        """One put."""
        self.client().put_object(Bucket=self._bucket, Key=self._prefix + below(path), Body=content)

    def size(self, path: str) -> int | None:
        """Length in bytes; None if there is no such key."""
        return self._access.keep("reading the archive", lambda: self._size(path))

    def _size(self, path: str) -> int | None:
        found = self._head(path)
        return None if found is None else int(found["ContentLength"])

    def _head(self, path: str) -> dict[str, Any] | None:
        from botocore.exceptions import ClientError

        key = self._prefix + below(path)
        try:
            return cast(dict[str, Any], self.client().head_object(Bucket=self._bucket, Key=key))
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                return None
            raise

    def read(self, path: str, start: int, length: int) -> bytes:
        """Up to `length` bytes from `start`, by one ranged request."""
        return self._access.keep("reading the archive", lambda: self._read(path, start, length))

    def _read(self, path: str, start: int, length: int) -> bytes:
        span = f"bytes={start}-{start + length - 1}"
        answer = self.client().get_object(
            Bucket=self._bucket, Key=self._prefix + below(path), Range=span
        )
        return cast(bytes, answer["Body"].read())

    def listed(self, folder: str) -> dict[str, float]:
        """Keys below a folder, at any depth, with the time the store gives them."""
        return {one.path: one.at.timestamp() for one in self.written(f"{below(folder)}/")}

    def written(self, prefix: str) -> Iterator[Written]:
        """Objects whose path begins so, in the order of their paths."""
        pages = self.client().get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=self._bucket, Prefix=f"{self._prefix}{prefix}"):
            for found in page.get("Contents", ()):
                path = found["Key"].removeprefix(self._prefix)
                yield Written(path, found["Size"], found["LastModified"], found["ETag"])

    def written_at(self, path: str) -> Written | None:
        """The object at a path; None if there is none."""
        found = self._access.keep("looking for an object", lambda: self._head(path))
        if found is None:
            return None
        return Written(path, found["ContentLength"], found["LastModified"], found["ETag"])

    def copy(self, path: str, tag: str, into: BinaryIO) -> None:
        """Writes an object of that tag into a file, from the file's beginning.

        Raises:
            FileNotFoundError: it is gone, or another one has its name.
        """
        self._access.keep("reading an object", lambda: self._copy(path, tag, into))

    def _copy(self, path: str, tag: str, into: BinaryIO) -> None:
        from botocore.exceptions import ClientError

        key = self._prefix + below(path)
        try:
            found = self.client().get_object(Bucket=self._bucket, Key=key, IfMatch=tag)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] in (404, 412):
                raise FileNotFoundError(path) from error
            raise
        into.seek(0)
        into.truncate()
        for chunk in found["Body"].iter_chunks(BUFFER):
            into.write(chunk)

    def delete(self, paths: Sequence[str]) -> None:
        """Delete keys, a thousand a request.

        Raises:
            OSError: the store kept some of them.
        """
        keys = [{"Key": self._prefix + below(path)} for path in paths]
        for start in range(0, len(keys), _KEYS):
            part = {"Objects": keys[start : start + _KEYS], "Quiet": True}
            answer = self.client().delete_objects(Bucket=self._bucket, Delete=part)
            if errors := answer.get("Errors"):
                raise OSError(f"{errors[0]['Key']}: not deleted: {errors[0].get('Message', '')}")

    def probe(self) -> None:
        """Create one key twice: the second must be refused, or rivals would lose commits."""
        from botocore.exceptions import BotoCoreError, ClientError

        client, key = self._new_client(is_first_contact=True), f"{self._prefix}probe/{new_name()}"
        try:
            # Nobody else knows the key: refused at first, it was made and the answer was lost.
            _is_refused(client, self._bucket, key)
            try:
                is_refused = _is_refused(client, self._bucket, key)
            finally:
                client.delete_object(Bucket=self._bucket, Key=key)
        except (BotoCoreError, ClientError) as error:
            raise unavailable(self._uri, error) from error
        if not is_refused:
            raise StoreRefused(
                f"{self._uri} ignores If-None-Match: two writers would overwrite each other's "
                "commits in silence. Use a store with conditional PUT."
            )

    def client(self) -> Any:  # noqa: ANN401 (boto3 has no types)
        """A client of the store with what credentials are held now."""
        held = self._made
        if held is None or held[0] != self._access.generation:
            held = self._made = (self._access.generation, self._new_client())
        return held[1]

    def _new_client(self, *, is_first_contact: bool = False) -> Any:  # noqa: ANN401 (as above)
        # Imported here: half a second that a local lake need not wait for.
        import boto3
        from botocore.config import Config

        bounds, soon = self._access.patience.bounds, is_first_contact
        config = Config(
            connect_timeout=_SOON[0] if soon else bounds.connect_seconds,
            read_timeout=_SOON[1] if soon else bounds.request_seconds,
            retries={
                "mode": "standard",
                "total_max_attempts": 2 if soon else bounds.request_retries + 1,
            },
        )
        return boto3.session.Session().client("s3", config=config, **self._arguments())

    def _arguments(self) -> dict[str, str]:
        # What is not given is left to boto3, which looks at the same AWS_* variables as delta-rs.
        options = self._options
        given = {
            "endpoint_url": options.get("aws_endpoint_url") or options.get("aws_endpoint"),
            "aws_access_key_id": options.get("aws_access_key_id"),
            "aws_secret_access_key": options.get("aws_secret_access_key"),
            "aws_session_token": options.get("aws_session_token"),
            "region_name": options.get("aws_region") or options.get("aws_default_region"),
        }
        return {name: value for name, value in given.items() if value}


def _is_refused(client: Any, bucket: str, key: str, content: bytes = b"") -> bool:  # noqa: ANN401 (as above)
    """Whether the store refuses to create a key; creates it otherwise."""
    from botocore.exceptions import ClientError

    try:
        client.put_object(Bucket=bucket, Key=key, Body=content, IfNoneMatch="*")
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] in _TAKEN:
            return True
        raise
    return False
