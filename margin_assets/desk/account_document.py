"""An account of a lake as the portfolio document that says the same."""

from collections.abc import Iterable
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, Protocol

import polars as pl
from pydantic import ValidationError

from margin_assets.calendar import sessions
from margin_assets.kernels.book.deciding import DECIDING, with_values
from margin_assets.kernels.book.deliverables import Deliverable, parsed
from margin_assets.kernels.corporate.actions import register_of
from margin_assets.kernels.corporate.contracts import Told, in_force_at
from margin_assets.kernels.corporate.settlement_values import values_at
from margin_assets.kernels.history.accrued import with_accrued
from margin_assets.kernels.history.history import risk_free_at
from margin_assets.kernels.numeric.money import instants
from margin_assets.kernels.rules.grid import day_of
from margin_assets.nearest import did_you_mean
from margin_assets.whatif.agreement import DocumentError
from margin_assets.whatif.document import Document

Row = dict[str, Any]
_USABLE = ("fresh", "stale", "fill_price")
_INDICES = ("broad_index", "broad_index_high_cap")
LANDING = ("cycle", "landed_at", "file_id", "file_row")
_SMALLEST, _HUNDRED = Decimal("0.000001"), Decimal(100)


class Tables(Protocol):
    """Reads a table as of one moment."""

    def __call__(self, table: str, /, *conditions: pl.Expr) -> pl.DataFrame:
        """Rows that fulfil the conditions."""


class NoDocument(LookupError):
    """An account that a document cannot say, and why."""


def account_document(tables: Tables, account: str) -> Document:
    """The document of an account: cash, SMA, positions, and what the lake knows of their symbols.

    Prices are the marks of the moment, its day is the day in New York.

    Raises:
        NoDocument: the lake does not know the account, or a document cannot say how it stands.
    """
    mine = pl.col("account_id") == account
    states = tables("account_state", mine)
    if states.is_empty():
        known = tables("account_state")["account_id"].to_list()
        raise NoDocument(f"unknown account {account!r}{did_you_mean(account, known)}")
    state = states.row(0, named=True)
    held = tables("positions", mine).sort("class_group", "symbol")
    positions = _decided(tables, held).to_dicts()
    options = [row["symbol"] for row in positions if row["asset_class"] == "option"]
    sma = tables("special_memorandum_accounts", mine)["sma"]
    at = int(instants(states["as_of"])[0])
    day, delivered = day_of(at), _deliverables(tables, options, at)
    try:
        return Document.model_validate(
            {
                "as_of": str(day),
                "account": {
                    "account_id": account,
                    "account_type": state["account_type"],
                    "cash": state["cash"],
                    "sma": max(sma.item(), Decimal(0)) if len(sma) else Decimal(0),
                    "exempt": state["is_exempt"],
                    "registered": state["is_registered"],
                    "accrued_dividends": _accrued(tables("accrued_dividends", mine), states),
                },
                "positions": [
                    _position(row, day) | _delivered(row, delivered) for row in positions
                ],
                "instruments": instruments_of(positions),
                "rates": {"risk_free": _rate(positions, tables("rates"), at)},
            }
        )
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise NoDocument(
            f"{account} cannot be said as a document: {place}: {first['msg']}"
        ) from None
    except DocumentError as error:
        raise NoDocument(f"{account} cannot be said as a document: {error}") from None


def _accrued(changes: pl.DataFrame, states: pl.DataFrame) -> Decimal:
    """What counts in the account's equity of dividends that are not paid yet."""
    found: Decimal = with_accrued(states, changes)["accrued"].item()
    return found


def _decided(tables: Tables, positions: pl.DataFrame) -> pl.DataFrame:
    """Positions with the values that decide what has ended and waits."""
    ended = positions.filter(pl.col("expires_at") <= pl.col("as_of"))
    if ended.is_empty():
        return positions
    prices = tables("prices", pl.col("symbol").is_in(ended["underlying"].unique().implode()))
    at, known = int(instants(ended["as_of"].head(1))[0]), sessions()
    acted = register_of(tables("corporate_actions"), known.opens).acted(at)
    values = values_at(positions, prices.sort(LANDING), known.times, acted, at)
    return with_values(positions, values)


