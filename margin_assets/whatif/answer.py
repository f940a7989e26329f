"""The answer to a portfolio document: what the kernels say of it, in the public shape."""

import json
from decimal import Decimal
from typing import Any

import polars as pl

from margin_assets.kernels.book import INDETERMINATE, state_names
from margin_assets.kernels.drivers import drivers
from margin_assets.kernels.house import addons_of, house_accounts
from margin_assets.kernels.lines import input_states
from margin_assets.kernels.minimum import minimum_equity
from margin_assets.kernels.overlays import house_totals, overlay_rules, with_enabled
from margin_assets.kernels.reg_t_groups import reg_t_requirements
from margin_assets.kernels.requirements import (
    POINT_COLUMNS,
    margin_summary,
    stress_results,
    tims_requirements,
)
from margin_assets.kernels.sma import special_memorandum_accounts
from margin_assets.kernels.valuation import quote_states
from margin_assets.rulebooks import versions_in_force
from margin_assets.whatif.document import Document
from margin_assets.whatif.frames import Case, case_of
from schemas.house import OVERLAYS

Row = dict[str, Any]


def answer(document: Document) -> Row:
    """Margin of one document, both methods, stress and house; amounts in USD."""
    case = case_of(document)
    summary = margin_summary((case.margined,)).row(0, named=True)
    versions = versions_in_force(document.as_of)
    reg_t, portfolio = _reg_t(case, summary), _portfolio_margin(case, summary)
    house = _house(document, case, summary)
    return {
        "account_id": document.account.account_id,
        "as_of": document.as_of.isoformat(),
        "account_type": document.account.account_type,
        "status": summary["status"],
        "indeterminate_reasons": _reasons(case, INDETERMINATE),
        "flags": _reasons(case, ~INDETERMINATE),
        "rulebooks": {family: day for family, day in versions.items() if family != "lake"},
        "cash": _usd(summary["cash"]),
        "long_market_value": _usd(summary["long_market_value"]),
        "short_market_value": _usd(summary["short_market_value"]),
        "net_option_value": _usd(summary["long_option_value"] - summary["short_option_value"]),
        "beta_weighted_exposure": _usd(summary["beta_weighted_exposure"]),
        "equity": _usd(summary["equity"]),
        "net_liquidation": _usd(summary["net_liquidation"]),
        **_minimum_equity(case),
        "positions": [_position(row) for row in case.margined.positions.iter_rows(named=True)],
        "reg_t": reg_t,
        "portfolio_margin": portfolio,
        "house": house,
        "side_by_side": _side_by_side(case, reg_t, portfolio, house),
        "stress": _stress(case),
        "margin_method": summary["margin_method"],
        "margin_savings": _usd(summary["margin_savings"]),
    }


def _usd(amount: Decimal) -> float:
    return float(amount)


def _number(value: Decimal) -> int | float:
    return int(value) if value == int(value) else float(value)


def _reasons(case: Case, mask: int) -> list[Row]:
    """Named states under a mask, symbol by symbol; those of the whole account have no symbol."""
    found = []
    in_symbols = 0
    model_states = quote_states(case.margined.series)
    for i, symbol in enumerate(case.margined.positions["symbol"]):
        states = int(input_states(case.margined.series, case.margined.book.series[i]))
        states |= int(model_states[case.margined.book.series[i]])
        in_symbols |= states
        found.append((symbol, states & mask))
    found.append((None, int(case.margined.figures.states[0]) & ~in_symbols & mask))
    return [{"symbol": s, "reasons": state_names(bits).split(";")} for s, bits in found if bits]


def _minimum_equity(case: Case) -> dict[str, float]:
    least = int(minimum_equity(case.margined.book, case.margined.figures, case.margined.rules, 0))
    short_by = least - int(case.margined.figures.equity[0]) if least else 0
    return {"minimum_equity": least / 100, "minimum_equity_call": max(0, short_by) / 100}


