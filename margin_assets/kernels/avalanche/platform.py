"""The platform that margin calls are run on, as arrays: the seam between book, loop and answers.

Money is in dollars, hours are UTC of a business day, a share is of one, a call is positive where it
is an outflow of the fund. F risk factors, U units that can be sold, S netting sets, G groups of
cuts, C cuts, M volatility estimators, K cash accounts (an entity's cash in one currency), E legal
entities, A collateral assets, L facilities, V venues; every index counts from zero. What belongs
together by row is stored by offsets: row r owns the entries `start[r]:start[r + 1]`.

Section numbers are those of the model's specification, listed in docs/avalanche.md.
"""

from typing import NamedTuple

from margin_assets.kernels.numeric.arrays import BoolArray, FloatArray, Int64Array

CLEARED, BILATERAL = range(2)
"""What a set's variation margin is: its mark both ways, or what is lost beyond a threshold."""
GAINS_PAID, GAINS_AT_END_OF_DAY, GAINS_KEPT = range(3)
"""When a cleared set's gains come back: at every run, at the end of the day alone, never."""
APC_NONE, APC_BUFFER, APC_STRESS, APC_FLOOR = range(4)
"""What dampens a set's initial margin (4.2): nothing, (a), (b), (c)."""


class Factors(NamedTuple):
    """Risk factors; a return is in the factor's own unit."""

    sigma: FloatArray
    """(F) Daily volatility today, return."""
    sigma_bar: FloatArray
    """(F) Long-run daily volatility, return."""
    adv: FloatArray
    """(F) Exposure traded a day by the market, dollars."""
    half_spread: FloatArray
    """(F) Half the quoted spread, return."""
    crowd: FloatArray
    """(F) Flow of the market for each dollar that we sell, kappa >= 1."""
    depth: FloatArray
    """(F) Dollars that move the price by a return of one, under linear impact (7)."""
    hour_share: FloatArray
    """(F, 24) Share of a day's variance; a row sums to one."""
    volume_share: FloatArray
    """(F, 24) Share of a day's volume; a row sums to one."""


class Units(NamedTuple):
    """What is sold together: a factor of one entity, or a manager's sleeve of it.

    A unit's remaining fraction q starts at one and scales all exposures that name it. One that no
    netting set holds (a funded position) only counts in the P&L and as something to sell.
    """

    factor: Int64Array
    """(U) Factor whose return moves it."""
    entity: Int64Array
    """(U) Legal entity that owns it."""
    exposure: FloatArray
    """(U) Net exposure to the factor, dollars, signed: selling a long pushes the price down."""
    outside: FloatArray
    """(U) Dollars a return of one earns outside of every netting set (funded positions), signed."""
    funded: FloatArray
    """(U) Cash a dollar of exposure raises when it is sold, share."""
    lag: Int64Array
    """(U) Hours from sale to proceeds."""
    volume_part: FloatArray
    """(U) Share of the factor's volume cap that is this unit's."""
    priority: FloatArray
    """(U) Order of sale under the policy that sells by order; the smallest goes first."""


class Exposures(NamedTuple):
    """Exposures of the netting sets, by set."""

    start: Int64Array
    """(S + 1) Offsets."""
    unit: Int64Array
    delta: FloatArray
    """Dollars per unit of return."""
    gamma: FloatArray
    """Dollars per squared return; half of it counts."""
    theta: FloatArray
    """Dollars an hour."""


class Sets(NamedTuple):
    """Netting sets and their terms; one entry a set."""

    account: Int64Array
    """Cash account that pays and receives its calls: names entity and currency."""
    venue: Int64Array
    kind: Int64Array
    """CLEARED or BILATERAL."""
    gains: Int64Array
    """GAINS_..., of a cleared set."""
    threshold: FloatArray
    """Loss that is not called, dollars; of a bilateral set."""
    their_threshold: FloatArray
    """Gain that the counterparty does not post, dollars; infinite where it never posts."""
    mta: FloatArray
    """A call or return below this is not made, dollars."""
    rounding: FloatArray
    """Calls are rounded up and returns down to this, dollars; zero: not rounded."""
    multiplier: FloatArray
    """On all initial margin: broker's multiplier times calibration to the venue's statement."""
    capital: FloatArray
    """Net capital beyond which a premium is charged (4.3), dollars; infinite: none."""
    capital_ratio: FloatArray
    """Charge over net capital that the premium takes at most."""
    eod_hour: Int64Array
    eod_lag: Int64Array
    """Hours from the end-of-day run to the payment; zero: paid in the same hour."""
    intraday: BoolArray
    """(S, 24) Hours with an intraday run."""
    intraday_lag: Int64Array
    intraday_trigger: FloatArray
    """Loss since the last settlement, as a share of charged margin, beyond which it is called."""
    restrikes: BoolArray
    """Whether an intraday run strikes initial margin anew."""
    dispute_probability: FloatArray
    dispute_share: FloatArray
    dispute_delay: Int64Array
    """Hours that the disputed share comes later."""
    deadline: Int64Array
    """Hours from the run until an unpaid call is late; -1: once it falls due."""
    grace: Int64Array
    """Hours that a late call may stay unpaid before its entity is in default."""
    closed: BoolArray
    """(S, days) Business days without a run; open beyond those given."""
    value: FloatArray
    """Mark before the first hour, dollars, signed from the fund's view."""
    vm_posted: FloatArray
    """Variation margin posted before the first hour (negative: received); for a cleared set the
    mark is taken as settled instead."""
    im_posted: FloatArray
    """Initial margin posted before the first hour, dollars; not a number: what is charged then."""
    apc: Int64Array
    """APC_..."""
    apc_value: FloatArray
    """Buffer, or weight of stress, as a share; unused otherwise."""


