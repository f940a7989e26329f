"""Values of a rulebook by the path of their keys: what differs, what fits, what is changed."""

from collections.abc import Mapping
from typing import Any

from margin_assets.nearest import did_you_mean

Path = tuple[str, ...]
_LARGEST = 1e9  # so that no number leaves the integers that the kernels count in


def flat(numbers: Mapping[str, Any], *above: str) -> dict[Path, Any]:
    """Values of a rulebook by the path of their keys, in its order."""
    found: dict[Path, Any] = {}
    for key, value in numbers.items():
        found |= flat(value, *above, key) if isinstance(value, dict) else {(*above, key): value}
    return found


def draft_faults(draft: Mapping[str, Any], like: Mapping[str, Any]) -> list[str]:
    """What keeps a draft from standing in the place of a version, key by key."""
    told, known = flat(draft), flat(like)
    faults = [f"{'.'.join(path)} is missing" for path in known if path not in told]
    return faults + _faults(told, known)


def with_changes(
    numbers: Mapping[str, Any], changes: Mapping[str, Any], family: str
) -> dict[str, Any]:
    """Numbers of a rulebook with some of them changed.

    Raises:
        ValueError: It has no such number, or the value is of another kind.
    """
    told, known = flat(changes), flat(numbers)
    if faults := _faults(told, known):
        msg = f"{family}: {'; '.join(faults)}"
        raise ValueError(msg)
    return _nested(known | told)


def _nested(values: Mapping[Path, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for (*above, key), value in values.items():
        section = found
        for name in above:
            section = section.setdefault(name, {})
        section[key] = value
    return found


def _faults(told: Mapping[Path, Any], known: Mapping[Path, Any]) -> list[str]:
    names = [".".join(path) for path in known]
    unknown = [".".join(path) for path in told if path not in known]
    faults = [f"{name} is unknown{did_you_mean(name, names)}" for name in unknown]
    return faults + [
        f"{'.'.join(path)} is {value!r} where the version in force has {known[path]!r}"
        for path, value in told.items()
        if path in known and not _fits(value, known[path])
    ]


def _fits(value: Any, like: Any) -> bool:  # noqa: ANN401 (whatever TOML holds)
    """Whether a value may stand where a version has the other."""
    if isinstance(like, list):
        return isinstance(value, list) and value != [] and all(_fits(v, min(like)) for v in value)
    if isinstance(like, bool) or not isinstance(like, int | float):
        return type(value) is type(like)
    kinds = (int,) if isinstance(like, int) else (int, float)
    return type(value) in kinds and (-_LARGEST if like < 0 else 0) <= value <= _LARGEST
