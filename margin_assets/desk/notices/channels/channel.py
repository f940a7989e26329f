"""What every channel does, and how it says that it could not."""

from typing import Protocol

from margin_assets.desk.notices.messages import Message

PATIENCE_SECONDS = 5.0
"""A channel that does not answer for so long is down: the others wait for it."""


class NotDelivered(Exception):
    """A message was not taken, and why; the reason names neither address nor secret."""

    def __init__(self, reason: str, *, is_final: bool = False, is_down: bool = False) -> None:
        super().__init__(reason)
        self.is_final = is_final
        """Another attempt would end the same."""
        self.is_down = is_down
        """It is not about this message: no other would be taken now."""


class Channel(Protocol):
    """One way by which messages go."""

    def send(self, message: Message, address: str) -> str | None:
        """Sends a message; returns the key by which the channel knows it again, if it does.

        Raises:
            NotDelivered: it was not taken.
        """
        ...
