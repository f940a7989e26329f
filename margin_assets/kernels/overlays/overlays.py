"""House overlays: what the firm charges on top of the regulatory requirement, one row a charge.

Every overlay is the firm's policy, read from the rulebook `overlays` and off unless switched on
there. All measure absolute exposure, so a short book is charged like the long one it mirrors,
and no charge is negative. Source: the rulebook names a published policy for each.
"""

from collections.abc import Callable

import numpy as np
import polars as pl

from margin_assets.kernels.numeric.money import MICRO, PPM
from margin_assets.kernels.overlays.charges import (
    RATE_SCALE,
    account_keys,
    banded,
    cents,
    charge_line,
    charge_rows,
    model_lines,
    quotient,
    rate_of,
    reasons,
    usd,
)
from margin_assets.kernels.overlays.exposures import (
    by_issuer,
    held_positions,
    is_equity,
    issuer_exposures,
    issuer_ranges,
)
from margin_assets.kernels.rules.overlay_rules import OverlayRules
from schemas.house import OVERLAYS

Overlay = Callable[[pl.DataFrame, OverlayRules], pl.DataFrame]


def house_addons(
    positions: pl.DataFrame, accounts: pl.DataFrame, rules: OverlayRules
) -> pl.DataFrame:
    """Add-ons of the overlays switched on, one row a charge above zero, in USD.

    Sorted by account, overlay and subject; each row states its base, its rate and what input was
    missing. Overlays add up.

    Raises:
        ValueError: A position's account is not among the accounts or has no requirement.
    """
    held = held_positions(positions, accounts, rules)
    parts = [_CHARGES[name](held, rules) for name in OVERLAYS if name in rules.enabled]
    # Without an overlay the table is empty, with the columns it always has.
    addons = pl.concat([_volatility(held.clear(), rules), *parts])
    return addons.sort(*account_keys(addons), "overlay", "subject")


def house_totals(addons: pl.DataFrame, accounts: pl.DataFrame) -> pl.DataFrame:
    """Add-ons of each account by overlay and the house requirement, in the accounts' order.

    The house requirement is the regulatory one plus every add-on: never below it.
    """
    keys = account_keys(accounts)
    sums = addons.group_by(keys).agg(
        pl.col("addon").filter(pl.col("overlay") == name).sum().alias(f"{name}_addon")
        for name in OVERLAYS
    )
    names = [f"{name}_addon" for name in OVERLAYS]
    zero = pl.lit(0).cast(pl.Decimal(38, 2))
    return (
        accounts.select(*keys, "regulatory_requirement")
        .join(sums, on=keys, how="left", maintain_order="left", validate="1:1")
        .with_columns(pl.col(names).fill_null(zero))
        .with_columns(
            house_requirement=pl.col("regulatory_requirement")
            + pl.sum_horizontal(names).cast(pl.Decimal(38, 2))
        )
    )


def house_initial(requirements: pl.DataFrame, rules: OverlayRules) -> pl.DataFrame:
    """House initial requirement of each row's maintenance `requirement`, in USD.

    A multiple of maintenance, higher for what is not a US security; a row whose `is_us` is
    unknown takes the higher one. With the overlay off it is maintenance itself.
    """
    terms = rules.initial
    us, non_us = (terms.us, terms.non_us) if terms.is_enabled else (PPM, PPM)
    is_us = pl.col("is_us").fill_null(value=False)
    factor = pl.when(is_us).then(rate_of(us)).otherwise(rate_of(max(us, non_us)))
    line = charge_line(cents("requirement"), factor)
    return requirements.with_columns(house_initial_requirement=usd(line))


