"""Tables of the live day, as assets that no daily run computes."""

from margin_assets.assets.declared import landed_spec
from schemas import FEEDS

LIVE_ONLY = (
    *(landed_spec(feed) for feed in FEEDS),
    landed_spec("landed_files", FEEDS),
    landed_spec("quarantine", FEEDS),
    landed_spec("refused_accounts", ("quarantine",)),
    landed_spec("quarantine_closings", ("quarantine", "desk_actions")),
    landed_spec("enforcement_decisions", ("positions", "account_state")),
    landed_spec("enforcement_state", ("enforcement_decisions",)),
    landed_spec(
        "margin_calls",
        ("enforcement_state", "reg_t_calls", "intraday_deficits", "desk_actions"),
    ),
    landed_spec("order_fills", ("fills",)),
    landed_spec("settlements", ("exercises", "prices")),
    landed_spec("accrued_dividends", ("corporate_actions", "cash_movements", "positions")),
    landed_spec("liquidation_plans", ("enforcement_state", "desk_actions")),
    landed_spec("liquidation_orders", ("liquidation_plans", "order_fills")),
    landed_spec("desk_outcomes", ("desk_actions", "margin_calls", "liquidation_plans")),
    landed_spec("reg_t_calls", ("special_memorandum_accounts",)),
    landed_spec("special_memorandum_days", ("special_memorandum_accounts",)),
    landed_spec("limit_breaches", ("limits", "desk_actions", "firm_risk", "firm_concentrations")),
    landed_spec("intraday_deficits", ("fills", "cash_movements", "positions", "account_state")),
    landed_spec("intraday_state", ("intraday_deficits",)),
    landed_spec("cycles", ("enforcement_decisions", "firm_risk", "landed_files")),
    landed_spec("validation_results", ("cycles",)),
    landed_spec("notifications", ("enforcement_decisions", "margin_calls", "desk_actions")),
    landed_spec("avalanche_books"),
    landed_spec("funding_forecast", ("avalanche_runs",)),
    landed_spec("facility_sizes", ("avalanche_runs",)),
    landed_spec("margin_attribution", ("avalanche_runs",)),
    landed_spec("concentration_shares", ("avalanche_runs",)),
    landed_spec("margin_efficiency", ("avalanche_runs",)),
    landed_spec("recommendations", ("avalanche_runs",)),
    landed_spec("reverse_stress", ("avalanche_runs",)),
    landed_spec("need_by_hour", ("avalanche_runs",)),
    landed_spec("sources_by_hour", ("avalanche_runs",)),
    landed_spec("calls_by_hour", ("avalanche_runs",)),
)
