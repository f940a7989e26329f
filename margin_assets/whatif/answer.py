"""The answer to a portfolio document: what the kernels say of it, in the public shape."""

from decimal import Decimal
from typing import Any

import polars as pl

from margin_assets.kernels.book import INDETERMINATE, state_names
from margin_assets.kernels.ladder import minimum_equity
from margin_assets.kernels.lines import input_states
from margin_assets.kernels.requirements import (
    POINT_COLUMNS,
    margin_summary,
    reg_t_requirements,
    stress_results,
    tims_requirements,
)
from margin_assets.kernels.sma import special_memorandum_accounts
from margin_assets.rulebooks import versions_in_force
from margin_assets.whatif.document import Document
from margin_assets.whatif.frames import Case, case_of

Row = dict[str, Any]


def answer(document: Document) -> Row:
    """Margin of one document, both methods, stress and house; amounts in USD."""
    case = case_of(document)
    summary = margin_summary(case.positions, case.accounts).row(0, named=True)
    versions = versions_in_force(document.as_of)
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
        "net_option_value": 0.0,
        "beta_weighted_exposure": _usd(summary["beta_weighted_exposure"]),
        "equity": _usd(summary["equity"]),
        **_minimum_equity(case),
        "positions": [_position(row) for row in case.positions.iter_rows(named=True)],
        "reg_t": _reg_t(document, case, summary),
        "portfolio_margin": _portfolio_margin(case, summary),
        "house": _house(summary),
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
    for i, symbol in enumerate(case.positions["symbol"]):
        states = int(input_states(case.series, case.book.series[i]))
        in_symbols |= states
        found.append((symbol, states & mask))
    found.append((None, int(case.figures.states[0]) & ~in_symbols & mask))
    return [{"symbol": s, "reasons": state_names(bits).split(";")} for s, bits in found if bits]


def _minimum_equity(case: Case) -> dict[str, float]:
    least = int(minimum_equity(case.book, case.figures, case.rules, 0))
    short_by = least - int(case.figures.equity[0]) if least else 0
    return {"minimum_equity": least / 100, "minimum_equity_call": max(0, short_by) / 100}


def _position(row: Row) -> Row:
    return {
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


def _reg_t(document: Document, case: Case, summary: Row) -> Row:
    maintenance, initial = summary["reg_t_requirement"], summary["initial_requirement"]
    excess = summary["equity"] - maintenance
    sma = special_memorandum_accounts(case.positions, case.accounts, case.rules)
    memorandum = sma.row(0, named=True)
    return {
        "initial_requirement": _usd(initial),
        "maintenance_requirement": _usd(maintenance),
        "gross_requirement": _usd(maintenance),
        "net_deposit": _usd(initial),
        "excess": _usd(excess),
        "call": _usd(max(Decimal(0), -excess)),
        "reg_t_excess": _usd(memorandum["reg_t_excess"]),
        "sma": _usd(memorandum["sma"]),
        "buying_power": _usd(memorandum["buying_power"]),
        "groups": _groups(document, case),
    }


def _groups(document: Document, case: Case) -> list[Row]:
    """One group a symbol: stock is margined alone under 4210(c)."""
    legs: dict[str, list[Row]] = {}
    for i, row in document.equities:
        leg = {"position": i, "quantity": _number(row.quantity)}
        legs.setdefault(row.symbol, []).append(leg)
    return [
        {
            "strategy": row["strategy"],
            "rule": row["rule"],
            "symbol": row["symbol"],
            "legs": legs[row["symbol"]],
            "market_value": _usd(row["market_value"]),
            "gross_requirement": _usd(row["maintenance_requirement"]),
            "net_deposit": _usd(row["initial_requirement"]),
            # What a short sale may lose has no bound.
            "max_potential_loss": (
                _usd(row["market_value"]) if row["strategy"] == "long_stock" else None
            ),
        }
        for row in reg_t_requirements(case.positions, case.accounts).iter_rows(named=True)
    ]


def _portfolio_margin(case: Case, summary: Row) -> Row:
    requirement = summary["portfolio_margin_requirement"]
    reasons = summary["ineligible_reasons"]
    return {
        "eligible": summary["is_portfolio_margin_eligible"],
        "reasons": reasons.split(";") if reasons else [],
        "requirement": _usd(requirement),
        "excess": _usd(summary["equity"] - requirement),
        "class_groups": [
            _class_group(row)
            for row in tims_requirements(case.positions, case.accounts).iter_rows(named=True)
        ],
    }


def _class_group(row: Row) -> Row:
    return {
        "class_group": row["class_group"],
        "product_group": row["product_group"],
        "pnl_by_point": [_usd(row[name]) for name in POINT_COLUMNS],
        "worst_point": row["worst_move"],
        "scan_risk": _usd(row["scan_risk"]),
        "minimum": 0.0,
        "not_margined": _usd(row["not_margined"]),
        "requirement": _usd(row["requirement"]),
    }


def _house(summary: Row) -> dict[str, float]:
    """Overlays are off: what governs is the regulatory requirement of the account's type."""
    excess = summary["excess"]
    return {
        "concentration_addon": 0.0,
        "volatility_addon": 0.0,
        "requirement": _usd(summary["house_requirement"]),
        "excess": _usd(excess),
        "call": _usd(max(Decimal(0), -excess)),
    }


def _stress(case: Case) -> list[Row]:
    """Each scenario with the requirement struck again; `underwater` is by the one held."""
    frame: pl.DataFrame = stress_results(case.positions, case.accounts)
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
