"""Tables of who posts where: entities, managers, venues, netting sets, positions, exposures."""

import dataframely as dy

from schemas import columns
from schemas.avalanche import fields

VENUE_KINDS = ("CCP", "BILATERAL", "PB")
DIRECTIONS = ("two_way", "one_way")


class LegalEntity(dy.Schema):
    """One legal entity that owes margin and holds cash."""

    entity_id = fields.key_of("Entity.", key=True)
    name = columns.free_text("Its name.")
    home_ccy = dy.String(regex="^[A-Z]{3}$", description="Its currency.")
    nav = fields.usd("Net asset value; the reference of a facility's floor.", least=0.0)
    nav_covenant_ref = columns.free_text("Where its covenants stand.")


class Manager(dy.Schema):
    """One manager (a sleeve of positions) of an entity."""

    manager_id = fields.key_of("Manager.", key=True)
    entity_id = fields.key_of("Entity whose money it runs.")
    strategy = columns.identifier("Strategy.", nullable=True)
    risk_limit = fields.usd("Limit of its value at risk; 0: none.", 0.0, least=0.0)
    expected_return = dy.Float64(
        nullable=True,
        description="Expected return a year; empty: not known, and no efficiency is stated.",
        metadata={"unit": "USD"},
    )


class Venue(dy.Schema):
    """One place where calls are struck: a clearing house, a bilateral agreement, a prime broker."""

    venue_id = fields.key_of("Venue.", key=True)
    kind = fields.word("What it is.", VENUE_KINDS)
    region = columns.identifier("Region.", nullable=True)
    eod_hour = fields.hours("Hour (UTC) of its end-of-day run.", most=23)
    payment_deadline_hours = dy.Int64(
        nullable=True,
        min=0,
        max=72,
        description="Hours from a run until its unpaid call is late; empty: late once it is due.",
        metadata={"unit": "h"},
    )
    intraday_hours = fields.numbers("Hours (UTC) of its intraday runs; empty: none.", "")
    holiday_calendar = columns.identifier(
        "Calendar of `holiday`, or an exchange's by its code (XNYS): no run on its holidays.",
        nullable=True,
    )
    intraday_im = fields.flag(
        "Whether its intraday runs strike initial margin anew too.", default=False
    )
    returns_gains = fields.flag("Whether gains come back at all.", default=True)
    passes_intraday_gains = fields.flag("Whether intraday runs pay gains out too.", default=False)
    default_grace_h = fields.hours(
        "Hours a due may stay unpaid before the entity is in default.", 8
    )


class Counterparty(dy.Schema):
    """One counterparty of netting sets."""

    counterparty_id = fields.key_of("Counterparty.", key=True)
    group_id = fields.reference("Group that it belongs to.")
    rating = columns.identifier("Rating.", nullable=True)
    wrong_way_factor_id = fields.reference("Risk factor that falls when it is in trouble.")


class NettingSet(dy.Schema):
    """One netting set with the terms of its margin agreement."""

    ns_id = fields.key_of("Netting set.", key=True)
    entity_id = fields.key_of("Entity that posts.")
    venue_id = fields.key_of("Venue that calls.")
    counterparty_id = fields.reference("Counterparty.")
    clearing_broker_id = fields.reference("Broker that it is cleared through.")
    im_model_id = fields.key_of("Model of its initial margin.")
    call_ccy = dy.String(regex="^[A-Z]{3}$", description="Currency in which calls are paid.")
    threshold = fields.usd(
        "Exposure that needs no variation margin (not at a CCP).", 0.0, least=0.0
    )
    mta = fields.usd("Minimum transfer amount: a smaller call is not made.", 0.0, least=0.0)
    rounding = fields.usd(
        "Calls are rounded up to it, returns down; 0: not at all.", 0.0, least=0.0
    )
    im_direction = fields.word(
        "Whether the other side of a BILATERAL set posts its own initial margin too: told by "
        "`margin avalanche models`; kept apart, it pays no call.",
        DIRECTIONS,
        "two_way",
    )
    broker_multiplier = fields.number(
        "The broker's multiple of initial margin.", "1", 1.0, least=1.0
    )
    eod_lag_h = fields.hours("Hours from the end-of-day run to the payment.", 0)
    intraday_lag_h = fields.hours("Hours from an intraday run to the payment.", 1)
    intraday_trigger = fields.number(
        "Share of initial margin that a loss must exceed for an intraday call.",
        "1",
        0.25,
        least=0.0,
    )
    dispute_prob = fields.share("Probability that a call is disputed.", 0.0)
    dispute_share = fields.share("Share of a disputed call that waits.", 0.0)
    dispute_delay_h = fields.hours("How long it waits.", 48)
    their_threshold = dy.Float64(
        nullable=True,
        min=0.0,
        description="Gain above which the counterparty posts (not at a CCP); empty: it never does.",
        metadata={"unit": "USD"},
    )
    value = fields.usd("Mark before the first hour, as the entity sees it.", 0.0)
    vm_posted = dy.Float64(
        nullable=True,
        description="Variation margin posted before it, received is negative; empty: what is due.",
        metadata={"unit": "USD"},
    )
    im_posted = dy.Float64(
        nullable=True,
        min=0.0,
        description="Initial margin posted before it; empty: what is charged then.",
        metadata={"unit": "USD"},
    )
    net_capital = dy.Float64(
        nullable=True,
        min_exclusive=0.0,
        description="Net capital above which a charge bears a premium; empty: no premium.",
        metadata={"unit": "USD"},
    )
    stated_im = dy.Float64(
        nullable=True,
        min=0.0,
        description="Initial margin by the venue's own statement; empty: none is known.",
        metadata={"unit": "USD"},
    )


class Position(dy.Schema):
    """One position, for schedule margin and for what a sale brings in."""

    ns_id = fields.key_of("Netting set.")
    manager_id = fields.key_of("Manager.")
    strategy = columns.identifier("Strategy.", nullable=True)
    instrument_id = fields.key_of("Instrument.")
    quantity = fields.number("Held; negative is short.", "1")
    market_value = fields.usd("Value; negative is a liability.")
    notional = fields.usd("Gross notional.", least=0.0)
    funded = fields.flag(
        "Whether it was paid for: only then does a sale bring in its value.", default=False
    )
    settle_lag_h = fields.hours("From a sale to its proceeds.", 0)


class Exposure(dy.Schema):
    """Exposure of one manager in one netting set to one risk factor."""

    ns_id = fields.key_of("Netting set.", key=True)
    manager_id = dy.String(
        primary_key=True, description="Manager.", metadata={"default": "unassigned"}
    )
    factor_id = fields.key_of("Risk factor.", key=True)
    delta = fields.usd("P&L per unit return of the factor; negative is short.")
    gamma = fields.usd("P&L is gamma / 2 per squared return.", 0.0)
    theta = fields.number("P&L an hour.", "USD/h", 0.0)
    funded_share = dy.Float64(
        nullable=True,
        min=0.0,
        description="Cash that a dollar of delta brings in when sold, margin released apart; "
        "empty: by the set's funded positions.",
        metadata={"unit": "1"},
    )
    settle_lag_h = dy.Int64(
        nullable=True,
        min=0,
        max=95,
        description="From a sale to its proceeds; empty: by the set's positions, else 0.",
        metadata={"unit": "h"},
    )
