"""Exposures of a book as arrays: by set and unit for the loop, by manager for the answers."""

from typing import NamedTuple

import numpy as np
import polars as pl

from margin_assets.avalanche.book.models import SetExposure
from margin_assets.avalanche.book.names import places
from margin_assets.avalanche.book.reading import Tables
from margin_assets.kernels.avalanche.holdings import ManagerExposures, Names
from margin_assets.kernels.avalanche.platform import Exposures, Units
from margin_assets.kernels.initial_margin.cuts import Exposure
from margin_assets.kernels.numeric.arrays import FloatArray, Int64Array


class Rows(NamedTuple):
    """Rows of exposure, by set, unit and manager."""

    held: ManagerExposures
    factor: Int64Array
    """[row]."""
    entry: Int64Array
    """[row]: entry of `Exposures` that it is part of."""
    funded: FloatArray
    """[row]: cash a dollar of delta brings in when sold."""
    lag: Int64Array


class Laid(NamedTuple):
    """Exposures laid out."""

    rows: Rows
    exposures: Exposures
    units: Units
    unit_names: tuple[str, ...]
    unit_of: dict[tuple[int, int, int], int]
    """Unit by entity, manager (0 where units are whole factors) and factor."""
    sets: tuple[SetExposure, ...]


def laid_out(tables: Tables, names: Names, sale_units: str) -> Laid:
    """Exposures by set and unit. A unit is a factor of an entity, or of a manager of it."""
    owner = places(tables["netting_set"]["entity_id"], tuple(names.entities))
    table = _with_funding(tables)
    of_set = places(table["ns_id"], tuple(names.sets))
    manager = places(table["manager_id"], tuple(names.managers))
    factor = places(table["factor_id"], tuple(names.factors))
    entity = owner[of_set]
    sleeve = manager if sale_units == "manager" else np.zeros_like(manager)
    keys = np.stack([entity, sleeve, factor], axis=1)
    unique, unit = np.unique(keys, axis=0, return_inverse=True)
    unit = unit.reshape(-1).astype(np.int64)
    order = np.lexsort((manager, unit, of_set))
    held = ManagerExposures(
        set=of_set[order],
        unit=unit[order],
        manager=manager[order],
        delta=table["delta"].to_numpy()[order],
        gamma=table["gamma"].to_numpy()[order],
        theta=table["theta"].to_numpy()[order],
    )
    entry, starts = _entries(held)
    rows = Rows(
        held,
        factor[order],
        entry,
        table["funded_share"].to_numpy()[order],
        table["settle_lag_h"].to_numpy()[order],
    )
    exposures = _summed(held, starts, len(names.sets))
    units = _units(unique, rows, exposures)
    labels = tuple(_label(key, names, sale_units) for key in unique)
    unit_of = {(int(e), int(m), int(f)): number for number, (e, m, f) in enumerate(unique)}
    return Laid(rows, exposures, units, labels, unit_of, _set_exposures(tables, names, rows))


def _label(key: Int64Array, names: Names, sale_units: str) -> str:
    entity, sleeve, factor = (int(part) for part in key)
    parts = [names.entities[entity], names.factors[factor]]
    if sale_units == "manager":
        parts.insert(1, names.managers[sleeve])
    return "/".join(parts)


def _with_funding(tables: Tables) -> pl.DataFrame:
    """Exposures with what a sale of them brings in: as stated, else by the set's positions."""
    funded = (
        tables["position"]
        .group_by("ns_id", maintain_order=True)
        .agg(
            paid=pl.col("market_value").abs().filter(pl.col("funded")).sum(),
            lag=pl.col("settle_lag_h").filter(pl.col("funded")).max(),
        )
    )
    gross = (
        tables["exposure"]
        .group_by("ns_id", maintain_order=True)
        .agg(gross=pl.col("delta").abs().sum())
    )
    share = (pl.col("paid") / pl.col("gross")).clip(0.0, 1.0)
    return (
        tables["exposure"]
        .join(funded, on="ns_id", how="left", validate="m:1", maintain_order="left")
        .join(gross, on="ns_id", how="left", validate="m:1", maintain_order="left")
        .with_columns(
            funded_share=pl.coalesce("funded_share", share.fill_nan(None), pl.lit(0.0)),
            settle_lag_h=pl.coalesce("settle_lag_h", "lag", pl.lit(0, pl.Int64)),
        )
    )


