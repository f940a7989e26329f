"""The avalanche's book: its tables by the names of their files.

Amounts are model values in US dollars; a positive call is an outflow; of unit `ccy` are those
in the currency of the row. A column with a default may be left out or be empty.
"""

import dataframely as dy

from schemas.avalanche import fields, liquidity, market, models, sets


class Setting(dy.Schema):
    """One setting of the run that is not its default."""

    key = fields.key_of("Name.", key=True)
    value = dy.String(description="Value.")


BOOK: dict[str, type[dy.Schema]] = {
    "legal_entity": sets.LegalEntity,
    "manager": sets.Manager,
    "venue": sets.Venue,
    "counterparty": sets.Counterparty,
    "netting_set": sets.NettingSet,
    "position": sets.Position,
    "exposure": sets.Exposure,
    "risk_factor": market.RiskFactor,
    "factor_history": market.FactorHistory,
    "correlation": market.Correlation,
    "im_model": models.ImModel,
    "im_model_change": models.ImModelChange,
    "im_cut": models.ImCut,
    "addon": models.AddOn,
    "collateral_holding": liquidity.CollateralHolding,
    "cash_balance": liquidity.CashBalance,
    "fx_rate": market.FxRate,
    "holiday": liquidity.Holiday,
    "facility": liquidity.Facility,
    "cash_ladder": liquidity.CashLadder,
    "scenario": market.Scenario,
    "settings": Setting,
}
"""Tables of a book by the names of their files, in the order in which they are read."""

REQUIRED = ("legal_entity", "venue", "netting_set", "risk_factor", "exposure", "cash_balance")
"""Without these there is no book; any other may be left out."""
