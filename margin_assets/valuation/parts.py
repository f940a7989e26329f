"""Numbers, days and names of a valuation document: what each may be, and how it is written."""

import math
import re
from collections.abc import Callable, Iterable
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    WithJsonSchema,
)
from pydantic_core import core_schema

from margin_assets.kernels.rates.conventions import (
    CONVENTIONS,
    DAY_COUNTS,
    FREQUENCIES,
    RULES,
    is_tenor,
    years_of,
)
from margin_assets.whatif.fields import Day as AnyDay
from margin_assets.whatif.fields import Id

__all__ = ["Id"]

LAST_DAY = date(2120, 12, 31)
LONGEST_YEARS = 60.0
"""Of a tenor: no day that anything leads to is beyond what QuantLib counts, which ends in 2199."""

MOST = 1e15
_A_YEAR = {"1": "annual", "2": "semiannual", "4": "quarterly", "12": "monthly", "0": "once"}
_SPACES = re.compile(r"[\s_]+")
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)


class Part(BaseModel):
    """Part of a document: no unknown key, nothing converted."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, Decimal | int | float):
        raise ValueError("must be a number")
    number = float(value)
    if not math.isfinite(number) or abs(number) > MOST:
        raise ValueError(f"must be finite and within {MOST:.0e} in size")
    return number


def _whole(value: object) -> int:
    number = _number(value)
    if number != int(number):
        raise ValueError("must be a whole number")
    return int(number)


def _not_zero(number: float) -> float:
    if number == 0.0:
        raise ValueError("must not be 0")
    return number


def _within(least: float, most: float) -> AfterValidator:
    def check(number: float) -> float:
        if not least <= number <= most:
            raise ValueError(f"must be from {least:g} to {most:g}")
        return number

    return AfterValidator(check)


def _above_zero(number: float) -> float:
    if number <= 0.0:
        raise ValueError("must be above 0")
    return number


class OneOf:
    """Annotation of one of a closed list of words, as the list has it or as cleaned."""

    def __init__(self, words: Iterable[str], clean: Callable[[str], str] = str) -> None:
        self._words, self._clean = tuple(words), clean

    def _check(self, value: object) -> str:
        if not isinstance(value, str):
            raise ValueError("must be text")
        word = self._clean(value)
        if word not in self._words:
            raise ValueError(f"must be one of {', '.join(self._words)}")
        return word

    def __get_pydantic_core_schema__(
        self, source: type[str], handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        """A word that is checked first."""
        return core_schema.no_info_before_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(
        self, _: core_schema.CoreSchema, __: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """The words."""
        return {"type": "string", "enum": list(self._words)}


def _plain(text: str) -> str:
    return _SPACES.sub(" ", text.strip().lower())


def _day_count(text: str) -> str:
    name = _plain(text).replace("actual", "act").replace("(", "").replace(")", "")
    name = name.replace(" fixed", "f").replace("365 f", "365f")
    return {"act/365": "act/365f", "30/360us": "30/360 us"}.get(name, name)


def _frequency(value: object) -> str:
    text = str(value) if isinstance(value, Decimal | int) and not isinstance(value, bool) else value
    if not isinstance(text, str):
        raise ValueError("must be a tenor such as 6M, a word such as semiannual, or times a year")
    name = _A_YEAR.get(text, text)
    if name.lower() in FREQUENCIES:
        return name.lower()
    if is_tenor(name.upper()):
        return _not_too_long(name.upper())
    raise ValueError(f"must be a tenor such as 6M, one of {', '.join(FREQUENCIES)}, or 1, 2, 4, 12")


def _tenor(value: object) -> str:
    if not isinstance(value, str) or not is_tenor(value.upper()):
        raise ValueError("must be a tenor such as 3M, 10Y or 1Y6M")
    return _not_too_long(value.upper())


def _not_too_long(tenor: str) -> str:
    if not 0.0 < years_of(tenor) <= LONGEST_YEARS:
        raise ValueError(f"must be above 0 and not longer than {LONGEST_YEARS:g} years")
    return tenor


def _not_too_late(day: date) -> date:
    if day > LAST_DAY:
        raise ValueError(f"must not be after {LAST_DAY}")
    return day


def _calendar(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("must be the name of a calendar")
    return _plain(value)


def _currency(value: object) -> str:
    if not isinstance(value, str) or not _CURRENCY.fullmatch(value):
        raise ValueError("must be a currency such as USD")
    return value


_AsNumber = BeforeValidator(_number)
Day = Annotated[AnyDay, AfterValidator(_not_too_late)]
Number = Annotated[float, _AsNumber]
Amount = Annotated[float, _AsNumber, AfterValidator(_not_zero)]
"""Amount that is not nothing; a negative one is a short position."""
Rate = Annotated[float, _AsNumber, _within(-1.0, 1.0)]
"""A yearly rate as a fraction: 0.05 is 5%; it may be negative."""
Price = Annotated[float, _AsNumber, AfterValidator(_above_zero)]
Positive = Annotated[float, _AsNumber, AfterValidator(_above_zero)]
NotNegative = Annotated[float, _AsNumber, _within(0.0, MOST)]
Share = Annotated[float, _AsNumber, _within(0.0, 1e6)]
Tail = Annotated[float, _AsNumber, _within(1e-9, 1.0 - 1e-9)]
Days = Annotated[int, BeforeValidator(_whole), _within(0, 366)]
Years = Annotated[float, _AsNumber, _within(0.0, 200.0)]
Tenor = Annotated[str, BeforeValidator(_tenor), WithJsonSchema({"type": "string"})]
Frequency = Annotated[
    str, BeforeValidator(_frequency), WithJsonSchema({"type": ["string", "integer"]})
]
CalendarName = Annotated[str, BeforeValidator(_calendar)]
Currency = Annotated[
    str,
    BeforeValidator(_currency),
    WithJsonSchema({"type": "string", "pattern": "^[A-Z]{3}$"}),
]
ForwardOver = Literal["index_period", "accrual_period"]
"""Of a term rate to come: its index's own deposit, or the period that is paid (par coupons)."""
Rates = Annotated[list[Rate], Field(min_length=1)]
DayCount = Annotated[str, OneOf(DAY_COUNTS, _day_count)]
Convention = Annotated[str, OneOf(CONVENTIONS, lambda text: _plain(text).replace(" ", "_"))]
Rule = Annotated[str, OneOf(RULES, _plain)]
