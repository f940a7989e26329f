"""The answer to a portfolio document: what the kernels say of it, in the public shape."""

import polars as pl

from margin_assets.kernels.book.states import INDETERMINATE, state_names
from margin_assets.kernels.enforcement.minimum import minimum_equity
from margin_assets.kernels.margin.drivers import drivers, why_not_told
from margin_assets.kernels.margin.requirements import (
    POINT_COLUMNS,
    margin_summary,
    stress_results,
    tims_requirements,
)
from margin_assets.kernels.options.quotes import quote_states
from margin_assets.kernels.securities.lines import input_states
from margin_assets.rulebooks import versions_in_force
from margin_assets.whatif.amounts import Row, number, usd
from margin_assets.whatif.deadlines import deadlines
from margin_assets.whatif.document import Document
from margin_assets.whatif.frames import Case, case_of
from margin_assets.whatif.house import house_answer
from margin_assets.whatif.reg_t import reg_t_answer


def answer(document: Document) -> Row:
    """Margin of one document, both methods, stress and house; amounts in USD."""
    case = case_of(document)
    summary = margin_summary((case.margined,)).row(0, named=True)
    versions = versions_in_force(document.as_of)
    reg_t, portfolio = reg_t_answer(case, summary), _portfolio_margin(case, summary)
    house = house_answer(document, case, summary)
    return {
        "account_id": document.account.account_id,
        "as_of": document.as_of.isoformat(),
        "account_type": document.account.account_type,
        "status": summary["status"],
        "indeterminate_reasons": _reasons(case, INDETERMINATE),
        "flags": _reasons(case, ~INDETERMINATE),
        "rulebooks": {family: day for family, day in versions.items() if family != "lake"},
        "cash": usd(summary["cash"]),
        "long_market_value": usd(summary["long_market_value"]),
        "short_market_value": usd(summary["short_market_value"]),
        "net_option_value": usd(summary["long_option_value"] - summary["short_option_value"]),
        "beta_weighted_exposure": usd(summary["beta_weighted_exposure"]),
        "equity": usd(summary["equity"]),
        "net_liquidation": usd(summary["net_liquidation"]),
        **_minimum_equity(case),
        "positions": [_position(row) for row in case.margined.positions.iter_rows(named=True)],
        "reg_t": reg_t,
        "portfolio_margin": portfolio,
        "house": house,
        "deadlines": deadlines(document, reg_t, portfolio),
        "side_by_side": _side_by_side(case, reg_t, portfolio, house),
        "stress": _stress(case),
        "margin_method": summary["margin_method"],
        "margin_savings": usd(summary["margin_savings"]),
    }


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
        "quantity": number(row["quantity"]),
        "price": None if row["price"] is None else float(row["price"]),
        "price_state": row["price_state"],
        "market_value": usd(row["market_value"]),
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


def _portfolio_margin(case: Case, summary: Row) -> Row:
    requirement = summary["portfolio_margin_requirement"]
    reasons = summary["ineligible_reasons"]
    return {
        "eligible": summary["is_portfolio_margin_eligible"],
        "reasons": reasons.split(";") if reasons else [],
        "requirement": usd(requirement),
        "equity": usd(summary["net_liquidation"]),
        "excess": usd(summary["net_liquidation"] - requirement),
        "class_groups": [
            _class_group(row) for row in tims_requirements((case.margined,)).iter_rows(named=True)
        ],
    }


def _class_group(row: Row) -> Row:
    return {
        "class_group": row["class_group"],
        "product_group": row["product_group"],
        "pnl_by_point": [usd(row[name]) for name in POINT_COLUMNS],
        "worst_point": row["worst_move"],
        "scan_risk": usd(row["scan_risk"]),
        "minimum": usd(row["minimum"]),
        "not_margined": usd(row["not_margined"]),
        "requirement": usd(row["requirement"]),
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
                "reg_t": usd(row["reg_t"]),
                "portfolio_margin": usd(row["portfolio_margin"]),
                "difference": usd(row["reg_t"] - row["portfolio_margin"]),
            }
            for row in drivers(case.margined).iter_rows(named=True)
        ],
        "drivers_not_told": why_not_told(case.margined),
    }


def _stress(case: Case) -> list[Row]:
    """Each scenario with the requirement struck again; `underwater` is by the one held."""
    frame: pl.DataFrame = stress_results((case.margined,))
    return [
        {
            "scenario": row["scenario"],
            "move": row["move"],
            "pnl": usd(row["pnl"]),
            "equity": usd(row["equity"]),
            "requirement_held": usd(row["requirement_held"]),
            "excess_held": usd(row["excess_held"]),
            "requirement": usd(row["requirement"]),
            "excess": usd(row["excess"]),
            "underwater": row["is_underwater"],
            "flagged": row["is_flagged"],
        }
        for row in frame.iter_rows(named=True)
    ]
