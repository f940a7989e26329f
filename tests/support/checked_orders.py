"""Orders checked on the account of a portfolio document, without a lake."""

import json
from decimal import Decimal
from typing import Any

import numpy as np

from margin_assets.kernels.book.deciding import UNDECIDED
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.money import MICRO
from margin_assets.kernels.pretrade.check import Check, check
from margin_assets.kernels.pretrade.legs import Held, Legs
from margin_assets.kernels.pretrade.reasons import Against
from margin_assets.kernels.pretrade.scene import Scene
from margin_assets.whatif import parse_document
from margin_assets.whatif.frames import Case, case_of
from schemas.landed import ACCOUNT_TYPES

Document = dict[str, Any]


def no_charges(_before: Held, _after: Held) -> Int64Array:
    return np.zeros(2, dtype=np.int64)


def document(
    kind: str, cash: str, positions: list[Document], marks: dict[str, str], day: str = "2020-03-09"
) -> Document:
    """An account on a day; every symbol is a stock with beta 1."""
    known = {"asset_class": "equity", "beta": 1.0}
    instruments = {symbol: known | {"price": float(usd)} for symbol, usd in marks.items()}
    return {
        "as_of": day,
        "account": {"account_id": "A", "account_type": kind, "cash": float(cash)},
        "positions": positions,
        "instruments": instruments,
        "rates": {"risk_free": 0.01},
    }


def stock(symbol: str, quantity: int) -> Document:
    return {"kind": "equity", "symbol": symbol, "quantity": quantity}


def option(right: str, strike: int, quantity: int, usd: str, **more: object) -> Document:
    row: Document = {"kind": "option", "underlying": "X", "right": right, "strike": strike}
    row |= {"expiry": "2020-06-19", "style": "american", "multiplier": 100, "price": float(usd)}
    return row | {"quantity": quantity} | more


def case(told: Document) -> Case:
    return case_of(parse_document(json.dumps(told)))


def scene_of(everything: Document) -> tuple[Scene, dict[str, int]]:
    """What is known where a document holds some of everything, and the place of each symbol."""
    era = case(everything).margined
    places = dict(zip(era.positions["symbol"].to_list(), era.book.series.tolist(), strict=True))
    on = era.accounts["as_of"][0].date()
    undecided = np.full(len(era.series.price), UNDECIDED, dtype=np.int64)
    return Scene(era.series, era.scanned, era.rules, on, no_charges, undecided), places


def checked(
    everything: Document,
    held: list[tuple[str, int]],
    orders: list[tuple[str, int, str]],
    against: Against = Against(),  # noqa: B008 (never changed)
) -> Check:
    """The check of orders (symbol, quantity, price) of the account of a document.

    It holds `held` (symbol, quantity) of the symbols that the document has positions in.
    """
    scene, places = scene_of(everything)
    rows = sorted((places[symbol], quantity) for symbol, quantity in held if quantity)
    account = everything["account"]
    position = Held(
        series=np.array([place for place, _ in rows], dtype=np.int64),
        quantity=np.array([quantity * MICRO for _, quantity in rows], dtype=np.int64),
        last_fill_price=np.full(len(rows), MICRO, dtype=np.int64),
        sold=np.zeros(len(rows), dtype=np.int64),
        proceeds=np.zeros(len(rows), dtype=np.int64),
        cash=round(Decimal(str(account["cash"])) * 100),
        account_type=ACCOUNT_TYPES.index(account["account_type"]),
        is_registered=True,
        is_exempt=False,
    )
    legs = Legs(
        np.array([places[symbol] for symbol, _, _ in orders], dtype=np.int64),
        np.array([quantity * MICRO for _, quantity, _ in orders], dtype=np.int64),
        np.array([int(Decimal(usd) * MICRO) for _, _, usd in orders], dtype=np.int64),
    )
    return check(scene, position, legs, against)
