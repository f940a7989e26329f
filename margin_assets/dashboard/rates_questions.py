"""Questions about the rates book: its curves, its risk by filter, and its instruments."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Query
from fastapi import Path as InPath
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from margin_assets.dashboard.desk import Desk, answered
from margin_assets.dashboard.pages import instruments, rates

Name = Annotated[str | None, Field(pattern=r"^[ -~]{1,128}$")]
Currency = Annotated[str | None, Field(pattern=r"^[A-Z]{3}$")]
Years = Annotated[float | None, Field(ge=0, le=200)]
CurveName = Annotated[str | None, Query(pattern=r"^[ -~]{1,32}$")]
InstrumentId = Annotated[str, InPath(pattern=r"^[ -~]{1,128}$")]
Kind = Literal["fixed", "bill", "floating", "swap"]
Sort = Literal["instrument_id", "kind", "issuer", "currency", "maturity"]


class Asked(BaseModel):
    """Which positions of the rates book."""

    model_config = ConfigDict(extra="forbid")

    account: Name = None
    desk: Name = None
    currency: Currency = None
    kind: Kind | None = None
    years_from: Years = None
    years_to: Years = None
    least_dv01: float | None = Field(None, ge=0, le=1e15)

    @property
    def filter(self) -> rates.Filter:
        """The same, as the page's figures take it."""
        return rates.Filter(**self.model_dump())


class AskedInstruments(BaseModel):
    """Which instruments, in which order, and which of them."""

    model_config = ConfigDict(extra="forbid")

    sort: Sort = "instrument_id"
    descends: bool = False
    kind: Kind | None = None
    currency: Currency = None
    issuer: Name = None
    q: str = Field("", max_length=40)
    offset: int = Field(0, ge=0, le=10_000_000)
    limit: int = Field(100, ge=1, le=200)

    @property
    def query(self) -> instruments.Query:
        """The same, as the reference data take it."""
        return instruments.Query(text=self.q, **self.model_dump(exclude={"q"}))


def add(routes: APIRouter, desk: Desk) -> None:
    """Adds them to the questions of the pages."""
    _add_page(routes, desk)
    _add_instruments(routes, desk)


def _add_page(routes: APIRouter, desk: Desk) -> None:
    sealed = desk.sealed

    @routes.get("/rates")
    def book(asked: Annotated[Asked, Query()]) -> Response:
        """Risk of the positions that pass: by desk, name and key rate, the largest first."""
        chosen = asked.filter
        found = sealed.once(("rates", chosen), lambda: rates.rates(sealed, chosen))
        return _answered(desk, found)

    @routes.get("/rates/history")
    def history(asked: Annotated[Asked, Query()]) -> Response:
        """Value and DV01 by day of the books of an account, a desk, a currency; no finer."""
        chosen = asked.filter
        found = sealed.once(("history", chosen), lambda: rates.history(sealed, chosen))
        return _answered(desk, found)

    @routes.get("/rates/curves", responses={404: {"description": "No such curve."}})
    def curves(curve: CurveName = None) -> Response:
        """All curves now, and one of them, the first where none is named, over its days."""
        found = sealed.once(("curves", curve), lambda: rates.curves(sealed, curve))
        if found is None:
            raise HTTPException(404, "no such curve")
        return _answered(desk, found)


def _add_instruments(routes: APIRouter, desk: Desk) -> None:
    sealed = desk.sealed

    @routes.get("/instruments")
    def page(asked: Annotated[AskedInstruments, Query()]) -> Response:
        """Bonds and swaps as they stand: a page of them in a total order, and how many in all."""
        query = asked.query
        found = sealed.once(query, lambda: instruments.instruments(sealed, query))
        return _answered(desk, found)

    # An id may hold any printable character: it is the rest of the path.
    @routes.get(
        "/instruments/{instrument_id:path}", responses={404: {"description": "No such instrument."}}
    )
    def versions(instrument_id: InstrumentId) -> Response:
        """Every landed version of a bond or swap, the newest last."""
        found = sealed.once(
            ("versions", instrument_id), lambda: instruments.versions(sealed, instrument_id)
        )
        if not found:
            raise HTTPException(404, "no such instrument")
        return _answered(desk, {"instrument_id": instrument_id, "versions": found})


def _answered(desk: Desk, found: dict[str, Any]) -> Response:
    return answered({"cycle": desk.sealed.cycle()} | found)
