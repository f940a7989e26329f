"""Tables of what moves: risk factors, their history and correlation, currencies, scenarios."""

import dataframely as dy

from schemas import columns
from schemas.avalanche import fields

FACTOR_CLASSES = ("IR", "FX", "EQ", "CR", "CM", "VOL")
SCENARIO_KINDS = ("historical", "hypothetical", "reverse")
SEVERITIES = ("none", "moderate", "severe", "extreme")


class RiskFactor(dy.Schema):
    """One risk factor: its volatility, its market and the shape of its day."""

    factor_id = fields.key_of("Factor.", key=True)
    factor_class = dy.String(
        alias="class",
        regex=f"^({'|'.join(FACTOR_CLASSES)})$",
        description="Class.",
        metadata={"values": list(FACTOR_CLASSES)},
    )
    unit = columns.identifier("What a return of 1 is, in words.", nullable=True)
    ccy = columns.identifier("Currency.", nullable=True)
    sigma0 = fields.number("Daily volatility today.", "return/day", least=0.0)
    sigma_bar = dy.Float64(
        nullable=True,
        min=0.0,
        description="Long-run daily volatility; empty: as sigma0.",
        metadata={"unit": "return/day"},
    )
    adv = dy.Float64(
        nullable=True,
        min_exclusive=0.0,
        description="Market turnover a day, as USD of delta; arms B and C need it.",
        metadata={"unit": "USD/day"},
    )
    depth = dy.Float64(
        nullable=True,
        min_exclusive=0.0,
        description="USD of delta that move it by a return of 1 under linear impact; empty: "
        "`depth_constant` adv / (sigma0 sqrt(`liquidation_days`)).",
        metadata={"unit": "USD"},
    )
    spread = fields.number("Half the bid-ask spread.", "return", 0.0, least=0.0)
    kappa_crowd = fields.number(
        "What is sold in all, as a multiple of our own sales.", "1", 4.0, least=0.0
    )
    hour_profile = fields.numbers("24 shares of the day's variance that sum to 1; empty: even.", "")
    volume_profile = fields.numbers("24 shares of the day's volume that sum to 1; empty: even.", "")
    underlying_id = fields.reference("Of an implied volatility: the price that it belongs to.")


class FactorHistory(dy.Schema):
    """Return of one factor on one day (or in one hour of it)."""

    factor_id = fields.key_of("Factor.")
    date = fields.day("Day.")
    hour = dy.Int64(min=0, max=23, nullable=True, description="Hour (UTC); empty: the whole day.")
    factor_return = dy.Float64(
        alias="return", description="Return, in the factor's unit.", metadata={"unit": "return"}
    )
    stale = fields.flag("Whether it repeats an older price.", default=False)


class Correlation(dy.Schema):
    """Correlation of two factors; each pair once, either way round."""

    factor_id = fields.key_of("Factor.", key=True)
    other_id = fields.key_of("Other factor.", key=True)
    rho = fields.number("Correlation.", "1", least=-1.0, most=1.0)


class FxRate(dy.Schema):
    """Rate of one currency."""

    ccy = dy.String(primary_key=True, regex="^[A-Z]{3}$", description="Currency.")
    usd_per_unit = dy.Float64(
        min_exclusive=0.0, description="US dollars for one unit.", metadata={"unit": "USD/ccy"}
    )


class Scenario(dy.Schema):
    """What one scenario does to one factor from one hour on."""

    scenario_id = fields.key_of("Scenario.", key=True)
    severity = fields.word("Severity.", SEVERITIES, "severe")
    kind = fields.word("Where it is from.", SCENARIO_KINDS, "hypothetical")
    factor_id = fields.key_of("Factor; `*` for all.", key=True)
    hour = dy.Int64(
        min=0,
        max=239,
        primary_key=True,
        description="Hour of the ten days, from 0. The shock is added to the return of that hour; "
        "the rest holds from it on.",
        metadata={"unit": "h"},
    )
    return_shock = fields.number("Return added.", "return", 0.0)
    vol_multiplier = fields.number("Volatility over what it would be.", "1", 1.0, least=0.0)
    correlation_weight = fields.share(
        "Weight of the stressed correlation; the largest named holds.", 0.0
    )
    depth_multiplier = fields.number("Market depth over what it is today.", "1", 1.0, least=0.0)
    haircut_add = fields.share("Added to haircuts.", 0.0)
    facility_available = fields.flag(
        "Whether lines that are not committed can be drawn.", default=True
    )
    source = columns.free_text("Where it is from.")