def _position(row: Row) -> Row:
    found = {
        "symbol": row["symbol"],
        "quantity": _number(row["quantity"]),
        "price": None if row["price"] is None else float(row["price"]),
        "price_state": row["price_state"],
        "market_value": _usd(row["market_value"]),
        "asset_class": row["asset_class"],
        "leverage": row["leverage"],
        "class_group": row["class_group"],
        "range_class": row["range_class"],
        "is_marginable": row["is_marginable"],
        "beta": row["beta"],
    }
    if row["asset_class"] == "option":
        found["implied_volatility"] = row["implied_volatility"]
    return found


def _reg_t(case: Case, summary: Row) -> Row:
    groups = reg_t_requirements((case.margined,)).to_dicts()
    required = _required(case, summary, groups)
    excess = summary["reg_t_equity"] - required["maintenance_requirement"]
    sma = special_memorandum_accounts(case.margined)
    memorandum = sma.row(0, named=True)
    return {
        **{name: _usd(amount) for name, amount in required.items()},
        "equity": _usd(summary["reg_t_equity"]),
        "excess": _usd(excess),
        "call": _usd(max(Decimal(0), -excess)),
        "reg_t_excess": _usd(memorandum["reg_t_excess"]),
        "is_restricted": memorandum["reg_t_excess"] < 0,
        "sma": _usd(memorandum["sma"]),
        "buying_power": _usd(memorandum["buying_power"]),
        "is_proven_least": "grouping_not_proven" not in summary["reasons"].split(";"),
        "groups": [_group(case, group) for group in groups],
    }


def _required(case: Case, summary: Row, groups: list[Row]) -> dict[str, Decimal]:
    """The requirements of the whole account: sums of its groups, or a cash account's own."""
    if summary["account_type"] == "cash":
        return _cash_required(case, summary)
    gross, deposit = (
        sum((group[name] for group in groups), Decimal(0))
        for name in ("gross_requirement", "net_deposit")
    )
    return {
        "initial_requirement": summary["initial_requirement"],
        "maintenance_requirement": summary["reg_t_requirement"],
        "gross_requirement": gross,
        "net_deposit": max(deposit, _least_deposit(case, summary)),
    }


def _cash_required(case: Case, summary: Row) -> dict[str, Decimal]:
    """Everything is paid in full, and what covers a written option is held: Regulation T 220.8."""
    maintenance = summary["regulatory_requirement"]
    positions = case.margined.positions
    is_sold = (positions["asset_class"] == "option") & (positions["quantity"] < 0)
    is_known = is_sold & (positions["price_state"] == "fresh")
    sold = positions.filter(is_known)["market_value"].sum()
    securities = summary["long_market_value"] - summary["short_market_value"]
    counted = summary["reg_t_equity"] - summary["cash"] - securities
    whole = maintenance + summary["long_option_value"] - counted
    return {
        "initial_requirement": whole,
        "maintenance_requirement": maintenance,
        "gross_requirement": whole,
        "net_deposit": whole + sold,
    }


def _least_deposit(case: Case, summary: Row) -> Decimal:
    """4210(b)(4): the first purchase takes $2,000 or its whole cost, a short sale $2,000.

    Deposits on options are told by strategy, on top of what makes an account one that may trade
    them.
    """
    kinds = set(case.margined.positions["asset_class"])
    if not kinds or "option" in kinds:
        return Decimal(0)
    least = Decimal(case.margined.rules.margin_minimum) / 100
    is_short = summary["short_market_value"] > 0
    return least if is_short else min(least, summary["long_market_value"])


def _group(case: Case, group: Row) -> Row:
    worst = group["max_potential_loss"]
    return {
        "strategy": group["strategy"],
        "rule": group["rule"],
        "symbol": group["symbol"],
        "legs": _legs(case, group),
        "market_value": _usd(group["market_value"]),
        "gross_requirement": _usd(group["gross_requirement"]),
        "maintenance_requirement": _usd(group["maintenance_requirement"]),
        "initial_requirement": _usd(group["initial_requirement"]),
        "net_deposit": _usd(group["net_deposit"]),
        "max_potential_loss": None if worst is None else _usd(worst),
    }


def _legs(case: Case, group: Row) -> list[Row]:
    """Legs by their place in the document: of rows netted to one position, the first."""
    if group["legs"] is None:
        return [_leg(case, group["symbol"], group["quantity"])]
    legs = json.loads(group["legs"], parse_int=Decimal, parse_float=Decimal)
    return [_leg(case, leg["symbol"], leg["quantity"]) for leg in legs]


