"""The portfolio document: every key, every bound, and one line that names what is wrong."""

import json
import re
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    StringConstraints,
    ValidationError,
    model_validator,
)

from margin_assets.kernels.money import MAX_POSITION, MICRO
from schemas.columns import MAX_AMOUNT, MAX_PRICE, MAX_QUANTITY, PRINTABLE
from schemas.house import OVERLAYS
from schemas.landed import ACCOUNT_TYPES, ASSET_CLASSES, BOND_CLASSES, RIGHTS, STYLES

MAX_LEVERAGE = Decimal(10)
MAX_BETA = Decimal(20)
MAX_VOLATILITY = Decimal(10)
MAX_MULTIPLIER = Decimal(10) ** 6
FIRST_DAY = date(1970, 1, 1)

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_WORD = re.compile(r"\w+", re.ASCII)
_KINDS = ("equity", "option", "bond")
_MOST_DIGITS = 64  # more than any number of a document needs; bounds the work on hostile ones
_UNWIELDY = Decimal("NaN")
_USUAL_MULTIPLIER = Decimal(100)
_SHOWN = 64  # characters of somebody else's text that a message repeats


class DocumentError(ValueError):
    """A document that is refused: one line that names the place and the reason."""


def _number(value: object) -> Decimal:
    if isinstance(value, float):
        raise ValueError("must be finite")
    if not isinstance(value, Decimal):
        raise ValueError("must be a number")
    if value.is_nan():
        raise ValueError(f"must have an exponent and digits within {_MOST_DIGITS}")
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

    return PlainValidator(check)


def _positive(number: Decimal) -> Decimal:
    if number <= 0:
        raise ValueError("must be above 0")
    return number


def _not_negative(number: Decimal) -> Decimal:
    if number < 0:
        raise ValueError("must not be below 0")
    return number


def _not_zero(number: Decimal) -> Decimal:
    if number == 0:
        raise ValueError("must not be 0")
    return number


def _one_of(words: tuple[str, ...]) -> AfterValidator:
    """One of a closed list of words, as the landed tables declare it."""

    def check(word: str) -> str:
        if word not in words:
            *others, last = (f"'{one}'" for one in words)
            raise ValueError(f"must be {', '.join(others)} or {last}")
        return word

    return AfterValidator(check)


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
Quantity = Annotated[Decimal, _at_most(MAX_QUANTITY, decimals=6), AfterValidator(_not_zero)]
Price = Annotated[Decimal, _at_most(MAX_PRICE, decimals=6), AfterValidator(_positive)]
Premium = Annotated[Decimal, _at_most(MAX_PRICE, decimals=6), AfterValidator(_not_negative)]
"""Price of an option: 0 says that it is worthless, which is not that its price is unknown."""
Amount = Annotated[Decimal, _at_most(MAX_AMOUNT, decimals=2)]
Leverage = Annotated[Decimal, _at_most(MAX_LEVERAGE, decimals=6), AfterValidator(_not_zero)]
Beta = Annotated[Decimal, _at_most(MAX_BETA)]
Volatility = Annotated[Decimal, _at_most(MAX_VOLATILITY), AfterValidator(_not_negative)]
ExpectedRange = Annotated[Decimal, _at_most(Decimal(10)), AfterValidator(_not_negative)]
BorrowRate = Annotated[Decimal, _at_most(Decimal(100)), AfterValidator(_not_negative)]
Overlay = Annotated[str, _one_of(OVERLAYS)]
Rate = Annotated[Decimal, _at_most(Decimal(1))]
Multiplier = Annotated[Decimal, _at_most(MAX_MULTIPLIER, decimals=6), AfterValidator(_positive)]
AssetClass = Annotated[str, _one_of(ASSET_CLASSES)]
AccountType = Annotated[str, _one_of(ACCOUNT_TYPES)]


