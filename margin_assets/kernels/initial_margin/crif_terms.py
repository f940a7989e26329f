"""Words of ISDA's Common Risk Interchange Format, and the frame of rows that the kernels take.

Source: ISDA SIMM methodology 2.5, sections C and E; ISDA Risk Data Standards.
"""

from typing import NamedTuple

import polars as pl

PRODUCT_CLASSES = ("RatesFX", "Credit", "Equity", "Commodity")
RISK_CLASSES = (
    "InterestRate",
    "CreditQualifying",
    "CreditNonQualifying",
    "Equity",
    "Commodity",
    "FX",
)
RATES, CREDIT_Q, CREDIT_NON_Q, EQUITY, COMMODITY, FX = range(6)
"""Risk classes."""
DELTA, VEGA, BASE_CORRELATION = range(3)
"""What a sensitivity measures; curvature is made of vegas."""

TENORS = ("2w", "1m", "3m", "6m", "1y", "2y", "3y", "5y", "10y", "15y", "20y", "30y")
TENOR_DAYS = (14.0, 365 / 12, 365 / 4, 365 / 2, *(365.0 * n for n in (1, 2, 3, 5, 10, 15, 20, 30)))
"""Calendar days to each expiry: a year has 365, months are its twelfths."""
CREDIT_TENORS = ("1y", "2y", "3y", "5y", "10y")
SUB_CURVES = ("OIS", "Libor1m", "Libor3m", "Libor6m", "Libor12m", "Prime", "Municipal")
RESIDUAL = "Residual"
BUCKETS = (*(str(n) for n in range(1, 18)), RESIDUAL)


class RiskType(NamedTuple):
    """A risk type of CRIF: its class, what it measures, and which columns it takes."""

    name: str
    risk_class: int
    measure: int
    buckets: int = 0
    """Numbered buckets; 0 where there is none."""
    has_residual: bool = False
    tenors: tuple[str, ...] = ()


RISK_TYPES = (
    RiskType("Risk_IRCurve", RATES, DELTA, tenors=TENORS),
    RiskType("Risk_Inflation", RATES, DELTA),
    RiskType("Risk_XCcyBasis", RATES, DELTA),
    RiskType("Risk_IRVol", RATES, VEGA, tenors=TENORS),
    RiskType("Risk_InflationVol", RATES, VEGA, tenors=TENORS),
    RiskType("Risk_CreditQ", CREDIT_Q, DELTA, 12, has_residual=True, tenors=CREDIT_TENORS),
    RiskType("Risk_CreditVol", CREDIT_Q, VEGA, 12, has_residual=True, tenors=CREDIT_TENORS),
    RiskType("Risk_BaseCorr", CREDIT_Q, BASE_CORRELATION),
    RiskType("Risk_CreditNonQ", CREDIT_NON_Q, DELTA, 2, has_residual=True, tenors=CREDIT_TENORS),
    RiskType("Risk_CreditVolNonQ", CREDIT_NON_Q, VEGA, 2, has_residual=True, tenors=CREDIT_TENORS),
    RiskType("Risk_Equity", EQUITY, DELTA, 12, has_residual=True),
    RiskType("Risk_EquityVol", EQUITY, VEGA, 12, has_residual=True, tenors=TENORS),
    RiskType("Risk_Commodity", COMMODITY, DELTA, 17),
    RiskType("Risk_CommodityVol", COMMODITY, VEGA, 17, tenors=TENORS),
    RiskType("Risk_FX", FX, DELTA),
    RiskType("Risk_FXVol", FX, VEGA, tenors=TENORS),
)
"""Their order is the order of codes in every table of parameters."""
CODE_OF = {kind.name: code for code, kind in enumerate(RISK_TYPES)}

NOTIONAL = "Notional"
NOTIONAL_FACTOR = "Param_AddOnNotionalFactor"
FIXED_AMOUNT = "Param_AddOnFixedAmount"
MULTIPLIER = "Param_ProductClassMultiplier"
PARAMETERS = (NOTIONAL_FACTOR, FIXED_AMOUNT, MULTIPLIER)
ADD_ONS = (NOTIONAL, *PARAMETERS)
PRESENT_VALUE = "PV"

SCHEDULE_CLASSES = ("Rates", "FX", "Credit", "Equity", "Commodity", "Other")

PRODUCT_CLASS_TYPE = pl.Enum(PRODUCT_CLASSES)
RISK_CLASS_TYPE = pl.Enum(RISK_CLASSES)
RISK_TYPE_TYPE = pl.Enum([kind.name for kind in RISK_TYPES])
TENOR_TYPE = pl.Enum(TENORS)
SUB_CURVE_TYPE = pl.Enum(SUB_CURVES)
BUCKET_TYPE = pl.Enum(BUCKETS)

SENSITIVITIES = pl.Schema(
    {
        "unit": pl.Int64(),
        "product_class": PRODUCT_CLASS_TYPE,
        "risk_type": RISK_TYPE_TYPE,
        "qualifier": pl.String(),
        "bucket": BUCKET_TYPE,
        "tenor": TENOR_TYPE,
        "label2": pl.String(),
        "amount_usd": pl.Float64(),
    }
)
"""Sensitivities as the kernel takes them: a unit is what gets one margin, a portfolio seen by one
side under one regulation. Units count from 0. Columns that a risk type has no use for are null, but
the qualifier never is;
of interest-rate curves `label2` is the sub-curve. Amounts are in US dollars: per basis point of
rates and credit spreads, per percent of equity, commodity and FX, vegas as the format defines them.
"""
