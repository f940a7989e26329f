"""A request to a server of the house, signed, with its time and a key that stays the same."""

import hashlib
import hmac
import http.client
import ipaddress
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

from margin_assets.desk.notices.channels.channel import PATIENCE_SECONDS, NotDelivered
from margin_assets.desk.notices.messages import Message

KEY_HEADER = "Idempotency-Key"
TIME_HEADER = "X-Margin-Timestamp"
SIGNATURE_HEADER = "X-Margin-Signature"
_TAKEN = range(200, 300)
_TRY_AGAIN = (408, 425, 429)
_SERVER_ERRORS = 500


@dataclass(frozen=True)
class Webhook:
    """Whom both sides share a secret with."""

    secret: bytes = field(repr=False)
    clock: Callable[[], float] = time.time

    def send(self, message: Message, address: str) -> str | None:
        """Posts a message; the receiver knows it again by its id."""
        content = document(message)
        stamp = str(int(self.clock()))
        headers = {
            "Content-Type": "application/json",
            KEY_HEADER: message.message_id,
            TIME_HEADER: stamp,
            SIGNATURE_HEADER: signature(self.secret, stamp, content),
        }
        code = _posted(urlsplit(address), content, headers)
        if code not in _TAKEN:
            is_final = code < _SERVER_ERRORS and code not in _TRY_AGAIN
            raise NotDelivered(f"the webhook answered {code}", is_final=is_final)
        return message.message_id


def signature(secret: bytes, timestamp: str, content: bytes) -> str:
    """`v1=` and HMAC-SHA256 (hex) over the timestamp, a full stop and the content."""
    signed = hmac.new(secret, f"{timestamp}.".encode() + content, hashlib.sha256)
    return f"v1={signed.hexdigest()}"


def document(message: Message) -> bytes:
    """The message as canonical JSON; amounts are decimal texts."""
    content = {
        "message_id": message.message_id,
        "about": message.about,
        "event": message.event,
        "severity": message.severity,
        "account_id": message.account_id,
        "amount": None if message.amount is None else format(message.amount, "f"),
        "created_at": message.created_at.isoformat(),
        "subject": message.subject,
        "body": message.body,
    }
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()


def _posted(place: SplitResult, content: bytes, headers: dict[str, str]) -> int:
    """The status that the server answered. Redirects are not followed: it is signed for one."""
    connection = _connection(place)
    path = f"{place.path or '/'}?{place.query}" if place.query else place.path or "/"
    try:
        connection.request("POST", path, content, headers)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        raise NotDelivered(f"no webhook: {type(error).__name__}", is_down=True) from error
    finally:
        connection.close()


def _connection(place: SplitResult) -> http.client.HTTPConnection:
    host = place.hostname or ""
    if place.scheme == "https" and host:
        return http.client.HTTPSConnection(host, place.port, timeout=PATIENCE_SECONDS)
    if place.scheme == "http" and _is_loopback(host):
        return http.client.HTTPConnection(host, place.port, timeout=PATIENCE_SECONDS)
    raise NotDelivered("the webhook is neither https nor on this machine", is_final=True)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
