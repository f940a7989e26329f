"""How the platform stands: concentration, efficiency, funding of a month, the spiral, a score."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from margin_assets.avalanche.answers.case import (
    Case,
    by_venue,
    liquid,
    policy_of,
)
from margin_assets.avalanche.answers.documents import Document, document_of, plain
from margin_assets.avalanche.answers.venue_funding import funded_venues
from margin_assets.avalanche.book.building import Built
from margin_assets.avalanche.book.terms import ladder_of
from margin_assets.kernels.avalanche.answers.attribution import Attribution, charged_today
from margin_assets.kernels.avalanche.answers.concentration import (
    Concentration,
    Shared,
    concentration,
    hidden_share,
    index_excess,
)
from margin_assets.kernels.avalanche.answers.efficiency import Brought, efficiency
from margin_assets.kernels.avalanche.answers.funding import (
    DAYS,
    Cushion,
    FundingDay,
    coverage_shortfall,
    funding_forecast,
)
from margin_assets.kernels.avalanche.answers.margins import (
    Margin,
    layout,
    margin,
    summed,
    today,
)
from margin_assets.kernels.avalanche.answers.policy import Limits, Policy
from margin_assets.kernels.avalanche.answers.quantiles import quantile
from margin_assets.kernels.avalanche.answers.score import ScoreInputs, integrated_score
from margin_assets.kernels.avalanche.answers.spiral import Spiral
from margin_assets.kernels.avalanche.answers.state_spiral import spiral_today
from margin_assets.kernels.avalanche.holdings import NOBODY
from margin_assets.kernels.avalanche.results import NEVER, Results
from margin_assets.kernels.numeric.arrays import FloatArray, Int64Array

_HOURS = 24
StringArray = npt.NDArray[np.str_]
_LEVEL = 0.99


class Baseline(NamedTuple):
    """Initial margin charged today, shared out; dollars."""

    by_set: FloatArray
    by_manager: FloatArray
    by_factor: FloatArray


def baseline(case: Case) -> Baseline:
    """Initial margin today by set, and by Euler's shares by manager and factor."""
    platform, holdings = case.platform, case.holdings
    held: Margin = margin(platform, holdings, layout(platform), today(platform))
    charged = charged_today(platform, held)
    raw = summed(held.entry_set, held.entry_amount, len(charged))
    scale = np.divide(charged, raw, out=np.zeros_like(charged), where=raw > 0.0)
    amount = held.entry_amount * scale[held.entry_set]
    names = holdings.names
    return Baseline(
        charged,
        summed(held.entry_manager, amount, len(names.managers)),
        summed(held.entry_factor, amount, len(names.factors)),
    )


def concentrations(
    case: Case, base: Baseline, found: Attribution, limits: Limits
) -> tuple[Concentration, ...]:
    """Shares of baseline margin, and of margin under stress: what is posted today and called."""
    names = case.holdings.names
    called, posted = found.by_set, base.by_set
    held = np.array(names.classes)
    classes = sorted(set(names.classes))
    counterparty = case.holdings.counterparty
    return (
        _shared("manager", names.managers, base.by_manager, found.by_manager, limits.manager),
        _shared(
            "asset class",
            classes,
            _by_class(base.by_factor, held, classes),
            _by_class(found.by_factor, held, classes),
            limits.asset_class,
        ),
        _shared(
            "venue", names.venues, by_venue(case, posted), by_venue(case, called), limits.venue
        ),
        _shared(
            "counterparty",
            names.counterparties,
            _by_counterparty(posted, counterparty, len(names.counterparties)),
            _by_counterparty(called, counterparty, len(names.counterparties)),
            limits.counterparty,
        ),
    )


def _shared(
    dimension: str, names: Sequence[str], base: FloatArray, called: FloatArray, limit: float
) -> Concentration:
    shared = Shared(dimension, names, base, base + called)
    return concentration(shared, limit)


def _by_class(amounts: FloatArray, held: StringArray, classes: list[str]) -> FloatArray:
    return np.array([amounts[held == name].sum() for name in classes])


def _by_counterparty(by_set: FloatArray, counterparty: Int64Array, count: int) -> FloatArray:
    has_one = counterparty != NOBODY
    return summed(counterparty[has_one], by_set[has_one], count)


def efficiencies(case: Case, base: Baseline, found: Attribution) -> list[Document]:
    """What each manager earns on what it brings; the least return on need first."""
    rows = efficiency(
        Brought(
            names=case.holdings.names.managers,
            expected_return=case.holdings.expected_return,
            margin=base.by_manager,
            need=found.by_manager,
            value_at_risk=_risk(case),
        )
    )
    strategies = case.holdings.names.strategies
    told = [document_of(row) | {"strategy": strategies[place]} for place, row in enumerate(rows)]
    return sorted(told, key=lambda row: (row["return_on_need"] is None, row["return_on_need"] or 0))


_Z_99 = 2.3263478740408408


