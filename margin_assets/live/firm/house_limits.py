"""Limits of the house in the live day: what is known of them and of their breaches."""

from collections.abc import Iterable, Mapping
from functools import partial

import polars as pl

from margin_assets.kernels.firm_risk.limits import (
    Breach,
    Firm,
    Key,
    Limit,
    above,
    acknowledged,
    struck,
)
from margin_assets.kernels.numeric.money import instants, to_instants
from margin_assets.live.books.outcomes import Outcomes
from margin_assets.valuation.rates_book.measures import Measures, above_measures
from schemas import TABLES
from schemas.firm import RATES_METRICS

BREACHES = "limit_breaches"
ACKNOWLEDGE = "breach_acknowledge"
NO_BREACH = "no such breach is open"
_INSTANTS = ("opened_at", "changed_at")
_STORED = pl.Schema(TABLES[BREACHES].schema)


class HouseLimits:
    """Limits in force, and the last version of the last breach of each."""

    def __init__(self, outcomes: Outcomes) -> None:
        """What becomes of acts goes to `outcomes`."""
        self._outcomes = outcomes
        self._limits: dict[str, tuple[int, Limit | None]] = {}
        """By id: since when, and None for one that ended."""
        self._breaches: dict[Key, Breach] = {}
        self._changed: list[Breach] = []

    def apply_limits(self, rows: pl.DataFrame) -> None:
        """Takes versions of limits, in order of time and landing."""
        columns = (*Limit._fields, "event_time")
        times = instants(rows["event_time"]).tolist()
        for row, time in zip(rows.select(columns).iter_rows(), times, strict=True):
            limit = Limit(*row[:-1])
            if time >= self._limits.get(limit.limit_id, (time, None))[0]:
                ended = limit.amount is None
                self._limits[limit.limit_id] = (time, None if ended else limit)

    def acknowledge(self, point: int, acts: pl.DataFrame) -> None:
        """Acknowledges open breaches, in order: the new versions are rows of the cycle at work."""
        for act in acts.filter(pl.col("kind") == ACKNOWLEDGE).iter_rows(named=True):
            known = {b.breach_id: b for b in self._breaches.values() if b.state == "open"}
            breach = known.get(act["subject"])
            if breach is not None:
                self._keep([acknowledged(breach, act["actor"], act["action_id"], point)])
            refusal = NO_BREACH if breach is None else None
            self._outcomes.note(point, act, refusal)

    def load(self, limits: pl.DataFrame, breaches: pl.DataFrame) -> None:
        """Takes limits, in order of time and landing, and all versions of breaches."""
        self.apply_limits(limits)
        # In order: of a limit and subject the last version of the last breach stands.
        ordered = breaches.sort("changed_at", "cycle", "version").with_columns(
            pl.col(_INSTANTS).to_physical()
        )
        for row in ordered.select(Breach._fields).iter_rows(named=True):
            breach = Breach(**row)
            self._breaches[breach.limit_id, breach.subject] = breach

    def strike(self, firm: Firm, at: int) -> None:
        """Holds the limits against what the firm comes to; breaches are the cycle's."""
        limits = [limit for _, limit in self._limits.values() if limit is not None]
        if limits or self._breaches:
            known, limits = _of(self._breaches, limits, is_rates=False)
            self._keep(struck(known, limits, partial(above, firm=firm), at))

    def strike_rates(self, measures: Measures, at: int) -> None:
        """Holds the limits of the rates book against what it comes to; breaches are the cycle's."""
        limits = [limit for _, limit in self._limits.values() if limit is not None]
        known, limits = _of(self._breaches, limits, is_rates=True)
        self._keep(struck(known, limits, partial(above_measures, measures=measures), at))

    def take(self) -> dict[str, pl.DataFrame]:
        """Versions of breaches since they were asked for last; nothing where there are none."""
        changed, self._changed = self._changed, []
        if not changed:
            return {}
        schema = {name: _STORED[name] for name in Breach._fields}
        counted = schema | dict.fromkeys(_INSTANTS, pl.Int64())
        rows = pl.DataFrame(changed, schema=counted, orient="row")
        times = {name: to_instants(rows[name].to_numpy()) for name in _INSTANTS}
        return {BREACHES: rows.with_columns(**times)}

    def _keep(self, changed: list[Breach]) -> None:
        self._breaches |= {(breach.limit_id, breach.subject): breach for breach in changed}
        self._changed.extend(changed)


def _of(
    breaches: Mapping[Key, Breach], limits: Iterable[Limit], *, is_rates: bool
) -> tuple[dict[Key, Breach], list[Limit]]:
    """Breaches and limits of the rates book, or of all else: they are struck at other times."""
    return (
        {key: one for key, one in breaches.items() if (one.metric in RATES_METRICS) is is_rates},
        [one for one in limits if (one.metric in RATES_METRICS) is is_rates],
    )
