"""Tables of what happens to positions beside trades: corporate actions, and what follows."""

import dataframely as dy
import polars as pl

from schemas import columns
from schemas.landed import Landed

CASH_DIVIDEND = "cash_dividend"
SPLIT = "split"
STOCK_DIVIDEND = "stock_dividend"
SPIN_OFF = "spin_off"
RIGHTS = "rights"
MERGER = "merger"
SYMBOL_CHANGE = "symbol_change"
DELISTING = "delisting"
WITHDRAWN = "withdrawn"
CORPORATE_KINDS = (
    CASH_DIVIDEND,
    SPLIT,
    STOCK_DIVIDEND,
    SPIN_OFF,
    RIGHTS,
    MERGER,
    SYMBOL_CHANGE,
    DELISTING,
    WITHDRAWN,
)
"""In the order in which those of one symbol and one day act; the last takes an action back."""
IN_CASH, ROUNDED_UP, TO_NEAREST, KEPT = "cash", "up", "nearest", "keep"
FRACTIONS = (IN_CASH, ROUNDED_UP, TO_NEAREST, KEPT)
MAX_RATIO = 10**6


def _units(description: str) -> dy.Decimal:
    return dy.Decimal(
        38,
        6,
        nullable=True,
        min_exclusive=0,
        max=MAX_RATIO,
        description=description,
        metadata={"unit": "1"},
    )


class CorporateActions(Landed):
    """One corporate action, its correction or its withdrawal, by its own id, as landed."""

    action_id = columns.identifier("Id of the action.", key=True)
    symbol = columns.symbol("Security that it happens to.")
    kind = columns.code("What happens; `withdrawn` takes back what it corrects.", CORPORATE_KINDS)
    effective_on = dy.Date(
        description="Ex date: it acts at the opening of that session, or of the next there is."
    )
    new_units = _units(
        "Units that a holder has (split) or is given beside (all else) for `per_units` held."
    )
    per_units = _units("Units held that the terms are told for.")
    to_symbol = columns.symbol("Security that is given, or the new symbol.", nullable=True)
    cash_amount = columns.premium("Cash a unit held: dividend, or paid at once.", nullable=True)
    fractions = columns.code(
        "What becomes of part of a unit; null of a ratio to one, where there is none: `keep`.",
        FRACTIONS,
        nullable=True,
    )
    fraction_price = columns.premium("Price that part of a unit is paid at.", nullable=True)
    to_price = columns.price(
        "Of a spin-off or rights: stated value of a unit given; the old price is less by it.",
        nullable=True,
    )
    pay_on = dy.Date(nullable=True, description="Of a cash dividend: day it is paid.")
    event_time = columns.instant("When it was announced, corrected or withdrawn.")
    corrects_action_id = columns.identifier(
        "The action that this row replaces whole; null for an original.", nullable=True
    )

    @dy.rule()
    def ratio_is_told(cls) -> pl.Expr:
        """A kind that changes units tells both sides of its ratio; none tells one side alone."""
        is_both = cls.new_units.col.is_not_null() & cls.per_units.col.is_not_null()
        is_none = cls.new_units.col.is_null() & cls.per_units.col.is_null()
        needs = cls.kind.col.is_in([SPLIT, STOCK_DIVIDEND, SPIN_OFF, RIGHTS])
        is_stock_merger = (cls.kind.col == MERGER) & cls.to_symbol.col.is_not_null()
        return is_both | (is_none & ~(needs | is_stock_merger))

    @dy.rule()
    def what_is_given_is_told(cls) -> pl.Expr:
        """A spin-off, rights and a change of symbol name another symbol; splits name none."""
        is_another = cls.to_symbol.col.is_not_null() & (cls.to_symbol.col != cls.symbol.col)
        needs = cls.kind.col.is_in([SPIN_OFF, RIGHTS, SYMBOL_CHANGE])
        may = needs | cls.kind.col.is_in([MERGER, WITHDRAWN])
        return (is_another & may) | (cls.to_symbol.col.is_null() & ~needs)

    @dy.rule()
    def cash_is_told(cls) -> pl.Expr:
        """A dividend tells its amount, and so does a merger that gives nothing else."""
        is_for_cash = (cls.kind.col == MERGER) & cls.to_symbol.col.is_null()
        return cls.cash_amount.col.is_not_null() | ~((cls.kind.col == CASH_DIVIDEND) | is_for_cash)

    @dy.rule()
    def fractions_have_a_price(cls) -> pl.Expr:
        """Fractions paid in cash have their price."""
        is_paid = cls.fractions.col.is_not_null() & (cls.fractions.col == IN_CASH)
        return ~is_paid | cls.fraction_price.col.is_not_null()

    @dy.rule()
    def fractions_are_decided(cls) -> pl.Expr:
        """Where a ratio is not to one, what becomes of fractions is told."""
        is_to_one = cls.per_units.col.is_null() | (cls.per_units.col == 1)
        return cls.fractions.col.is_not_null() | is_to_one

    @dy.rule()
    def withdrawal_names_its_action(cls) -> pl.Expr:
        """What is withdrawn is named."""
        return (cls.kind.col != WITHDRAWN) | cls.corrects_action_id.col.is_not_null()


class OpeningBalances(Landed):
    """One position or cash that an account brings into this lake, by account and symbol."""

    account_id = columns.account_id()
    symbol = columns.symbol("What is held; null of a row that brings cash alone.", nullable=True)
    quantity = dy.Decimal(
        38,
        6,
        nullable=True,
        min=-columns.MAX_QUANTITY,
        max=columns.MAX_QUANTITY,
        description="Held: positive long, negative short.",
        metadata={"unit": "1"},
    )
    cost = columns.premium("Price a unit that it was taken in at, or sold short at.", nullable=True)
    cash = dy.Decimal(
        38,
        2,
        nullable=True,
        min=-columns.MAX_AMOUNT,
        max=columns.MAX_AMOUNT,
        description="Cash that comes with the row; null means none.",
        metadata={"unit": "USD"},
    )
    as_of = columns.instant("When the account stood so.")

    @dy.rule()
    def position_is_whole(cls) -> pl.Expr:
        """A position names its symbol, quantity and cost; cash alone names none of them."""
        told = [column.is_not_null() for column in (cls.symbol.col, cls.quantity.col, cls.cost.col)]
        is_position = pl.all_horizontal(*told) & (cls.quantity.col != 0)
        return is_position | (~pl.any_horizontal(*told) & cls.cash.col.is_not_null())


DUE, MET, AHEAD = "due", "met", "ahead"
DIVIDEND_ENTRIES = (DUE, MET, AHEAD)


class AccruedDividends(dy.Schema):
    """One change of what dividends an account is due or owes."""

    account_id = columns.account_id()
    kind = columns.code(
        "`due` from the ex date on, `met` by a movement, or paid `ahead` of what is due.",
        DIVIDEND_ENTRIES,
    )
    action_id = columns.identifier("The dividend; of a payment ahead its movement.")
    symbol = columns.symbol("What pays it; null of a payment ahead.", nullable=True)
    amount = columns.usd("Change: positive what the account is due, negative what it owes.")
    happened_at = columns.instant("Opening of its ex session, or when it was paid.")
    changed_at = columns.instant("Grid point that it counts from.")
    cycle = columns.cycle()
