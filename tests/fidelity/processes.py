"""Cases of intraday margin, timelines and house overlays: through the kernels, not a document."""

from datetime import date, datetime, time
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from margin_assets.calendar import sessions
from margin_assets.kernels.intraday.intraday import intraday_rules, opens
from margin_assets.kernels.intraday.intraday_book import intraday_deficits
from margin_assets.kernels.overlays.overlays import expected_range_stress, house_initial
from margin_assets.kernels.rules.overlay_rules import overlay_rules, with_enabled
from margin_assets.kernels.rules.timelines import (
    BusinessDays,
    business_days,
    maintenance_call_latest,
    portfolio_deficiency_due,
    portfolio_net_capital_date,
)
from schemas.intraday import RULES
from tests.fidelity.documents import (
    SYMBOL,
    USUAL,
    Case,
    Json,
    answer,
    instrument,
    most_on,
    requirement,
    stock,
    value_of,
)

NEW_YORK = ZoneInfo("America/New_York")
INTRADAY_DAY = date(2026, 6, 8)  # under intraday margin; the day the cases name
OVERLAY_DAY = date(2026, 6, 8)
_USD, _SIX = pl.Decimal(38, 2), pl.Decimal(38, 6)


def intraday(case: Case) -> Json:
    """Deficits and due dates."""
    (row, *_) = case["positions"]
    if "buy_mv" in row:
        return _round_trip(case)
    if "max_3x_letf_long_on_equity" in row:
        fund = {"asset_class": "etf", "leverage": 3}
        setting = USUAL._replace(as_of=INTRADAY_DAY)
        return {"max_mv": most_on(row["max_3x_letf_long_on_equity"], fund, setting)}
    if "imd_date" in row:
        return _deficit_dates(date.fromisoformat(row["imd_date"]))
    return _deficiency_dates(row)


def _round_trip(case: Case) -> Json:
    """Bought, then sold the same day: the level after each is that of a document."""
    bought, sold = case["positions"]
    held = np.array([0, bought["buy_mv"], bought["buy_mv"] - sold["sell_mv"]], dtype=np.int64)
    is_reducing = opens(held[:-1], np.diff(held))
    shown = []
    for after, is_opening, step in zip(held[1:], is_reducing, (bought, sold), strict=True):
        setting = USUAL._replace(as_of=INTRADAY_DAY, cash=case["cash"] - int(after))
        found = value_of(int(after), {}, setting) if after else answer([], {}, setting)
        moment = datetime.combine(INTRADAY_DAY, time.fromisoformat(step["t"]), NEW_YORK)
        shown.append((moment, requirement(found, "excess"), found["equity"], bool(is_opening)))
    deficit = _deficits(shown)
    return {"imd": float(deficit["amount"]), "de_minimis": deficit["is_de_minimis"]}


def _business_days() -> BusinessDays:
    rules = intraday_rules(INTRADAY_DAY)
    return business_days(sessions().days, sessions().closes, rules.day_ends_after_close)


def _deficits(shown: list[tuple[datetime, float, float, bool]]) -> Json:
    """The one deficit of a margin account that shows these levels, as its day ends."""
    moments, levels, equities, reducing = zip(*shown, strict=True)
    days = _business_days()
    steps = pl.DataFrame(
        {
            "account_id": ["A"] * len(shown),
            "event_time": pl.Series(list(moments))
            .dt.convert_time_zone("UTC")
            .cast(pl.Datetime("us", "UTC")),
            "level": pl.Series([Decimal(str(x)) for x in levels]).cast(_USD),
            "equity": pl.Series([Decimal(str(x)) for x in equities]).cast(_USD),
            "net_deposit": pl.Series([Decimal(0)] * len(shown)).cast(_USD),
            "is_reducing": list(reducing),
            "rule": [RULES[0]] * len(shown),
            "is_known": [True] * len(shown),
        }
    )
    day = np.searchsorted(days.ends, int(moments[0].timestamp() * 1e6))
    return intraday_deficits(steps, days, int(days.ends[day])).row(0, named=True)


def _deficit_dates(day: date) -> Json:
    moment = datetime.combine(day, time(12), NEW_YORK)
    deficit = _deficits([(moment, -5000.0, 100_000.0, True)])
    assert deficit["deficit_date"] == day
    names = ("fifth_business_day", "fifteenth_business_day")
    return {name: deficit[name].isoformat() for name in names}


def _deficiency_dates(row: Json) -> Json:
    days = sessions().days
    if "deficiency_date" in row:
        deficient = date.fromisoformat(row["deficiency_date"])
        return {"latest": maintenance_call_latest(days, deficient).isoformat()}
    deficient = date.fromisoformat(row["pm_deficiency_date"])
    return {
        "due": portfolio_deficiency_due(days, deficient).isoformat(),
        "net_capital_deduction_if_unmet_after": portfolio_net_capital_date(
            days, deficient
        ).isoformat(),
    }


def house(case: Case) -> Json:
    """Overlays, each switched on for its case."""
    (row,) = case["positions"]
    if "pnr" in row:
        return {"stress_used": _expected_range_stress(row["pnr"], row["epr"])}
    return _initial(row["maintenance"])


def _expected_range_stress(pnr: float, epr: float) -> float:
    """$100,000 of one stock in an account whose equity this move of it empties."""
    value = 100_000
    held = answer([stock(SYMBOL, value // 100)], {SYMBOL: instrument(100)})
    maintenance = requirement(held, "maintenance_requirement")
    positions = pl.DataFrame(
        {
            "account_id": ["A"],
            "symbol": [SYMBOL],
            "issuer": [SYMBOL],
            "asset_class": ["equity"],
            "quantity": pl.Series([Decimal(value // 100)]).cast(_SIX),
            "multiplier": pl.Series([Decimal(1)]).cast(_SIX),
            "market_value": pl.Series([Decimal(value)]).cast(_USD),
            "delta_value": pl.Series([Decimal(value)]).cast(_USD),
            "price": pl.Series([Decimal(100)]).cast(_SIX),
            "beta": [1.0],
            "volatility_annual": [0.2],
            "expected_range": [epr],
            "is_hard_to_borrow": [False],
            "borrow_rate": [0.0],
        }
    )
    accounts = pl.DataFrame(
        {
            "account_id": ["A"],
            "account_type": ["portfolio_margin"],
            "equity": pl.Series([Decimal(str(value * pnr))]).cast(_USD),
            "regulatory_requirement": pl.Series([Decimal(str(maintenance))]).cast(_USD),
            "as_of": [datetime.combine(OVERLAY_DAY, time(12), NEW_YORK)],
        }
    )
    rules = with_enabled(overlay_rules(OVERLAY_DAY), ["expected_range"])
    row = expected_range_stress(positions, accounts, rules).row(0, named=True)
    assert row["point_of_no_return"] == pnr
    stress: float = row["stress"]
    return stress


def _initial(maintenance: int) -> Json:
    rules = with_enabled(overlay_rules(OVERLAY_DAY), ["initial"])
    rows = pl.DataFrame(
        {
            "requirement": pl.Series([Decimal(maintenance)] * 2).cast(_USD),
            "is_us": [True, False],
        }
    )
    us, non_us = house_initial(rows, rules)["house_initial_requirement"].to_list()
    return {"initial_us": float(us), "initial_non_us": float(non_us)}
