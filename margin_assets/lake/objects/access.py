"""How a lake's store is reached: options of each client, credentials, patience."""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, TypeVar

from margin_assets.lake.objects.patience import Bounds, Patience, unavailable
from margin_assets.lake.objects.troubles import trouble_of

Result = TypeVar("Result")

# The clients find these by themselves and renew them; botocore would bring a copy that ages.
_LEFT_TO_CLIENTS = frozenset({"env", "container-role", "assume-role-with-web-identity", "iam-role"})
_FIRST_CONTACT = {
    "max_retries": "1",
    "retry_timeout": "3s",
    "timeout": "3s",
    "connect_timeout": "2s",
}


class Access:
    """One place: a folder, or a prefix of a bucket with options that name its store.

    Credentials not given are found as every AWS client does: variables, a credentials file, the
    role of a container or machine. delta-rs and Polars do not read the file, so it is read here.
    """

    def __init__(self, uri: str, given: Mapping[str, str] | None) -> None:
        self.uri = uri
        self.given = dict(given) if given else None
        self.is_remote = uri.startswith("s3://")
        self.generation = 0
        """Counts how often credentials were read anew: who holds older ones lets them go."""
        self._found: tuple[int, Any] | None = None

    @cached_property
    def patience(self) -> Patience:
        """Of everybody who uses this lake."""
        return Patience(self.uri, self.renew)

    def keep(self, step: str, call: Callable[[], Result], rows: int | None = None) -> Result:
        """The result of a call; on a remote store tried again while it is in trouble."""
        return self.patience.keep(step, call, rows) if self.is_remote else call()

    def renew(self) -> None:
        """Lets the credentials go, so that the next use reads them anew."""
        self.generation += 1

    def refuse_trouble(self, error: BaseException | None) -> None:
        """Does nothing unless the error is a store's trouble, which says nothing about the data.

        Raises:
            StoreUnavailable: it is.
        """
        if self.is_remote and error is not None and trouble_of(error):
            raise unavailable(self.uri, error) from error

    def delta(self, *, is_first_contact: bool = False) -> dict[str, str] | None:
        """Options for delta-rs."""
        if not self.is_remote:
            return self.given
        made = _of_delta(self.patience.bounds) | (_FIRST_CONTACT if is_first_contact else {})
        return made | self._credentials() | (self.given or {})

    def polars(self) -> dict[str, object] | None:
        """Options for Polars, over those of the handle that it scans."""
        return _of_polars(self.patience.bounds) if self.is_remote else None

    def _credentials(self) -> dict[str, str]:
        if any("access_key" in name.lower() for name in self.given or {}):
            return {}
        held = self._found
        if held is None or held[0] != self.generation:
            import botocore.session

            held = (self.generation, botocore.session.get_session().get_credentials())
            self._found = held
        found = held[1]
        if found is None or found.method in _LEFT_TO_CLIENTS:
            return {}
        frozen = found.get_frozen_credentials()
        pairs = {
            "AWS_ACCESS_KEY_ID": frozen.access_key,
            "AWS_SECRET_ACCESS_KEY": frozen.secret_key,
            "AWS_SESSION_TOKEN": frozen.token,
        }
        return {name: value for name, value in pairs.items() if value}


def _of_delta(bounds: Bounds) -> dict[str, str]:
    return {
        "max_retries": str(bounds.request_retries),
        "retry_timeout": f"{bounds.request_seconds:g}s",
        "backoff_config.init_backoff": f"{bounds.first_pause_seconds * 1000:.0f}ms",
        "backoff_config.max_backoff": f"{bounds.longest_pause_seconds * 1000:.0f}ms",
        "timeout": f"{bounds.request_seconds:g}s",
        "connect_timeout": f"{bounds.connect_seconds:g}s",
    }


def _of_polars(bounds: Bounds) -> dict[str, object]:
    return {
        "max_retries": bounds.request_retries,
        "retry_timeout_ms": int(bounds.request_seconds * 1000),
        "retry_init_backoff_ms": int(bounds.first_pause_seconds * 1000),
        "retry_max_backoff_ms": int(bounds.longest_pause_seconds * 1000),
    }
