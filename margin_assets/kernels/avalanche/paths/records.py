"""Step 9 of the hour: peaks and sums, and what is written of a path at its end or its default."""

from margin_assets.kernels.avalanche.liquidity.outlook import cash_share
from margin_assets.kernels.avalanche.paths.ring import RING
from margin_assets.kernels.avalanche.paths.state import State
from margin_assets.kernels.avalanche.paths.tape import Tape
from margin_assets.kernels.avalanche.platform import BILATERAL, Platform
from margin_assets.kernels.avalanche.results import Results
from margin_assets.kernels.numeric.compiled import BORROWS, inner

_DAY = 24


@inner(**BORROWS)
def _snapshot(state: State, out: Results, p: int, n: int) -> None:
    """The state at a new peak."""
    market = state.market
    for s in range(out.peak_by_set.shape[1]):
        out.peak_by_set[n, s] = state.margin.paid[s, p]
    for f in range(out.peak_level.shape[1]):
        out.peak_level[n, f] = market.level[f, p]
        out.peak_sigma[n, f] = market.variance[f, p] ** 0.5
    for u in range(out.peak_left.shape[1]):
        out.peak_left[n, u] = market.left[u, p]


@inner(**BORROWS)
def observe(state: State, out: Results, place: tuple[int, int, int]) -> None:
    """Marks peaks of the live paths; `place`: hour, the block's first row, and its paths."""
    t, first, count = place
    tally = state.tally
    for p in range(count):
        if tally.alive[p] == 0:
            continue
        n = first + p
        out.need_by_hour[n, t] = tally.need[p]
        tally.max_hour[p] = max(tally.max_hour[p], tally.hour_call[p])
        tally.max_day[p] = max(tally.max_day[p], tally.day_call[p])
        tally.charged_peak[p] = max(tally.charged_peak[p], tally.charged[p])
        if tally.need[p] > tally.peak[p]:
            tally.peak[p], tally.peak_hour[p] = tally.need[p], t
            _snapshot(state, out, p, n)
    if t % _DAY == _DAY - 1 or t == out.need_by_hour.shape[1] - 1:
        _close_day(state, out, (min(t // _DAY, out.need_by_account.shape[1] - 1), first, count))


@inner(**BORROWS)
def _close_day(state: State, out: Results, place: tuple[int, int, int]) -> None:
    day, first, count = place
    for p in range(count):
        if state.tally.alive[p] != 0:
            for k in range(out.need_by_account.shape[2]):
                out.need_by_account[first + p, day, k] = state.liquid.need[k, p]


@inner(**BORROWS)
def _unexplained(state: State, platform: Platform, p: int) -> float:
    """Cash that is there, less the cash that marks, postings and sources account for (law 2)."""
    liquid, margin, rings, tally = state.liquid, state.margin, state.rings, state.tally
    sets, accounts = platform.sets, platform.accounts
    rest = 0.0
    for k in range(len(accounts.cash)):
        rest += liquid.cash[k, p] - accounts.cash[k] - liquid.arrears[k, p]
        for slot in range(RING):
            pending = rings.due[slot, k, p] - rings.back[slot, k, p]
            rest += rings.arrive[slot, k, p] - pending
    for s in range(len(sets.account)):
        rest += margin.posted[s, p] - margin.posted_before[s, p]
        if sets.kind[s] == BILATERAL:
            rest += margin.settled[s, p] - sets.vm_posted[s]
        else:
            rest += sets.value[s] - margin.settled[s, p]
    rest += margin.kept[p] + tally.flows[p] + tally.exchange[p]
    return rest - tally.turned[p] - tally.drawn[p] - tally.raised[p]


@inner(**BORROWS)
def _fill_after(state: State, out: Results, t: int, place: tuple[int, int]) -> None:
    """A path that stopped keeps its last need in what is told by hour and day."""
    n, p = place
    for later in range(t + 1, out.need_by_hour.shape[1]):
        out.need_by_hour[n, later] = state.tally.need[p]
    for day in range(t // _DAY, out.need_by_account.shape[1]):
        for k in range(out.need_by_account.shape[2]):
            out.need_by_account[n, day, k] = state.liquid.need[k, p]


@inner(**BORROWS)
def finish(state: State, platform: Platform, out: Results, place: tuple[int, int, int]) -> None:
    """Writes a path's row and stops counting it; `place`: hour, row of the results, path."""
    t, n, p = place
    tally, liquid = state.tally, state.liquid
    tally.alive[p] = 0
    out.peak_need[n], out.peak_hour[n] = tally.peak[p], tally.peak_hour[p]
    out.exhaustion_hour[n], out.gap_hour[n] = tally.exhaustion[p], tally.gap_hour[p]
    out.default_hour[n], out.default_entity[n] = tally.default_hour[p], tally.default_entity[p]
    out.max_day_call[n], out.max_hour_call[n] = tally.max_day[p], tally.max_hour[p]
    out.gross_calls[n] = tally.gross[p]
    base = tally.base[p]
    out.im_peak_ratio[n] = tally.charged_peak[p] / base if base > 0.0 else 1.0
    out.sold[n], out.impact_cost[n] = tally.sold[p], tally.cost[p]
    for line in range(liquid.drawn.shape[0]):
        out.facility_drawn[n] += liquid.drawn[line, p]
    for a in range(liquid.hqla.shape[0]):
        out.hqla_left[n] += liquid.hqla[a, p]
    for k in range(liquid.cash.shape[0]):
        out.cash_left[n] += liquid.cash[k, p]
        out.arrears[n] += liquid.arrears[k, p]
    for e in range(liquid.nav.shape[0]):
        out.pnl[n] += liquid.nav[e, p] - platform.entities.nav[e]
    out.balance[n] = _unexplained(state, platform, p)
    _fill_after(state, out, t, (n, p))


@inner(**BORROWS)
def record(state: State, tape: Tape, platform: Platform, t: int) -> None:
    """Writes the hour of a traced block."""
    market = state.market
    for p in range(tape.level.shape[0]):
        for f in range(market.level.shape[0]):
            tape.level[p, t, f] = market.level[f, p]
            tape.sigma[p, t, f] = market.variance[f, p] ** 0.5
            for m in range(market.ratio.shape[0]):
                tape.ratio[p, t, m, f] = market.ratio[m, f, p]
        for u in range(market.left.shape[0]):
            tape.left[p, t, u] = market.left[u, p]
            tape.moved[p, t, u] = market.moved[u, p]
            tape.curved[p, t, u] = market.curved[u, p]
            tape.lasted[p, t, u] = market.lasted[u, p]
        _record_liquidity(state, tape, platform, (t, p))


@inner(**BORROWS)
def _record_liquidity(state: State, tape: Tape, platform: Platform, place: tuple[int, int]) -> None:
    """The columns of `LIQUIDITY`, in their order."""
    t, p = place
    liquid, tally, facilities = state.liquid, state.tally, platform.facilities
    row = tape.liquidity[p, t]
    row[0] = tally.need[p]
    for k in range(liquid.cash.shape[0]):
        row[1] += liquid.cash[k, p] - platform.accounts.minimum[k]
        row[5] += liquid.arrears[k, p]
        for slot in range(RING):
            row[4] += state.rings.due[slot, k, p]
    for a in range(liquid.hqla.shape[0]):
        share = cash_share(
            platform.collateral, state.weather, state.market, platform.factors, (a, p)
        )
        row[2] += share * liquid.hqla[a, p]
    for line in range(liquid.drawn.shape[0]):
        row[3] += max(0.0, facilities.commitment[line] - liquid.drawn[line, p])
    row[6], row[7], row[8] = tally.turned[p], tally.drawn[p], tally.raised[p]
    row[9] = tally.charged[p]
    for e in range(liquid.nav.shape[0]):
        row[10] += liquid.nav[e, p]