class _Part(BaseModel):
    """Part of a document: no unknown key, nothing converted."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Account(_Part):
    """The account, its cash and its SMA before."""

    account_id: Id
    account_type: AccountType
    cash: Amount
    sma: Annotated[Amount, AfterValidator(_not_negative)] = Decimal(0)
    exempt: bool = False
    """Exempt account of 4210(a)(13)."""


class Equity(_Part):
    """Stock, fund or index held; several rows of one symbol are one position."""

    kind: Literal["equity"]
    symbol: Symbol
    quantity: Quantity
    last_fill_price: Price | None = None
    """What it was last dealt at: carries a short position that has no price."""


class Option(_Part):
    """Option; several rows of one contract are one position."""

    kind: Literal["option"]
    underlying: Symbol
    right: Annotated[str, _one_of(RIGHTS)]
    strike: Price
    expiry: Day
    style: Annotated[str, _one_of(STYLES)]
    multiplier: Multiplier
    quantity: Quantity
    price: Premium | None = None
    listed: bool = True
    last_fill_price: Price | None = None
    """What it was last dealt at: carries a short position that has no price."""

    @property
    def contract(self) -> "Contract":
        """What tells one option from another."""
        return Contract(
            self.underlying,
            self.expiry,
            self.strike,
            self.right,
            self.style,
            self.multiplier,
            self.listed,
        )


class Contract(NamedTuple):
    """Terms of an option: what is equal in all of them is one series."""

    underlying: str
    expiry: date
    strike: Decimal
    right: str
    style: str
    multiplier: Decimal
    listed: bool

    @property
    def symbol(self) -> str:
        """Name of the series in the answer: underlying, last day, right and strike."""
        name = f"{self.underlying} {self.expiry:%y%m%d}{self.right[0].upper()}{self.strike:f}"
        if self.style == "european":
            name += " E"
        if self.multiplier != _USUAL_MULTIPLIER:
            name += f" x{self.multiplier:f}"
        return name if self.listed else f"{name} OTC"


class Bond(_Part):
    """Bond; a negative principal is a short one, its price is in percent of principal."""

    kind: Literal["bond"]
    bond_class: Annotated[str, _one_of(BOND_CLASSES)]
    principal: Annotated[Amount, AfterValidator(_not_zero)]
    price_pct: Price | None = None
    maturity: Day
    zero_coupon: bool = False
    last_fill_price: Price | None = None


class Instrument(_Part):
    """What is known of a symbol.

    Without `asset_class` the terms are not known: the symbol is margined like one without an
    instrument row. With it, `marginable` absent means true, `class_group` absent the symbol
    itself, `leverage` absent 1, except for a fund, which must name it.
    """

    price: Price | None = None
    asset_class: AssetClass | None = None
    leverage: Leverage | None = None
    class_group: Symbol | None = None
    marginable: bool | None = None
    beta: Beta | None = None
    volatility_annual: Volatility | None = None
    dividend_yield: Rate | None = None
    """Continuous; absent means that none is paid."""
    expected_range: ExpectedRange | None = None
    hard_to_borrow: bool | None = None
    borrow_rate: BorrowRate | None = None
    broad_based: bool | None = None
    """Whether options on it take the broad-index rates; absent: by its asset class."""

    @model_validator(mode="after")
    def fund_names_its_leverage(self) -> Self:
        """A fund without its multiple cannot be margined: absent is not 1 there."""
        if self.asset_class == "etf" and self.leverage is None:
            raise ValueError("an etf must name its leverage")
        return self


class Rates(_Part):
    """Rates for option values."""

    risk_free: Rate | None = None


class Options(_Part):
    """How the document is to be read."""

    short_sale_proceeds_in_cash: bool = True
    """False: the proceeds of short positions, at these prices, come on top of the cash."""
    house_overlays: list[Overlay] | None = None
    """House overlays to charge; absent: those of the rulebook."""


class Document(_Part):
    """One account, what it holds, and all that is known about it."""

    as_of: Day
    account: Account
    positions: list[Annotated[Equity | Option | Bond, Field(discriminator="kind")]]
    instruments: dict[Symbol, Instrument] = Field(default_factory=dict)
    rates: Rates = Rates()
    options: Options = Options()


def parse_document(text: str | bytes) -> Document:
    """The document of a JSON text; `DocumentError` with one line if it is refused."""
    try:
        document = Document.model_validate(_json(text))
    except ValidationError as error:
        raise DocumentError(_reason(error)) from None
    _refuse_what_has_ended(document)
    _refuse_two_prices(document)
    _refuse_beyond_range(document)
    return document


def _json(text: str | bytes) -> object:
    try:
        decoded = (
            text.decode("utf-8-sig") if isinstance(text, bytes) else text.removeprefix("\ufeff")
        )
        return json.loads(
            decoded,
            parse_float=_exact,
            parse_int=_exact,
            object_pairs_hook=_without_duplicates,
        )
    except UnicodeDecodeError as error:
        raise DocumentError(f"not UTF-8 at byte {error.start}") from None
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise DocumentError(f"not JSON: {error.msg} ({place})") from None
    except RecursionError:
        raise DocumentError("nested too deeply") from None


def _exact(digits: str) -> Decimal:
    try:
        number = Decimal(digits) if len(digits) <= _MOST_DIGITS else _UNWIELDY
    except InvalidOperation:
        return _UNWIELDY
    # The field that holds it refuses it, so that the message names the place.
    return number if abs(number.adjusted()) <= _MOST_DIGITS else _UNWIELDY


def _without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in pairs:
        if key in found:
            raise DocumentError(f"duplicate key {_quoted(key)}")
        found[key] = value
    return found


def _quoted(text: str) -> str:
    return json.dumps(text[:_SHOWN])


_REASONS = {
    "extra_forbidden": "unknown key",
    "missing": "is missing",
    "string_type": "must be text",
    "string_pattern_mismatch": "must be printable ASCII without a space at either end",
    "string_unicode": "must be printable ASCII without a space at either end",
    "bool_type": "must be true or false",
    "list_type": "must be a list",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "dict_type": "must be an object",
    "union_tag_not_found": "kind is missing",
    "union_tag_invalid": f"kind must be one of {', '.join(_KINDS)}",
}


def _reason(error: ValidationError) -> str:
    # An unknown key first: it is most often the misspelt name of one that is missing.
    errors = error.errors(include_url=False, include_context=False, include_input=False)
    first = min(errors, key=lambda e: e["type"] != "extra_forbidden")
    words = first["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
    reason = _REASONS.get(first["type"], words)
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"{_place(first['loc'])}: {reason}{more}"


def _place(location: tuple[int | str, ...]) -> str:
    """Where in the document, such as `positions[0].quantity`."""
    place = ""
    for before, part in zip(("", *location), location, strict=False):
        if isinstance(part, int):
            place += f"[{part}]"
        elif (isinstance(before, int) and part in _KINDS) or part == "[key]":
            continue  # Pydantic's mark, not a key of the document.
        elif len(part) <= _SHOWN and _WORD.fullmatch(part):
            place += f".{part}" if place else part
        else:
            place += f"[{_quoted(part)}]"
    return place or "document"


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
            raise DocumentError(f"positions: {_quoted(name)} adds up to more than {most:,f}")


def _size(row: Equity | Option | Bond) -> tuple[str, Decimal]:
    if isinstance(row, Equity):
        return row.symbol, row.quantity
    if isinstance(row, Option):
        return row.contract.symbol, row.quantity * row.multiplier
    return f"{row.bond_class} {row.maturity}", row.principal
