"""Tables of the house's own policy: what it charges on top of the regulatory requirement."""

import dataframely as dy
import polars as pl

from schemas import columns

OVERLAYS = (
    "beta_leverage",
    "concentration",
    "concentration_scan",
    "expected_range",
    "hard_to_borrow",
    "low_price",
    "volatility",
)
# A cent of rounding, and what a double of the rate loses on a large base.
_CENT, _RELATIVE = 0.01, 1e-12


class HouseRequirements(dy.Schema):
    """One add-on of a house overlay to the requirement of an account, now."""

    account_id = columns.account_id(key=True)
    overlay = dy.String(
        primary_key=True,
        regex="^(" + "|".join(OVERLAYS) + ")$",
        description="Overlay that charges.",
        metadata={"values": list(OVERLAYS)},
    )
    subject = dy.String(
        primary_key=True,
        max_length=32,
        regex="^[ -~]*$",
        description="Issuer or instrument charged; empty for the account as a whole.",
    )
    base = columns.usd("What the rate is taken of: absolute exposure or value.", least=0)
    rate = columns.fraction("Share of the base.")
    addon = columns.usd(
        "Base times rate; of low price, expected range and scan what that exceeds the"
        " requirement held by.",
        least=0,
    )
    reason = dy.String(description="Why, and which input was missing, `;`-separated.")
    as_of = columns.instant("Grid point of the row.")
    cycle = columns.cycle()

    @dy.rule()
    def addon_is_within_its_charge(cls) -> pl.Expr:
        """No add-on is more than its base times its rate."""
        charge = cls.base.col.cast(pl.Float64) * cls.rate.col
        return cls.addon.col.cast(pl.Float64) <= charge * (1 + _RELATIVE) + _CENT
