"""The valuation document: its market, its instruments, and what is asked of them."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

from margin_assets.valuation.curve_terms import CalendarTerms, CurveTerms, IndexTerms, Scenario
from margin_assets.valuation.instrument_terms import Instrument
from margin_assets.valuation.parts import (
    CalendarName,
    Currency,
    Day,
    Id,
    Number,
    Part,
    Positive,
    Rate,
    Tail,
    Tenor,
)

KEY_RATES = ("1M", "3M", "6M", "1Y", "2Y", "3Y", "5Y", "7Y", "10Y", "20Y", "30Y")


def _by_collateral(value: object) -> object:
    """A curve alone is that of collateral in the same currency."""
    if not isinstance(value, Mapping):
        return value
    return {key: {key: held} if isinstance(held, str) else held for key, held in value.items()}


_DISCOUNTING: dict[str, Any] = {
    "type": "object",
    "additionalProperties": {
        "anyOf": [
            {"type": "string"},
            {"type": "object", "additionalProperties": {"type": "string"}},
        ]
    },
}


class HistoricalResults(Part):
    """Profits and losses of past days, a series a name, and the tails asked for."""

    results: dict[Id, Annotated[list[Number], Field(min_length=1)]]
    tails: Annotated[list[Tail], Field(min_length=1)] = Field(default_factory=lambda: [0.01, 0.05])
    """Probability of what is worse: 0.01 for a confidence of 99%."""


class Document(Part):
    """Curves, indices, fixings and instruments on one day."""

    valuation_date: Day
    currency: Currency = "USD"
    """In which totals are; and of what does not say its own."""
    fx: dict[Annotated[str, Field(pattern=r"^[A-Z]{6}$")], Positive] = Field(default_factory=dict)
    """Spot rates by pair: EURUSD is the price of 1 EUR in USD."""
    calendars: dict[CalendarName, CalendarTerms] = Field(default_factory=dict)
    curves: dict[Id, CurveTerms] = Field(default_factory=dict)
    indices: dict[Id, IndexTerms] = Field(default_factory=dict)
    fixings: dict[Id, dict[Day, Rate]] = Field(default_factory=dict)
    discounting: Annotated[
        dict[Currency, dict[Currency, Id]],
        BeforeValidator(_by_collateral),
        WithJsonSchema(_DISCOUNTING),
    ] = Field(default_factory=dict)
    """Discount curve by currency of the cash; or by that, then by currency of the collateral."""
    key_rates: Annotated[list[Tenor], Field(min_length=1)] = Field(
        default_factory=lambda: list(KEY_RATES)
    )
    instruments: list[Instrument] = Field(default_factory=list)
    scenarios: list[Scenario] = Field(default_factory=list)
    historical: HistoricalResults | None = None
