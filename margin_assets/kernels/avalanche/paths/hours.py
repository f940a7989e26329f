"""The loop over hours of blocks of paths (section 5)."""

from typing import NamedTuple

from numba import njit

from margin_assets.kernels.avalanche.liquidity.funding import draw_lines, is_exhausted, turn
from margin_assets.kernels.avalanche.liquidity.outlook import (
    look_ahead,
    shortage,
    uncovered,
    value_entities,
)
from margin_assets.kernels.avalanche.liquidity.payments import collect, defaults, pay, provide
from margin_assets.kernels.avalanche.liquidity.sales import sell
from margin_assets.kernels.avalanche.paths.calls import runs
from margin_assets.kernels.avalanche.paths.market import estimate, features, move, press, still
from margin_assets.kernels.avalanche.paths.normals import LANES
from margin_assets.kernels.avalanche.paths.plan import Plan
from margin_assets.kernels.avalanche.paths.records import finish, observe, record
from margin_assets.kernels.avalanche.paths.shocks import draw, forecast, new_day
from margin_assets.kernels.avalanche.paths.start import start
from margin_assets.kernels.avalanche.paths.state import State
from margin_assets.kernels.avalanche.paths.tape import Tape
from margin_assets.kernels.avalanche.platform import Platform
from margin_assets.kernels.avalanche.results import NEVER, Results
from margin_assets.kernels.avalanche.scenario import IMPACT, NO_SALES, Scenario, Settings
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.compiled import BORROWS, inner

_DAY = 24
_CENT = 0.01


class Run(NamedTuple):
    """What all blocks of a run share."""

    platform: Platform
    plan: Plan
    scenario: Scenario
    settings: Settings
    paths: Int64Array
    """(N) Numbers of the paths, by row of the results."""
    rows: Int64Array
    """(N) Row of the scenario of each."""
    blocks: Int64Array
    """(blocks, 2) First row and number of paths; noisy blocks keep to one scenario."""


@inner(**BORROWS)
def _open_day(state: State, run: Run, paths: Int64Array, t: int) -> None:
    """What changes with the business day."""
    liquid, tally = state.liquid, state.tally
    day = t // _DAY
    for p in range(LANES):
        tally.day_call[p] = 0.0
        for line in range(liquid.drawn.shape[0]):
            liquid.drawn_today[line, p] = 0.0
        for e in range(liquid.nav.shape[0]):
            if day < liquid.nav_days.shape[0]:
                liquid.nav_days[day, e, p] = liquid.nav[e, p]
    if t < run.settings.hours:
        new_day(state.weather, run.settings, paths, day, len(run.platform.residuals))


@inner(**BORROWS)
def _market_hour(
    state: State, tape: Tape, run: Run, lanes: tuple[Int64Array, Int64Array], t: int
) -> None:
    """Steps 2 to 5: shocks, prices, estimators, calls."""
    paths, rows = lanes
    platform, plan, settings = run.platform, run.plan, run.settings
    forecast(state.weather, run.scenario, rows, t)
    draw(state.weather, platform.residuals, run.scenario, settings, (paths, rows[0], t))
    if settings.arm != IMPACT or not press(state.market, state.weather, platform.factors, settings):
        still(state.market)
    move(state.market, state.weather, (platform.factors, platform.units, plan), settings, t)
    estimate(state.market, platform.estimators, plan, t)
    features(state.market, platform.units, plan, t % _DAY)
    runs(state, tape, (platform, plan, settings.seed), t, paths)


