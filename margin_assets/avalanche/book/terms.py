"""Terms of netting sets, cash, collateral and lines of a book as arrays, all in US dollars."""

import numpy as np
import polars as pl

from margin_assets.avalanche.book.calendars import closed_at, posted_at
from margin_assets.avalanche.book.faults import BookError
from margin_assets.avalanche.book.gates import USD, numbers
from margin_assets.avalanche.book.margins import Margins
from margin_assets.avalanche.book.names import accounts_of, places
from margin_assets.avalanche.book.reading import LINE, Tables
from margin_assets.avalanche.book.settings import BookSettings
from margin_assets.kernels.avalanche.holdings import Names
from margin_assets.kernels.avalanche.platform import (
    BILATERAL,
    CLEARED,
    GAINS_AT_END_OF_DAY,
    GAINS_KEPT,
    GAINS_PAID,
    Accounts,
    Collateral,
    Entities,
    Facilities,
    Sets,
)
from margin_assets.kernels.numeric.arrays import BoolArray, FloatArray, Int64Array

_DAY = 24
_DUE = ("settlement", "coupon", "fee", "redemption")
"""Kinds of flows that the run pays beside margin, which it makes itself."""


def sets_of(
    tables: Tables,
    names: Names,
    settings: BookSettings,
    margins: Margins,
    charge: tuple[FloatArray, float],
) -> Sets:
    """Terms of every set.

    Args:
        tables: Of the book.
        names: Its ids.
        settings: For the days of the run.
        margins: For the tools against procyclicality.
        charge: Multiple of all initial margin by set, and the most that a charge over net capital
            counts for in a premium.
    """
    multiplier, capital_ratio = charge
    table = tables["netting_set"].join(
        tables["venue"], on="venue_id", how="left", validate="m:1", maintain_order="left"
    )
    is_bilateral = (table["kind"] == "BILATERAL").to_numpy()
    value = table["value"].to_numpy()
    threshold = table["threshold"].to_numpy()
    due = np.where(is_bilateral, np.maximum(0.0, -value - threshold), 0.0)
    return Sets(
        account=accounts_of(table, "call_ccy", names),
        venue=places(table["venue_id"], tuple(names.venues)),
        kind=np.where(is_bilateral, BILATERAL, CLEARED).astype(np.int64),
        gains=_gains(table),
        threshold=threshold,
        their_threshold=_or(table["their_threshold"], np.inf),
        mta=table["mta"].to_numpy(),
        rounding=table["rounding"].to_numpy(),
        multiplier=multiplier,
        capital=_or(table["net_capital"], np.inf),
        capital_ratio=np.full(table.height, capital_ratio),
        eod_hour=table["eod_hour"].to_numpy(),
        eod_lag=table["eod_lag_h"].to_numpy(),
        intraday=_intraday(table),
        intraday_lag=table["intraday_lag_h"].to_numpy(),
        intraday_trigger=table["intraday_trigger"].to_numpy(),
        restrikes=table["intraday_im"].to_numpy(),
        dispute_probability=table["dispute_prob"].to_numpy(),
        dispute_share=table["dispute_share"].to_numpy(),
        dispute_delay=table["dispute_delay_h"].to_numpy(),
        deadline=table["payment_deadline_hours"].fill_null(-1).to_numpy(),
        grace=table["default_grace_h"].to_numpy(),
        closed=closed_at(tables, table["holiday_calendar"], settings),
        value=value,
        vm_posted=np.where(table["vm_posted"].is_null(), due, _or(table["vm_posted"], 0.0)),
        im_posted=_or(table["im_posted"], np.nan),
        apc=margins.tool,
        apc_value=margins.tool_value,
    )


def _or(values: pl.Series, otherwise: float) -> FloatArray:
    return values.cast(pl.Float64).fill_null(otherwise).to_numpy()


def _gains(table: pl.DataFrame) -> Int64Array:
    kept = np.where(table["passes_intraday_gains"], GAINS_PAID, GAINS_AT_END_OF_DAY)
    return np.where(table["returns_gains"], kept, GAINS_KEPT).astype(np.int64)


def _intraday(table: pl.DataFrame) -> BoolArray:
    runs = np.zeros((table.height, _DAY), np.bool_)
    for number, (venue, text) in enumerate(table.select("venue_id", "intraday_hours").rows()):
        hours = numbers(text)
        if hours is None or (hours % 1 != 0).any() or ((hours < 0) | (hours >= _DAY)).any():
            raise BookError([f"venue, column intraday_hours: {venue!r} has {text!r}: not hours"])
        runs[number, hours.astype(np.int64)] = True
    return runs


