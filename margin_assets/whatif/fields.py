"""Kinds of values in a portfolio document, each with its bounds."""

import re
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, NamedTuple

from pydantic import (
    AfterValidator,
    BeforeValidator,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PlainValidator,
    StringConstraints,
)
from pydantic_core import CoreSchema
from pydantic_core.core_schema import no_info_after_validator_function

from schemas.columns import MAX_AMOUNT, MAX_PRICE, MAX_QUANTITY, PRINTABLE
from schemas.house import OVERLAYS
from schemas.landed import ACCOUNT_TYPES, ASSET_CLASSES

MAX_LEVERAGE = Decimal(10)
MAX_BETA = Decimal(20)
MAX_VOLATILITY = Decimal(10)
MAX_MULTIPLIER = Decimal(10) ** 6
FIRST_DAY = date(1970, 1, 1)

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
MOST_DIGITS = 64
"""More than any number of a document needs: bounds the work on hostile ones."""
UNWIELDY = Decimal("NaN")
"""What a number of more digits is read as: the field that holds it refuses it by its place."""


def _number(value: object) -> Decimal:
    if isinstance(value, float):
        raise ValueError("must be finite")
    if not isinstance(value, Decimal):
        raise ValueError("must be a number")
    if value.is_nan():
        raise ValueError(f"must have an exponent and digits within {MOST_DIGITS}")
    return value


def _at_most(most: Decimal, *, decimals: int | None = None) -> PlainValidator:
    """Number within `most` in size and with no more decimals than stated, taken as it is."""

    def check(value: object) -> Decimal:
        number = _number(value)
        if number.copy_abs() > most:
            raise ValueError(f"beyond {most:,f} in size")
        if decimals is not None and number % Decimal(1).scaleb(-decimals):
            raise ValueError(f"more than {decimals} decimals")
        return number

    return PlainValidator(check, json_schema_input_type=float)


def _positive(number: Decimal) -> Decimal:
    if number <= 0:
        raise ValueError("must be above 0")
    return number


def not_negative(number: Decimal) -> Decimal:
    """The number, which is 0 or above; `ValueError` else."""
    if number < 0:
        raise ValueError("must not be below 0")
    return number


def not_zero(number: Decimal) -> Decimal:
    """The number, which is not 0; `ValueError` else."""
    if number == 0:
        raise ValueError("must not be 0")
    return number


class OneOf(NamedTuple):
    """One of a closed list of words, as the landed tables declare it."""

    words: tuple[str, ...]

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return no_info_after_validator_function(self._checked, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return handler(schema) | {"enum": list(self.words)}

    def _checked(self, word: str) -> str:
        if word not in self.words:
            *others, last = (f"'{one}'" for one in self.words)
            raise ValueError(f"must be {', '.join(others)} or {last}")
        return word


def _day(value: object) -> date:
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        raise ValueError("must be a day written YYYY-MM-DD")
    day = date.fromisoformat(value)
    if day < FIRST_DAY:
        raise ValueError(f"must not be before {FIRST_DAY}")
    return day


Id = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=PRINTABLE)]
Symbol = Annotated[str, StringConstraints(min_length=1, max_length=32, pattern=PRINTABLE)]
Day = Annotated[date, BeforeValidator(_day)]
Quantity = Annotated[Decimal, _at_most(MAX_QUANTITY, decimals=6), AfterValidator(not_zero)]
Price = Annotated[Decimal, _at_most(MAX_PRICE, decimals=6), AfterValidator(_positive)]
Premium = Annotated[Decimal, _at_most(MAX_PRICE, decimals=6), AfterValidator(not_negative)]
"""Price of an option: 0 says that it is worthless, which is not that its price is unknown."""
Amount = Annotated[Decimal, _at_most(MAX_AMOUNT, decimals=2)]
Leverage = Annotated[Decimal, _at_most(MAX_LEVERAGE, decimals=6), AfterValidator(not_zero)]
Beta = Annotated[Decimal, _at_most(MAX_BETA)]
Volatility = Annotated[Decimal, _at_most(MAX_VOLATILITY), AfterValidator(not_negative)]
ExpectedRange = Annotated[Decimal, _at_most(Decimal(10)), AfterValidator(not_negative)]
BorrowRate = Annotated[Decimal, _at_most(Decimal(100)), AfterValidator(not_negative)]
Overlay = Annotated[str, OneOf((*OVERLAYS, "initial"))]
Rate = Annotated[Decimal, _at_most(Decimal(1))]
Multiplier = Annotated[Decimal, _at_most(MAX_MULTIPLIER, decimals=6), AfterValidator(_positive)]
Units = Annotated[Decimal, _at_most(MAX_MULTIPLIER, decimals=6), AfterValidator(not_negative)]
Volume = Annotated[Decimal, _at_most(MAX_AMOUNT, decimals=6), AfterValidator(not_negative)]
AssetClass = Annotated[str, OneOf(tuple(c for c in ASSET_CLASSES if c != "option"))]
"""Of what an option may be written on: an option is a position, never an instrument."""
AccountType = Annotated[str, OneOf(ACCOUNT_TYPES)]
