"""Initial margin of a book as the loop reads it: groups of cuts, estimators, by manager."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import polars as pl

from margin_assets.avalanche.book.exposures import Laid
from margin_assets.avalanche.book.faults import BookError
from margin_assets.avalanche.book.grouping import Group, Rows, joined
from margin_assets.avalanche.book.models import (
    STATIC,
    FactorModel,
    Modelled,
    Row,
    SetExposure,
    anchored,
    margin_today,
    modelled,
)
from margin_assets.avalanche.book.names import places
from margin_assets.avalanche.book.reading import LINE, Tables
from margin_assets.avalanche.book.settings import BookSettings
from margin_assets.avalanche.book.tools import TOOLS, share_of
from margin_assets.kernels.avalanche.holdings import ManagerCuts, Names
from margin_assets.kernels.avalanche.platform import (
    APC_FLOOR,
    APC_NONE,
    APC_STRESS,
    Cuts,
    Estimators,
    Groups,
)
from margin_assets.kernels.initial_margin.cuts import Planes
from margin_assets.kernels.numeric.arrays import FloatArray, Int64Array


class Report(NamedTuple):
    """How one set is margined today."""

    ns_id: str
    im_model_id: str
    family: str
    margin: float
    """Charged today before the broker's multiple, add-ons not in it, USD."""
    cuts: int
    volatility_mean: float
    volatility_low: float
    positions_mean: float
    positions_low: float
    note: str


class Margins(NamedTuple):
    """All of it, with what the sets need to know."""

    groups: Groups
    cuts: Cuts
    by_manager: ManagerCuts
    estimators: Estimators
    tool: Int64Array
    """[set]: APC_..."""
    tool_value: FloatArray
    estimator: Int64Array
    """[set]: estimator of its own model, which its add-ons follow."""
    report: tuple[Report, ...]


class _Part(NamedTuple):
    """A model of a set, and its weight by business day."""

    model: Row
    weight: FloatArray


class Clock(NamedTuple):
    """Estimators that the sets share, in the order in which they are met."""

    kinds: dict[tuple[float, int, float], int]

    def at(self, decay: float, hour: int, trigger: float) -> int:
        """Place of the estimator of this memory, hour and trigger."""
        # One that never moves needs neither an hour nor a trigger.
        kind = (decay, hour, trigger) if decay < 1.0 else (1.0, 0, 0.0)
        return self.kinds.setdefault(kind, len(self.kinds))


class Asked(NamedTuple):
    """One set, and all that its margin depends on."""

    tables: Tables
    names: Names
    laid: Laid
    market: FactorModel
    settings: BookSettings
    clock: Clock
    number: int
    hour: int
    models: dict[str, Row]

    @property
    def held(self) -> SetExposure:
        """Its exposures."""
        return self.laid.sets[self.number]


class _Margined(NamedTuple):
    groups: list[Group]
    tool: int
    share: float
    estimator: int
    report: Report


def margins_of(
    tables: Tables, names: Names, laid: Laid, market: FactorModel, settings: BookSettings
) -> Margins:
    """Groups of cuts of every set, with the report of how each is margined."""
    hours = dict(tables["venue"].select("venue_id", "eod_hour").rows())
    rows = tables["netting_set"].select("im_model_id", "venue_id").rows()
    clock = Clock({})
    models = {row["im_model_id"]: row for row in tables["im_model"].iter_rows(named=True)}
    found = [
        _margined(
            Asked(tables, names, laid, market, settings, clock, number, hours[venue], models),
            model_id,
        )
        for number, (model_id, venue) in enumerate(rows)
    ]
    groups, cuts, by_manager = joined([one.groups for one in found], len(laid.unit_names))
    return Margins(
        groups=groups,
        cuts=cuts,
        by_manager=by_manager,
        estimators=_estimators(clock, market),
        tool=np.array([one.tool for one in found], np.int64),
        tool_value=np.array([one.share for one in found]),
        estimator=np.array([one.estimator for one in found], np.int64),
        report=tuple(one.report for one in found),
    )


def _estimators(clock: Clock, market: FactorModel) -> Estimators:
    kinds = list(clock.kinds) or [(1.0, 0, 0.0)]
    return Estimators(
        memory=np.array([kind[0] for kind in kinds]),
        hour=np.array([kind[1] for kind in kinds], np.int64),
        trigger=np.array([kind[2] for kind in kinds]),
        sigma=np.tile(market.sigma, (len(kinds), 1)),
    )


def _margined(asked: Asked, model_id: str) -> _Margined:
    given = asked.tables["im_cut"].filter(
        (pl.col("ns_id") == asked.held.ns_id) & (pl.col("im_model_id") == model_id)
    )
    if given.height:
        return _as_given(asked, given, model_id)
    parts = list(_phased(asked, model_id))
    made = [modelled(part.model, asked.held, asked.market, asked.settings.cuts) for part in parts]
    groups: list[Group] = []
    anchors: list[Group] = []
    raw = anchor = 0.0
    for part, one in zip(parts, made, strict=True):
        number = asked.clock.at(one.decay, asked.hour, one.trigger)
        stressed = anchored(part.model, one, asked.held, asked.market)
        groups += [Group(_rows(p, asked.held), number, part.weight) for p in one.groups]
        anchors += [
            Group(_rows(p, asked.held), number, part.weight, is_anchor=True) for p in stressed
        ]
        raw += part.weight[0] * margin_today(one.groups, asked.held.net)
        anchor += part.weight[0] * margin_today(stressed, asked.held.net)
    first = made[0]
    today = charged_of(raw, anchor, first)
    estimator = asked.clock.at(first.decay, asked.hour, first.trigger)
    told = _reported(asked.held.ns_id, parts[0].model, first, float(today))
    return _Margined(groups + anchors, first.tool, first.share, estimator, told)


