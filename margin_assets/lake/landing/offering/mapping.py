"""A mapping: how a file of another's making is written, and which of its columns are ours."""

import codecs
import tomllib
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from margin_assets.nearest import did_you_mean
from schemas import FEEDS, landed_columns


class MappingError(ValueError):
    """A mapping, or a file under it, that is refused: each line names a place and a reason."""


def _known_feed(name: str) -> str:
    if name not in FEEDS:
        raise ValueError(f"{name!r} is no feed{did_you_mean(name, FEEDS)}")
    return name


def _known_encoding(name: str) -> str:
    try:
        return codecs.lookup(name).name
    except LookupError:
        raise ValueError(f"{name!r} is no encoding; utf-8, cp1252 and latin-1 are usual") from None


def _known_zone(name: str) -> str:
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{name!r} is no time zone, such as Europe/Berlin") from None


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Form(_Part):
    """How the file is written."""

    sheet: str | None = None
    """Of a workbook; absent: its first."""
    header: Annotated[int, Field(ge=1, le=1000)] = 1
    """Row of the names of the columns."""
    separator: Annotated[str, Field(min_length=1, max_length=1)] = ","
    encoding: Annotated[str, AfterValidator(_known_encoding)] = "utf-8"
    decimal: Literal[".", ","] = "."
    thousands: Literal["", ".", ",", " ", "'"] = ""
    date: str | None = None
    """As in Python's strptime; absent: YYYY-MM-DD."""
    time: str | None = None
    """The same of instants; absent: YYYY-MM-DD hh:mm:ss."""
    zone: Annotated[str, AfterValidator(_known_zone)] | None = None
    """Of times that carry no offset."""

    @model_validator(mode="after")
    def signs_differ(self) -> Self:
        """One sign cannot mean two things."""
        if self.decimal == self.thousands:
            raise ValueError(f"{self.decimal!r} is both the decimal and the thousands sign")
        return self


class Sign(_Part):
    """Where a number without a sign gets it: by the word in another column. No other word does."""

    column: str
    positive: list[str]
    negative: list[str]


class Mapping(_Part):
    """How a file becomes rows of a feed."""

    feed: Annotated[str, AfterValidator(_known_feed)]
    file: Form = Form()
    columns: dict[str, str | list[str]] = {}
    """By column of ours: theirs, or several that are joined with a space between."""
    values: dict[str, str | int | float | bool] = {}
    """By column of ours: the same in every row."""
    words: dict[str, dict[str, str]] = {}
    """By column of ours: their words, and ours for them."""
    sign: dict[str, Sign] = {}

    @model_validator(mode="after")
    def names_columns_of_the_feed(self) -> Self:
        """Every key of a table is a column of the feed."""
        known = landed_columns(self.feed)
        for table in ("columns", "values", "words", "sign"):
            for name in getattr(self, table):
                if name not in known:
                    near = did_you_mean(name, known)
                    raise ValueError(f"{table}.{name}: {self.feed} has no such column{near}")
        if both := sorted(self.columns.keys() & self.values.keys()):
            raise ValueError(f"values.{both[0]}: columns has it too")
        return self


def parse_mapping(text: str, name: str) -> Mapping:
    """The mapping of a TOML text; `name` is what it is called in an error.

    Raises:
        MappingError: it is none; each line names a key.
    """
    try:
        return Mapping.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise MappingError(f"{name}: {error}") from None
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False, include_input=False)
        raise MappingError("\n".join(f"{name}: {_told(fault)}" for fault in faults)) from None


def _told(fault: Any) -> str:  # noqa: ANN401 (pydantic's own kind)
    place = ".".join(str(part) for part in fault["loc"])
    message = fault["msg"].removeprefix("Value error, ")
    if fault["type"] == "extra_forbidden":
        *above, key = fault["loc"]
        known = Form.model_fields if above else Mapping.model_fields
        message = f"unknown key{did_you_mean(str(key), known)}"
    return f"{place}: {message}" if place else message
