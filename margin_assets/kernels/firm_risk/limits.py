"""Limits of the house on what the firm comes to: what is above them, and what becomes of it."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import ROUND_CEILING, Decimal
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from margin_assets.kernels.book.figures import Figures, gross_values
from margin_assets.kernels.firm_risk.concentrations import Subjects
from margin_assets.kernels.firm_risk.view import FirmView
from margin_assets.kernels.numeric.arrays import BoolArray
from margin_assets.kernels.rules.firm_rules import FirmRules
from schemas.firm import VOLUME_STATES

_SHOWN = Decimal("0.000001")
_RATIOS = ("gross_share", "volume_share", "days_to_liquidate")
Key = tuple[str, str | None]
"""Limit, and symbol, class group or account; None of the firm, and of all that is not known."""


class Limit(NamedTuple):
    """One limit in force: USD, a share, a multiple or days."""

    limit_id: str
    metric: str
    scope: str
    subject: str | None
    amount: Decimal
    owner: str


class Breach(NamedTuple):
    """One version of a breach's life, in the columns of `limit_breaches`; instants in µs."""

    breach_id: str
    version: int
    limit_id: str
    metric: str
    scope: str
    subject: str | None
    state: str
    value: Decimal | None
    limit_value: Decimal | None
    use: float | None
    owner: str
    opened_at: int
    changed_at: int
    acknowledged_by: str | None = None
    action_id: str | None = None


class Measured(NamedTuple):
    """A metric of each subject of a scope; ratios as they are, amounts in cents."""

    names: Sequence[str]
    values: npt.NDArray[Any]
    is_known: BoolArray
    """Whether the value is all there is to it: what no volume is known of may be worse."""


class Firm(NamedTuple):
    """What limits are held against."""

    view: FirmView
    figures: Figures
    accounts: Sequence[str]
    rules: FirmRules


def above(limit: Limit, firm: Firm) -> dict[str | None, Decimal | None]:
    """Subjects above a limit with their values; None for a value that is not known.

    Without a subject in the limit all of unknown value stand together, as None.
    """
    if limit.scope == "firm":
        value = Decimal(firm_value(limit.metric, firm.view)).scaleb(-2)
        return {None: value} if value > limit.amount else {}
    names, values, is_known = measured(limit, firm)
    if limit.metric in _RATIOS:
        is_above = np.isfinite(values) & (values > float(limit.amount))
    else:
        is_above = values > int(limit.amount * 100)
    found: dict[str | None, Decimal | None] = {}
    unknown = np.flatnonzero(~is_known & ~is_above)
    if len(unknown):
        found[limit.subject] = None
    for place in np.flatnonzero(is_above).tolist():
        found[names[place]] = _shown(limit.metric, values[place])
    return found


def firm_value(metric: str, view: FirmView) -> int:
    """A metric of the firm, cents."""
    scenarios = view.sums.scenarios
    if metric == "beta_weighted_exposure":
        return abs(view.sums.exposure)
    if metric == "gross_beta_weighted_exposure":
        return view.sums.gross_exposure
    if metric == "worst_scenario_loss":
        return max(0, *(-int(scenario.pnl.sum()) for scenario in scenarios))
    return max(int(scenario.credit_exposure.sum()) for scenario in scenarios)


def measured(limit: Limit, firm: Firm) -> Measured:
    """The metric of the limit's subject, or of every one that there is."""
    of_all = _accounts(limit.metric, firm) if limit.scope == "account" else _held(limit, firm)
    if limit.subject is None:
        return of_all
    place = [i for i, name in enumerate(of_all.names) if name == limit.subject]
    return Measured([limit.subject] * len(place), of_all.values[place], of_all.is_known[place])


def _held(limit: Limit, firm: Firm) -> Measured:
    of = firm.view.subjects[limit.scope]
    places = np.flatnonzero(of.holders > 0)
    values = _of_subjects(limit.metric, of, firm)[places]
    is_known = np.ones(len(places), dtype=np.bool_)
    if limit.metric in ("volume_share", "days_to_liquidate"):
        is_known = of.volume_state[places] == VOLUME_STATES.index("known")
    return Measured([of.name[i] for i in places.tolist()], values, is_known)


def _of_subjects(metric: str, of: Subjects, firm: Firm) -> npt.NDArray[Any]:
    if metric == "worst_scenario_loss":
        return of.loss
    if metric == "gross_share":
        return of.gross / max(firm.view.sums.gross, 1)
    if metric == "volume_share":
        return of.volume_share
    return of.volume_share / firm.rules.participation


def _accounts(metric: str, firm: Firm) -> Measured:
    figures = firm.figures
    values: npt.NDArray[Any]
    if metric == "beta_weighted_exposure":
        values = np.abs(figures.exposure)
    elif metric == "gross_share":
        values = gross_values(figures, slice(None)) / max(firm.view.sums.gross, 1)
    else:
        worst = np.minimum(figures.pnl.min(axis=1), firm.view.moved.min(axis=1))
        owned = figures.net_liquidation if metric == "credit_exposure" else 0
        values = np.maximum(-(worst + owned), 0)
    return Measured(firm.accounts, values, np.ones(len(values), dtype=np.bool_))


def _shown(metric: str, value: Any) -> Decimal:  # noqa: ANN401 (a ratio, or cents)
    if metric in _RATIOS:
        return Decimal(float(value)).quantize(_SHOWN, ROUND_CEILING)
    return Decimal(int(value)).scaleb(-2)


def struck(
    known: Mapping[Key, Breach],
    limits: Iterable[Limit],
    over: Callable[[Limit], Mapping[str | None, Decimal | None]],
    at: int,
) -> list[Breach]:
    """New versions of breaches at an instant, cured and opened.

    `known` holds the last version of the last breach of each limit and subject; `over` gives the
    subjects above a limit with their values, None for one that is not known.
    """
    changed = []
    in_force = {limit.limit_id: limit for limit in limits}
    found = {
        (name, subject): value
        for name, limit in sorted(in_force.items())
        for subject, value in sorted(over(limit).items(), key=lambda pair: pair[0] or "")
    }
    for key, breach in known.items():
        if breach.state != "cured" and key not in found:
            changed.append(_cured(breach, in_force.get(breach.limit_id), at))
    for key, value in found.items():
        before = known.get(key)
        if before is None or before.state == "cured":
            changed.append(_opened(in_force[key[0]], key[1], value, before, at))
    return changed


def acknowledged(breach: Breach, actor: str, action_id: str, at: int) -> Breach:
    """The next version of an open breach, once somebody has seen it."""
    return breach._replace(
        version=breach.version + 1,
        state="acknowledged",
        changed_at=at,
        acknowledged_by=actor,
        action_id=action_id,
    )


def _cured(breach: Breach, limit: Limit | None, at: int) -> Breach:
    return breach._replace(
        version=breach.version + 1,
        state="cured",
        value=None,
        limit_value=limit.amount if limit else None,
        use=None,
        changed_at=at,
    )


def _opened(
    limit: Limit, subject: str | None, value: Decimal | None, before: Breach | None, at: int
) -> Breach:
    named = json.dumps([limit.limit_id, subject, at])
    breach_id = hashlib.sha256(named.encode()).hexdigest()[:32]
    # One that was cured at this very instant lives on.
    version = before.version + 1 if before and before.breach_id == breach_id else 1
    use = float(value / limit.amount) if value is not None and limit.amount else None
    return Breach(
        breach_id,
        version,
        limit.limit_id,
        limit.metric,
        limit.scope,
        subject,
        "open",
        value,
        limit.amount,
        use,
        limit.owner,
        at,
        at,
    )
