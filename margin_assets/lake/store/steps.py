"""One step of a writer in a table: a commit that carries a number, and is made once."""

from dataclasses import dataclass

from margin_assets.lake.store.shards import Shards

CALL = "call"
"""Key of a call's own id in what a commit says of itself."""


@dataclass(frozen=True)
class Commit:
    """Where a transaction is in a table."""

    version: int
    is_new: bool
    """Whether this call wrote it, also where its answer was lost; False if another one did."""


class Overtaken(RuntimeError):
    """A greater number of the fence is in the table: whoever writes it has taken over."""


@dataclass(frozen=True)
class Fence:
    """A number that every commit carries beside its own, and that none may be behind."""

    app_id: str
    number: int


@dataclass(frozen=True)
class Step:
    """One call of `commit`, however many attempts it takes."""

    app_id: str
    number: int
    replaced: Shards | None
    call: str

    def shown(self) -> dict[str, str]:
        """What the history of the table tells of it."""
        return {self.app_id: str(self.number), CALL: self.call}
