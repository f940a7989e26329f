"""A plan as an act proposes it: its JSON read strictly, its ids made from what it says."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple, NoReturn

from margin_assets.kernels.numeric.money import CENTS, MICRO
from schemas.columns import PRINTABLE
from schemas.desk.liquidation import POLICIES, PROOFS, SIDES

OUR_ID = re.compile("[0-9a-f]{32}")
"""What ids of plans and orders look like."""
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,6})?")
_MOST_UNITS = 10**9
_MOST_CYCLE = 10**12
_SYMBOL, _ID = 32, 128
Details = Mapping[str, Any]


class Unreadable(ValueError):
    """Details that are no plan, and why."""


class ProposedOrder(NamedTuple):
    """One order of a proposal; quantity and price in micros, cost in cents."""

    order_id: str
    symbol: str
    side: str
    quantity: int
    price: int
    cost: int


class Proposal(NamedTuple):
    """A plan as it was proposed; amounts in cents."""

    plan_id: str
    account_id: str
    planned_from: int
    answers: str | None
    policy: str
    buffer: int
    """Part of the deficiency, ppm."""
    deficiency: int
    target_excess: int
    expected_excess: int
    cost: int
    cost_lower_bound: int | None
    proof: str
    orders: tuple[ProposedOrder, ...]


def plan_id(account_id: str, planned_from: int, policy: str, orders: Sequence[Details]) -> str:
    """Deterministic id: hash of whose plan it is, of which snapshot, and what it orders."""
    asked = [[order[name] for name in ("symbol", "side", "quantity", "price")] for order in orders]
    return _hash([account_id, planned_from, policy, asked])


def order_id(plan: str, symbol: str) -> str:
    """Deterministic id: hash of the plan and of the symbol."""
    return _hash([plan, symbol])


def _hash(content: Sequence[object]) -> str:
    text = json.dumps(content, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def proposal_of(subject: str, details: str | None) -> Proposal:
    """The plan that an act's details hold, its subject being the plan's id.

    Raises:
        Unreadable: they hold none, or another than the subject names.
    """
    told = _object(details)
    account, policy = _text(told, "account_id", _ID), _word(told, "policy", POLICIES)
    planned_from = told.get("planned_from")
    if type(planned_from) is not int or not 0 <= planned_from <= _MOST_CYCLE:
        raise Unreadable("planned_from is no cycle")
    rows = told.get("orders")
    if not isinstance(rows, list) or not rows or not all(isinstance(r, dict) for r in rows):
        raise Unreadable("orders are no list of orders")
    orders = tuple(_order(subject, row) for row in rows)
    names = [order.symbol for order in orders]
    if len(set(names)) < len(names):
        raise Unreadable("a symbol is ordered twice")
    if names != sorted(names):
        raise Unreadable("orders are not sorted by symbol")
    if plan_id(account, planned_from, policy, rows) != subject:
        raise Unreadable("its id is not that of its content")
    bound = told.get("cost_lower_bound")
    return Proposal(
        plan_id=subject,
        account_id=account,
        planned_from=planned_from,
        answers=None if told.get("answers") is None else _text(told, "answers", _ID),
        policy=policy,
        buffer=_scaled(told, "buffer", MICRO, least=0),
        deficiency=_scaled(told, "deficiency", CENTS, least=0),
        target_excess=_scaled(told, "target_excess", CENTS),
        expected_excess=_scaled(told, "expected_excess", CENTS),
        cost=_scaled(told, "cost", CENTS, least=0),
        cost_lower_bound=bound if bound is None else _scaled(told, "cost_lower_bound", CENTS, 0),
        proof=_word(told, "proof", PROOFS),
        orders=orders,
    )


def _object(details: str | None) -> Details:
    try:
        told = json.loads(details or "", parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise Unreadable("its details are no JSON") from None
    if not isinstance(told, dict):
        raise Unreadable("its details are no JSON object")
    return told


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _order(plan: str, row: Details) -> ProposedOrder:
    symbol = _text(row, "symbol", _SYMBOL)
    quantity = _scaled(row, "quantity", MICRO, least=0)
    if not 0 < quantity <= _MOST_UNITS * MICRO:
        raise Unreadable("quantity is out of range")
    if row.get("order_id") != order_id(plan, symbol):
        raise Unreadable("an order's id is not that of its plan and symbol")
    return ProposedOrder(
        order_id=order_id(plan, symbol),
        symbol=symbol,
        side=_word(row, "side", SIDES),
        quantity=quantity,
        price=_scaled(row, "price", MICRO, least=0),
        cost=_scaled(row, "cost", CENTS, least=0),
    )


def _text(told: Details, name: str, longest: int) -> str:
    found = told.get(name)
    if not isinstance(found, str) or len(found) > longest or not re.fullmatch(PRINTABLE, found):
        raise Unreadable(f"{name} is no printable text")
    return found


def _word(told: Details, name: str, known: Sequence[str]) -> str:
    found = told.get(name)
    if found not in known:
        raise Unreadable(f"{name} is not one of {', '.join(known)}")
    return str(found)


def _scaled(told: Details, name: str, scale: int, least: int | None = None) -> int:
    """A decimal written as text, times its scale, exact."""
    found = told.get(name)
    if not isinstance(found, str) or not _NUMBER.fullmatch(found):
        raise Unreadable(f"{name} is no decimal written as text")
    scaled = Decimal(found) * scale
    if scaled != int(scaled):
        raise Unreadable(f"{name} has too many digits")
    if least is not None and scaled < least:
        raise Unreadable(f"{name} is out of range")
    return int(scaled)
