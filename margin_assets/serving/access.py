"""Who may ask: whoever brings the token, as a bearer or as the password of any user."""

import base64
import binascii
import hmac
from collections.abc import Mapping
from ipaddress import ip_address

from pyarrow import flight


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class TokenGate(flight.ServerMiddlewareFactory):  # type: ignore[misc] # pyarrow has no types
    """Refuses every call that does not bring the token."""

    def __init__(self, token: str) -> None:
        super().__init__()
        self._token = token.encode()

    def start_call(
        self, _: flight.CallInfo, headers: Mapping[str, list[str | bytes]]
    ) -> "Admitted":
        """Admits a call, or refuses it.

        Raises:
            FlightUnauthenticatedError: It brings no token, or another.
        """
        given = next((v for k, v in headers.items() if k.lower() == "authorization"), [""])[0]
        text = given.decode("latin-1") if isinstance(given, bytes) else given
        if not hmac.compare_digest(_secret(text), self._token):
            raise flight.FlightUnauthenticatedError(
                "wrong or missing token: send it as a bearer token, or as the password of any user"
            )
        return Admitted(self._token.decode())


def _secret(header: str) -> bytes:
    """What an authorization header shows as the token; nothing where it is none."""
    scheme, _, credentials = header.partition(" ")
    if scheme.lower() == "bearer":
        return credentials.strip().encode("latin-1", "replace")
    if scheme.lower() != "basic":
        return b""
    # Some drivers leave the padding out.
    padded = credentials.strip().rstrip("=")
    padded += "=" * (-len(padded) % 4)
    try:
        return base64.b64decode(padded, validate=True).partition(b":")[2]
    except (binascii.Error, ValueError):
        return b""


class Admitted(flight.ServerMiddleware):  # type: ignore[misc] # pyarrow has no types
    """Tells a driver that came with a password which token to use from now on."""

    def __init__(self, token: str) -> None:
        super().__init__()
        self._token = token

    def sending_headers(self) -> dict[str, str]:
        """Headers of the response."""
        return {"authorization": f"Bearer {self._token}"}


class OpenHandshake(flight.ServerAuthHandler):  # type: ignore[misc] # pyarrow has no types
    """Lets the handshake of password drivers through: the gate has judged its headers."""

    def authenticate(self, outgoing: object, incoming: object) -> None:
        """Nothing more is asked."""

    def is_valid(self, _: bytes) -> str:
        """Name of the caller: there is one token, so there are no names."""
        return ""
