"""Tables of backtests: the history, runs over it, their accounts and days, coverage, the worst."""

from decimal import Decimal

import dataframely as dy

from schemas import columns
from schemas.landed import ACCOUNT_TYPES

METHODS = ("reg_t", "portfolio_margin", "house")
GROUP_KINDS = ("all", "temper", "crisis")
WORST_KINDS = ("uncovered", "lost")


def _hash(description: str, *, key: bool = False) -> dy.String:
    return dy.String(regex="^[0-9a-f]{32}$", primary_key=key, description=description)


def _run_id() -> dy.String:
    return _hash("Run: hash of history, book, policy, range and version.", key=True)


def _word(description: str, values: tuple[str, ...]) -> dy.String:
    return dy.String(
        primary_key=True,
        regex=f"^({'|'.join(values)})$",
        description=description,
        metadata={"values": list(values)},
    )


def _day(description: str, *, key: bool = False, nullable: bool = False) -> dy.Date:
    return dy.Date(primary_key=key, nullable=nullable, description=description)


def _text(description: str, *, key: bool = False) -> dy.String:
    return dy.String(primary_key=key, description=description)


def _usd(description: str) -> dy.Decimal:
    return columns.usd(description, least=0)


def _ratio(description: str, *, nullable: bool = False) -> dy.Float64:
    return columns.fraction(description, nullable=nullable)


def _micro(description: str, unit: str, *, above: Decimal | None = None) -> dy.Decimal:
    return dy.Decimal(
        38,
        6,
        min_exclusive=above,
        nullable=True,
        description=description,
        metadata={"unit": unit},
    )


class HistoryPrices(dy.Schema):
    """One close of one security that counts in a history, with its origin."""

    history_id = _hash("History: hash of its files and of how they are read.", key=True)
    symbol = columns.symbol("Security; one that ended has its last day behind.", key=True)
    business_date = _day("Session.", key=True)
    close = columns.price("As printed: raw where the history is.")
    total_return = _ratio("Index of total return, 1 at the first close.")
    split_ratio = _micro(
        "New shares for an old one at the opening; null: none.", "1", above=Decimal(0)
    )
    dividend = _micro("Paid at the opening on a share held before; null: none.", "USD per unit")
    beta = _ratio("On the benchmark, known before the month; null: too few returns.", nullable=True)
    file_name = _text("File that it came from.")
    file_row = dy.Int64(min=1, description="Row of the file, from 1, its heading not counted.")


class BacktestRuns(dy.Schema):
    """One run: a book under a policy through a history, and what it came to."""

    run_id = _run_id()
    policy = _text("Policy by name.")
    policy_changes = _text("JSON: what it lays over the rulebooks in force; {}: nothing.")
    policy_id = _hash("Hash of the changes and of the rulebooks.")
    history = _text("History by name.")
    history_id = _hash("Its hash.")
    book = _text("Book in words.")
    book_id = _hash("Its hash.")
    first_date = _day("First session.")
    last_date = _day("Last session.")
    sessions = columns.count("Sessions.")
    bars = columns.count("Ends of bars between openings and closes that were evaluated too.")
    account_days = columns.count("Sessions of accounts that held something.")
    accounts = columns.count("Accounts that opened.")
    warnings = columns.count("Warnings.")
    calls = columns.count("Calls made.")
    false_calls = columns.count(
        "Of them those whose book, left alone, would have kept its equity over the sessions of"
        " the rulebook."
    )
    restrictions = columns.count("Accounts set to close-only, each time.")
    liquidations = columns.count("Accounts sold out, each time.")
    missed_sessions = columns.count("Account sessions with negative equity that no call preceded.")
    median_sessions_to_cure = _ratio("Of calls that were met; null: none was.", nullable=True)
    paid_in = _usd("Brought in by owners who were called.")
    lost = _usd("Owed by accounts when nothing was left to sell: what the firm lost.")
    avoided = columns.usd("What accounts sold out would have owed, left alone, less what they did.")
    mean_required = _usd("Required by the house of all accounts, mean session.")
    faults = _text("JSON: what is wrong with the history, and what was done about it.")
    code_version = _text("Version of this program.")


