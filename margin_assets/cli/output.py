"""What the user sees: answers on stdout, progress and refusals on stderr, nothing unprintable."""

import json
import math
import re
import shutil
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

# Nothing is cut or wrapped where no person's window sets a width.
_WIDE = 100_000
_CENTS = 2
_GAP = 2  # between columns
_SHA = re.compile(r"\b(?:[0-9a-f]{64}|[0-9a-f]{32})\b")
_ID_DIGITS = 12


class Refusal(Exception):
    """What was asked cannot be had: one line for stderr, exit code 1."""


def printable(text: object) -> str:
    """The text with everything a terminal might obey spelled out."""
    plain = str(text)
    if plain.isprintable():
        return plain
    return "".join(c if c.isprintable() else _escaped(c) for c in plain)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


_FORMULA = ("=", "+", "-", "@")


def inert(text: str) -> str:
    """The text as a cell that neither a terminal obeys nor a spreadsheet computes."""
    plain = printable(text)
    return f"'{plain}" if plain.startswith(_FORMULA) else plain


def one_line(text: object) -> str:
    """The text on one line, printable."""
    return printable(" ".join(str(text).split()))


def note(text: str) -> None:
    """One line on stderr."""
    sys.stderr.write(printable(text) + "\n")
    sys.stderr.flush()


def say(text: str = "", hang: int = 0) -> None:
    """One line on stdout; wider than the window, its words go on below, `hang` characters in."""
    plain = printable(text)
    room = shutil.get_terminal_size().columns if sys.stdout.isatty() else _WIDE
    if len(plain) <= room:
        sys.stdout.write(plain + "\n")
    else:
        _say_wrapped(plain, room, ("", " " * hang))


def _say_wrapped(text: str, room: int, before: tuple[str, str]) -> None:
    """A text on lines, after what stands before the first and before the others.

    No word is broken in two: an id cut short is another id.
    """
    lines = textwrap.wrap(
        text,
        room,
        initial_indent=before[0],
        subsequent_indent=before[1],
        break_long_words=False,
        break_on_hyphens=False,
    )
    sys.stdout.writelines(line + "\n" for line in lines)


def instant(at: datetime | None) -> str:
    """RFC 3339 in UTC with `Z`; a dash for none."""
    if at is None:
        return "-"
    return f"{at.astimezone(UTC).replace(tzinfo=None).isoformat()}Z"


_UNITS = (("d", 86_400.0, 2), ("h", 3_600.0, 2), ("min", 60.0, 2))


def span(seconds: float | None) -> str:
    """A time span for a person, in the unit that suits it; a dash for one that is not known."""
    if seconds is None:
        return "-"
    for unit, size, least in _UNITS:
        if abs(seconds) >= least * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.1f} s"


def json_text(value: object) -> str:
    """One JSON document: decimals as numbers to their last digit, instants with `Z`, bytes in hex.

    Numbers that JSON does not have become null.
    """
    match value:
        case None | bool() | int():
            return json.dumps(value)
        case float():
            return repr(value) if math.isfinite(value) else "null"
        case Decimal():
            return format(value.normalize(), "f") if value.is_finite() else "null"
        case datetime():
            return f'"{instant(value)}"'
        case bytes():
            return f'"{value.hex()}"'
        case Mapping():
            return _object(value)
        case list() | tuple():
            return "[" + ", ".join(map(json_text, value)) + "]"
        case date():
            return f'"{value.isoformat()}"'
        case _:
            return json.dumps(str(value)).replace("\x7f", "\\u007f")


def _object(value: Mapping[object, object]) -> str:
    members = (f"{json_text(str(key))}: {json_text(held)}" for key, held in value.items())
    return "{" + ", ".join(members) + "}"


def answer(document: object) -> None:
    """The one JSON document of a verb, on stdout; the rows of a list each on a line."""
    if isinstance(document, list) and document:
        rows = ",\n".join(map(json_text, document))
        sys.stdout.write(f"[\n{rows}\n]\n")
    else:
        sys.stdout.write(json_text(document) + "\n")


def shown(value: object) -> str:
    """A value in a cell of a table."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case datetime():
            return instant(value)
        case Decimal():
            return _grouped(value)
        case float():
            return f"{value:.10g}"
        case bytes():
            return value.decode("utf-8", "backslashreplace")
        case _:
            return str(value)


def usd(amount: float | None) -> Decimal | None:
    """An amount of JSON as money, with its cents; None for none."""
    return None if amount is None else Decimal(f"{amount:.2f}")


def _grouped(value: Decimal) -> str:
    """Thousands apart; money with its cents, finer decimals only where they say something."""
    scale = -int(value.as_tuple().exponent)
    said = -int(value.normalize().as_tuple().exponent)
    return f"{value:,.{scale if scale == _CENTS else max(0, said)}f}"


def console(*, stderr: bool = False) -> "Console":
    """A console that takes no markup; as wide as need be where nobody watches."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else _WIDE
    return Console(
        file=stream, markup=False, emoji=False, highlight=False, soft_wrap=False, width=width
    )


def table(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    title: str = "",
) -> None:
    """A table on stdout; what is too wide for the window, a line a cell.

    Every cell is data: neither markup nor control characters act. Of an id of many digits the
    beginning stands, which is enough to name it by.
    """
    held = [list(row) for row in rows]
    texts = [[_SHA.sub(_start, printable(shown(value))) for value in row] for row in held]
    heads = [printable(name) for name in columns]
    where = console()
    widths = _widths(heads, texts, where.width)
    if sum(widths) + _GAP * len(widths) > where.width:
        _records(heads, texts, title, where.width)
        return
    _grid((heads, widths), held, texts, title)


def _start(found: re.Match[str]) -> str:
    return found[0][:_ID_DIGITS]


def _records(heads: list[str], texts: list[list[str]], title: str, room: int) -> None:
    """Rows one below the other, a line a cell that has something; no word is broken in two."""
    if title:
        say(title)
    most = max(map(len, heads), default=0)
    for row in texts:
        say()
        for head, text in zip(heads, row, strict=True):
            if text:
                _say_wrapped(text, room, (f"  {head:{most}}  ", " " * (most + 4)))
    say()


def _grid(
    heads: tuple[list[str], list[int]], held: list[list[object]], texts: list[list[str]], title: str
) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    made = Table(
        title=Text(printable(title)) if title else None,
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    for place, (head, width) in enumerate(zip(*heads, strict=True)):
        is_number = any(_is_number(row[place]) for row in held)
        justify: Literal["left", "right"] = "right" if is_number else "left"
        made.add_column(Text(head), justify=justify, overflow="fold", width=width)
    for row in texts:
        made.add_row(*map(Text, row))
    console().print(made)


def _widths(heads: list[str], texts: list[list[str]], room: int) -> list[int]:
    """Widths of columns within the room, as far as no word is broken in two.

    A number cut short would be another number: widths may come to more than the room.
    """
    cells = [[head, *(row[place] for row in texts)] for place, head in enumerate(heads)]
    least = [max(len(word) for text in column for word in [*text.split(), ""]) for column in cells]
    widths = [max(map(len, column)) for column in cells]
    while sum(widths) + _GAP * len(widths) > room:
        shrinkable = [place for place, width in enumerate(widths) if width > least[place]]
        if not shrinkable:
            break
        widths[max(shrinkable, key=lambda place: widths[place])] -= 1
    return widths


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def progress() -> "Progress":
    """A progress bar on stderr; silent where nobody watches."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    where = console(stderr=True)
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=where,
        disable=not sys.stderr.isatty(),
    )
