"""What each asset teaches in the Dagster UI: why it is there, by which rule, where to look next.

What a row is, its grain, is declared in `schemas`; here is what a schema cannot say.
"""

from typing import NamedTuple

from schemas import TABLES

_SQL = 'SQL: `margin sql "SELECT * FROM {name} LIMIT 20"`, pinned to one sealed cycle.'
_PATHS = {"firm": "/firm", "data quality": "/quality", "avalanche": "/avalanche"}
_ACCOUNTS = "/accounts"
"""Where an account is chosen whose page shows the rest."""
_DASHBOARD = "On the dashboard (`margin dashboard`): {page}."


class Described(NamedTuple):
    """What a newcomer should know of a table beyond its grain."""

    why: str
    rule: str
    see: tuple[str, ...]
    """Tables to look at next."""
    page: str = ""
    """Page of the dashboard that shows it; empty where none does."""


_ROWS = "Row rules of its schema; what breaks one goes to `quarantine` with the reason."
_NO_RULE = "None: it is a record."

DESCRIBED: dict[str, Described] = {
    "bonds": Described(
        "Terms of bonds, bills and notes: what a position of the rates book pays.",
        _ROWS + " Check digits: ISO 6166, ANSI X9.6.",
        ("rates_positions", "rates_values"),
    ),
    "swaps": Described(
        "Terms of interest rate swaps, seasoned and forward ones.",
        _ROWS,
        ("rates_positions", "rates_values"),
    ),
    "fixings": Described(
        "What an index fixed at: a seasoned swap without its fixing is unpriced by name.",
        _ROWS + " One of a day to come is refused.",
        ("rates_values",),
    ),
    "fx_rates": Described(
        "Brings values of other currencies into the reporting one; without a rate they stay out.",
        _ROWS,
        ("desk_risk",),
    ),
    "curve_quotes": Described(
        "What curves are built of; a tenor that is missing is never 0%.",
        _ROWS,
        ("curves",),
    ),
    "rates_positions": Described(
        "Who holds which bond or swap, long or short, by account, desk and legal entity.",
        _ROWS,
        ("rates_values", "desk_risk"),
    ),
    "curves": Described(
        "Which nodes valued the book, of which quotes, and why newer quotes made none.",
        "Rulebook `rates`: required tenors, ages, bounds of forward rates.",
        ("curve_quotes", "rates_values"),
    ),
    "rates_values": Described(
        "What each position is worth, its DV01, CS01 and convexity; or why that is not known.",
        "docs/rates.md: every slope is the derivative of the value.",
        ("rates_sensitivities", "desk_risk", "curves"),
    ),
    "rates_sensitivities": Described(
        "Where on the curve a position's DV01 lies; the key rates add up to it.",
        "Ho, Key Rate Durations, Journal of Fixed Income 2(2), 1992; tenors of rulebook `rates`.",
        ("rates_values", "desk_sensitivities"),
    ),
    "desk_risk": Described(
        "What a book comes to: value, DV01, CS01, convexity, and how much of it is unpriced.",
        "Sums of `rates_values`; no currency counts 1:1 for another.",
        ("rates_values", "desk_sensitivities", "rates_scenarios", "limit_breaches"),
    ),
    "desk_sensitivities": Described(
        "What to hedge a book with: its DV01 by node of each curve, and by key rate.",
        "Sums of the positions' slopes.",
        ("desk_risk", "curves"),
    ),
    "rates_scenarios": Described(
        "What a book gains when the curve moves in one of its shapes, or as it did on a day.",
        "Rulebook `rates`, scenarios; valued in full.",
        ("desk_risk",),
    ),
    "accounts": Described(
        "Which rules govern an account; an account without a row is margined as `reg_t` and named"
        " `unregistered`.",
        _ROWS,
        ("account_state", "margin_summary"),
    ),
    "instruments": Described(
        "Terms of every symbol: class, group, multiplier, expiry. A symbol without a row counts as"
        " non-marginable stock.",
        _ROWS,
        ("positions", "prices"),
    ),
    "option_adjustments": Described(
        "What a contract delivers after a split or a merger: cover, spreads and values follow it.",
        "OCC By-Laws, article VI, section 11A; FINRA 4210(f)(2)(H)(iii): cover is counted in units"
        " delivered.",
        ("instruments", "positions", "reg_t_requirements"),
    ),
    "betas": Described(
        "Moves a position with SPY in stress; without one it loses twice the move.",
        _ROWS,
        ("stress_results",),
    ),
    "volatilities": Described(
        "Feeds option values and the volatility overlay; without one the dearest band holds.",
        _ROWS,
        ("tims_requirements", "house_requirements"),
    ),
    "volumes": Described(
        "What a liquidation's orders move prices by, and how many may be sold; without one that is"
        " dear.",
        _ROWS,
        ("positions", "margin_calls", "firm_concentrations"),
    ),
    "rates": Described(
        "The risk-free rate that options are valued with.", _ROWS, ("tims_requirements",)
    ),
    "cash_movements": Described(
        "Deposits and withdrawals meet calls and move the SMA.",
        _ROWS,
        ("account_state", "special_memorandum_accounts", "margin_calls"),
    ),
    "opening_balances": Described(
        "What an account brings along when it enters this lake; its fills come after it.",
        "Once an account and symbol, before the account's first fill; else quarantined.",
        ("positions", "account_state", "fills"),
    ),
    "corporate_actions": Described(
        "Splits, dividends, mergers, spin-offs, new symbols: what moves a position but no trade.",
        "Act at the opening of the ex session; a correction or withdrawal names its action.",
        ("positions", "accrued_dividends"),
    ),
    "accrued_dividends": Described(
        "What accounts are due and owe from the ex date of a dividend until it is paid. What is"
        " owed counts in equity; what is due does not.",
        "Met by movements of kind `dividend`, oldest first.",
        ("corporate_actions", "cash_movements", "margin_summary"),
    ),
    "fills": Described(
        "The only thing that makes a position. A correction replaces a fill from its own time on.",
        "Semantics of fills, corrections and busts: docs/decisions.md.",
        ("positions", "account_state"),
    ),
    "exercises": Described(
        "What became of options: exercised, assigned, expired. What nobody reports in time is"
        " settled by rule.",
        "OCC Rules 801 to 805; rulebook `expiry`.",
        ("settlements", "positions"),
    ),
    "settlements": Described(
        "How option positions ended, by a report or by rule; a later report corrects the rule.",
        "OCC Rule 805(d), exercise by exception; rulebook `expiry`.",
        ("exercises", "positions", "account_state"),
    ),
    "prices": Described(
        "Marks every position; stale ones are flagged, unusable ones make an account"
        " indeterminate.",
        "House rulebook, `prices`.",
        ("positions", "margin_summary"),
    ),
    "stock_record": Described(
        "What the firm's own books hold at a close; compared with ours, and changes nothing.",
        _ROWS,
        ("breaks", "positions"),
    ),
    "breaks": Described(
        "Where the firm's own books and ours differ, for how long, and what that is worth in"
        " requirement. `margin reconcile --as-of DATE` tells them.",
        "None: it is a comparison.",
        ("stock_record", "positions", "account_state"),
    ),
    "desk_actions": Described(
        "What people did. Each act is a landed row, so that a replay reproduces it.",
        "An act is judged at its own grid point; `desk_outcomes` says what became of it.",
        ("desk_outcomes", "margin_calls"),
        "the account's decisions",
    ),
    "landed_files": Described(
        "What became of every file that landed: the start of every audit.",
        _NO_RULE,
        ("quarantine", "cycles"),
        "data quality",
    ),
    "quarantine": Described(
        "Rows that were refused, with every reason and their bytes: nothing is lost.",
        "`margin quarantine release` lands one again, corrected; `dismiss` closes it.",
        ("quarantine_closings", "refused_accounts"),
        "data quality",
    ),
    "refused_accounts": Described(
        "Accounts that may lack a fill or a payment, since a row that names them was refused.",
        "They are flagged `refused_rows` until the row is closed.",
        ("quarantine", "margin_summary"),
    ),
    "quarantine_closings": Described(
        "Why a refused row is no longer open.", _NO_RULE, ("quarantine", "desk_actions")
    ),
    "positions": Described(
        "What each account holds, at the mark that values it.",
        "Trade date; the mark's state is named where it is not a fresh price.",
        ("reg_t_requirements", "tims_requirements", "stress_results"),
        "the account's positions",
    ),
    "account_state": Described(
        "Type and cash of every account.", _NO_RULE, ("margin_summary", "cash_movements")
    ),
    "enforcement_state": Described(
        "Where each account stands on each dimension of the ladder, and since when.",
        "House rulebook, `ladder` and `stress`.",
        ("enforcement_decisions", "margin_calls"),
        "accounts",
    ),
    "special_memorandum_accounts": Described(
        "What a margin account may still buy: its SMA and buying power.",
        "Regulation T, 12 CFR 220.5: docs/regulation-t.md.",
        ("reg_t_calls", "special_memorandum_days"),
        "the account's figures",
    ),
    "special_memorandum_days": Described(
        "From here the SMA is walked again when a fill is corrected.",
        "Regulation T, 12 CFR 220.4 and 220.5.",
        ("special_memorandum_accounts",),
    ),
    "reg_t_requirements": Described(
        "Why the Regulation T and 4210 requirement is what it is: a line a group, with its rule.",
        "FINRA Rule 4210(c), (e), (f)(2); Regulation T, 12 CFR 220.12.",
        ("margin_summary", "positions"),
        "the account's requirement",
    ),
    "tims_requirements": Described(
        "Portfolio margin by class group: the worst of ten moves.",
        "FINRA Rule 4210(g); OCC's TIMS.",
        ("margin_summary",),
        "the account's requirement",
    ),
    "house_requirements": Described(
        "What the firm asks for on top. Empty while no overlay is switched on.",
        "House overlays: docs/house-overlays.md.",
        ("margin_summary",),
        "the account's requirement",
    ),
    "stress_results": Described(
        "What a move of SPY would do to each account, by beta; a fall of 6% restricts.",
        "House rulebook, `stress`.",
        ("firm_risk", "enforcement_decisions"),
        "the account's stress",
    ),
    "margin_summary": Described(
        "Both methods side by side, and the one that governs: the figures that the ladder climbs.",
        "The greater of the regulatory requirement and the house's.",
        ("enforcement_decisions", "margin_calls"),
        "accounts",
    ),
    "firm_risk": Described(
        "What a move would cost the firm; one customer's gain pays no other's loss.",
        "House rulebook, `stress`; moves of every price: FINRA, portfolio margin FAQ:"
        " docs/firm-risk.md.",
        ("stress_results", "margin_summary", "credit_exposures"),
        "firm",
    ),
    "credit_exposures": Described(
        "What clients would owe after each move, by type of account: nobody's money pays another's"
        " debt.",
        "4210(g)(1), monitoring of portfolio margin: docs/firm-risk.md.",
        ("firm_risk", "limit_breaches"),
        "firm",
    ),
    "firm_concentrations": Described(
        "The names and issuers that lose most at the firm's worst scenario, and how many days it"
        " would take to sell them; without a volume that is not known, never 0.",
        "Rulebook `firm`, `concentrations`.",
        ("firm_risk", "volumes", "limit_breaches"),
        "firm",
    ),
    "limits": Described(
        "What the house allows of the firm, a name, an issuer or an account.",
        _ROWS,
        ("limit_breaches",),
    ),
    "limit_breaches": Described(
        "What is above a limit at the end of a cycle: open, acknowledged by somebody, cured. What"
        " is not known is above every limit.",
        "The landed row of `limits`: docs/firm-risk.md.",
        ("firm_risk", "firm_concentrations", "desk_outcomes"),
        "firm",
    ),
    "reg_t_calls": Described(
        "Regulation T's calls by the business day that made them.",
        "12 CFR 220.4(c) and (d): docs/regulation-t.md.",
        ("margin_calls", "special_memorandum_accounts"),
    ),
    "intraday_deficits": Described(
        "What an account lacked in the day, and whether it was made good.",
        "FINRA Rule 4210(d)(2): docs/intraday-margin.md.",
        ("intraday_state", "margin_calls"),
    ),
    "intraday_state": Described(
        "Who is frozen for a practice of unmet deficits.",
        "FINRA Rule 4210(d)(2)(D).",
        ("intraday_deficits",),
    ),
    "pattern_day_traders": Described(
        "Day trades and special calls, until an account's switch to intraday margin.",
        "FINRA Rule 4210(f)(8)(B): docs/intraday-margin.md.",
        ("margin_calls", "intraday_state"),
    ),
    "margin_calls": Described(
        "One place that answers who owes what, by when and under which rule, and what met it.",
        "Each call names its own: docs/margin-calls.md.",
        ("desk_outcomes", "enforcement_decisions", "reg_t_calls"),
        "the account's calls",
    ),
    "desk_outcomes": Described(
        "Whether an act was done or refused, and why.",
        "Extensions as far as each rule allows: docs/margin-calls.md.",
        ("desk_actions", "margin_calls"),
    ),
    "liquidation_plans": Described(
        "Which orders shall cure an account, who proposed them, who let them go, and what came of"
        " them.",
        "Another person approves; a plan ends with its business day: docs/liquidation.md.",
        ("liquidation_orders", "desk_actions", "enforcement_decisions"),
    ),
    "liquidation_orders": Described(
        "What was ordered beside what was filled: part, none, another price, more than asked.",
        "Fills count as they stand, corrections and busts taken: docs/liquidation.md.",
        ("order_fills", "liquidation_plans"),
    ),
    "order_fills": Described(
        "Which landed fills name which order of a plan.",
        "Originals alone: a correction counts where its original does.",
        ("fills", "liquidation_orders"),
    ),
    "enforcement_decisions": Described(
        "The audit trail: every change, with the figures that decided. `margin explain ACCOUNT`"
        " walks from here to the landed line.",
        "House rulebook, `ladder`; the versions in force stand in every row.",
        ("enforcement_state", "margin_calls", "cycles"),
        "the account's decisions",
    ),
    "notifications": Described(
        "Who was told of a decision, a call or a deadline, and whether anybody answered.",
        "Rulebook `notifications`: docs/notifications.md.",
        ("enforcement_decisions", "margin_calls", "desk_actions"),
    ),
    "avalanche_books": Described(
        "The books that were run, row by row: a run is made again from these alone.",
        "Columns and gates of docs/avalanche-book.md.",
        ("avalanche_runs", "im_requirements"),
    ),
    "im_requirements": Described(
        "How each netting set of a book is margined, and how well its cuts stand for the model.",
        "The models that the book names: docs/avalanche-book.md.",
        ("avalanche_runs", "model_change_impacts"),
    ),
    "model_change_impacts": Described(
        "What a change of model that a venue announced does to each set's margin.",
        "Old and new model on the same book: docs/avalanche-book.md.",
        ("im_requirements",),
    ),
    "avalanche_runs": Described(
        "How much cash could be called, by book, scenario, arm and seed. `margin avalanche run`"
        " writes it.",
        "The model of docs/avalanche-book.md; the same inputs give the same numbers.",
        ("avalanche_paths", "im_requirements"),
        "avalanche",
    ),
    "avalanche_paths": Described(
        "One row a path: when need peaked, what was sold, whether cash ran out.",
        "The model of docs/avalanche-book.md; a path is a function of book, seed and its number.",
        ("avalanche_runs",),
    ),
    "history_prices": Described(
        "The closes that backtests walk, each with the file and the row that it came from.",
        "The history's document: docs/backtest.md.",
        ("backtest_runs",),
    ),
    "backtest_runs": Described(
        "What a policy would have done on real days: calls, sales, losses. `margin backtest` and"
        " the job `backtest` write it.",
        "The rulebooks in force on each day, and what the policy lays over them: docs/backtest.md.",
        ("backtest_days", "backtest_coverage", "backtest_worst"),
    ),
    "backtest_accounts": Described(
        "What became of each account of a backtest.",
        "The ladder of the house rulebook, session by session.",
        ("backtest_worst",),
    ),
    "backtest_days": Described(
        "Requirements and losses of a backtest's book, session by session.",
        "The kernels of the live cycle at each close.",
        ("backtest_coverage",),
    ),
    "backtest_coverage": Described(
        "How often losses were above each requirement, with the tests of it.",
        "Kupiec (1995) and Christoffersen (1998); rulebook `backtest`.",
        ("backtest_worst",),
    ),
    "backtest_worst": Described(
        "The account sessions that hurt most. `margin backtest explain` opens one.",
        "None: it is a ranking.",
        ("backtest_accounts",),
    ),
    "funding_forecast": Described(
        "Thirty days of funding: what is due, expected margin, and margin at three quantiles.",
        "Contractual flows and simulated margin: docs/avalanche-answers.md.",
        ("avalanche_runs",),
    ),
    "facility_sizes": Described(
        "How large a credit line must be, with its notice, limits and covenants.",
        "Smallest line that leaves few enough paths exhausted: docs/avalanche-answers.md.",
        ("avalanche_runs", "funding_forecast"),
        "avalanche",
    ),
    "margin_attribution": Described(
        "Whose need it is on the worst paths, by manager and risk factor.",
        "Parts add up to the need but for a residual that is told: docs/avalanche-answers.md.",
        ("concentration_shares", "margin_efficiency"),
        "avalanche",
    ),
    "concentration_shares": Described(
        "Shares of margin by manager, class, venue and counterparty against their limits.",
        "Rulebook `avalanche`, section concentration.",
        ("margin_attribution",),
        "avalanche",
    ),
    "margin_efficiency": Described(
        "What each manager earns on the margin, the need and the risk that it brings.",
        "Euler components: docs/avalanche-answers.md.",
        ("margin_attribution",),
    ),
    "early_warnings": Described(
        "How near a book is to exhaustion, 0 to 1, and what that is made of.",
        "Rulebook `avalanche`, section warning.",
        ("avalanche_runs",),
        "avalanche",
    ),
    "warning_readings": Described(
        "The early warning book after book: how near each came, and the level after it.",
        "Rulebook `avalanche`, section warning: two readings in a row change a level.",
        ("early_warnings",),
        "avalanche",
    ),
    "need_by_hour": Described(
        "How fast a run's need grows: quantiles by hour, and how many paths broke by then.",
        "The model of docs/avalanche.md.",
        ("avalanche_runs", "sources_by_hour"),
        "avalanche",
    ),
    "sources_by_hour": Described(
        "What one bad path is paid from, hour by hour: cash, bonds, lines, sales.",
        "The order of sources of docs/avalanche.md.",
        ("need_by_hour",),
        "avalanche",
    ),
    "calls_by_hour": Described(
        "Who calls when on the worst paths of a run.",
        "Each venue's own hours: docs/avalanche-book.md.",
        ("need_by_hour",),
        "avalanche",
    ),
    "recommendations": Described(
        "What to do first, by what it takes off the gap for what it costs.",
        "Each measure valued by re-runs: docs/avalanche-answers.md.",
        ("avalanche_runs", "facility_sizes"),
        "avalanche",
    ),
    "reverse_stress": Described(
        "Combinations of moves that would break a platform, the least implausible first.",
        "A search over the loop, held to a bound of plausibility: docs/avalanche-answers.md.",
        ("avalanche_runs",),
    ),
    "cycles": Described(
        "The ledger: what each cycle took, wrote and vouches for. `margin audit verify` walks it.",
        "A cycle is sealed whole in every table, or did not happen: docs/reliability.md.",
        ("landed_files", "validation_results"),
        "data quality",
    ),
    "validation_results": Described(
        "Every expectation on every audited table version.",
        "Great Expectations, generated from the schemas.",
        ("cycles",),
        "data quality",
    ),
}


def path(name: str) -> str | None:
    """Path of the dashboard's page that shows a table, or leads to it; None where none does."""
    page = DESCRIBED[name].page
    return _PATHS.get(page, _ACCOUNTS) if page else None


def description(name: str) -> str:
    """The description of a table's asset, as Markdown: its grain first."""
    table, told = TABLES[name], DESCRIBED[name]
    links = ", ".join(f"[{other}](/assets/{other})" for other in told.see)
    lines = [
        table.grain,
        f"**Why:** {told.why}",
        f"**Rule:** {told.rule}",
        f"**Next:** {links}.",
        _SQL.format(name=name),
    ]
    if told.page:
        lines.append(_DASHBOARD.format(page=told.page))
    return "\n\n".join(lines)