def _position(row: Row, day: date) -> Row:
    price, last = _price(row), row["last_price"] or row["last_fill_price"] or None
    has_ended = row["expiry"] is not None and row["expiry"] < day
    if has_ended and row["asset_class"] != "option":
        raise NoDocument(f"{row['symbol']} has matured: land the cash that it paid")
    if row["asset_class"] == "option":
        terms = ("underlying", "right", "strike", "style", "multiplier", "quantity")
        return {name: row[name] for name in terms} | {
            "kind": "option",
            "expiry": str(row["expiry"]),
            "price": price,
            "price_state": _state(row["price_state"]),
            "listed": row["is_listed"],
            "last_fill_price": last,
            "has_ended": has_ended,
            "settlement_value": row.get(DECIDING),
        }
    if row["bond_class"] is not None:
        return {
            "kind": "bond",
            "bond_class": row["bond_class"],
            "principal": row["quantity"] * row["multiplier"] * _HUNDRED,
            "price_pct": price,
            "price_state": _state(row["price_state"]),
            "maturity": str(row["expiry"]),
            "zero_coupon": row["is_zero_coupon"],
            "last_fill_price": last,
        }
    sold = None
    if row["quantity"] < 0 and row["sale_quantity"]:
        sold = (row["sale_proceeds"] / row["sale_quantity"]).quantize(_SMALLEST, ROUND_HALF_EVEN)
    return {
        "kind": "equity",
        "symbol": row["symbol"],
        "quantity": row["quantity"],
        "last_fill_price": last,
        "sale_price": sold,
    }


def _deliverables(tables: Tables, options: list[str], at: int) -> dict[str, Row]:
    """What some options deliver at an instant, of those that were adjusted."""
    if not options:
        return {}
    its = pl.col("symbol").is_in(options)
    landed = (
        tables("instruments", its),
        tables("corporate_actions"),
        tables("option_adjustments", its),
    )
    told = Told(*(rows.sort(LANDING) for rows in landed))
    found = in_force_at(told, sessions().opens, at)
    return {row["symbol"]: row for row in found.to_dicts()}


def _delivered(row: Row, adjustments: dict[str, Row]) -> Row:
    """What a contract delivers, where it was adjusted; nothing of what no model follows."""
    if row["symbol"] not in adjustments:
        return {}
    told = adjustments[row["symbol"]]
    deliverable = parsed(told["deliverable"]) or Deliverable((), Decimal(0))
    units = dict(deliverable.units)
    found = {"units": units.pop(row["underlying"], Decimal(0)), "others": units}
    paid = told["strike_multiplier"]
    return {"deliverable": found | {"cash": deliverable.cash, "strike_multiplier": paid}}


def _price(row: Row) -> Decimal | None:
    price: Decimal | None = row["last_price"] if row["price_state"] in _USABLE else None
    return price


def _state(state: str | None) -> str | None:
    """How good a price is, where there is one and it is not fresh."""
    return None if state in ("fresh", "missing") else state


def instruments_of(positions: Iterable[Row]) -> dict[str, Row]:
    """What marked rows tell of their symbols, of the underlyings of options, of their indices."""
    found: dict[str, Row] = {}
    for row in positions:
        if row["asset_class"] == "option":
            found.setdefault(row["underlying"], _underlying(row))
        if row["range_class"] in _INDICES:
            index = {"asset_class": row["range_class"], "class_group": row["class_group"]}
            found.setdefault(row["class_group"], index)
    for row in positions:
        if row["asset_class"] != "option" and row["bond_class"] is None:
            found[row["symbol"]] = found.get(row["symbol"], {}) | _held(row)
    return found


def _underlying(row: Row) -> Row:
    """What an option's row says of what it is written on."""
    is_usable = row["underlying_price_state"] in _USABLE
    return {
        "price": row["underlying_price"] if is_usable else None,
        "price_state": _state(row["underlying_price_state"]),
        "asset_class": row["issuer_class"],
        "leverage": _decimal(row["leverage"]),
        "class_group": row["class_group"],
        "marginable": row["is_underlying_marginable"],
        "beta": _decimal(row["beta"]),
        "volatility_annual": _decimal(row["volatility_annual"]),
        "dividend_yield": _decimal(row["dividend_yield"]),
        "expected_range": _decimal(row["expected_range"]),
        "broad_based": _broad_based(row),
    }


def _held(row: Row) -> Row:
    return {
        "price": _price(row),
        "price_state": _state(row["price_state"]),
        "asset_class": row["asset_class"],
        "leverage": _decimal(row["leverage"]),
        "class_group": row["class_group"],
        "marginable": row["is_marginable"],
        "beta": _decimal(row["beta"]),
        "volatility_annual": _decimal(row["volatility_annual"]),
        "expected_range": _decimal(row["expected_range"]),
        "dividend_yield": _decimal(row["dividend_yield"]),
        "hard_to_borrow": row["is_hard_to_borrow"],
        "borrow_rate": _decimal(row["borrow_rate"]),
        "broad_based": _broad_based(row),
    }


def _broad_based(row: Row) -> bool | None:
    return None if row["rate_class"] is None else row["rate_class"] == "broad_index"


def _rate(positions: Iterable[Row], landed: pl.DataFrame, at: int) -> Decimal | None:
    """The rate that options held are valued at; of an account without any, the one they would."""
    held = (row["risk_free_rate"] for row in positions if row["risk_free_rate"] is not None)
    rate = next(held, None)
    return _decimal(risk_free_at(landed.sort(LANDING), at) if rate is None else rate)


def _decimal(number: float | None) -> Decimal | None:
    return None if number is None else Decimal(repr(number))