def _dollars(frame: pl.DataFrame, column: str, tables: Tables) -> FloatArray:
    """Amounts of a column, each in the currency `ccy` of its row, in dollars; null stays null."""
    rates = dict(tables["fx_rate"].select("ccy", "usd_per_unit").rows())
    rate = np.array([rates.get(ccy, 1.0) if ccy == USD else rates[ccy] for ccy in frame["ccy"]])
    return np.asarray(frame[column].cast(pl.Float64).to_numpy() * rate, np.float64)


def accounts_in(tables: Tables, names: Names, settings: BookSettings) -> Accounts:
    """Cash accounts, in the order of the file."""
    table = tables["cash_balance"]
    currencies = sorted(set(table["ccy"]))
    return Accounts(
        entity=places(table["entity_id"], tuple(names.entities)),
        currency=places(table["ccy"], tuple(currencies)),
        cash=_dollars(table, "balance", tables),
        minimum=_dollars(table, "minimum_operating", tables),
        cut_off=table["cut_off_hour"].to_numpy() + 1,
        closed=closed_at(tables, table["holiday_calendar"], settings),
    )


def entities_in(tables: Tables) -> Entities:
    """Legal entities; the grace of flows is the shortest of the venues that an entity pays at."""
    grace = (
        tables["netting_set"]
        .join(tables["venue"], on="venue_id", how="left", validate="m:1")
        .group_by("entity_id", maintain_order=True)
        .agg(pl.col("default_grace_h").min())
    )
    table = tables["legal_entity"].join(
        grace, on="entity_id", how="left", validate="1:1", maintain_order="left"
    )
    # An entity without netting sets owes nothing and is never in default.
    return Entities(
        nav=table["nav"].to_numpy(), grace=table["default_grace_h"].fill_null(8).to_numpy()
    )


def collateral_in(tables: Tables, names: Names) -> Collateral:
    """Holdings, net of what is pledged."""
    table = tables["collateral_holding"]
    return Collateral(
        account=accounts_of(table, "ccy", names),
        value=_dollars(table, "market_value", tables) - _dollars(table, "encumbered", tables),
        haircut=table["haircut_regular"].to_numpy(),
        stressed=table["haircut_stress"].to_numpy(),
        factor=np.full(table.height, -1, np.int64),
        lag=table["repo_lag_h"].to_numpy(),
        opens=table["repo_opens"].to_numpy(),
        closes=table["repo_closes"].to_numpy() + 1,
        posted_at=posted_at(tables),
    )


def facilities_in(tables: Tables, names: Names) -> Facilities:
    """Lines, those that bind the lender first."""
    table = tables["facility"]
    order = np.argsort(~table["committed"].to_numpy(), kind="stable")
    limit = np.nan_to_num(_dollars(table, "max_draw_per_day", tables), nan=np.inf)
    return Facilities(
        account=accounts_of(table, "ccy", names)[order],
        commitment=_dollars(table, "commitment", tables)[order],
        drawn=_dollars(table, "drawn", tables)[order],
        committed=table["committed"].to_numpy()[order],
        mac=table["mac_clause"].to_numpy()[order],
        notice=table["notice_h"].to_numpy()[order],
        cut_off=table["cut_off_hour"].to_numpy()[order] + 1,
        day_limit=limit[order],
        draws=table["max_draws"].to_numpy()[order],
        minimum=_dollars(table, "min_draw", tables)[order],
        base_rate=_or(table["borrowing_base_rate"], np.inf)[order],
        nav_floor=table["nav_floor_share"].to_numpy()[order],
        nav_window=table["nav_fall_window_d"].to_numpy()[order],
        leverage_cap=_or(table["leverage_cap"], np.inf)[order],
    )


def ladder_of(tables: Tables, names: Names, settings: BookSettings) -> FloatArray:
    """[hour, account]: flows other than margin that are contractual or expected, out positive."""
    found = np.zeros((_DAY * settings.days, len(names.accounts)))
    table = tables["cash_ladder"].filter(
        pl.col("kind").is_in(_DUE) & (pl.col("certainty") != "stressed")
    )
    account = accounts_of(table, "ccy", names)
    amount = _dollars(table, "amount", tables)
    for row, (line, day, hour) in enumerate(table.select(LINE, "date", "hour").rows()):
        number = int(np.busday_count(settings.as_of or day, day))
        if number < 0:
            raise BookError([f"cash_ladder line {line}, column date: {day} is before `as_of`"])
        if number < settings.days:
            found[_DAY * number + hour, account[row]] -= amount[row]
    return found
