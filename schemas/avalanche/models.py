"""Tables of how initial margin is asked: models, their changes, cuts given as they are, add-ons."""

import dataframely as dy

from schemas import columns
from schemas.avalanche import fields

FAMILIES = ("FHS_ES", "FHS_VAR", "SPAN", "SIMM", "SCHEDULE", "R4210", "FLAT")
TOOLS = ("none", "buffer25", "stress25", "floor10y")
"""Tools against procyclicality, by what is charged. Source: EMIR RTS 153/2013, Article 28."""
PHI, THETA = 2.33, 0.25
"""Of a concentration add-on that states no other: choices of the model's specification, 4.3."""
REPRICING = ("daily", "on_trigger", "static")


class ImModel(dy.Schema):
    """One version of a model of initial margin."""

    im_model_id = fields.key_of("Model.", key=True)
    family = fields.word("Family.", FAMILIES)
    version = columns.identifier("Version.", nullable=True)
    effective_from = dy.Date(nullable=True, description="From when the venue uses it.")
    alpha = fields.number("Confidence.", "1", 0.99, least=0.5, most=0.9999)
    mpor_days = dy.Int64(
        min=1, max=60, description="Margin period of risk.", metadata={"unit": "d", "default": 1}
    )
    lookback_days = dy.Int64(
        min=1, description="Days of history used.", metadata={"unit": "d", "default": 2500}
    )
    decay = dy.Float64(
        alias="lambda",
        min=0.0,
        max=1.0,
        description="Memory of its volatility estimate; 1: it never moves.",
        metadata={"unit": "1", "default": 1.0},
    )
    apc = fields.word("Tool against procyclicality.", TOOLS, "none")
    apc_param = dy.Float64(
        nullable=True,
        min=0.0,
        description="buffer25, stress25: the share (0.25); floor10y: floor over today's margin.",
        metadata={"unit": "1"},
    )
    liq_addon_id = fields.reference("Liquidity add-on.")
    conc_addon_id = fields.reference("Concentration add-on.")
    reprice = fields.word("When its volatility estimate is taken over.", REPRICING, "daily")
    trigger = fields.number("on_trigger: relative move that does it.", "1", 0.10, least=0.0)
    rate = dy.Float64(
        nullable=True,
        min=0.0,
        description="FLAT: share of gross delta. SPAN: credit between commodities. SCHEDULE: share "
        "of gross notional. R4210: largest move scanned.",
        metadata={"unit": "1"},
    )


class ImModelChange(dy.Schema):
    """One step of a change of model that a venue announced."""

    old_model_id = fields.key_of("Model that it replaces.", key=True)
    new_model_id = fields.key_of("Model that comes.", key=True)
    announced = fields.day("When it was announced.")
    effective = fields.day("From when the weight holds.", key=True)
    weight = fields.share("Weight of the new model from then on.", 1.0)


class ImCut(dy.Schema):
    """One coefficient of a cut that is given as it is, in place of a model."""

    ns_id = fields.key_of("Netting set.", key=True)
    im_model_id = fields.key_of("Model.", key=True)
    cut_group = dy.String(
        alias="group",
        primary_key=True,
        description="Group: margin is the sum over groups of the largest cut.",
        metadata={"default": "1"},
    )
    cut_no = dy.Int64(min=0, primary_key=True, description="Cut within the group.")
    factor_id = fields.key_of("Factor.", key=True)
    manager_id = fields.key_of("Manager whose share it is.", key=True)
    feature = dy.String(primary_key=True, regex="^(w|w2)$", description="w = q v or w2 = q v^2.")
    coefficient = fields.usd("Margin per unit of the feature.")


class AddOn(dy.Schema):
    """One add-on for concentration or liquidity."""

    addon_id = fields.key_of("Add-on.", key=True)
    kind = fields.word("What it is for.", ("concentration", "liquidity"))
    kappa = fields.number("Multiple.", "1", 1.0, least=0.0)
    phi = fields.number(
        "Quantile of the move, in deviations: 2.33 is the normal's at 99%.", "1", PHI, least=0.0
    )
    theta = fields.number(
        "Share of turnover above which size is charged; a quarter is the specification's choice.",
        "1",
        THETA,
        least=0.0,
    )