def _leg(case: Case, symbol: str, quantity: Decimal) -> Row:
    sides = case.sides(symbol)
    side = next((h for h in sides if (h.quantity > 0) == (quantity > 0)), sides[0])
    return {"position": side.rows[0], "symbol": symbol, "quantity": _number(quantity)}


def _portfolio_margin(case: Case, summary: Row) -> Row:
    requirement = summary["portfolio_margin_requirement"]
    reasons = summary["ineligible_reasons"]
    return {
        "eligible": summary["is_portfolio_margin_eligible"],
        "reasons": reasons.split(";") if reasons else [],
        "requirement": _usd(requirement),
        "equity": _usd(summary["net_liquidation"]),
        "excess": _usd(summary["net_liquidation"] - requirement),
        "class_groups": [
            _class_group(row) for row in tims_requirements((case.margined,)).iter_rows(named=True)
        ],
    }


def _class_group(row: Row) -> Row:
    return {
        "class_group": row["class_group"],
        "product_group": row["product_group"],
        "pnl_by_point": [_usd(row[name]) for name in POINT_COLUMNS],
        "worst_point": row["worst_move"],
        "scan_risk": _usd(row["scan_risk"]),
        "minimum": _usd(row["minimum"]),
        "not_margined": _usd(row["not_margined"]),
        "requirement": _usd(row["requirement"]),
    }


def _house(document: Document, case: Case, summary: Row) -> Row:
    """What the overlays switched on add to the regulatory requirement of the account's type."""
    overlays = overlay_rules(document.as_of)
    if document.options.house_overlays is not None:
        overlays = with_enabled(overlays, document.options.house_overlays)
    accounts = house_accounts(case.margined.accounts, case.margined.figures)
    addons = addons_of(case.margined.house_positions(), accounts, overlays)
    totals = house_totals(addons, accounts).row(0, named=True)
    requirement = totals["house_requirement"]
    excess = summary["equity"] - requirement
    return {
        **{f"{name}_addon": _usd(totals[f"{name}_addon"]) for name in OVERLAYS},
        "overlays": sorted(overlays.enabled),
        "charges": [
            {
                "overlay": row["overlay"],
                "subject": row["subject"],
                "base": _usd(row["base"]),
                "rate": row["rate"],
                "addon": _usd(row["addon"]),
                "reason": row["reason"],
            }
            for row in addons.iter_rows(named=True)
        ],
        "requirement": _usd(requirement),
        "excess": _usd(excess),
        "call": _usd(max(Decimal(0), -excess)),
    }


def _side_by_side(case: Case, reg_t: Row, portfolio: Row, house: Row) -> Row:
    """The methods beside each other, which binds, and what each position adds to the difference.

    A driver is what the account would need less under a method without the position.
    """
    excess = {
        "reg_t": reg_t["excess"],
        "portfolio_margin": portfolio["excess"],
        "house": house["excess"],
    }
    return {
        "excess": excess,
        "binding": min(excess, key=lambda name: excess[name]),
        "savings": round(portfolio["excess"] - reg_t["excess"], 2),
        "drivers": [
            {
                "symbol": row["symbol"],
                "reg_t": _usd(row["reg_t"]),
                "portfolio_margin": _usd(row["portfolio_margin"]),
                "difference": _usd(row["reg_t"] - row["portfolio_margin"]),
            }
            for row in drivers(case.margined).iter_rows(named=True)
        ],
    }


def _stress(case: Case) -> list[Row]:
    """Each scenario with the requirement struck again; `underwater` is by the one held."""
    frame: pl.DataFrame = stress_results((case.margined,))
    return [
        {
            "scenario": row["scenario"],
            "move": row["move"],
            "pnl": _usd(row["pnl"]),
            "equity": _usd(row["equity"]),
            "requirement_held": _usd(row["requirement_held"]),
            "excess_held": _usd(row["excess_held"]),
            "requirement": _usd(row["requirement"]),
            "excess": _usd(row["excess"]),
            "underwater": row["is_underwater"],
            "flagged": row["is_flagged"],
        }
        for row in frame.iter_rows(named=True)
    ]
