"""Lines of NDJSON that are all written alike, taken apart at once instead of one by one.

A feed writes a million lines with the same keys in the same order and the same spaces. Where a
line is otherwise, or holds what a plain text cannot say, nothing is taken here: the parser of
JSON decides, and says what is wrong with it.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

import polars as pl

# Of fewer lines a query costs more than parsing them.
_LEAST = 256
_TEXT = r'"([^"\\\x00-\x1f]*)"'
_WORDS: dict[type, str] = {
    str: _TEXT,
    bytes: r"(-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)",
    bool: r"(true|false)",
}
"""How a value is written, by the type as which the parser gives it: numbers stay digits."""
_MEMBER = re.compile(r'"(\w+)"( ?: ?)("[^"\\]*"|[-+.\w]+)(, ?|\}$)', re.ASCII)


def alike(lines: Sequence[object], kinds: Mapping[str, type]) -> dict[str, pl.Series] | None:
    """Texts by column of lines written as the first one is; None if any is not.

    `kinds` is the type of each column's values. What the lines have no key for is absent.
    """
    first = lines[0] if len(lines) >= _LEAST else None
    if not isinstance(first, bytes) or set(map(type, lines)) != {bytes}:
        return None
    try:
        layout = _layout(first.decode(), tuple(kinds.items()))
        texts = pl.Series(lines, dtype=pl.Binary).cast(pl.String) if layout else None
    except (UnicodeDecodeError, pl.exceptions.PolarsError):
        return None
    if layout is None or texts is None:
        return None
    names, pattern = layout
    found = texts.str.extract_groups(pattern).struct.unnest()
    if any(found.null_count().row(0)):
        return None
    return dict(zip(names, found.rename(dict(zip(found.columns, names, strict=True))), strict=True))


def _layout(line: str, kinds: tuple[tuple[str, type], ...]) -> tuple[list[str], str] | None:
    """Keys of a line in their order, and what matches every line written like it."""
    members = list(_MEMBER.finditer(line))
    ends = [1, *(member.end() for member in members)]
    is_whole = line.startswith("{") and ends[-1] == len(line)
    if not is_whole or any(m.start() != end for m, end in zip(members, ends, strict=False)):
        return None
    return _pattern(tuple((m[1], m[2], m[4]) for m in members), kinds)


@lru_cache(maxsize=256)
def _pattern(
    members: tuple[tuple[str, str, str], ...], kinds: tuple[tuple[str, type], ...]
) -> tuple[list[str], str] | None:
    names, known = [name for name, _, _ in members], dict(kinds)
    if len(set(names)) < len(names) or not set(names) <= known.keys():
        return None
    texts = (f'"{n}"{colon}{_WORDS[known[n]]}{re.escape(end)}' for n, colon, end in members)
    return names, "^\\{" + "".join(texts) + "$"
