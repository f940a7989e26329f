"""Names of objects below a lake."""

import uuid


def below(path: str) -> str:
    """The path, if it stays below the lake."""
    if path.startswith("/") or ".." in path.split("/"):
        raise ValueError(f"not a path below the lake: {path!r}")
    return path


def new_name() -> str:
    """A name that nothing else has."""
    return uuid.uuid4().hex
