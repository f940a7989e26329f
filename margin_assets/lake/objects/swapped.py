"""One object that is replaced only by who has seen what it holds: PUT with If-Match."""

from dataclasses import dataclass
from datetime import datetime

from margin_assets.lake.objects.access import Access
from margin_assets.lake.objects.s3_objects import S3Objects

# Another conditional request for the key is under way, or what was seen is gone.
_REFUSED = (404, 409, 412)


@dataclass(frozen=True)
class Held:
    """What an object holds, and the store's tag of it."""

    content: bytes
    tag: str
    written_at: datetime
    """By the store's clock."""


class SwappedObject:
    """An object below a lake on S3. Each call is one request, and is not tried again."""

    def __init__(self, access: Access, path: str) -> None:
        """The object at a path below the root.

        Raises:
            ValueError: the lake is a folder, which has no such request.
        """
        if not access.is_remote:
            raise ValueError(f"{access.uri} is a folder: a lease needs a lake on S3")
        bucket, _, prefix = access.uri.removeprefix("s3://").partition("/")
        self._objects = S3Objects(access)
        self._place = {"Bucket": bucket, "Key": f"{prefix}/{path}".lstrip("/")}

    def read(self) -> Held | None:
        """What it holds; None where there is none.

        Raises:
            BotoCoreError | ClientError: the store did not answer, or not to us.
        """
        from botocore.exceptions import ClientError

        try:
            answer = self._objects.client().get_object(**self._place)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                return None
            raise
        return Held(answer["Body"].read(), answer["ETag"], answer["LastModified"])

    def swap(self, seen: str | None, content: bytes) -> str | None:
        """Puts content in the place of what was seen, None where nothing was; the new tag.

        None, and nothing is changed, where something else is there by now. A request whose answer
        was lost is refused when it is made again: then `read` tells.

        Raises:
            BotoCoreError | ClientError: the store did not answer, or not to us.
        """
        from botocore.exceptions import ClientError

        condition = {"IfNoneMatch": "*"} if seen is None else {"IfMatch": seen}
        try:
            answer = self._objects.client().put_object(**self._place, **condition, Body=content)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] in _REFUSED:
                return None
            raise
        return str(answer["ETag"])
