"""What adjusted option contracts deliver, as landed."""

import dataframely as dy
import polars as pl

from schemas import columns
from schemas.landed import Landed

_PART = r"[0-9]{1,12}(\.[0-9]{1,6})? [!-~]+"
_DELIVERABLE = rf"^{_PART}( \+ {_PART})*$"
_MOST_TEXT = 256


class OptionAdjustments(Landed):
    """What one contract delivers, from its date on. Of two of one date the later landed stands."""

    symbol = columns.symbol("Option whose contract is adjusted.")
    effective_on = dy.Date(description="First day of use, in New York.")
    deliverable = dy.String(
        max_length=_MOST_TEXT,
        description="What a contract delivers, parts joined by ` + `: units and a symbol, an "
        "amount and `cash`, as in `12 GE + 52.00 cash`.",
    )
    strike_multiplier = dy.Decimal(
        38,
        6,
        nullable=True,
        min_exclusive=0,
        max=10**6,
        description="What the strike is multiplied by for what is paid at exercise; null: by the "
        "contract's multiplier.",
    )

    @dy.rule()
    def deliverable_is_written_as_told(cls) -> pl.Expr:
        """Units and a symbol, or an amount and `cash`; more of them after ` + `."""
        return cls.deliverable.col.str.contains(_DELIVERABLE)
