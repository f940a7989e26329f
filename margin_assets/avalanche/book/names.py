"""What the arrays of a platform stand for: the ids of the book by their place."""

import numpy as np
import polars as pl

from margin_assets.avalanche.book.reading import Tables
from margin_assets.kernels.avalanche.holdings import Names
from margin_assets.kernels.numeric.arrays import Int64Array


def names_of(tables: Tables) -> Names:
    """The names of a book whose references have been judged; units are named later."""
    managers = tables["manager"].select("manager_id", "strategy")
    if not managers.height:
        ids = tables["exposure"].select("manager_id").unique(maintain_order=True)
        managers = ids.with_columns(strategy=pl.lit(None, pl.String))
    holdings = tables["collateral_holding"].select("entity_id", "asset_id").rows()
    return Names(
        factors=tuple(tables["risk_factor"]["factor_id"]),
        classes=tuple(tables["risk_factor"]["class"]),
        sets=tuple(tables["netting_set"]["ns_id"]),
        venues=tuple(tables["venue"]["venue_id"]),
        counterparties=tuple(tables["counterparty"]["counterparty_id"]),
        accounts=tuple(tables["cash_balance"].select("entity_id", "ccy").rows()),
        entities=tuple(tables["legal_entity"]["entity_id"]),
        units=(),
        assets=tuple(f"{entity}/{asset}" for entity, asset in holdings),
        facilities=tuple(tables["facility"]["facility_id"]),
        managers=tuple(managers["manager_id"]),
        strategies=tuple(managers["strategy"].fill_null("")),
    )


def places(values: pl.Series, names: tuple[str, ...]) -> Int64Array:
    """Place of each value among the names; -1 for none, every other must be one of them."""
    place: dict[str | None, int] = {name: number for number, name in enumerate(names)}
    place[None] = -1
    return np.array([place[value] for value in values], np.int64)


def accounts_of(frame: pl.DataFrame, ccy: str, names: Names) -> Int64Array:
    """Cash account of each row by its `entity_id` and the currency in column `ccy`."""
    place = {name: number for number, name in enumerate(names.accounts)}
    return np.array([place[(e, c)] for e, c in frame.select("entity_id", ccy).rows()], np.int64)
