"""What a position counts as in a house overlay: its delta exposure, and its loss a unit of move.

Amounts are integer cents in 128 bits, so that no product of an amount and a rate overflows.
"""

import polars as pl

from margin_assets.kernels.numeric.money import BEYOND, MICRO, PPM
from margin_assets.kernels.overlays.charges import account_keys, cents, charge_line
from margin_assets.kernels.rules.overlay_rules import OverlayRules

_CENT_SCALE = MICRO * MICRO // 100  # micro-units x micro-dollars in a cent
_ABSENT_MEANS_UNKNOWN = {"issuer_class": pl.String(), "requirement": pl.Decimal(38, 2)}
_MODEL_VALUES = ("beta", "volatility_annual", "expected_range", "borrow_rate")


def held_positions(
    positions: pl.DataFrame, accounts: pl.DataFrame, rules: OverlayRules
) -> pl.DataFrame:
    """Positions that overlays look at, with their exposures and the figures of their account.

    Sorted by account, issuer and symbol. Accounts of an exempt type are left out. An option
    without a delta counts with all its units at the price of the underlying; without that price,
    with its own value.

    Raises:
        ValueError: A position's account is not among the accounts or has no requirement.
    """
    keys = account_keys(positions)
    absent = {
        name: pl.lit(None, dtype)
        for name, dtype in _ABSENT_MEANS_UNKNOWN.items()
        if name not in positions.columns
    }
    figures = accounts.select(
        *keys,
        "account_type",
        "as_of",
        equity=cents("equity"),
        requirement_held=cents("regulatory_requirement"),
    )
    held = positions.with_columns(**absent).drop("as_of", strict=False)
    held = held.join(figures, on=keys, how="left", maintain_order="left", validate="m:1")
    if held["requirement_held"].null_count():
        msg = "a position's account is not among the accounts or has no regulatory requirement"
        raise ValueError(msg)
    is_exempt = pl.col("account_type").is_in(rules.scope.exempt_account_types)
    return (
        held.filter(~is_exempt.fill_null(value=False))
        .with_columns(*_known_terms())
        .with_columns(**_amounts())
        .with_columns(**_exposures())
        .with_columns(**_losses())
        .sort(*keys, "issuer", "symbol")
    )


def by_issuer(held: pl.DataFrame, **figures: pl.Expr) -> pl.DataFrame:
    """Figures of each account and issuer of sorted positions, in their order.

    Equal keys stand together, so runs are grouped: a tenth of the time of grouping by words.
    """
    keys = [*account_keys(held), "issuer"]
    runs = held.with_columns(run=pl.struct(keys).rle_id()).group_by("run", maintain_order=True)
    return runs.agg(pl.col(keys).first(), pl.col("as_of").first(), **figures).drop("run")


def issuer_exposures(held: pl.DataFrame, rules: OverlayRules) -> pl.DataFrame:
    """Each issuer of an account: what it loses a unit of adverse move, up or down, in cents.

    Sorted by account and issuer. A range known of one of its positions is the issuer's; of
    several, the widest stands. Positions that are no equity risk are left out.
    """
    issuers = by_issuer(
        held.filter(is_equity(rules)),
        if_up=pl.col("if_up").sum(),
        if_down=pl.col("if_down").sum(),
        expected_range=pl.col("expected_range").max(),
        delta_missing=pl.col("delta_missing").any(),
        equity=pl.col("equity").first(),
        requirement_held=pl.col("requirement_held").first(),
    )
    worst = pl.min_horizontal("if_up", "if_down") * -1
    return issuers.with_columns(exposure=pl.max_horizontal(worst, 0))


def issuer_ranges(held: pl.DataFrame, rules: OverlayRules) -> pl.DataFrame:
    """Issuers with their range, whether net liquidation ends within it, and the stress, in ppm.

    What empties the account exactly is inside: nothing is left. Without a figure for equity it
    is inside too.
    """
    terms = rules.expected_range
    known = pl.col("expected_range")
    reach = pl.when(known >= 0).then((known * PPM).round()).otherwise(terms.missing)
    loss = charge_line(pl.col("exposure"), pl.col("reach") * MICRO)
    is_inside = (pl.col("exposure") > 0) & (loss >= pl.col("equity")).fill_null(value=True)
    minimum = pl.lit(terms.minimum, pl.Int128)
    stress = pl.when("is_inside").then(pl.max_horizontal("reach", minimum)).otherwise(minimum)
    return (
        issuer_exposures(held, rules)
        .with_columns(reach=reach.cast(pl.Int128))
        .with_columns(is_inside=is_inside)
        .with_columns(stress=stress)
    )


def is_equity(rules: OverlayRules) -> pl.Expr:
    """Whether a position carries equity risk; without a known class it does."""
    return ~pl.col("issuer_class").is_in(rules.scope.not_equity).fill_null(value=False)


def _known_terms() -> list[pl.Expr]:
    is_option = (pl.col("asset_class") == "option").fill_null(value=False)
    return [
        is_option.alias("is_option"),
        pl.coalesce("issuer", "symbol").alias("issuer"),
        pl.coalesce("issuer_class", pl.when(~is_option).then("asset_class")).alias("issuer_class"),
        *(pl.col(name).cast(pl.Float64).fill_nan(None) for name in _MODEL_VALUES),
    ]


def _amounts() -> dict[str, pl.Expr]:
    quantity, multiplier, price = (
        pl.col(name).cast(pl.Decimal(38, 6)).to_physical()
        for name in ("quantity", "multiplier", "price")
    )
    units = (quantity.abs() * multiplier + (MICRO - 1)) // MICRO
    return {
        "value": cents("market_value").abs(),
        "delta": pl.coalesce(
            cents("delta_value"),
            pl.when(~pl.col("is_option")).then(cents("market_value")),
        ),
        "units_value": (units * price + _CENT_SCALE // 2) // _CENT_SCALE,
    }


def _exposures() -> dict[str, pl.Expr]:
    whole = pl.coalesce("units_value", pl.max_horizontal(pl.col("delta").abs(), "value"))
    return {
        "whole": whole.clip(0, BEYOND),
        "exposure": pl.coalesce(pl.col("delta").abs(), whole).clip(0, BEYOND),
        "delta_missing": pl.col("delta").is_null(),
    }


def _losses() -> dict[str, pl.Expr]:
    """Gain a unit of move of the underlying, up and down; negative is a loss.

    A short option gains delta as the move goes against it, so it is taken whole on that side and
    with no gain on the other; a long one only does better than its delta.
    """
    delta, whole = pl.col("delta"), pl.col("whole")
    is_written = pl.col("is_option") & (pl.col("quantity") < 0)
    has_side = (delta != 0).fill_null(value=False)
    return {
        name: pl.when(is_written & has_side)
        .then(pl.when(delta * side < 0).then(whole * -1).otherwise(0))
        .when(is_written | delta.is_null())
        .then(whole * -1)
        .otherwise(delta * side)
        for name, side in (("if_up", 1), ("if_down", -1))
    }
