"""Tables of options that leave accounts: what was reported, and what came of it.

Source: the public interface of books that live; OCC Rules 801 to 805.
"""

import dataframely as dy
import polars as pl

from schemas import columns
from schemas.landed import Landed

REPORT_KINDS = ("exercise", "assignment", "expiry")
OUTCOMES = ("exercised", "assigned", "expired", "not_settled")


class Exercises(Landed):
    """One report that contracts were exercised, assigned or expired, by its own id, as landed."""

    exercise_id = columns.identifier("Id of the report.", key=True)
    account_id = columns.account_id()
    symbol = columns.symbol("The option.")
    quantity = dy.Decimal(
        38,
        6,
        min=0,
        max=columns.MAX_QUANTITY,
        description="Contracts that leave the position; 0 withdraws a report.",
        metadata={"unit": "1"},
    )
    kind = columns.code("What became of them: worthless ones expire.", REPORT_KINDS)
    event_time = columns.instant("When they left the position.")
    corrects_exercise_id = columns.identifier(
        "The report that this one replaces whole; null for an original.", nullable=True
    )
    settlement_value = columns.premium(
        "Of what pays cash: the value of the underlying that it is paid by; null: its last price.",
        nullable=True,
    )

    @dy.rule()
    def zero_quantity_corrects_something(cls) -> pl.Expr:
        """A report of no contracts withdraws another and names it."""
        return (cls.quantity.col != 0) | cls.corrects_exercise_id.col.is_not_null()


class Settlements(dy.Schema):
    """One change of one position by contracts that were exercised, assigned or expired."""

    # No key: one cycle may settle a position by the rule, and take a report of it, twice.
    account_id = columns.account_id()
    symbol = columns.symbol("The option.")
    exercise_id = columns.identifier(
        "The report behind it, as it first landed; null where the rule settled.", nullable=True
    )
    outcome = columns.code(
        "What became of the contracts; `not_settled`: reported, and no value is known to pay by.",
        OUTCOMES,
    )
    settled_by_rule = dy.Bool(description="Whether nobody reported it in time.")
    event_time = columns.instant("When the contracts left: as reported, or as the rule says.")
    settled_at = columns.instant("Grid point from which it counts.")
    contracts = columns.quantity("Change of the option position; a correction may take it back.")
    settlement_value = columns.premium(
        "Value of the underlying that it was judged or paid by; null where none was needed.",
        nullable=True,
    )
    price = columns.premium("What each unit of a contract pays in cash; 0 where shares move.")
    share_symbol = columns.symbol("What is delivered; null where nothing is.", nullable=True)
    shares = columns.quantity("Change of the position in it.")
    strike = columns.price("Price that they are delivered at.", nullable=True)
    cash = columns.usd("Change of the account's cash.")
    cycle = columns.cycle()
