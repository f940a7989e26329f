"""By when what a portfolio document lacks would have to be met, were it so at the day's close."""

from margin_assets.kernels.rules.timelines import (
    maintenance_call_latest,
    portfolio_deficiency_due,
    portfolio_net_capital_date,
)
from margin_assets.whatif.amounts import Row
from margin_assets.whatif.document import Document


def deadlines(document: Document, reg_t: Row, portfolio: Row) -> Row:
    """Last days by the rule of the account's type; empty where nothing is lacking.

    Which day a deficiency is of, and what an extension may do, is told by the live calls.
    """
    is_portfolio = document.account.account_type == "portfolio_margin"
    if (portfolio if is_portfolio else reg_t)["excess"] >= 0:
        return {}
    # The calendar's library takes a second to load, and few documents need it.
    from margin_assets.calendar import sessions

    days, deficient_on = sessions().days, document.as_of
    if not is_portfolio:
        return {"maintenance_call_latest": maintenance_call_latest(days, deficient_on).isoformat()}
    return {
        "portfolio_deficiency_due": portfolio_deficiency_due(days, deficient_on).isoformat(),
        "portfolio_net_capital_deduction": portfolio_net_capital_date(
            days, deficient_on
        ).isoformat(),
    }
