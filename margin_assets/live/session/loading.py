"""The firm of a sealed cycle put back into memory."""

from collections.abc import Container

import numpy as np
import polars as pl

from margin_assets.kernels.book.fills import effects_at, history_effects
from margin_assets.kernels.book.last_fills import with_places
from margin_assets.kernels.book.terms import from_their_dates
from margin_assets.kernels.enforcement.ladder import set_deadlines
from margin_assets.kernels.enforcement.rungs import Ladder
from margin_assets.kernels.intraday.deficit_tables import Saved
from margin_assets.kernels.numeric.money import instants, to_instants
from margin_assets.kernels.reg_t import reg_t_book
from margin_assets.lake.ledger.sealed import SealedTables
from margin_assets.live.books.calls import Valued
from margin_assets.live.firm.decisions import ladder_arrays
from margin_assets.live.firm.monitor import Monitor
from margin_assets.live.session.cycle import DATED
from margin_assets.live.session.divided import limits_of
from margin_assets.live.state.holdings import HELD
from margin_assets.live.state.points import PointsOf, with_points
from margin_assets.live.state.ticks import ticks_of
from schemas import feed_columns


def _dated(scan: SealedTables, feed: str) -> pl.DataFrame:
    """Rows of a dated feed in landing order, each with the instant it counts from."""
    return from_their_dates(scan.in_landing_order(feed).collect())


def pending_rows(scan: SealedTables, feed: str, monitor: Monitor) -> pl.DataFrame:
    """Rows of dates that have not come."""
    rows, last = _dated(scan, feed).drop("cycle", "is_late"), monitor.last_point
    pointed = with_points(rows, last, monitor.rules(last or 0).grid_interval)
    return pointed.filter(~pl.col("is_late"))


def load_monitor(
    monitor: Monitor,
    tables: tuple[SealedTables, SealedTables],
    as_of: int,
    points_of: PointsOf,
    planned: Container[str],
) -> None:
    """Puts a sealed cycle's firm into the monitor.

    `tables` are all and, of those that land, those of the lake's own accounts; `planned`: families
    of its plan's rulebooks.
    """
    scan, mine = tables
    monitor.last_point = as_of
    monitor.settling.is_on = "expiry" in planned
    for feed in filter(scan.has_rows, ("instruments", *DATED, "prices", "rates")):
        rows = _newest(scan, feed, as_of)
        past = rows.filter(pl.Series(instants(rows["event_time"]) <= as_of))
        ordered = past.sort("event_time", maintain_order=True)
        if ordered.height:
            _tell_market(monitor, feed, ordered, points_of)
    actions = _newest(scan, "corporate_actions", as_of)
    pointed = actions.with_columns(point=pl.Series(points_of(actions), dtype=pl.Int64))
    monitor.actions.load(pointed, as_of, monitor.rules(as_of))
    _load_accounts(monitor, mine)
    monitor.dividends.load(scan("accrued_dividends").sort("cycle", maintain_order=True), as_of)
    _load_last_fills(monitor, scan)
    _load_ladder(monitor, scan("enforcement_state"), as_of)
    _load_unsized(monitor, mine)
    names = monitor.holdings.accounts
    saved = Saved(scan("intraday_deficits"), scan("intraday_state"))
    monitor.intraday.load(saved, names, as_of)
    memoranda = reg_t_book.Saved(scan("special_memorandum_accounts"), scan("reg_t_calls"))
    monitor.reg_t.load(memoranda, names, as_of)
    _load_day_trades(monitor, mine, as_of, points_of)
    limits = _newest(scan, "limits", as_of).sort("event_time", maintain_order=True)
    monitor.whole.load(limits_of(limits, mine.division), scan("limit_breaches"))
    monitor.resume()
    calls = scan("margin_calls").sort("cycle", maintain_order=True)
    _load_calls(monitor, calls, as_of, has_begun="calls" in planned)
    monitor.plans.load()


def _newest(scan: SealedTables, feed: str, as_of: int) -> pl.DataFrame:
    """Rows of a feed in landing order; of prices those that still stand."""
    if feed in DATED:
        return _dated(scan, feed)
    if feed == "prices":
        return scan.newest_in_landing_order(feed, to_instants(np.array([as_of]))[0])
    return scan.in_landing_order(feed).collect()


