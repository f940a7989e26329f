"""House policy on a portfolio document in the public shape."""

from decimal import Decimal

import polars as pl

from margin_assets.kernels.margin.house import addons_of, house_accounts
from margin_assets.kernels.overlays.overlays import (
    expected_range_stress,
    house_initial,
    house_totals,
)
from margin_assets.kernels.rules.overlay_rules import OverlayRules, overlay_rules, with_enabled
from margin_assets.whatif.amounts import Row, usd
from margin_assets.whatif.document import Bond, Document, Equity, Option
from margin_assets.whatif.frames import Case
from schemas.house import OVERLAYS

_US_BONDS = ("us_treasury", "agency", "municipal")
"""Classes of bonds whose issuers are of the United States; of others it is not known."""


def house_answer(document: Document, case: Case, summary: Row) -> Row:
    """What the overlays switched on add to the regulatory requirement of the account's type."""
    rules = overlay_rules(document.as_of)
    if document.options.house_overlays is not None:
        rules = with_enabled(rules, document.options.house_overlays)
    accounts = house_accounts(case.margined.accounts, case.margined.figures)
    held = case.margined.house_positions()
    addons = addons_of(held, accounts, rules)
    totals = house_totals(addons, accounts).row(0, named=True)
    requirement = totals["house_requirement"]
    excess = summary["equity"] - requirement
    return {
        **{f"{name}_addon": usd(totals[f"{name}_addon"]) for name in OVERLAYS},
        "overlays": sorted(rules.enabled),
        "charges": [_charge(row) for row in addons.iter_rows(named=True)],
        "requirement": usd(requirement),
        "initial_requirement": _initial(document, requirement, rules),
        "expected_ranges": _expected_ranges(held, accounts, rules),
        "excess": usd(excess),
        "call": usd(max(Decimal(0), -excess)),
    }


def _charge(row: Row) -> Row:
    return {
        "overlay": row["overlay"],
        "subject": row["subject"],
        "base": usd(row["base"]),
        "rate": row["rate"],
        "addon": usd(row["addon"]),
        "reason": row["reason"],
    }


def _initial(document: Document, requirement: Decimal, rules: OverlayRules) -> float:
    """What the house asks to open these positions today; the requirement itself with it off."""
    rows = pl.DataFrame({"requirement": [requirement], "is_us": [_is_us(document)]})
    return usd(house_initial(rows, rules)["house_initial_requirement"][0])


def _is_us(document: Document) -> bool:
    """Whether all that is held is known to be of the United States."""
    return all(_is_us_position(document, row) for row in document.positions)


def _is_us_position(document: Document, row: Equity | Option | Bond) -> bool:
    if isinstance(row, Bond):
        return row.bond_class in _US_BONDS
    terms = document.instruments.get(row.symbol if isinstance(row, Equity) else row.underlying)
    return terms is not None and terms.is_us is True


def _expected_ranges(held: pl.DataFrame, accounts: pl.DataFrame, rules: OverlayRules) -> list[Row]:
    """Each issuer's move that empties the account beside its expected range, if switched on."""
    if "expected_range" not in rules.enabled or "delta_value" not in held.columns:
        return []
    return [
        {
            "issuer": row["issuer"],
            "exposure": usd(row["exposure"]),
            "point_of_no_return": row["point_of_no_return"],
            "expected_range": row["expected_range"],
            "stress": row["stress"],
            "is_inside": row["is_inside"],
        }
        for row in expected_range_stress(held, accounts, rules).iter_rows(named=True)
    ]
