"""What a rulebook's file says of each of its numbers: the comment behind it."""

import re

_SECTION = re.compile(r"\[+([\w.\-]+)\]+")
# A text in quotes may hold a number sign; a comment begins behind it.
_LINE = re.compile(r'([\w\-]+)\s*=\s*(?:"[^"]*"|[^"#])*?(?:#\s*(.*))?')


def words_of(text: str) -> dict[str, str]:
    """Comments of a rulebook's text by the path of their key; keys without one are absent."""
    found: dict[str, str] = {}
    section = ""
    for line in text.splitlines():
        if head := _SECTION.match(line):
            section = f"{head[1]}."
        elif (number := _LINE.fullmatch(line.rstrip())) and number[2]:
            found[f"{section}{number[1]}"] = number[2].strip()
    return found
