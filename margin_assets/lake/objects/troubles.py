"""Which errors are a store's trouble, and of what kind: told from anything that is our own fault.

Three clients speak to a store: delta-rs and Polars, both by the object_store library, and boto3.
The former two tell only in text what happened.
"""

import re
from enum import StrEnum
from typing import Any, NamedTuple


class Kind(StrEnum):
    """What may help."""

    TRANSIENT = "transient"
    """Time: the store does not answer, breaks off, is overloaded or ill."""
    EXPIRED = "expired"
    """Newer credentials, which somebody is about to bring."""
    REFUSED = "refused"
    """Other credentials: with these the store does not let us in."""


class Trouble(NamedTuple):
    """A failure of the store."""

    kind: Kind
    cause: str
    """A few words for a person, without addresses: `503 SlowDown`."""


_OF_OBJECT_STORE = re.compile(
    r"Generic S3 error|object-store error|Error performing|lacked the necessary privileges"
)
_CODE = re.compile(r"<Code>(\w+)</Code>")
_STATUS = re.compile(r"(?:status code\W+|\bHTTP status )([1-5]\d\d)\b")
_ENDPOINT = re.compile(r"https?://[^/\s\"']+")
_TERMINAL = re.compile(r"\x1b\[[0-9;]*m")
_EXPIRED = frozenset(
    {"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "RequestExpired"}
)
_OVERLOADED = frozenset(
    {"SlowDown", "Throttling", "ThrottlingException", "RequestTimeout", "RequestLimitExceeded"}
)
# The answer to the end of an upload was lost, and it was ended again: the step begins anew.
_LOST_UPLOAD = "NoSuchUpload"
# Of two racing requests S3 may refuse one with a conflict that a repetition resolves.
_TOO_MANY, _CONFLICT, _TIMED_OUT = 429, 409, 408
_FIRST_OF_SERVER = 500
_OF_CREDENTIALS = (400, 401, 403)
# Words of the clients, the most telling first.
_WORDS = (
    "connection refused",
    "connection reset",
    "timed out",
    "timeout",
    "broken pipe",
    "dns error",
    "could not connect",
    "connection closed",
    "error reading a body",
    "error sending request",
)
_BOTO_TRANSIENT = frozenset(
    {
        "ConnectionError",
        "EndpointConnectionError",
        "ConnectionClosedError",
        "ConnectTimeoutError",
        "ReadTimeoutError",
        "HTTPClientError",
        "IncompleteReadError",
        "ResponseStreamingError",
    }
)
_BOTO_CREDENTIALS = frozenset(
    {"NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError"}
)


def trouble_of(error: BaseException) -> Trouble | None:
    """The store's trouble that an error tells of; None if it tells of something else."""
    if type(error).__module__.startswith("botocore"):
        return _of_boto(error)
    text = _one_line(error)
    if _LOST_UPLOAD in text:
        return Trouble(Kind.TRANSIENT, _LOST_UPLOAD)
    if isinstance(error, FileNotFoundError) or not (
        _OF_OBJECT_STORE.search(text) or isinstance(error, ConnectionError | TimeoutError)
    ):
        return None
    code, status = _CODE.search(text), _STATUS.search(text)
    if status:
        return _of_answer(int(status[1]), code[1] if code else "")
    if "lacked the necessary privileges" in text:
        return Trouble(Kind.REFUSED, "access denied")
    return Trouble(Kind.TRANSIENT, _in_words(text))


def cause_of(error: BaseException) -> str:
    """A few words on what a client met, also where it is no trouble of the store."""
    if trouble := trouble_of(error):
        return trouble.cause
    text = _one_line(error)
    code, status = _CODE.search(text), _STATUS.search(text)
    return f"{status[1]} {code[1] if code else ''}".strip() if status else text


def endpoint_in(error: BaseException) -> str:
    """The address that an error names, `http://host:port`; empty if it names none."""
    found = _ENDPOINT.search(_one_line(error))
    return found[0] if found else ""


def _one_line(error: BaseException) -> str:
    return " ".join(_TERMINAL.sub("", str(error)).split())


def _of_boto(error: Any) -> Trouble | None:  # noqa: ANN401 (botocore has no types)
    names = {base.__name__ for base in type(error).__mro__}
    if "ClientError" in names:
        code = str(error.response.get("Error", {}).get("Code", ""))
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        return _of_answer(status, "" if code.isdigit() else code)
    if names & _BOTO_CREDENTIALS:
        return Trouble(Kind.REFUSED, "no credentials")
    if names & _BOTO_TRANSIENT:
        return Trouble(Kind.TRANSIENT, _in_words(f"{_one_line(error)} {error.__cause__}"))
    return None


def _of_answer(status: int, code: str) -> Trouble | None:
    cause = f"{status} {code}".strip()
    if code in _EXPIRED:
        return Trouble(Kind.EXPIRED, cause)
    if (
        status >= _FIRST_OF_SERVER
        or status in (_TOO_MANY, _CONFLICT, _TIMED_OUT)
        or code in _OVERLOADED
        or code == _LOST_UPLOAD
    ):
        return Trouble(Kind.TRANSIENT, cause)
    # An answer to HEAD has no body: 400 may mean that the credentials have expired.
    return Trouble(Kind.REFUSED, cause) if status in _OF_CREDENTIALS else None


def _in_words(text: str) -> str:
    lower = text.lower()
    return next((words for words in _WORDS if words in lower), "no answer")