def expected_range_stress(
    positions: pl.DataFrame, accounts: pl.DataFrame, rules: OverlayRules
) -> pl.DataFrame:
    """Each issuer's one-day range (EPR) against the move that empties the account (PNR).

    `point_of_no_return` is the adverse move of the issuer, all else equal, that takes net
    liquidation to zero; null where no move does. `is_inside`: it lies within the expected range,
    reached or passed; then `stress` is the range, else the TIMS minimum of an equity. An issuer
    without a range has the rulebook's, an account without equity is at zero already.

    Source: Schwab, How portfolio margin works.
    """
    issuers = issuer_ranges(held_positions(positions, accounts, rules), rules)
    return issuers.select(
        *account_keys(issuers),
        "issuer",
        exposure=usd(pl.col("exposure")),
        point_of_no_return=pl.when(pl.col("exposure") > 0).then(
            pl.col("equity").fill_null(0).clip(lower_bound=0) / pl.col("exposure")
        ),
        expected_range=quotient(issuers["reach"], PPM),
        stress=quotient(issuers["stress"], PPM),
        is_inside="is_inside",
    )


def _concentration(held: pl.DataFrame, rules: OverlayRules) -> pl.DataFrame:
    terms = rules.concentration
    size = pl.col("exposure").sum()
    if terms.net_within_issuer:
        # What has no delta has no side, and nets with nothing.
        size = pl.col("delta").sum().abs() + pl.col("exposure").filter("delta_missing").sum()
    issuers = by_issuer(
        held,
        base=size,
        is_exempt=pl.col("issuer_class").is_in(terms.not_issuers).any(),
        delta_missing=pl.col("delta_missing").any(),
    )
    gross = pl.col("base").sum().over(account_keys(held))
    over = pl.col("base") * PPM - gross * terms.above
    rate = pl.lit(terms.rate * MICRO, pl.Int128)
    if terms.schedule == "smooth":
        span = gross * (terms.full_at - terms.above)
        rate = pl.min_horizontal(over, span) * rate // span
    charged = issuers.with_columns(over=over, rate=rate).filter((over > 0) & ~pl.col("is_exempt"))
    reason = reasons("concentrated", delta_missing=pl.col("delta_missing"))
    return charge_rows(charged, "concentration", pl.col("issuer"), reason)


def _volatility(held: pl.DataFrame, rules: OverlayRules) -> pl.DataFrame:
    measure = pl.col("volatility_annual")
    # A long option cannot lose more than its value.
    limit = pl.when(pl.col("is_option") & (pl.col("quantity") > 0)).then("value")
    charged = held.filter(is_equity(rules)).with_columns(
        base=pl.min_horizontal("exposure", limit), rate=banded(measure, rules.volatility)
    )
    reason = (
        pl.when(measure.is_null())
        .then(pl.lit("volatility_missing"))
        .otherwise(reasons("volatile", delta_missing=pl.col("delta_missing")))
    )
    return charge_rows(charged, "volatility", pl.col("symbol"), reason)


def _beta_leverage(held: pl.DataFrame, rules: OverlayRules) -> pl.DataFrame:
    terms = rules.beta_leverage
    keys = account_keys(held)
    equities = held.filter(is_equity(rules))
    known = equities["delta"].is_not_null() & equities["beta"].is_not_null()
    # Without a beta or a side, the position counts against the account whatever the rest does.
    amount = equities.select(pl.when(known).then("delta").otherwise("exposure")).to_series()
    factor = equities["beta"].fill_null(terms.missing_beta).to_numpy()
    line = model_lines(amount.cast(pl.Int64).to_numpy(), np.where(known, factor, abs(factor)))
    accounts = (
        equities.with_columns(line=pl.Series(line).cast(pl.Int128), known=known)
        .group_by(keys)
        .agg(
            weighted=pl.col("line").filter("known").sum().abs()
            + pl.col("line").filter(~pl.col("known")).sum(),
            base=pl.col("exposure").sum(),
            beta_missing=pl.col("beta").null_count() > 0,
            delta_missing=pl.col("delta_missing").any(),
            equity=pl.col("equity").first(),
            as_of=pl.col("as_of").first(),
        )
    )
    equity = pl.col("equity").fill_null(0)
    is_levered = (equity <= 0) | (pl.col("weighted") * PPM > equity * terms.above)
    charged = accounts.filter(is_levered).with_columns(rate=rate_of(terms.rate))
    reason = reasons(
        "levered",
        equity_not_positive=equity <= 0,
        beta_missing=pl.col("beta_missing"),
        delta_missing=pl.col("delta_missing"),
    )
    return charge_rows(charged, "beta_leverage", pl.lit(""), reason)


