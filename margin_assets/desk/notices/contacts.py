"""Where contacts are reached, and what channels need: a file outside the lake, read by the sender.

Addresses and secrets stay in the process: they are in no table, no log and no error.
"""

import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from margin_assets.desk.notices.channels import Channel, NotDelivered
from margin_assets.desk.notices.channels.outbox import Outbox
from margin_assets.desk.notices.channels.smtp import SECURITIES, Smtp
from margin_assets.desk.notices.channels.sns import Sns
from margin_assets.desk.notices.channels.webhook import Webhook
from margin_assets.desk.notices.messages import Message
from schemas.desk.notifications import CHANNELS

_OUTBOX = "outbox"
_SHORTEST_SECRET = 16
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class BadContacts(ValueError):
    """A contacts file that cannot be used; the key is named, never its value."""


@dataclass(frozen=True)
class Post:
    """Channels that are set up, and the addresses of contacts by contact and channel."""

    channels: Mapping[str, Channel]
    addresses: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False)

    def send(self, message: Message) -> str | None:
        """Sends a message by its channel; returns its idempotency key where there is one.

        Raises:
            NotDelivered: it was not taken.
        """
        channel = self.channels.get(message.channel)
        if channel is None:
            raise NotDelivered(f"no channel {message.channel} is set up", is_final=True)
        if message.channel == _OUTBOX:
            return channel.send(message, message.recipient)
        address = self.addresses.get(message.recipient, {}).get(message.channel)
        if address is None:
            reason = f"{message.recipient} has no {message.channel} address"
            raise NotDelivered(reason, is_final=True)
        return channel.send(message, address)


def post_of(outbox: Path, contacts: Path | None, environment: Mapping[str, str]) -> Post:
    """The channels of a contacts file, and an outbox, which needs none.

    Raises:
        BadContacts: the file says something that cannot be.
        OSError: it cannot be read.
    """
    channels: dict[str, Channel] = {_OUTBOX: Outbox(outbox)}
    if contacts is None:
        return Post(channels)
    try:
        given = tomllib.loads(contacts.read_text("utf-8"))
    except ValueError as error:
        raise BadContacts(f"{contacts}: not TOML: {type(error).__name__}") from None
    read = _Contacts(contacts, given, environment)
    return Post(channels | read.channels(), read.addresses())


@dataclass(frozen=True)
class _Contacts:
    path: Path
    given: Mapping[str, Any]
    environment: Mapping[str, str]

    def channels(self) -> dict[str, Channel]:
        if unknown := sorted(self.given.keys() - {"contacts", "smtp", "sns", "webhook"}):
            raise self._bad(", ".join(unknown), "is unknown")
        found: dict[str, Channel] = {}
        if "smtp" in self.given:
            found["smtp"] = self._smtp()
        if "sns" in self.given:
            found["sns"] = Sns(self.given["sns"].get("endpoint_url"))
        if "webhook" in self.given:
            found["webhook"] = Webhook(self._secret("webhook", "secret").encode())
        return found

    def addresses(self) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = {}
        for name, ways in self.given.get("contacts", {}).items():
            for channel, address in ways.items():
                key = f"contacts.{name}.{channel}"
                if channel not in CHANNELS or channel == _OUTBOX:
                    raise self._bad(key, "is no channel with an address")
                if not isinstance(address, str) or not address.isprintable() or not address:
                    raise self._bad(key, "is no address")
                found.setdefault(name, {})[channel] = address
        return found

    def _smtp(self) -> Smtp:
        given = self.given["smtp"]
        for key in ("host", "port", "sender"):
            if not isinstance(given.get(key), int if key == "port" else str):
                raise self._bad(f"smtp.{key}", "is missing")
        security, user = given.get("security", SECURITIES[0]), given.get("user")
        if security not in SECURITIES:
            raise self._bad("smtp.security", f"is not one of {', '.join(SECURITIES)}")
        if user is not None and security == "none":
            raise self._bad("smtp.user", "would go unencrypted")
        password = None if user is None else self._secret("smtp", "password")
        return Smtp(given["host"], given["port"], given["sender"], security, user, password)

    def _secret(self, section: str, name: str) -> str:
        """The secret that a file or a variable of the environment holds."""
        given, key = self.given[section], f"{section}.{name}"
        if name in given:
            raise self._bad(key, f"is a secret: give {name}_file or {name}_env")
        if f"{name}_file" in given:
            found = self._read(f"{key}_file", self.path.parent / given[f"{name}_file"])
        else:
            found = self.environment.get(given.get(f"{name}_env", ""), "")
        if len(found) < _SHORTEST_SECRET and section == "webhook":
            raise self._bad(key, f"is missing, or shorter than {_SHORTEST_SECRET} characters")
        return found

    def _read(self, key: str, path: Path) -> str:
        if path.stat().st_mode & _OTHERS:
            raise self._bad(key, "can be read by others: chmod 600 it")
        return path.read_text("utf-8").strip()

    def _bad(self, key: str, fault: str) -> BadContacts:
        return BadContacts(f"{self.path}: {key} {fault}")
