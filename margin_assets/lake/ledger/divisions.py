"""A firm in several lakes: where they lie, and what one seal of the firm vouches for.

The firm is a lake. Below it, as `divisions/<number>`, lies a whole lake for each division of its
accounts. The firm's ledger plans every cycle, and seals it when all divisions have sealed it: its
digests hold the hash of each division's seal, so that one chain of hashes vouches for all of them.
"""

import json
from collections.abc import Callable, Mapping
from typing import TypeVar

from margin_assets.lake.ledger.cycles import Plan, Sealed
from margin_assets.lake.ledger.ledger import Ledger
from margin_assets.lake.store.division import DIVISION, Division
from margin_assets.lake.store.store import Lake
from schemas import TABLES

_Reader = TypeVar("_Reader")
_LEDGER = "cycles"
_FOLDER = "divisions"
_RECORD = "divisions.json"
"""In a lake that is no firm of its own: of how many divisions it is made, or which one it is."""
FIRM_TABLES = (
    "firm_risk",
    "credit_exposures",
    "firm_concentrations",
    "limit_breaches",
    "desk_outcomes",
)
"""Tables that take all accounts to tell: written in the firm's own lake."""


class DivisionsDiffer(RuntimeError):
    """The divisions of a firm did not seal the same cycle: one of them computed wrongly."""


class NotAlone(RuntimeError):
    """A session was to run by itself on a lake that is part of a firm in divisions."""


def create(lake: Lake, count: int, created: Callable[[Lake], object] = Lake.create) -> None:
    """Makes a firm of so many divisions; idempotent.

    Raises:
        ValueError: It is made already, of another number; or a session has sealed cycles in it.
    """
    created(lake)
    if not count_of(lake) and Ledger(lake).last_sealed() is not None:
        raise ValueError(f"{lake.uri} holds cycles: a firm in divisions begins as an empty lake")
    _keep(lake, {"count": count})
    for number in range(count):
        division = lake_of(lake, number)
        created(division)
        _keep(division, Division(number, count).manifest)


def _keep(lake: Lake, record: Mapping[str, object]) -> None:
    if not lake.create_object(_RECORD, json.dumps(record).encode()) and _record(lake) != record:
        raise ValueError(f"{lake.uri} is made already: {_record(lake)}")


def _record(lake: Lake) -> dict[str, object]:
    if not lake.has_object(_RECORD):
        return {}
    with lake.open_object(_RECORD) as stream:
        found: dict[str, object] = json.loads(stream.read())
    return found


def count_of(lake: Lake) -> int:
    """Of how many divisions a firm's lake is; 0 of any other lake."""
    return int(str(_record(lake).get("count", 0)))


def is_division(lake: Lake) -> bool:
    """Whether a lake is a division of a firm: it takes the firm's plans, and makes none.

    Raises:
        NotAlone: It is a whole firm in divisions, which holds no accounts.
    """
    record = _record(lake)
    if "count" in record:
        raise NotAlone(f"{lake.uri} is a firm in divisions: `margin firm` runs it")
    return DIVISION in record


def lake_of(lake: Lake, number: int) -> Lake:
    """The lake of a division."""
    return Lake(f"{lake.uri}/{_FOLDER}/{number}", lake.storage_options)


def lakes_of(lake: Lake) -> list[Lake]:
    """The lakes of all divisions of a firm."""
    return [lake_of(lake, number) for number in range(count_of(lake))]


def hash_name(number: int) -> str:
    """Under which name the firm's digests hold the hash of a division's seal."""
    return f"{_FOLDER}/{number}"


def hashes_in(sealed: Sealed) -> list[str]:
    """Hashes of the divisions' seals that a firm's seal vouches for; none in any other seal."""
    count = sum(name.startswith(f"{_FOLDER}/") for name in sealed.digests)
    return [sealed.digests[hash_name(number)] for number in range(count)]


def sealed_parts(lake: Lake, sealed: Sealed | None) -> list[tuple[Lake, Sealed]]:
    """The divisions that a seal vouches for, each with its own seal; none of any other lake.

    Raises:
        DivisionsDiffer: A division has sealed something else.
    """
    found: list[tuple[Lake, Sealed]] = []
    if sealed is None:
        return found
    for number, known in enumerate(hashes_in(sealed)):
        division = lake_of(lake, number)
        its = Ledger(division).sealed(sealed.cycle)
        if its.hash != known:
            raise DivisionsDiffer(f"cycle {sealed.cycle}: division {number} holds another seal")
        found.append((division, its))
    return found


def holders(table: str, firm: _Reader, divisions: tuple[_Reader, ...]) -> tuple[_Reader, ...]:
    """Who has the rows of a table: the firm's lake, the first division, or all of them."""
    if not divisions or table == _LEDGER or table in FIRM_TABLES:
        return (firm,)
    return divisions[:1] if is_landed(table) else divisions


def agree(plan: Plan, divisions: list[Sealed]) -> None:
    """Makes sure that divisions sealed one cycle: the plan's, over the same rows, to one instant.

    Raises:
        DivisionsDiffer: They did not.
    """
    first = divisions[0]
    for number, division in enumerate(divisions):
        expected = plan.manifest | Division(number, len(divisions)).manifest
        if division.manifest != expected:
            raise DivisionsDiffer(f"cycle {plan.cycle}: division {number} was planned otherwise")
        if division.as_of != first.as_of:
            what = f"division {number} stands at {division.as_of}, not at {first.as_of}"
            raise DivisionsDiffer(f"cycle {plan.cycle}: {what}")
        for name in TABLES:
            if is_landed(name) and division.digests.get(name) != first.digests.get(name):
                what = f"division {number} took other rows of {name}"
                raise DivisionsDiffer(f"cycle {plan.cycle}: {what}")


def is_landed(name: str) -> bool:
    """Whether a table holds what landed, and so the same rows in every division."""
    return name in TABLES and TABLES[name].group == "landed"
