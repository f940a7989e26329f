"""Frames of several business dates: each run of dates under its own rulebooks."""

from datetime import date

import polars as pl

from margin_assets.kernels.rules.rules import Rules, rules_in_force

Era = tuple[pl.DataFrame, pl.DataFrame, Rules]


def eras_of(positions: pl.DataFrame, accounts: pl.DataFrame) -> list[Era]:
    """Positions and accounts of each run of dates that share their rulebooks."""
    dates = accounts["as_of"].dt.date()
    eras: dict[int, list[date]] = {}
    rules_of = {day: rules_in_force(day) for day in dates.unique().sort().to_list()}
    for day, rules in rules_of.items():
        eras.setdefault(id(rules), []).append(day)
    if not eras:
        return [(positions, accounts, rules_in_force(EPOCH))]
    held = positions["as_of"].dt.date()
    return [
        (positions.filter(held.is_in(days)), accounts.filter(dates.is_in(days)), rules_of[days[0]])
        for days in eras.values()
    ]


EPOCH = date(1970, 1, 1)


def keys_of(frame: pl.DataFrame, *names: str) -> pl.DataFrame:
    """The named columns of a frame, its business date first where it has one."""
    date = ["business_date"] if "business_date" in frame.columns else []
    return frame.select(*date, *names)
