"""Rulebooks that a lake adopted for itself: their texts, and who adopted which, when and why.

`rulebooks/<family>/<date>-<hash>.toml` is a version's text, as a person reads it.
`rulebooks/adoptions/<number>.json` is an act: it adopts one version, or one of each of several
families together. Created where none of its number is, it is whole or not there, and of two people
one gets the number. Neither is ever written again. The texts lie beside the tables and not in one:
a session looks whether there is another before each plan, and that is one question for one name.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import Any

from margin_assets.lake.ledger.cycles import Sealed
from margin_assets.lake.ledger.ledger import Ledger
from margin_assets.lake.store.store import Lake
from margin_assets.rulebooks import RulebookMissing, adopted, planned_under
from margin_assets.rulebooks.texts import Text

_FOLDER = "rulebooks"


@dataclass(frozen=True)
class Adoption:
    """One version of one family, adopted by a lake."""

    number: int
    """Of the act, which families that were adopted together share."""
    family: str
    effective: date
    digest: str
    reason: str
    adopted_by: str
    adopted_at: datetime
    after_cycle: int
    """The last sealed cycle then; 0 for none."""

    @property
    def told(self) -> str:
        """Where the numbers come from, in place of a citation."""
        return f"this lake: {self.reason} ({self.adopted_by}, {self.adopted_at:%Y-%m-%d})"


Act = Sequence[tuple[Adoption, Text]]
"""What was adopted together: one version of each of its families."""


class Adopted:
    """What one lake adopted, oldest first; read once, and then only what came since."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._acts: list[Act] = []

    def __call__(self) -> tuple[Text, ...]:
        """The texts adopted by now."""
        return tuple(text for _, text in self.all())

    def all(self) -> list[tuple[Adoption, Text]]:
        """Adoptions by now, each with its text.

        Raises:
            RulebookMissing: A text is not as it was adopted.
        """
        return [adopted for act in self.acts() for adopted in act]

    def acts(self) -> list[Act]:
        """The same by act, each of one family or more.

        Raises:
            RulebookMissing: A text is not as it was adopted.
        """
        while self._lake.has_object(_record(len(self._acts) + 1)):
            self._acts.append(self._read(len(self._acts) + 1))
        return list(self._acts)

    def after(self, last: Sealed | None) -> tuple[Text, ...]:
        """Of what is adopted, what the cycle after a sealed one is planned under.

        Those that the last cycle was planned under, and those of days that were not begun by then.
        So no day that is sealed gets another rule, however an adoption and a plan raced.
        """
        sealed = sealed_day(last)
        if last is None or sealed is None:
            return self()
        plans = last.manifest["rulebooks"]
        return tuple(t for t in self() if t.effective > sealed or _is_planned(t, plans))

    def _read(self, number: int) -> Act:
        with self._lake.open_object(_record(number)) as stream:
            told = json.loads(stream.read())
        # Lakes have acts from before one could be of several families.
        return [self._adopted(one) for one in (told if isinstance(told, list) else [told])]

    def _adopted(self, told: dict[str, Any]) -> tuple[Adoption, Text]:
        adoption = Adoption(
            **told
            | {
                "effective": date.fromisoformat(told["effective"]),
                "adopted_at": datetime.fromisoformat(told["adopted_at"]),
            }
        )
        path = _path(adoption)
        with self._lake.open_object(path) as stream:
            text = Text(adoption.family, adoption.effective, stream.read().decode())
        if text.digest != adoption.digest:
            raise RulebookMissing(f"{path} is not the text that was adopted")
        return adoption, text


def keep(lake: Lake, act: Act) -> bool:
    """Writes an act under its number, whole; False where somebody else has it already."""
    # The texts first: whoever finds the act finds them. By its name a text is always the same.
    for adoption, text in act:
        lake.create_object(_path(adoption), text.text.encode())
    (record,) = {_record(adoption.number) for adoption, _ in act}
    told = json.dumps([asdict(one) for one, _ in act], indent=2, default=str).encode()
    if lake.create_object(record, told):
        return True
    # A store may have taken it and lost the answer.
    with lake.open_object(record) as stream:
        return stream.read() == told


def copy(lake: Lake, to: Lake) -> None:
    """Adopts in another lake, which has adopted nothing, what a lake adopted."""
    for act in Adopted(lake).acts():
        keep(to, act)


def _is_planned(text: Text, plans: Mapping[str, Any]) -> bool:
    held = plans.get(text.family)
    # Cycles from before hashes were kept named dates alone: none of them had another's text.
    return isinstance(held, Mapping) and held.get(str(text.effective)) == text.digest


def sealed_day(last: Sealed | None) -> date | None:
    """The last day that cycles decided of, by UTC as rulebooks count; None before any."""
    if last is None or last.as_of is None:
        return None
    return last.as_of.astimezone(UTC).date()


@contextmanager
def decided_as(lake: Lake, sealed: Sealed) -> Iterator[None]:
    """Decides by the rulebooks that a cycle of a lake was planned under.

    Raises:
        RulebookMissing: One is neither installed nor adopted, or its text is another.
    """
    with planned_under(sealed.cycle, sealed.manifest["rulebooks"], Adopted(lake)):
        yield


@contextmanager
def decided_next(lake: Lake) -> Iterator[None]:
    """Decides by the rulebooks that the next cycle of a lake would be planned under."""
    with adopted(Adopted(lake).after(Ledger(lake).last_sealed())):
        yield


def _path(adoption: Adoption) -> str:
    return f"{_FOLDER}/{adoption.family}/{adoption.effective}-{adoption.digest}.toml"


def _record(number: int) -> str:
    return f"{_FOLDER}/adoptions/{number:06d}.json"
