"""Columns that several tables share, declared once: unit, sign and bounds travel with them."""

from decimal import Decimal

import dataframely as dy

# Printable ASCII, no space at either end: ids are data, never paths, SQL or markup.
PRINTABLE = r"^[!-~]([ -~]*[!-~])?$"

FREE_TEXT_CHARACTERS = 64
"""As much is kept of a free text."""

MAX_QUANTITY = Decimal(10) ** 9
MAX_PRICE = Decimal(10) ** 7
MAX_AMOUNT = Decimal(10) ** 12


def identifier(description: str, *, nullable: bool = False, key: bool = False) -> dy.String:
    """Id of 1 to 128 printable ASCII characters."""
    return dy.String(
        min_length=1,
        max_length=128,
        regex=PRINTABLE,
        nullable=nullable,
        primary_key=key,
        description=description,
    )


def free_text(description: str) -> dy.String:
    """What anybody may write: never a reason to refuse a row. Source: semantics 8.12."""
    return dy.String(
        # Cut when it is read: a bound here would count bytes, not characters.
        nullable=True,
        description=f"{description} Control characters are spaces; the first 64 characters.",
        metadata={"free_text": True},
    )


def beside(description: str) -> dy.String:
    """A free text that files may bring beside the columns of their table."""
    return dy.String(
        nullable=True, description=description, metadata={"free_text": True, "is_beside": True}
    )


def symbol(description: str, *, nullable: bool = False, key: bool = False) -> dy.String:
    """Symbol of 1 to 32 printable ASCII characters."""
    return dy.String(
        min_length=1,
        max_length=32,
        regex=PRINTABLE,
        nullable=nullable,
        primary_key=key,
        description=description,
    )


def code(description: str, values: tuple[str, ...], *, nullable: bool = False) -> dy.String:
    """One of a closed list of words."""
    return dy.String(
        regex="^(" + "|".join(values) + ")$",
        nullable=nullable,
        description=description,
        metadata={"values": list(values)},
    )


def instant(description: str, *, nullable: bool = False, key: bool = False) -> dy.Datetime:
    """Instant in UTC, microseconds."""
    return dy.Datetime(
        time_zone="UTC",
        time_unit="us",
        nullable=nullable,
        primary_key=key,
        description=description,
        metadata={"unit": "UTC"},
    )


def usd(description: str, *, nullable: bool = False, least: int | None = None) -> dy.Decimal:
    """Exact amount in US dollars and cents, signed unless `least` says otherwise."""
    return dy.Decimal(
        38, 2, min=least, nullable=nullable, description=description, metadata={"unit": "USD"}
    )


def landed_amount(description: str) -> dy.Decimal:
    """Amount in USD as landed: within 1e12, to the cent."""
    return dy.Decimal(
        38, 2, min=-MAX_AMOUNT, max=MAX_AMOUNT, description=description, metadata={"unit": "USD"}
    )


def price(description: str, *, nullable: bool = False) -> dy.Decimal:
    """Price in USD a unit, above 0 and at most 1e7, six decimals."""
    return dy.Decimal(
        38,
        6,
        min_exclusive=0,
        max=MAX_PRICE,
        nullable=nullable,
        description=description,
        metadata={"unit": "USD per unit"},
    )


def premium(description: str, *, nullable: bool = False) -> dy.Decimal:
    """Price that may be an option's: 0 says that it is worthless."""
    return dy.Decimal(
        38,
        6,
        min=0,
        max=MAX_PRICE,
        nullable=nullable,
        description=description,
        metadata={"unit": "USD per unit"},
    )


def mark(description: str) -> dy.Decimal:
    """Price that values a position; a raised one may be above any that landed."""
    return dy.Decimal(
        38,
        6,
        min=0,
        nullable=True,
        description=description,
        metadata={"unit": "USD per unit"},
    )


def landed_quantity(description: str) -> dy.Decimal:
    """Quantity as landed: signed, within 1e9, six decimals."""
    return dy.Decimal(
        38, 6, min=-MAX_QUANTITY, max=MAX_QUANTITY, description=description, metadata={"unit": "1"}
    )


def quantity(description: str) -> dy.Decimal:
    """Quantity held: positive long, negative short, six decimals."""
    return dy.Decimal(38, 6, description=description, metadata={"unit": "1"})


def opened(description: str) -> dy.Decimal:
    """Sum over the fills that opened a position, six decimals; null where there are none."""
    return dy.Decimal(38, 6, min=0, nullable=True, description=description, metadata={"unit": "1"})


def fraction(description: str, *, nullable: bool = False) -> dy.Float64:
    """Dimensionless model value."""
    return dy.Float64(nullable=nullable, description=description, metadata={"unit": "1"})


def count(description: str) -> dy.Int64:
    """Number of things, never negative."""
    return dy.Int64(min=0, description=description, metadata={"unit": "1"})


def cycle(*, key: bool = False) -> dy.Int64:
    """The cycle that wrote the row."""
    return dy.Int64(min=0, primary_key=key, description="Cycle that wrote the row.")


def account_id(*, key: bool = False) -> dy.String:
    """Account that owns the row."""
    return identifier("Account.", key=key)


def quarantine_id(*, key: bool = False) -> dy.String:
    """Refused row that the row is about."""
    return dy.String(
        primary_key=key,
        regex="^[0-9a-f]{32}$",
        description="Refused row: hash of path, file, row and reasons.",
    )


def file_id() -> dy.String:
    """Landed file the row came from."""
    return dy.String(
        regex="^[0-9a-f]{64}$",
        description="SHA-256 of the landed file's bytes; `landed_files` holds its path.",
    )


def file_row() -> dy.Int64:
    """Line or row of the landed file."""
    return dy.Int64(min=1, description="Line (text, header included) or row (Parquet), from 1.")
