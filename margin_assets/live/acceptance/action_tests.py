"""Corporate actions that other actions contradict: refused by name."""

from collections.abc import Iterable, Sequence

from margin_assets.kernels.corporate.actions import Action, Register, Version
from margin_assets.kernels.rules.instants import NEVER
from schemas.books import WITHDRAWN


class ActionTests:
    """Tests of landed actions, in the order in which they landed."""

    def __init__(self, versions: Sequence[Version], register: Register) -> None:
        self._versions = versions
        self._symbols = register.symbol_of()
        self._standing = {_what(action): action.action_id for action in register.standing(NEVER)}

    def order(self) -> Iterable[int]:
        """As they landed."""
        return range(len(self._versions))

    def problem(self, place: int) -> tuple[str, str] | None:
        """Why an action is refused, if it is."""
        version = self._versions[place]
        action, corrects = version.action, version.corrects
        if corrects is None:
            other = self._standing.get(_what(action))
            detail = f"{other} is a {action.kind} of {action.symbol} on that day: correct it"
            return ("action_repeated", detail) if other else None
        if self._symbols.get(corrects, action.symbol) != action.symbol:
            return "correction_mismatch", f"{corrects} is of another symbol"
        return None

    def take(self, place: int) -> None:
        """The action is accepted."""
        version = self._versions[place]
        self._symbols[version.row_id] = version.action.symbol
        if version.corrects is None:
            self._standing[_what(version.action)] = version.row_id
        elif version.action.kind == WITHDRAWN:
            standing = self._standing.items()
            self._standing = {what: name for what, name in standing if name != version.corrects}


def _what(action: Action) -> tuple[str, str, int]:
    return action.symbol, action.kind, action.at
