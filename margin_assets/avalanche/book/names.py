"""What the arrays of a platform stand for: the ids of the book by their place."""

from typing import NamedTuple

import numpy as np
import polars as pl

from margin_assets.avalanche.book.reading import Tables
from margin_assets.kernels.numeric.arrays import Int64Array


class Names(NamedTuple):
    """Ids by place, each in the order of its file."""

    entities: tuple[str, ...]
    currencies: tuple[str, ...]
    accounts: tuple[tuple[str, str], ...]
    """Entity and currency."""
    factors: tuple[str, ...]
    classes: tuple[str, ...]
    """Class of each factor."""
    managers: tuple[str, ...]
    venues: tuple[str, ...]
    counterparties: tuple[str, ...]
    sets: tuple[str, ...]
    facilities: tuple[str, ...]
    assets: tuple[str, ...]
    """`entity/asset` of each holding."""


def names_of(tables: Tables) -> Names:
    """The names of a book whose references have been judged."""
    cash = tables["cash_balance"]
    managers = tables["manager"]["manager_id"].to_list()
    named = managers or tables["exposure"]["manager_id"].unique(maintain_order=True).to_list()
    holdings = tables["collateral_holding"]
    return Names(
        entities=tuple(tables["legal_entity"]["entity_id"]),
        currencies=tuple(sorted(set(cash["ccy"]))),
        accounts=tuple(cash.select("entity_id", "ccy").rows()),
        factors=tuple(tables["risk_factor"]["factor_id"]),
        classes=tuple(tables["risk_factor"]["class"]),
        managers=tuple(named),
        venues=tuple(tables["venue"]["venue_id"]),
        counterparties=tuple(tables["counterparty"]["counterparty_id"]),
        sets=tuple(tables["netting_set"]["ns_id"]),
        facilities=tuple(tables["facility"]["facility_id"]),
        assets=tuple(f"{e}/{a}" for e, a in holdings.select("entity_id", "asset_id").rows()),
    )


def places(values: pl.Series, names: tuple[str, ...]) -> Int64Array:
    """Place of each value among the names; every value must be one of them."""
    place = {name: number for number, name in enumerate(names)}
    return np.array([place[value] for value in values], np.int64)


def accounts_of(frame: pl.DataFrame, ccy: str, names: Names) -> Int64Array:
    """Cash account of each row by its `entity_id` and the currency in column `ccy`."""
    place = {name: number for number, name in enumerate(names.accounts)}
    return np.array([place[pair] for pair in frame.select("entity_id", ccy).rows()], np.int64)
