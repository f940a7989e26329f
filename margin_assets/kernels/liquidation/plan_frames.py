"""Versions of plans and orders as frames of their tables, and plans back from them."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import polars as pl

from margin_assets.kernels.liquidation.plan_states import By, Order, Plan, Version
from margin_assets.kernels.liquidation.proposals import Proposal, ProposedOrder
from schemas import TABLES

_CENTS, _MICRO, _VALUE = 2, 6, 12
_AMOUNTS = ("deficiency", "target_excess", "expected_excess", "cost", "cost_lower_bound")
Row = dict[str, Any]


def frames_of(versions: Sequence[Version]) -> dict[str, pl.DataFrame]:
    """Versions as `liquidation_plans` and `liquidation_orders`, without cycle."""
    plans = [_plan_row(v.plan, v.at, v.by) for v in versions if v.plan is not None]
    orders = [_order_row(order, v.at) for v in versions for order in v.orders]
    found = {"liquidation_plans": plans, "liquidation_orders": orders}
    return {name: _framed(name, rows) for name, rows in found.items() if rows}


def _framed(table: str, rows: list[Row]) -> pl.DataFrame:
    columns = TABLES[table].schema.columns()
    kinds = {name: column.dtype for name, column in columns.items() if name != "cycle"}
    # Instants are microseconds until here, and every integer of them is an instant.
    plain = {n: pl.Int64() if isinstance(k, pl.Datetime) else k for n, k in kinds.items()}
    return pl.DataFrame(rows, schema=plain).cast(kinds)  # type: ignore[arg-type]  # names to types


def _plan_row(plan: Plan, at: int, by: By) -> Row:
    terms = plan.terms
    return {
        **{name: getattr(terms, name) for name in ("plan_id", "account_id", "answers")},
        **{name: getattr(terms, name) for name in ("planned_from", "policy", "proof")},
        **{name: _decimal(getattr(terms, name), _CENTS) for name in _AMOUNTS},
        "buffer": _decimal(terms.buffer, _MICRO),
        **{name: getattr(plan, name) for name in _OF_PLAN},
        "changed_at": at,
        **by._asdict(),
    }


_OF_PLAN = (
    *("version", "state", "is_live", "is_of_liquidation", "proposed_at", "proposed_by"),
    *("ends_at", "sent_at"),
)


def _order_row(order: Order, at: int) -> Row:
    average = (2 * order.value + order.filled) // (2 * order.filled) if order.filled else None
    return {
        **{name: getattr(order, name) for name in _OF_ORDER},
        "quantity": _decimal(order.quantity, _MICRO),
        "price": _decimal(order.price, _MICRO),
        "expected_cost": _decimal(order.cost, _CENTS),
        "filled_quantity": _decimal(order.filled, _MICRO),
        "filled_value": _decimal(order.value, _VALUE),
        "average_price": _decimal(average, _MICRO),
        "changed_at": at,
    }


_OF_ORDER = ("order_id", "version", "plan_id", "account_id", "symbol", "side", "state")


def plans_of(plans: pl.DataFrame, orders: pl.DataFrame) -> Iterable[Plan]:
    """Plans as their newest versions show them."""
    asked = orders_of(orders)
    return [_plan(row, asked[row["plan_id"]]) for row in _newest(plans, "plan_id")]


def orders_of(orders: pl.DataFrame) -> dict[str, tuple[Order, ...]]:
    """Orders of each plan as their newest versions show them, sorted by symbol."""
    found: dict[str, list[Order]] = {}
    for row in _newest(orders, "order_id"):
        found.setdefault(row["plan_id"], []).append(_order(row))
    return {name: tuple(sorted(held, key=lambda o: o.symbol)) for name, held in found.items()}


def _newest(versions: pl.DataFrame, key: str) -> Iterable[Row]:
    moments = pl.selectors.datetime().to_physical()
    last = versions.sort(key, "version").unique(key, keep="last", maintain_order=True)
    return last.with_columns(moments).iter_rows(named=True)


def _order(row: Row) -> Order:
    return Order(
        **{name: row[name] for name in _OF_ORDER},
        quantity=_whole(row["quantity"], _MICRO),
        price=_whole(row["price"], _MICRO),
        cost=_whole(row["expected_cost"], _CENTS),
        filled=_whole(row["filled_quantity"], _MICRO),
        value=_whole(row["filled_value"], _VALUE),
    )


def _plan(row: Row, orders: Sequence[Order]) -> Plan:
    told: Row = {name: row[name] for name in Proposal._fields if name in row}
    told |= {n: None if row[n] is None else _whole(row[n], _CENTS) for n in _AMOUNTS}
    told["buffer"] = _whole(row["buffer"], _MICRO)
    told["orders"] = tuple(
        ProposedOrder(*(getattr(order, name) for name in ProposedOrder._fields)) for order in orders
    )
    decided = row["state"]
    if decided in ("part_filled", "filled", "none_filled"):
        decided = "approved" if row["sent_at"] is None else "sent"
    return Plan(Proposal(**told), decided=decided, **{name: row[name] for name in _OF_PLAN})


def _decimal(scaled: int | None, places: int) -> Decimal | None:
    # From its digits: arithmetic would round to what a context holds.
    return None if scaled is None else Decimal(f"{scaled}e-{places}")


def _whole(amount: Decimal, places: int) -> int:
    sign, digits, exponent = amount.as_tuple()
    found = int("".join(map(str, digits))) * 10 ** (int(exponent) + places)
    return -found if sign else found
