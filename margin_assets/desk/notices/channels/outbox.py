"""A folder: one file a message, under a name that is the same however often it is sent."""

import os
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path

from margin_assets.desk.notices.channels.channel import NotDelivered
from margin_assets.desk.notices.messages import Message


@dataclass(frozen=True)
class Outbox:
    """The folder; it is made when the first message comes."""

    folder: Path

    def send(self, message: Message, address: str) -> str | None:
        """Writes the file, whole or not at all; the key is its name."""
        at = message.created_at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
        name = f"{at}-{message.message_id}.txt"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._put(name, _text(message, address).encode())
        except OSError as error:
            reason = f"the outbox takes no file: {error.strerror or type(error).__name__}"
            raise NotDelivered(reason, is_down=True) from error
        return name

    def _put(self, name: str, content: bytes) -> None:
        staged = self.folder / f".{name}.part"
        with staged.open("wb") as file:
            file.write(content)
            file.flush()
            # What the table calls sent must still be there after the power failed.
            os.fsync(file.fileno())
        staged.replace(self.folder / name)
        folder = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _text(message: Message, address: str) -> str:
    heads = {
        "Message-Id": message.message_id,
        "To": address,
        "Severity": message.severity,
        "Subject": message.subject,
    }
    return "".join(f"{name}: {value}\n" for name, value in heads.items()) + f"\n{message.body}"
