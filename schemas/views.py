"""Views for SQL: what is asked most, joined once. They are no tables: nothing stores them."""

import dataframely as dy

from schemas import columns
from schemas.landed import ACCOUNT_TYPES
from schemas.margin import METHODS


class AccountsNow(dy.Schema):
    """One account now: where it stands since when, by how much, and what comes next."""

    account_id = columns.account_id(key=True)
    account_type = columns.code("Rules that govern the account.", ACCOUNT_TYPES)
    margin_status = columns.code("Maintenance.", ("ok", "warning", "call"))
    since = columns.instant("When that began; null: it was never another.", nullable=True)
    equity = columns.usd("What the requirement is held against.")
    requirement = columns.usd("The governing one: regulation and house.", least=0)
    excess = columns.usd("Equity less the requirement.")
    gross_market_value = columns.usd("Long plus short, options included.", least=0)
    excess_share = columns.fraction(
        "Excess as a part of the gross; null where nothing is held.", nullable=True
    )
    restriction = columns.code("Trading.", ("none", "close_only"))
    liquidation = columns.code("Liquidation.", ("none", "triggered"))
    minimum_equity = columns.code("Minimum equity.", ("ok", "call"))
    open_calls = columns.count("Margin calls that are still owed.")
    called = columns.usd("What they come to.", least=0)
    next_deadline = columns.instant("The earliest deadline of theirs.", nullable=True)
    consequences = dy.String(
        nullable=True, description="What they bring on the account, `;`-separated."
    )
    breaks = dy.Int64(
        nullable=True,
        min=1,
        description="Differences from the firm's own books at the last close that had any; null: "
        "none was found, or a later record agreed. `margin reconcile` tells those of a date.",
    )
    breaks_on = dy.Date(nullable=True, description="Business date of that close.")
    determinacy = columns.code(
        "Whether all inputs were there: `status` of `margin_summary`, by the name that it means.",
        ("determinate", "indeterminate"),
    )
    reasons = dy.String(description="Why it is indeterminate or flagged, `;`-separated.")
    cheaper_method = columns.code(
        "Which method would require less: `margin_method` of `margin_summary`, which decides "
        "nothing.",
        METHODS,
    )
    as_of = columns.instant("Grid point of the row.")
    cycle = columns.cycle()


VIEWS: dict[str, type[dy.Schema]] = {"accounts_now": AccountsNow}
