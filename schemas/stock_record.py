"""The firm's own books as landed, and where they differ from what the monitor holds."""

import dataframely as dy
import polars as pl

from schemas import columns
from schemas.landed import Landed


class StockRecord(Landed):
    """What the firm's own books hold of one symbol, or in cash, of an account at a close."""

    # Of two rows of one account, symbol and date the later landed stands.
    account_id = columns.account_id()
    symbol = columns.symbol("Instrument; null in the row of the account's cash.", nullable=True)
    quantity = dy.Decimal(
        38,
        6,
        nullable=True,
        min=-(10**9),
        max=10**9,
        description="Long positive, short negative, trade date; null in a row of cash.",
        metadata={"unit": "1"},
    )
    cash = dy.Decimal(
        38,
        2,
        nullable=True,
        min=-(10**12),
        max=10**12,
        description="Cash balance, trade date; null in a row of a symbol.",
        metadata={"unit": "USD"},
    )
    as_of = dy.Date(description="Business date at whose close the books stood so.")

    @dy.rule()
    def row_is_of_a_symbol_or_of_cash(cls) -> pl.Expr:
        """A row says what is held of a symbol, or what the account's cash is."""
        is_held = cls.symbol.col.is_not_null() & cls.quantity.col.is_not_null()
        is_cash = cls.symbol.col.is_null() & cls.quantity.col.is_null()
        return (is_held & cls.cash.col.is_null()) | (is_cash & cls.cash.col.is_not_null())


AGREED = "agreed"
"""Kind of the row that ends the breaks of an account."""
BREAK_KINDS = ("quantity", "cash", "account_missing", "account_unknown", AGREED)


class Breaks(dy.Schema):
    """One difference between the firm's own books and the monitor at a close, or their end."""

    account_id = columns.account_id(key=True)
    kind = columns.code(
        "What differs: `account_missing` is in no row of the record, `account_unknown` in nothing "
        "that landed before it. `agreed`: nothing differs any more, as it did at the close of the "
        "record before.",
        BREAK_KINDS,
    )
    symbol = columns.symbol("Instrument; null where cash differs, or the account.", nullable=True)
    ours = columns.quantity("What the monitor holds; USD of cash.")
    theirs = columns.quantity("What the firm's books hold.")
    market_value = columns.usd(
        "What the difference is worth at our mark, theirs less ours; null where we have no price.",
        nullable=True,
    )
    requirement_change = columns.usd("Governing requirement by their row, less ours.")
    excess_change = columns.usd("Excess by their row, less ours.")
    first_seen = dy.Date(description="First record since which it differs without a break.")
    age = columns.count("Business days since then.")
    as_of = columns.instant("The close.")
    cycle = columns.cycle()