def _tell_market(monitor: Monitor, feed: str, rows: pl.DataFrame, points_of: PointsOf) -> None:
    market, as_of = monitor.market, monitor.point
    if feed == "rates":
        market.apply_rates(rows)
        return
    if feed == "instruments":
        points = pl.Series(points_of(rows), dtype=pl.Int64)
        market.apply_instruments(rows.with_columns(point=points))
        return
    market.add(rows["symbol"])
    if feed == "option_adjustments":
        market.apply_adjustments(rows)
    elif feed == "betas":
        market.apply_betas(rows)
    elif feed == "volatilities":
        market.apply_volatilities(rows)
    elif feed == "volumes":
        market.apply_volumes(rows)
    else:
        market.prices.take(ticks_of(rows, market.symbols), as_of, monitor.rules(as_of))


def _load_accounts(monitor: Monitor, scan: SealedTables) -> None:
    market, holdings = monitor.market, monitor.holdings
    accounts = scan("account_state").sort("account_id")
    positions = scan("positions", columns=HELD)
    market.add(positions["symbol"])
    monitor.grow(holdings.add(accounts["account_id"]))
    holdings.load(accounts, positions, market.symbols, market.class_group)
    known = scan.in_landing_order("accounts").collect()
    if known.height:
        holdings.apply_accounts(known.sort("event_time", maintain_order=True))


def _load_ladder(monitor: Monitor, state: pl.DataFrame, point: int) -> None:
    place = monitor.holdings.accounts.places(state["account_id"])
    saved = ladder_arrays(state)
    for name in Ladder._fields:
        getattr(monitor.ladder, name)[place] = getattr(saved, name)
    set_deadlines(monitor.rules(point), monitor.ladder, point)


def _load_calls(monitor: Monitor, saved: pl.DataFrame, point: int, *, has_begun: bool) -> None:
    """Takes saved `margin_calls`; all else must be loaded before."""
    monitor.calls.load(saved, point, has_begun=has_begun)
    called = np.unique(monitor.calls.book.calls.account)
    if len(called):
        book, figures = monitor.valuation.valued(called, point)
        monitor.valuation.add_house(called, figures, point)
        rules = monitor.rules(point)
        monitor.calls.refresh(point, Valued(book, figures, monitor.ladder, rules))
        set_deadlines(rules, monitor.ladder, point)


def _load_last_fills(monitor: Monitor, scan: SealedTables) -> None:
    """Fills of symbols without a usable price: the last of a symbol may mark it."""
    market = monitor.market
    unpriced = market.prices.unpriced()
    fills = scan.in_landing_order("fills").filter(pl.col("symbol").is_in(unpriced.implode()))
    landed = fills.collect() if len(unpriced) else pl.DataFrame()
    if landed.height:
        # Those of the cycles to come have places from 0 on.
        effects = with_places(history_effects(landed), landed, -landed.height)
        market.prices.take_fills(effects, monitor.point, monitor.rules(monitor.point))


def _load_day_trades(monitor: Monitor, scan: SealedTables, as_of: int, points_of: PointsOf) -> None:
    """The pattern day trader's table, and fills of the business day at work with corrections."""
    start = monitor.day_trades.day_start(as_of)
    is_correction = pl.col("corrects_fill_id").is_not_null()
    since = pl.col("event_time") > to_instants(np.array([start], dtype=np.int64))[0]
    columns = (*feed_columns("fills"), "cycle", "is_late")
    fills = scan("fills", since | pl.col("is_late") | is_correction, columns=columns)
    points = points_of(fills)
    is_of_today = fills["corrects_fill_id"].is_not_null().to_numpy() | (points > start)
    effects = effects_at(fills.filter(pl.Series(is_of_today)), points[is_of_today])
    monitor.market.add(effects["symbol"])
    monitor.day_trades.load(scan("pattern_day_traders"), effects, as_of)


def _load_unsized(monitor: Monitor, scan: SealedTables) -> None:
    """Fills of symbols without an instrument row, whose multiplier is still to come."""
    market = monitor.market
    unknown = pl.Series(market.symbols.all, dtype=pl.String).filter(pl.Series(~market.is_known))
    if not len(unknown):
        return
    fills = scan("fills", pl.col("symbol").is_in(unknown.implode()))
    if fills.height:
        effects = history_effects(fills)
        monitor.holdings.remember_unsized(effects, market.symbols, market.is_known)
