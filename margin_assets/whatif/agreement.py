"""What the rows of a portfolio document must agree on."""

import json
from collections.abc import Iterator
from decimal import Decimal

from margin_assets.kernels.numeric.money import MAX_POSITION, MICRO
from margin_assets.whatif.document import Bond, Contract, Document, Equity, Option, symbol_of

_SHOWN = 64  # characters of somebody else's text that a message repeats


class DocumentError(ValueError):
    """A document that is refused: one line that names the place and the reason."""


def refuse_contradictions(document: Document) -> None:
    """Raises `DocumentError` where rows that are each in order do not fit together."""
    _refuse_what_has_ended(document)
    _refuse_two_prices(document)
    _refuse_beyond_range(document)
    _refuse_shared_names(document)


def quoted(text: str) -> str:
    """The beginning of somebody else's text, as JSON."""
    return json.dumps(text[:_SHOWN])


def _refuse_what_has_ended(document: Document) -> None:
    for i, row in enumerate(document.positions):
        if isinstance(row, Option) and row.expiry < document.as_of:
            raise DocumentError(f"positions[{i}].expiry: before as_of {document.as_of}")
        if isinstance(row, Bond) and row.maturity < document.as_of:
            raise DocumentError(f"positions[{i}].maturity: before as_of {document.as_of}")


def _refuse_two_prices(document: Document) -> None:
    known: dict[Contract, tuple[int, Decimal]] = {}
    for i, row in enumerate(document.positions):
        if isinstance(row, Option) and row.price is not None:
            first, price = known.setdefault(row.contract, (i, row.price))
            if price != row.price:
                raise DocumentError(f"positions[{i}].price: not that of positions[{first}]")


def _refuse_beyond_range(document: Document) -> None:
    most = Decimal(MAX_POSITION // MICRO)
    units: dict[str, Decimal] = {}
    for row in document.positions:
        name, size = _size(row)
        units[name] = units.get(name, Decimal(0)) + abs(size)
    for name, size in units.items():
        if size > most:
            raise DocumentError(f"positions: {quoted(name)} adds up to more than {most:,f}")


def _size(row: Equity | Option | Bond) -> tuple[str, Decimal]:
    if isinstance(row, Equity):
        return row.symbol, row.quantity
    if isinstance(row, Option):
        return row.contract.symbol, row.quantity * row.multiplier
    return f"{row.bond_class} {row.maturity}", row.principal


def _refuse_shared_names(document: Document) -> None:
    """What an option or a bond is called in the answer may not be called so elsewhere."""
    named: dict[str, tuple[int, object]] = {}
    for i, row in enumerate(document.positions):
        if not isinstance(row, Equity):
            name, what = symbol_of(i, row), row.contract if isinstance(row, Option) else i
            first, other = named.setdefault(name, (i, what))
            if other != what:
                raise DocumentError(f"positions[{i}]: called {quoted(name)}, as positions[{first}]")
    for place, name in _given_names(document):
        if name in named:
            raise DocumentError(f"{place}: {quoted(name)} is what positions[{named[name][0]}] is")


def _given_names(document: Document) -> Iterator[tuple[str, str]]:
    """Every symbol that the document gives, and where."""
    for i, row in enumerate(document.positions):
        if isinstance(row, Equity):
            yield f"positions[{i}].symbol", row.symbol
        elif isinstance(row, Option):
            yield f"positions[{i}].underlying", row.underlying
    for symbol in document.instruments:
        yield "instruments", symbol