def _entries(held: ManagerExposures) -> tuple[Int64Array, Int64Array]:
    """Entry of each row, and the first row of each entry."""
    if not len(held.set):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    is_new = np.ones(len(held.set), np.bool_)
    is_new[1:] = (np.diff(held.set) != 0) | (np.diff(held.unit) != 0)
    return np.cumsum(is_new) - 1, np.flatnonzero(is_new).astype(np.int64)


def _summed(held: ManagerExposures, starts: Int64Array, sets: int) -> Exposures:
    counts = np.bincount(held.set[starts], minlength=sets)
    return Exposures(
        start=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        unit=held.unit[starts],
        delta=np.add.reduceat(held.delta, starts),
        gamma=np.add.reduceat(held.gamma, starts),
        theta=np.add.reduceat(held.theta, starts),
    )


def _sum_by(index: Int64Array, values: FloatArray, count: int) -> FloatArray:
    return np.asarray(np.bincount(index, values, minlength=count), np.float64)


def _units(unique: Int64Array, rows: Rows, exposures: Exposures) -> Units:
    count = len(unique)
    net = _sum_by(exposures.unit, exposures.delta, count)
    size = np.abs(rows.held.delta)
    gross = _sum_by(rows.held.unit, size, count)
    paid = _sum_by(rows.held.unit, size * rows.funded, count)
    lag = np.zeros(count, np.int64)
    np.maximum.at(lag, rows.held.unit, rows.lag)
    factor = unique[:, 2].astype(np.int64)
    in_all = _sum_by(factor, np.abs(net), 0)[factor]
    return Units(
        factor=factor,
        entity=unique[:, 0].astype(np.int64),
        exposure=net,
        outside=np.zeros(count),
        funded=np.divide(paid, gross, out=np.zeros(count), where=gross > 0.0),
        lag=lag,
        volume_part=np.divide(np.abs(net), in_all, out=np.zeros(count), where=in_all > 0.0),
        priority=np.arange(count, dtype=np.float64),
    )


def _set_exposures(tables: Tables, names: Names, rows: Rows) -> tuple[SetExposure, ...]:
    held = rows.held
    gross, ratio = _notionals(tables, names)
    found = []
    bounds = np.searchsorted(held.set, np.arange(len(names.sets) + 1))
    for number, ns_id in enumerate(names.sets):
        part = slice(bounds[number], bounds[number + 1])
        factors, local = np.unique(rows.factor[part], return_inverse=True)
        count = len(factors)
        net = Exposure(
            _sum_by(local, held.delta[part], count),
            _sum_by(local, held.gamma[part], count),
        )
        found.append(
            SetExposure(
                ns_id,
                factors,
                local.astype(np.int64),
                held.unit[part],
                held.manager[part],
                held.delta[part],
                held.gamma[part],
                net,
                float(gross[number]),
                float(ratio[number]),
            )
        )
    return tuple(found)


def _notionals(tables: Tables, names: Names) -> tuple[FloatArray, FloatArray]:
    """By set: gross notional, and net over gross replacement cost (1 where nothing has value)."""
    position = tables["position"]
    of_set = places(position["ns_id"], tuple(names.sets))
    count = len(names.sets)
    value = position["market_value"].to_numpy()
    notional = _sum_by(of_set, position["notional"].to_numpy(), count)
    net = np.maximum(_sum_by(of_set, value, count), 0.0)
    gross = _sum_by(of_set, np.maximum(value, 0.0), count)
    ratio = np.divide(net, gross, out=np.ones(count), where=gross > 0.0)
    ratio[np.bincount(of_set, minlength=count) == 0] = np.nan
    return notional, ratio
