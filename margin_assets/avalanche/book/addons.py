"""Add-ons of a book's sets for size and for poor liquidity, and multiples on their margin."""

from typing import Any, NamedTuple

import numpy as np

from margin_assets.avalanche.book.exposures import Laid
from margin_assets.avalanche.book.faults import BookError
from margin_assets.avalanche.book.margins import Margins
from margin_assets.avalanche.book.models import FactorModel
from margin_assets.avalanche.book.reading import Tables
from margin_assets.avalanche.book.settings import BookSettings
from margin_assets.kernels.avalanche.holdings import Names
from margin_assets.kernels.avalanche.platform import Addons, Factors
from margin_assets.kernels.initial_margin.concentration import charge, threshold_share
from margin_assets.kernels.numeric.arrays import FloatArray
from schemas.avalanche.models import PHI, THETA


class Sized(NamedTuple):
    """Add-ons, and what they hide."""

    addons: Addons
    hidden: FloatArray
    """(2) Concentration add-on on the fund's whole positions, and the sum of the sets'."""


def addons_of(tables: Tables, laid: Laid, factors: Factors, margins: Margins) -> Sized:
    """Add-ons by set and unit.

    Raises:
        BookError: A concentration add-on needs the turnover of a factor, and it is not known.
    """
    known = {row["addon_id"]: row for row in tables["addon"].iter_rows(named=True)}
    models = {row["im_model_id"]: row for row in tables["im_model"].iter_rows(named=True)}
    start, parts = [0], []
    for number, model_id in enumerate(tables["netting_set"]["im_model_id"]):
        model = models.get(model_id, {})
        asked = [known.get(model.get(name) or "") for name in ("conc_addon_id", "liq_addon_id")]
        parts.append(_of_set(number, asked, laid, factors, int(margins.estimator[number])))
        start.append(start[-1] + len(parts[-1].unit))
    whole = _whole_fund(laid, factors)
    stacked = [np.concatenate(columns) for columns in zip(*(p[1:] for p in parts), strict=True)]
    addons = Addons(np.array(start, np.int64), *stacked)
    return Sized(addons, np.array([whole, float(addons.concentration.sum())]))


def _of_set(
    number: int, asked: list[dict[str, Any] | None], laid: Laid, factors: Factors, estimator: int
) -> Addons:
    concentration, liquidity = asked
    part = slice(laid.exposures.start[number], laid.exposures.start[number + 1])
    unit = laid.exposures.unit[part] if concentration or liquidity else np.zeros(0, np.int64)
    delta = laid.exposures.delta[part][: len(unit)]
    factor = laid.units.factor[unit]
    adv, sigma = factors.adv[factor], factors.sigma[factor]
    size, above = np.zeros(len(unit)), np.ones(len(unit))
    if concentration:
        if np.isnan(adv).any():
            raise BookError(
                [
                    f"add-on {concentration['addon_id']!r} needs the adv of every factor of set "
                    f"{laid.sets[number].ns_id!r}"
                ]
            )
        terms = (concentration["kappa"], concentration["phi"], concentration["theta"])
        size = charge(delta, sigma, adv, terms)
        above = threshold_share(delta, adv, concentration["theta"])
    spread = liquidity["kappa"] * factors.half_spread[factor] if liquidity else 0.0 * sigma
    return Addons(
        np.zeros(0, np.int64),
        unit,
        np.full(len(unit), estimator, np.int64),
        size,
        above,
        spread * np.abs(delta),
    )


def _whole_fund(laid: Laid, factors: Factors) -> float:
    """The concentration add-on on whole positions, as one venue would see them that saw all."""
    factor = laid.units.factor
    known = ~np.isnan(factors.adv[factor])
    exposure, factor = laid.units.exposure[known], factor[known]
    terms = (1.0, PHI, THETA)
    return float(charge(exposure, factors.sigma[factor], factors.adv[factor], terms).sum())


def multipliers_of(
    tables: Tables, margins: Margins, settings: BookSettings
) -> tuple[FloatArray, list[str]]:
    """[set]: broker's multiple times what brings the set to its statement; and what was done."""
    found, told = [], []
    rows = tables["netting_set"].select("ns_id", "broker_multiplier", "stated_im").rows()
    for (ns_id, broker, stated), report in zip(rows, margins.report, strict=True):
        ours = report.margin * broker
        if stated is None or abs(ours - stated) <= settings.most_off_statement * stated:
            found.append(broker)
            continue
        if ours <= 0.0:
            raise BookError(
                [f"set {ns_id!r}: its model gives no margin, its venue states {stated:,.0f}"]
            )
        found.append(broker * stated / ours)
        told.append(
            f"set {ns_id!r}: margin is {ours:,.0f} by its model and {stated:,.0f} by its venue; "
            f"calibrated by {stated / ours:.3f}"
        )
    return np.array(found), told


def wrong_way_of(
    tables: Tables, names: Names, laid: Laid, market: FactorModel, settings: BookSettings
) -> FloatArray:
    """[set]: multiple for exposure to a counterparty that fails when the set gains.

    A set gains as its counterparty's factor falls where the correlation of the two is below the
    setting's, negative.
    """
    factors = tuple(names.factors)
    watched = dict(tables["counterparty"].select("counterparty_id", "wrong_way_factor_id").rows())
    found = np.ones(len(laid.sets))
    for number, counterparty in enumerate(tables["netting_set"]["counterparty_id"]):
        factor = watched.get(counterparty)
        held = laid.sets[number]
        if factor is None or not len(held.factors):
            continue
        x = held.net.delta * market.sigma[held.factors]
        among = market.correlation[np.ix_(held.factors, held.factors)]
        size = float(np.sqrt(max(np.einsum("f,fg,g->", x, among, x), 0.0)))
        toward = float((x * market.correlation[held.factors, factors.index(factor)]).sum())
        if size > 0.0 and -toward / size > settings.wrong_way_correlation:
            found[number] += settings.wrong_way_addon
    return found