def charged_of(raw: float, anchor: float, made: Modelled) -> float:
    """Margin after the model's tool, of what it and its anchor say, USD."""
    if made.tool == APC_STRESS:
        return (1.0 - made.share) * raw + made.share * anchor
    if made.tool == APC_FLOOR:
        return max(raw, anchor)
    return raw


def _phased(asked: Asked, model_id: str) -> Iterator[_Part]:
    """The set's model, and those that replace it within the run, with their weights by day."""
    changes = asked.tables["im_model_change"].filter(pl.col("old_model_id") == model_id)
    new: dict[str, FloatArray] = {}
    days = asked.settings.days
    for change in changes.sort("new_model_id", "effective").iter_rows(named=True):
        weight = new.setdefault(change["new_model_id"], np.zeros(days))
        as_of = asked.settings.as_of or change["effective"]  # a gate asks for the setting
        weight[max(0, int(np.busday_count(as_of, change["effective"]))) :] = change["weight"]
    old = np.maximum(1.0 - sum(new.values(), start=np.zeros(days)), 0.0)
    yield _Part(asked.models[model_id], old)
    for name, weight in new.items():
        if weight.any():
            yield _Part(asked.models[name], weight)


def _rows(planes: Planes, held: SetExposure) -> Rows:
    """Coefficients in USD by cut, unit and manager."""
    count = len(planes.w)
    return Rows(
        np.repeat(np.arange(count), len(held.unit)),
        np.tile(held.unit, count),
        np.tile(held.manager, count),
        (planes.w[:, held.local] * held.delta).ravel(),
        (planes.w2[:, held.local] * held.gamma).ravel(),
    )


def _as_given(asked: Asked, given: pl.DataFrame, model_id: str) -> _Margined:
    """Cuts as the book states them; memory and tool are those of the model, if it is there."""
    model = asked.models.get(model_id)
    is_static = model is None or model["family"] in STATIC or model["reprice"] == "static"
    decay = 1.0 if model is None or is_static else model["lambda"]
    trigger = model["trigger"] if model and model["reprice"] == "on_trigger" else 0.0
    estimator = asked.clock.at(decay, asked.hour, trigger)
    always = np.ones(asked.settings.days)
    groups: list[Group] = []
    today = 0.0
    for part in given.partition_by("group", maintain_order=True):
        rows = _given_rows(asked, part)
        groups.append(Group(rows, estimator, always))
        today += float(np.bincount(rows.cut, rows.w + rows.w2).max())
    tool = TOOLS[model["apc"]] if model else APC_NONE
    if tool in (APC_STRESS, APC_FLOOR):
        raise BookError(
            [f"set {asked.held.ns_id!r}: its cuts are given, so no stressed margin can be made"]
        )
    share = share_of(model, asked.market.clearing)
    told = Report(
        asked.held.ns_id, model_id, "as given", today, given["cut_no"].n_unique(), 0, 0, 0, 0, ""
    )
    return _Margined(groups, tool, share, estimator, told)


def _given_rows(asked: Asked, part: pl.DataFrame) -> Rows:
    entity_id = asked.tables["netting_set"]["entity_id"][asked.number]
    entity = list(asked.names.entities).index(entity_id)
    factor = places(part["factor_id"], tuple(asked.names.factors))
    manager = places(part["manager_id"], tuple(asked.names.managers))
    by_manager = asked.settings.sale_units == "manager"
    units = []
    for line, m, f in zip(part[LINE], manager, factor, strict=True):
        unit = asked.laid.unit_of.get((entity, int(m) if by_manager else 0, int(f)))
        if unit is None:
            raise BookError(
                [f"im_cut line {line}: {entity_id} has no exposure to {asked.names.factors[f]!r}"]
            )
        units.append(unit)
    of_w = (part["feature"] == "w").to_numpy()
    value = part["coefficient"].to_numpy()
    numbers = part["cut_no"].rank("dense").to_numpy().astype(np.int64) - 1
    return Rows(
        numbers,
        np.array(units, np.int64),
        manager,
        np.where(of_w, value, 0.0),
        np.where(of_w, 0.0, value),
    )


def _reported(ns_id: str, model: Row, made: Modelled, today: float) -> Report:
    worst = min(made.surrogate, key=lambda one: one.positions.mean, default=None)
    errors = (0.0, 0.0, 0.0, 0.0) if worst is None else (*worst.volatility, *worst.positions)
    count = sum(len(group.w) for group in made.groups)
    return Report(ns_id, model["im_model_id"], model["family"], today, count, *errors, made.note)
