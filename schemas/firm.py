"""Tables of the whole firm: what clients would owe, where it is concentrated, limits on both."""

import dataframely as dy
import polars as pl

from schemas import columns
from schemas.landed import ACCOUNT_TYPES, Landed

SUBJECT_KINDS = ("symbol", "issuer")
VOLUME_STATES = ("known", "partial", "not_traded", "no_volume")
METRICS = (
    "beta_weighted_exposure",
    "gross_beta_weighted_exposure",
    "worst_scenario_loss",
    "credit_exposure",
    "gross_share",
    "volume_share",
    "days_to_liquidate",
    "rates_dv01",
    "rates_npv",
    "rates_dv01_share",
)
RATES_METRICS = METRICS[7:]
"""Of the rates book, in its reporting currency: absolute DV01 and value, share of gross DV01."""
SCOPES = ("firm", "symbol", "issuer", "account", "desk", "legal_entity")
MEASURED = {
    "firm": (*METRICS[:4], *RATES_METRICS[:2]),
    "symbol": ("worst_scenario_loss", *METRICS[4:7], RATES_METRICS[2]),
    "issuer": ("worst_scenario_loss", *METRICS[4:7], RATES_METRICS[2]),
    "account": (
        *("beta_weighted_exposure", "worst_scenario_loss", "credit_exposure", "gross_share"),
        *RATES_METRICS[:2],
    ),
    "desk": RATES_METRICS[:2],
    "legal_entity": RATES_METRICS[:2],
}
"""Metrics that a limit of each scope may be on."""
BREACH_STATES = ("open", "acknowledged", "cured")


class CreditExposures(dy.Schema):
    """One scenario over the accounts of one type at the end of a cycle: what clients would owe."""

    cycle = columns.cycle(key=True)
    scenario = dy.String(primary_key=True, description="Name, as in `firm_risk`.")
    account_type = dy.String(
        primary_key=True,
        regex="^(" + "|".join(ACCOUNT_TYPES) + ")$",
        description="Rules that govern the accounts.",
        metadata={"values": list(ACCOUNT_TYPES)},
    )
    move = columns.fraction("Move of SPY, or of every price.")
    accounts = columns.count("Accounts of the type.")
    accounts_under_water = columns.count(
        "Accounts that would owe: whose net liquidation after the move is negative."
    )
    pnl = columns.usd("P&L of these accounts.")
    net_liquidation = columns.usd("Net liquidation of these accounts after the move.")
    credit_exposure = columns.usd(
        "Sum of negative net liquidations after the move; no client's money pays another's debt.",
        least=0,
    )
    as_of = columns.instant("Grid point of the row.")


class FirmConcentrations(dy.Schema):
    """One name, or one issuer, among those that lose most at the firm's worst scenario."""

    cycle = columns.cycle(key=True)
    kind = dy.String(
        primary_key=True,
        regex="^(" + "|".join(SUBJECT_KINDS) + ")$",
        description="`symbol`, or `issuer`: a class group.",
        metadata={"values": list(SUBJECT_KINDS)},
    )
    rank = dy.Int64(
        min=1,
        primary_key=True,
        description="Place among those of its kind, from 1: by loss, gross value, name.",
        metadata={"unit": "1"},
    )
    subject = columns.symbol("The symbol, or the class group.")
    scenario = dy.String(description="The worst scenario: of most credit exposure, then loss.")
    loss = columns.usd(
        "What the accounts that lose in it lose; nobody's gain is set against it.", least=0
    )
    long_value = columns.usd("Value of long positions in it, before the move.", least=0)
    short_value = columns.usd("Absolute value of short positions.", least=0)
    gross_value = columns.usd("Long plus short.", least=0)
    gross_share = columns.fraction("Share of the firm's gross market value.")
    accounts = columns.count("Accounts that hold it.")
    average_daily_volume = dy.Decimal(
        38,
        6,
        min=0,
        nullable=True,
        description="Of a symbol: shares or contracts a day; null where none is known.",
        metadata={"unit": "1 per day"},
    )
    volume_state = columns.code(
        "What is known of volumes: all, some of an issuer's names, that it is not traded, none.",
        VOLUME_STATES,
    )
    volume_share = columns.fraction(
        "Long plus short units as a multiple of the average daily volume, of an issuer the largest "
        "of its names'; null where none is known or none is traded.",
        nullable=True,
    )
    days_to_liquidate = columns.fraction(
        "The same over the share of a day's volume that may be traded; of `partial` at the least.",
        nullable=True,
    )
    as_of = columns.instant("Grid point of the row.")


class Limits(Landed):
    """One version of one limit of the house, in force from its event time on."""

    limit_id = columns.identifier("Id of the limit.", key=True)
    metric = columns.code("What is limited.", METRICS)
    scope = columns.code("Of what.", SCOPES)
    subject = columns.identifier(
        "Symbol (of the rates book: instrument), class group or issuer, account, desk, legal "
        "entity; null: of the firm, or of each there is.",
        nullable=True,
    )
    amount = dy.Decimal(
        38,
        6,
        nullable=True,
        min=0,
        max=columns.MAX_AMOUNT,
        description="Breached above it: USD, a share, a multiple or days; null ends the limit.",
        metadata={"unit": "of the metric"},
    )
    owner = columns.identifier("Who answers for it.")
    event_time = columns.instant("When this version took effect.", key=True)

    @dy.rule()
    def metric_fits_its_scope(cls) -> pl.Expr:
        """A metric is measured of some scopes only."""
        fits = [
            (cls.scope.col == scope) & cls.metric.col.is_in(list(metrics))
            for scope, metrics in MEASURED.items()
        ]
        return pl.any_horizontal(fits)

    @dy.rule()
    def firm_has_no_subject(cls) -> pl.Expr:
        """There is one firm."""
        return (cls.scope.col != "firm") | cls.subject.col.is_null()


class LimitBreaches(dy.Schema):
    """One version of the life of one breach of a limit."""

    breach_id = dy.String(
        primary_key=True,
        regex="^[0-9a-f]{32}$",
        description="Hash of limit, subject and the grid point at which it was found.",
    )
    version = dy.Int64(min=1, primary_key=True, description="From 1.", metadata={"unit": "1"})
    limit_id = columns.identifier("The limit.")
    metric = columns.code("What is limited.", METRICS)
    scope = columns.code("Of what.", SCOPES)
    subject = columns.identifier(
        "Symbol, class group or account; null: the firm, or all names without a volume.",
        nullable=True,
    )
    state = columns.code("Where it stands.", BREACH_STATES)
    value = dy.Decimal(
        38,
        6,
        nullable=True,
        description="What was measured, rounded up; null where it is not known, and when cured.",
        metadata={"unit": "of the metric"},
    )
    limit_value = dy.Decimal(
        38,
        6,
        nullable=True,
        min=0,
        description="The limit then; null: it had ended.",
        metadata={"unit": "of the metric"},
    )
    use = columns.fraction("Value over limit; null where either is not there or 0.", nullable=True)
    owner = columns.identifier("Who answers for the limit.")
    opened_at = columns.instant("Grid point at which it was found.")
    changed_at = columns.instant("Grid point of this version.")
    acknowledged_by = columns.identifier("Who acknowledged it.", nullable=True)
    action_id = columns.identifier("The act that did.", nullable=True)
    cycle = columns.cycle()