def _risk(case: Case) -> FloatArray:
    """Component of the fund's 99% one-day delta-normal value at risk, by manager."""
    rows, factors = case.holdings.exposures, case.platform.factors
    count, size = len(case.holdings.names.managers), len(factors.sigma)
    factor = case.platform.units.factor[rows.unit]
    deltas = summed(rows.manager * size + factor, rows.delta, count * size).reshape(count, size)
    scaled = deltas * factors.sigma
    total = scaled.sum(axis=0)
    carried = case.platform.correlation @ total
    deviation = float(np.sqrt(max(total @ carried, 0.0)))
    parts: FloatArray = _Z_99 * (scaled @ carried) / deviation if deviation else np.zeros(count)
    return parts


def cushion(case: Case, policy: Policy) -> Cushion:
    """What funding is held against; balances that must stay are not counted as liquid."""
    return Cushion(liquid(case.platform).total, 0.0, policy.buffer)


def funded_book(built: Built, case: Case, free: Results) -> Document:
    """Thirty days of funding of a book in one scenario, from needs with every due paid."""
    held = cushion(case, policy_of(built))
    days = [document_of(day) for day in funding(built, free, held)]
    return {
        "funding": days,
        "funding_by_account": funded_accounts(built, free, held.share),
        "funding_by_venue": funded_venues(built, case),
    }


def funding(built: Built, results: Results, held: Cushion) -> tuple[FundingDay, ...]:
    """Thirty days of contractual flows and margin, of an unlimited run."""
    margin_by_day = results.need_by_account.sum(axis=2, dtype=np.float64)
    return funding_forecast(_flows(built).sum(axis=1), margin_by_day[:, :DAYS], held)


def _flows(built: Built) -> FloatArray:
    """[day, account]: contractual outflows of thirty days."""
    month = built.settings.model_copy(update={"days": DAYS})
    hourly = ladder_of(built.tables, built.holdings.names, month)
    daily: FloatArray = hourly.reshape(DAYS, _HOURS, -1).sum(axis=1)
    return daily


def funded_accounts(built: Built, results: Results, share: float) -> list[Document]:
    """The same by entity and currency: a shortfall is what the account's own cash does not pay.

    Args:
        built: The book.
        results: Of an unlimited run.
        share: Buffer, as a share of the 95% outflow.
    """
    flows, accounts = _flows(built), built.platform.accounts
    own = np.maximum(accounts.cash - accounts.minimum, 0.0)
    found = []
    for k, (entity, currency) in enumerate(built.holdings.names.accounts):
        margin = results.need_by_account[:, :DAYS, k].astype(np.float64)
        days = funding_forecast(flows[:, k], margin, Cushion(float(own[k]), 0.0, share))
        told = [document_of(day) for day in days]
        found.append({"entity": entity, "currency": currency, "days": told})
    return found


def spiral_of(case: Case, results: Results) -> Spiral:
    """The spiral condition at the gap that the 99% need leaves, at least 1% of it.

    Raises:
        ValueError: It is not known what selling moves.
    """
    need = quantile(results.peak_need, _LEVEL).value
    gap = max(need - liquid(case.platform).total, 0.01 * need)
    found = spiral_today(case.platform, case.holdings, case.settings, gap)
    if found is None:
        msg = "the spiral condition is not known: a factor that is held has no turnover"
        raise ValueError(msg)
    return found


def spiral_document(case: Case, found: Spiral) -> Document:
    """The condition, and the factors that it comes from, the largest first."""
    names = case.holdings.names.factors
    order = np.argsort(-found.by_factor, kind="stable")
    return {
        "rho": found.rho,
        "multiplier": found.multiplier if found.is_stable else None,
        "stable": found.is_stable,
        "by_factor": [
            {"factor": names[place], "rho": float(found.by_factor[place])}
            for place in order
            if found.by_factor[place] > 0.0
        ],
    }


class Facts(NamedTuple):
    """What the score is made from."""

    results: Results
    """Of the arm with impact."""
    shares: tuple[Concentration, ...]
    days: tuple[FundingDay, ...]
    held: Cushion
    spiral: Spiral


def _hidden(case: Case) -> float:
    whole, apart = case.holdings.hidden.tolist()
    return hidden_share(whole, apart, float(baseline(case).by_set.sum()))


def standing_document(case: Case, facts: Facts, policy: Policy) -> Document:
    """The integrated score with its parts."""
    uses = [
        max(one.baseline_share, one.stressed_share) / found.limit
        for found in facts.shares
        for one in found.members
    ]
    standing = ScoreInputs(
        exhaustion=float(np.mean(facts.results.exhaustion_hour != NEVER)),
        limit_use=max(uses, default=0.0),
        coverage_shortfall=coverage_shortfall(facts.days, facts.held),
        index_excess=float(np.mean([index_excess(found) for found in facts.shares])),
        hidden_share=_hidden(case),
        spiral=facts.spiral.rho,
    )
    score = integrated_score(standing, policy.score)
    return {"score": score.value, "parts": plain(score), "made_of": plain(standing)}


def stood_book(built: Built, case: Case, found: Attribution) -> Document:
    """Concentration against its limits, and what managers earn on what they bring."""
    base = baseline(case)
    shares = concentrations(case, base, found, policy_of(built).limits)
    return {
        "concentration": [document_of(one) for one in shares],
        "efficiency": efficiencies(case, base, found),
    }
