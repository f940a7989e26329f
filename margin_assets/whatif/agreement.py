"""What the rows of a portfolio document must agree on."""

import json
from collections.abc import Iterator
from decimal import Decimal

from margin_assets.kernels.numeric.money import MAX_POSITION, MICRO
from margin_assets.whatif.document import Bond, Contract, Document, Equity, Option, symbol_of

_SHOWN = 64  # characters of somebody else's text that a message repeats


class DocumentError(ValueError):
    """A document that is refused: one line that names the place and the reason of the first fault.

    `faults` has a line for each.
    """

    def __init__(self, *faults: str) -> None:
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        super().__init__(f"{faults[0]}{more}")
        self.faults = faults


def refuse_contradictions(document: Document) -> None:
    """Raises `DocumentError` where rows that are each in order do not fit together."""
    found = [
        *_what_has_ended(document),
        *_told_twice(document, "price"),
        *_told_twice(document, "settlement_value"),
        *_beyond_range(document),
        *_shared_names(document),
    ]
    if found:
        raise DocumentError(*found)


def quoted(text: str) -> str:
    """The beginning of somebody else's text, as JSON."""
    return json.dumps(text[:_SHOWN])


def _what_has_ended(document: Document) -> Iterator[str]:
    for i, row in enumerate(document.positions):
        if isinstance(row, Option) and row.expiry < document.as_of and not row.has_ended:
            yield f"positions[{i}].expiry: before as_of {document.as_of}"
        if isinstance(row, Bond) and row.maturity < document.as_of:
            yield f"positions[{i}].maturity: before as_of {document.as_of}"


def _told_twice(document: Document, name: str) -> Iterator[str]:
    """Rows of one contract that tell something of it and do not agree."""
    known: dict[Contract, tuple[int, Decimal]] = {}
    for i, row in enumerate(document.positions):
        told = getattr(row, name) if isinstance(row, Option) else None
        if isinstance(row, Option) and told is not None:
            first, before = known.setdefault(row.contract, (i, told))
            if before != told:
                yield f"positions[{i}].{name}: not that of positions[{first}]"


def _beyond_range(document: Document) -> Iterator[str]:
    most = Decimal(MAX_POSITION // MICRO)
    units: dict[str, Decimal] = {}
    for row in document.positions:
        name, size = _size(row)
        units[name] = units.get(name, Decimal(0)) + abs(size)
    for name, size in units.items():
        if size > most:
            yield f"positions: {quoted(name)} adds up to more than {most:,f}"


def _size(row: Equity | Option | Bond) -> tuple[str, Decimal]:
    if isinstance(row, Equity):
        return row.symbol, row.quantity
    if isinstance(row, Option):
        return row.contract.symbol, row.quantity * row.multiplier
    return f"{row.bond_class} {row.maturity}", row.principal


def _shared_names(document: Document) -> Iterator[str]:
    """What an option or a bond is called in the answer may not be called so elsewhere."""
    named: dict[str, tuple[int, object]] = {}
    for i, row in enumerate(document.positions):
        if not isinstance(row, Equity):
            name, what = symbol_of(i, row), row.contract if isinstance(row, Option) else i
            first, other = named.setdefault(name, (i, what))
            if other != what:
                yield f"positions[{i}]: called {quoted(name)}, as positions[{first}]"
    for place, name in _given_names(document):
        if name in named:
            yield f"{place}: {quoted(name)} is what positions[{named[name][0]}] is"


def _given_names(document: Document) -> Iterator[tuple[str, str]]:
    """Every symbol that the document gives, and where."""
    for i, row in enumerate(document.positions):
        if isinstance(row, Equity):
            yield f"positions[{i}].symbol", row.symbol
        elif isinstance(row, Option):
            yield f"positions[{i}].underlying", row.underlying
    for symbol in document.instruments:
        yield "instruments", symbol