class Groups(NamedTuple):
    """Groups of cuts; a set's initial margin is the sum of its groups' largest cuts (4.1)."""

    start: Int64Array
    """(S + 1) Groups of a set: first those of its model, then those of its anchor."""
    anchor: Int64Array
    """(S) First group of the anchor: the stressed margin of (b), the floor of (c); these are valued
    on remaining fractions alone."""
    estimator: Int64Array
    """(G) Estimator whose volatility ratio the features take."""
    weight: FloatArray
    """(G, days) Weight of the group on each business day: phase-in of a changed model."""


class Cuts(NamedTuple):
    """Linear forms in w = q v and w2 = q v^2, v the volatility ratio; by group."""

    start: Int64Array
    """(G + 1) Cuts of a group."""
    entries: Int64Array
    """(C + 1) Entries of a cut."""
    constant: FloatArray
    """(C) Dollars."""
    unit: Int64Array
    w: FloatArray
    """Dollars per unit of w."""
    w2: FloatArray
    """Dollars per unit of w2."""


class Addons(NamedTuple):
    """Concentration and liquidity add-ons (4.3), by set."""

    start: Int64Array
    """(S + 1) Offsets."""
    unit: Int64Array
    estimator: Int64Array
    concentration: FloatArray
    """Dollars per q^1.5 v."""
    above: FloatArray
    """Remaining fraction below which the concentration add-on falls away."""
    spread: FloatArray
    """Dollars per q over the depth multiplier."""


class Estimators(NamedTuple):
    """Memories of volatility that venues share; row m is one of them."""

    memory: FloatArray
    """(M) Lambda of the exponential average; one: static, the ratio stays one."""
    hour: Int64Array
    """(M) Hour at which the day's return enters."""
    trigger: FloatArray
    """(M) Relative move of the ratio below which the charged ratio stays (SPAN's scan ranges);
    zero: follows daily."""
    sigma: FloatArray
    """(M, F) Estimate today, daily return; not its level but its growth enters the margin."""


class Accounts(NamedTuple):
    """Cash accounts: an entity's cash in one currency."""

    entity: Int64Array
    currency: Int64Array
    cash: FloatArray
    """Balance, dollars."""
    minimum: FloatArray
    """Operating minimum that pays no call, dollars."""
    cut_off: Int64Array
    """First hour at which the currency no longer moves until the next day; 24: never."""
    closed: BoolArray
    """(K, days) Business days on which the currency does not move; open beyond those given."""


class Entities(NamedTuple):
    """Legal entities."""

    nav: FloatArray
    """Net asset value, dollars."""
    grace: Int64Array
    """Hours that flows other than margin may stay unpaid before the entity is in default."""


class Collateral(NamedTuple):
    """Assets that can be turned into cash by repo or posted, each for one account."""

    account: Int64Array
    value: FloatArray
    """Market value free of encumbrance, dollars."""
    haircut: FloatArray
    """Share."""
    stressed: FloatArray
    """Least share while a scenario adds to haircuts."""
    factor: Int64Array
    """Factor whose volatility ratio scales the scenario's added haircut; -1: it is not scaled."""
    lag: Int64Array
    """Hours to cash."""
    opens: Int64Array
    closes: Int64Array
    """Window in which it can be turned: first hour, and first hour after; 0 and 24: always."""
    posted_at: BoolArray
    """(A, V) Venues that take it for initial margin: there it meets a call as it falls due."""


class Facilities(NamedTuple):
    """Credit lines, drawn in the order given (committed before uncommitted)."""

    account: Int64Array
    commitment: FloatArray
    drawn: FloatArray
    committed: BoolArray
    mac: BoolArray
    """Whether a material adverse change lets the lender refuse (`Scenario.mac`)."""
    notice: Int64Array
    """Hours from request to cash."""
    cut_off: Int64Array
    """Requests at or after this hour count as made at the start of the next day."""
    day_limit: FloatArray
    """Most that can be drawn a day, dollars."""
    draws: Int64Array
    """Most draws over the run."""
    minimum: FloatArray
    """Smallest draw, dollars."""
    base_rate: FloatArray
    """Borrowing base as a share of net asset value; infinite: none."""
    nav_floor: FloatArray
    """Share of the reference net asset value below which nothing can be drawn."""
    nav_window: Int64Array
    """Business days back to the reference; zero: the start of the run."""
    leverage_cap: FloatArray
    """Most that gross exposure may be of net asset value; infinite: none."""


class Platform(NamedTuple):
    """All of it: what does not change with scenario, seed or arm."""

    factors: Factors
    units: Units
    exposures: Exposures
    sets: Sets
    groups: Groups
    cuts: Cuts
    addons: Addons
    estimators: Estimators
    accounts: Accounts
    entities: Entities
    collateral: Collateral
    facilities: Facilities
    ladder: FloatArray
    """(hours, K) Contractual flows other than margin, dollars, outflow positive."""
    residuals: FloatArray
    """(days, 24, F) Standardised residuals of the filtered history; zero days where unused."""
    correlation: FloatArray
    """(F, F) Correlation of the factors' returns, positive semidefinite."""