class BacktestAccounts(dy.Schema):
    """One account of a run, from its opening to its end."""

    run_id = _run_id()
    account_id = columns.account_id(key=True)
    temper = _text("Kind of owner; `fills` where fills tell the account.")
    account_type = columns.code("Its type.", ACCOUNT_TYPES)
    opened_on = _day("Session of its first trade.")
    ended_on = _day("Session of its last one, or the last of the run.")
    sessions = columns.count("Sessions on which it held something.")
    called_sessions = columns.count("Sessions that closed with a call open.")
    warnings = columns.count("Warnings.")
    calls = columns.count("Calls made.")
    cured = columns.count("Calls that ended.")
    restrictions = columns.count("Times it was set to close-only.")
    liquidations = columns.count("Times it was to be liquidated.")
    missed_sessions = columns.count("Sessions with negative equity that no call preceded.")
    false_calls = columns.count("Calls after which the book, left alone, kept its equity.")
    uncovered_sessions = columns.count("Sessions after which it lost more than the house required.")
    paid_in = _usd("Brought in by the owner when called.")
    required = _usd("House requirement, summed over its sessions.")
    lost = _usd("What it owed in the end: the firm's loss.")
    avoided = columns.usd("What it would have owed, left alone, less what it did.")


class BacktestDays(dy.Schema):
    """One session of a run, over all accounts."""

    run_id = _run_id()
    business_date = _day("Session.", key=True)
    accounts = columns.count("Accounts that hold something.")
    gross = _usd("Long and short value.")
    equity = columns.usd("Of accounts that hold something.")
    reg_t = _usd("Maintenance by FINRA 4210(c), summed.")
    portfolio_margin = _usd("By FINRA 4210(g), summed, whatever the account's type.")
    house = _usd("What governs, add-ons included, summed.")
    loss = _usd("Lost by losing accounts until the next session, had they held on.")
    calls_made = columns.count("Calls made.")
    calls_open = columns.count("Calls open at the close.")
    warnings_made = columns.count("Warnings.")
    restrictions_made = columns.count("Accounts set to close-only.")
    liquidations_made = columns.count("Accounts to be liquidated.")
    sold_out = columns.count("Accounts sold out at this close.")
    lost = _usd("Lost by the firm at this close.")
    uncovered = columns.count("Accounts that lose more than the house required.")


class BacktestCoverage(dy.Schema):
    """How often losses were above one requirement, over some horizon, in one group."""

    run_id = _run_id()
    method = _word("Requirement.", METHODS)
    horizon_days = dy.Int64(
        min=1, primary_key=True, description="Sessions; longer windows stand side by side."
    )
    group_kind = _word("What the group is of.", GROUP_KINDS)
    group_name = _text("Temper or crisis; `all`.", key=True)
    account_days = columns.count("Windows counted.")
    breaches = columns.count("Windows whose loss was above the requirement.")
    expected = _ratio("Breaches at the confidence of the rulebook.")
    breach_share = _ratio("Breaches among windows.")
    kupiec = _ratio("Likelihood ratio of Kupiec's test.")
    kupiec_p = _ratio("Probability of a larger one, were accounts and days independent.")
    independence = _ratio(
        "Likelihood ratio of Christoffersen's test; null: none follows another.", nullable=True
    )
    independence_p = _ratio("Its probability.", nullable=True)
    conditional = _ratio("Both ratios together.", nullable=True)
    conditional_p = _ratio("Their probability.", nullable=True)
    required = _usd("Requirements summed over windows.")
    lost = _usd("Losses summed over losing windows.")
    beyond_required = _usd("Losses beyond requirements, summed.")
    peak_to_trough = _ratio(
        "Largest requirement a dollar of gross value over the least; one session, all and crises.",
        nullable=True,
    )
    five_day_rise = _ratio("Largest rise of it over five sessions.", nullable=True)


class BacktestWorst(dy.Schema):
    """One of the account sessions that hurt most."""

    run_id = _run_id()
    kind = _word(
        "`uncovered`: lost beyond the requirement; `lost`: owed after a sale.", WORST_KINDS
    )
    rank = dy.Int64(min=1, primary_key=True, description="From the worst.")
    account_id = columns.account_id()
    business_date = _day("Session: of the requirement, or of the sale.")
    amount = _usd("Lost beyond the requirement, or owed.")
    loss = _usd("Lost until the next session; of a sale what was owed.")
    required = _usd("House requirement; 0 for a sale.")
    equity = columns.usd("At the close; of a sale after it.")
    held = _text("JSON: symbol, quantity, price and price at the next session, before a sale.")


ALL: tuple[tuple[str, type[dy.Schema], tuple[str, ...]], ...] = (
    ("history_prices", HistoryPrices, ("history_id", "symbol", "business_date")),
    ("backtest_runs", BacktestRuns, ("run_id",)),
    ("backtest_accounts", BacktestAccounts, ("run_id", "account_id")),
    ("backtest_days", BacktestDays, ("run_id", "business_date")),
    (
        "backtest_coverage",
        BacktestCoverage,
        ("run_id", "method", "horizon_days", "group_kind", "group_name"),
    ),
    ("backtest_worst", BacktestWorst, ("run_id", "kind", "rank")),
)
"""Each table with the columns that put its rows in order."""
