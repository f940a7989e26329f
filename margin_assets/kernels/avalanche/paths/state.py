"""What a block of sixteen paths carries from hour to hour; every array holds its paths last."""

from typing import NamedTuple

from margin_assets.kernels.numeric.arrays import FloatArray, Int64Array


class Weather(NamedTuple):
    """The scenario in this hour, and the draws of this hour and day."""

    shock: FloatArray
    volatility: FloatArray
    depth: FloatArray
    haircut: FloatArray
    lines: FloatArray
    mac: FloatArray
    raw: FloatArray
    """(F rounded up to four, 16) Independent shocks."""
    mixed: FloatArray
    """(F, 16) Shocks of unit variance, correlated."""
    chi: FloatArray
    day: Int64Array
    """(16) Day of history that the path stands in."""


class FactorState(NamedTuple):
    """Prices, volatilities, what is left of the units, and what they have moved."""

    level: FloatArray
    """(F, 16) Sum of returns."""
    variance: FloatArray
    """(F, 16) Daily variance."""
    impact: FloatArray
    """(F, 16) Return that last hour's sales bring now."""
    flow: FloatArray
    """(F, 16) Signed dollars sold in this hour, the crowd's in them."""
    order: FloatArray
    """(F, 16) Accumulated order, in shares of a day's volume times variance."""
    displaced: FloatArray
    """(F, 16) Transient impact in the price."""
    left: FloatArray
    moved: FloatArray
    curved: FloatArray
    lasted: FloatArray
    """(U, 16) Sums of q, q dX, q d(X^2), q dt."""
    estimate: FloatArray
    """(M, F, 16) Estimated daily variance."""
    ratio: FloatArray
    """(M, F, 16) Volatility ratio that is charged."""
    struck: FloatArray
    """(M, F, 16) Level at the estimator's last hour."""
    w: FloatArray
    w2: FloatArray
    """(M + 1, U, 16) Features; the last: remaining fractions alone."""


class Margin(NamedTuple):
    """Netting sets: what is charged, settled, posted and paid."""

    charged: FloatArray
    damped: FloatArray
    """(S, 16) Model margin after its damping, before add-ons and multiplier: the memory of (a)."""
    addon: FloatArray
    settled: FloatArray
    """(S, 16) Mark last settled of a cleared set; variation margin posted of a bilateral one."""
    posted: FloatArray
    """(S, 16) Initial margin posted or called."""
    posted_before: FloatArray
    """(S, 16) The same before the first hour."""
    paid: FloatArray
    """(S, 16) Calls less returns that fell due."""
    active: Int64Array
    """(G, 16) The largest cut when it was last struck."""
    mark: FloatArray
    level: FloatArray
    value: FloatArray
    best: FloatArray
    """(16) Within one set's run."""
    kept: FloatArray
    """(16) Gains that venues keep."""


class Rings(NamedTuple):
    """What is pending, by hour modulo RING."""

    due: FloatArray
    back: FloatArray
    arrive: FloatArray
    """(RING, K, 16) Calls, returns of margin, and cash from collateral, facilities and sales."""
    net: FloatArray
    """(RING, E, 16) Dues less all that comes in."""
    by_set: FloatArray
    """(RING, S, 16) Calls less returns."""
    touched: Int64Array
    """(RING) Whether a set has anything in the slot."""
    credit: FloatArray
    """(RING, E, 16) Expected from sales already made, until it comes or lapses."""
    proceeds: FloatArray
    """(RING, E, 16) Of that, the cash that is on its way."""
    owed: FloatArray
    """(RING, J, E, 16) Calls by the hour they fall due and their stretch from there to default."""
    unpaid: FloatArray
    """(RING, E, 16) What is owed, by the hour of its default: the earliest is paid first."""
    postable: FloatArray
    """(RING, I, 16) Initial margin called where securities can be posted."""


class Liquid(NamedTuple):
    """Cash, collateral and facilities."""

    cash: FloatArray
    arrears: FloatArray
    need: FloatArray
    """(K, 16) Calls less returns that fell due, by account."""
    hqla: FloatArray
    drawn: FloatArray
    drawn_today: FloatArray
    draws: Int64Array
    credit: FloatArray
    """(E, 16) Sum of the ring of credits."""
    nav: FloatArray
    """(E, 16) Net asset value now."""
    nav_days: FloatArray
    """(days + 1, E, 16) Net asset value at the start of each day."""
    costs: FloatArray
    """(E, 16) Costs of sale and of exchange."""
    outlook: FloatArray
    """(RING, 16) Shortage after so many hours; negative: cash to spare."""
    scratch: FloatArray
    """(RING, 16)."""
    raises: FloatArray
    """(U, 16) Cash and margin that a dollar of exposure sold frees."""
    graded: Int64Array
    """(16) Day that `raises` was found for."""
    choice: FloatArray
    """(5, U) Of one sale: rows as in `filling`."""
    room: FloatArray
    """(RING, I) Of one posting: what is still called, by hour ahead."""
    is_behind: Int64Array
    """(E, 16) Whether the entity owes anything from before."""


class Tally(NamedTuple):
    """What is told of a path in the end; (16) each."""

    alive: Int64Array
    need: FloatArray
    peak: FloatArray
    peak_hour: Int64Array
    exhaustion: Int64Array
    gap_hour: Int64Array
    default_hour: Int64Array
    default_entity: Int64Array
    hour_call: FloatArray
    day_call: FloatArray
    max_day: FloatArray
    max_hour: FloatArray
    gross: FloatArray
    charged: FloatArray
    base: FloatArray
    charged_peak: FloatArray
    sold: FloatArray
    cost: FloatArray
    turned: FloatArray
    drawn: FloatArray
    raised: FloatArray
    exchange: FloatArray
    flows: FloatArray
    """(16) Ladder flows that fell due."""


class State(NamedTuple):
    """All of a block."""

    weather: Weather
    market: FactorState
    margin: Margin
    rings: Rings
    liquid: Liquid
    tally: Tally
