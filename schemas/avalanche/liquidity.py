"""Tables of what dues are paid from: cash, collateral, credit lines, flows that are due."""

import dataframely as dy

from schemas import columns
from schemas.avalanche import fields

LADDER_KINDS = ("settlement", "coupon", "fee", "redemption", "margin", "facility")
CERTAINTIES = ("contractual", "expected", "stressed")


class CollateralHolding(dy.Schema):
    """One holding of securities that can be posted or lent for cash."""

    entity_id = fields.key_of("Entity.", key=True)
    asset_id = fields.key_of("Asset.", key=True)
    ccy = dy.String(regex="^[A-Z]{3}$", description="Currency of its amounts.")
    quantity = dy.Float64(nullable=True, description="Held; told, not used.")
    eligible_venues = dy.String(
        nullable=True,
        description="Venues that take it for initial margin, with `;` between them; `*`: all. "
        "There it meets a call as it falls due; elsewhere it is turned into cash.",
    )
    market_value = fields.money("Value.")
    haircut_regular = fields.share("Haircut as long as markets are calm.", 0.0)
    haircut_stress = fields.share("Least haircut while a scenario adds to the regular one.", 0.0)
    repo_lag_h = fields.hours("From asking to cash.", 0)
    repo_opens = fields.hours("First hour (UTC) at which cash can be asked for.", 0, most=23)
    repo_closes = fields.hours("Last hour (UTC) at which it can.", 23, most=23)
    encumbered = fields.money("Part that is pledged already.", 0.0)


class CashBalance(dy.Schema):
    """Cash of one entity in one currency."""

    entity_id = fields.key_of("Entity.", key=True)
    ccy = dy.String(primary_key=True, regex="^[A-Z]{3}$", description="Currency of its amounts.")
    balance = fields.money("Balance.")
    minimum_operating = fields.money("What must stay.", 0.0)
    cut_off_hour = fields.hours("Last hour (UTC) of payments in it.", 23, most=23)
    holiday_calendar = columns.identifier(
        "Calendar of `holiday`, or an exchange's by its code: no payment in it on its holidays.",
        nullable=True,
    )


class Holiday(dy.Schema):
    """One day on which a calendar is closed, beside Saturdays and Sundays."""

    calendar_id = fields.key_of("Calendar.", key=True)
    date = fields.day("Day.", key=True)


class Facility(dy.Schema):
    """One credit line."""

    facility_id = fields.key_of("Line.", key=True)
    entity_id = fields.key_of("Entity that may draw.")
    ccy = dy.String(regex="^[A-Z]{3}$", description="Currency of its amounts.")
    commitment = fields.money("Size.")
    drawn = fields.money("Drawn already.", 0.0)
    committed = fields.flag("Whether the lender is bound.", default=True)
    notice_h = fields.hours("From asking to cash.", 0)
    cut_off_hour = fields.hours(
        "Last hour (UTC) of a request; later ones count from the next day.", 23, most=23
    )
    max_draw_per_day = dy.Float64(
        nullable=True,
        min=0.0,
        description="Most that is paid out a day; empty: no limit.",
        metadata={"unit": "ccy"},
    )
    max_draws = dy.Int64(
        min=0, description="Most draws in a run.", metadata={"unit": "1", "default": 240}
    )
    min_draw = fields.money("Least draw.", 0.0)
    borrowing_base_rate = dy.Float64(
        nullable=True,
        min=0.0,
        description="Drawn is at most this share of net asset value at the draw; empty: no base.",
        metadata={"unit": "1"},
    )
    nav_floor_share = fields.share(
        "No draw once NAV is below this share of today's; 0: no floor.", 0.0
    )
    nav_fall_window_d = dy.Int64(
        min=0,
        description="Business days back to the NAV of the floor; 0: today's.",
        metadata={"unit": "d", "default": 0},
    )
    leverage_cap = dy.Float64(
        nullable=True,
        min=0.0,
        description="No draw above this gross delta over NAV; empty: no cap.",
        metadata={"unit": "1"},
    )
    undrawn_fee = fields.number("A year, of what is not drawn.", "1/a", 0.0, least=0.0)
    drawn_margin = fields.number("A year, of what is drawn.", "1/a", 0.0, least=0.0)
    mac_clause = fields.flag("Whether a material adverse change ends it.", default=False)


class CashLadder(dy.Schema):
    """One flow of cash that is due; positive comes in."""

    entity_id = fields.key_of("Entity.")
    ccy = dy.String(regex="^[A-Z]{3}$", description="Currency of its amount.")
    venue_id = fields.reference("Venue.")
    date = fields.day("Business day; the setting `as_of` is day 0.")
    hour = fields.hours("Hour (UTC).", most=23)
    kind = fields.word("What it is.", LADDER_KINDS)
    amount = fields.number("Flow: positive comes in, negative goes out.", "ccy")
    certainty = fields.word("How certain it is.", CERTAINTIES, "contractual")