@inner(**BORROWS)
def _fund(
    state: State, tape: Tape, run: Run, paths: Int64Array, place: tuple[int, int, int]
) -> None:
    """Finds cash for an entity that is short on one path; `place` is the entity, hour, path."""
    e, t, p = place
    settings, liquid, tally = run.settings, state.liquid, state.tally
    tables = (run.platform, run.plan, settings)
    where = (e, t, p, paths[p])
    if tally.exhaustion[p] == NEVER and is_exhausted(state, tables, where):
        tally.exhaustion[p] = t
    if settings.unlimited != 0:
        return
    turn(state, tape, tables, where)
    draw_lines(state, tape, tables, where)
    gap = uncovered(liquid, state.rings, (e, p, t, settings.look_ahead))
    if gap <= _CENT:
        return
    if tally.gap_hour[p] == NEVER:
        tally.gap_hour[p] = t
    if settings.arm != NO_SALES:
        sell(state, tape, tables, place, gap)


@inner(**BORROWS)
def _cash_hour(state: State, tape: Tape, run: Run, paths: Int64Array, t: int) -> None:
    """Step 8: outlook, sources, payments."""
    platform, plan, settings = run.platform, run.plan, run.settings
    liquid = state.liquid
    value_entities(liquid, state.market, platform.entities, plan)
    for e in range(liquid.nav.shape[0]):
        reserve = settings.reserve * platform.entities.nav[e]
        place = (e, t, settings.look_ahead)
        if look_ahead(liquid, state.rings, (platform.accounts, plan, reserve), place):
            for p in range(LANES):
                most = shortage(liquid.outlook, 0, settings.look_ahead, p)
                if state.tally.alive[p] != 0 and most > _CENT - reserve:
                    _fund(state, tape, run, paths, (e, t, p))
    collect(state, plan, t)
    pay(state, tape, (platform.accounts, plan, settings), t)
    if t % _DAY == settings.fx_cut_off - 1:
        provide(state, state.rings, (platform.accounts, plan, settings), t)


@inner(**BORROWS)
def _hour(
    state: State, tape: Tape, run: Run, lanes: tuple[Int64Array, Int64Array, int, int], t: int
) -> None:
    """One hour of a block, up to its payments."""
    paths, rows, _, _ = lanes
    if t % _DAY == 0:
        _open_day(state, run, paths, t)
    if t < run.settings.hours:
        _market_hour(state, tape, run, (paths, rows), t)
    _cash_hour(state, tape, run, paths, t)


@inner(**BORROWS)
def _is_over(state: State, run: Run, t: int, p: int) -> bool:
    """Whether a path's last hour has come."""
    tally = state.tally
    if tally.default_hour[p] != NEVER or t == run.plan.hours - 1:
        return True
    return run.settings.until_exhausted != 0 and tally.exhaustion[p] != NEVER


@inner(**BORROWS)
def _block(
    state: State, tape: Tape, run: Run, out: Results, lanes: tuple[Int64Array, Int64Array, int, int]
) -> None:
    """One block from today to the last hour, or until all its paths are in default."""
    _, _, first, count = lanes
    platform, plan = run.platform, run.plan
    start(state, platform, plan)
    for p in range(count, LANES):
        state.tally.alive[p] = 0
    living = count
    for t in range(plan.hours):
        _hour(state, tape, run, lanes, t)
        observe(state, out, (t, first, count))
        if tape.is_on:
            record(state, tape, platform, t)
        defaults(state, tape, platform, plan, t)
        for p in range(count):
            if state.tally.alive[p] != 0 and _is_over(state, run, t, p):
                finish(state, platform, out, (t, first + p, p))
                living -= 1
        if living == 0 and not tape.is_on:
            return


@njit(**BORROWS, nogil=True)
def run_blocks(
    state: State,
    tape: Tape,
    run: Run,
    out: Results,
    span: tuple[int, int, Int64Array, Int64Array],
) -> None:
    """Runs a span of blocks one after the other; the last two are room for a block's numbers.

    A short block is filled up with its last path, which is run and not told.
    """
    begin, end, paths, rows = span
    for b in range(begin, end):
        first, count = run.blocks[b, 0], run.blocks[b, 1]
        for p in range(LANES):
            n = first + min(p, count - 1)
            paths[p], rows[p] = run.paths[n], run.rows[n]
        _block(state, tape, run, out, (paths, rows, first, count))
