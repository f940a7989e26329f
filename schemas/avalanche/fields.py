"""Columns of the avalanche's tables: model values with unit, and default where one is stated."""

import dataframely as dy

from schemas import columns


def key_of(description: str, *, key: bool = False) -> dy.String:
    """Id of something that the row is about or names."""
    return columns.identifier(description, key=key)


def reference(description: str) -> dy.String:
    """Id of something that there may be none of."""
    return columns.identifier(f"{description} Empty: none.", nullable=True)


def word(description: str, values: tuple[str, ...], default: str | None = None) -> dy.String:
    """One of a closed list of words."""
    column = columns.code(description, values)
    return dy.String(
        regex=f"^({'|'.join(values)})$",
        description=description,
        metadata=(column.metadata or {}) | defaulted(default),
    )


def usd(
    description: str, default: float | None = None, *, least: float | None = None
) -> dy.Float64:
    """Amount in US dollars."""
    return number(description, "USD", default, least=least)


def money(description: str, default: float | None = None) -> dy.Float64:
    """Amount in the currency of the row, never below 0."""
    return number(description, "ccy", default, least=0.0)


def number(
    description: str,
    unit: str,
    default: float | None = None,
    *,
    least: float | None = None,
    most: float | None = None,
) -> dy.Float64:
    """A model value with its unit."""
    return dy.Float64(
        min=least,
        max=most,
        description=description,
        metadata={"unit": unit} | defaulted(default),
    )


def share(description: str, default: float | None = None) -> dy.Float64:
    """Share, 0 to 1."""
    return number(description, "1", default, least=0.0, most=1.0)


def hours(description: str, default: int | None = None, *, most: int = 240) -> dy.Int64:
    """A whole number of hours, or an hour of the day."""
    return dy.Int64(
        min=0, max=most, description=description, metadata={"unit": "h"} | defaulted(default)
    )


def flag(description: str, *, default: bool) -> dy.Bool:
    """Yes or no."""
    return dy.Bool(description=description, metadata=defaulted(default))


def numbers(description: str, default: str) -> dy.String:
    """A list of numbers as text."""
    return dy.String(
        description=f"{description} Numbers with `;` between them.", metadata=defaulted(default)
    )


def defaulted(value: object) -> dict[str, object]:
    """Metadata of a column that may be left out."""
    return {} if value is None else {"default": value}


def day(description: str, *, key: bool = False) -> dy.Date:
    """A day."""
    return dy.Date(primary_key=key, description=description)