def _low_price(held: pl.DataFrame, rules: OverlayRules) -> pl.DataFrame:
    terms = rules.low_price
    is_stock = pl.col("asset_class").is_in(terms.asset_classes).fill_null(value=True)
    price = pl.col("price").cast(pl.Decimal(38, 6)).to_physical()
    charged = held.filter(is_stock & (price < terms.below).fill_null(value=True)).with_columns(
        base=pl.col("value"),
        rate=rate_of(terms.requirement),
        held=cents("requirement").fill_null(0),
    )
    reason = reasons(
        "low_price",
        price_missing=pl.col("price").is_null(),
        requirement_missing=pl.col("requirement").is_null(),
    )
    return charge_rows(charged, "low_price", pl.col("symbol"), reason)


def _expected_range(held: pl.DataFrame, rules: OverlayRules) -> pl.DataFrame:
    charged = (
        issuer_ranges(held, rules)
        .filter("is_inside")
        .with_columns(
            base=pl.col("exposure"), rate=pl.col("stress") * MICRO, held=pl.col("requirement_held")
        )
    )
    reason = reasons(
        "inside_expected_range",
        range_missing=pl.col("expected_range").is_null(),
        delta_missing=pl.col("delta_missing"),
    )
    return charge_rows(charged, "expected_range", pl.col("issuer"), reason)


def _hard_to_borrow(held: pl.DataFrame, rules: OverlayRules) -> pl.DataFrame:
    fee = pl.col("borrow_rate")
    is_listed = pl.col("is_hard_to_borrow").fill_null(value=False)
    charged = held.filter((pl.col("quantity") < 0) & is_listed).with_columns(
        base=pl.col("value"), rate=banded(fee, rules.hard_to_borrow)
    )
    reason = reasons("hard_to_borrow", borrow_rate_missing=fee.is_null())
    return charge_rows(charged, "hard_to_borrow", pl.col("symbol"), reason)


def _concentration_scan(held: pl.DataFrame, rules: OverlayRules) -> pl.DataFrame:
    terms = rules.concentration_scan
    issuers = issuer_exposures(held, rules)
    keys = account_keys(issuers)
    # Of equal exposures the first issuer by name is the riskier, so that a rerun says the same.
    ranked = issuers.sort(
        *keys, "exposure", "issuer", descending=[*[False] * len(keys), True, False]
    )
    place = pl.int_range(pl.len()).over(keys)
    riskiest, other = rate_of(terms.riskiest_move), rate_of(terms.other_move)
    move = pl.when(place < terms.riskiest).then(riskiest).otherwise(other)
    scanned = (
        ranked.with_columns(loss=charge_line(pl.col("exposure"), move))
        .group_by(keys)
        .agg(
            base=pl.col("exposure").sum(),
            charge=pl.col("loss").sum(),
            held=pl.col("requirement_held").first(),
            delta_missing=pl.col("delta_missing").any(),
            as_of=pl.col("as_of").first(),
        )
        .filter(pl.col("base") > 0)
        .with_columns(rate=pl.col("charge") * RATE_SCALE // pl.col("base"))
    )
    reason = reasons("concentrated", delta_missing=pl.col("delta_missing"))
    return charge_rows(scanned, "concentration_scan", pl.lit(""), reason)


_CHARGES: dict[str, Overlay] = {
    "beta_leverage": _beta_leverage,
    "concentration": _concentration,
    "concentration_scan": _concentration_scan,
    "expected_range": _expected_range,
    "hard_to_borrow": _hard_to_borrow,
    "low_price": _low_price,
    "volatility": _volatility,
}
