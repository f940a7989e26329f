"""Liquidation plans of portfolio documents, and plans in the public shape."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

import polars as pl

from margin_assets.kernels.liquidation.plan import Plan, Request, liquidation_plan
from margin_assets.kernels.liquidation.policy import liquidation_policy
from margin_assets.kernels.margin.margined import Margined
from margin_assets.kernels.rules.overlay_rules import overlay_rules, with_enabled
from margin_assets.rulebooks import in_force
from margin_assets.whatif.amounts import Row
from margin_assets.whatif.document import Document
from margin_assets.whatif.frames import case_of, scaled


def liquidation(document: Document, request: Request) -> Row:
    """The plan of a document's account, under the overlays that it names or the rulebook's."""
    case = case_of(document).margined
    overlays = overlay_rules(document.as_of)
    if document.options.house_overlays is not None:
        overlays = with_enabled(overlays, document.options.house_overlays)
    era = Margined(case.positions, case.accounts, case.rules, overlays)
    known = {symbol: known.adv for symbol, known in document.instruments.items()}
    return liquidation_of(era, volumes_of(known), document.as_of, request)


def volumes_of(known: Mapping[str, Decimal | None]) -> pl.DataFrame:
    """Average daily volumes by symbol, as the planner takes them; None is not known."""
    found = {symbol: volume for symbol, volume in known.items() if volume is not None}
    names = pl.Series("symbol", list(found), dtype=pl.String)
    return names.to_frame().with_columns(average_daily_volume=scaled(list(found.values()), 6))


def liquidation_of(era: Margined, volumes: pl.DataFrame, day: date, request: Request) -> Row:
    """The plan of one margined account under the policy of a day, amounts in USD.

    `symbols` are those that it holds or has options on.
    """
    policy = liquidation_policy(day)
    plan = liquidation_plan(era, volumes, policy, request)
    buffer = policy.buffer if request.buffer is None else request.buffer
    book = in_force("liquidation", day)
    account = era.accounts.row(0, named=True)
    return {
        "account_id": account["account_id"],
        "as_of": account["as_of"],
        "account_type": account["account_type"],
        "rulebook": f"{book.family}/{book.effective}",
        "buffer": Decimal(buffer).scaleb(-6),
        **_told(plan),
        "symbols": sorted({*era.positions["symbol"], *era.positions["underlying"].drop_nulls()}),
    }


def _told(plan: Plan) -> Row:
    row = plan._asdict()
    return row | {
        "before": plan.before._asdict(),
        "after": plan.after._asdict(),
        "excess_after_costs": plan.after.excess - plan.cost,
        "orders": [order._asdict() | {"flags": list(order.flags)} for order in plan.orders],
        "left_alone": [left._asdict() for left in plan.left_alone],
    }
