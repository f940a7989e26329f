"""Tells Dagster what a cycle did: a materialization of each table written, a verdict each check."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from typing import Any

import dagster as dg
import numpy as np

from margin_assets.assets.partitions import BUSINESS_DATE
from margin_assets.calendar import sessions
from margin_assets.checks import monitoring, store
from margin_assets.checks.arrivals import quarantine_result
from margin_assets.checks.consistency import RULES
from margin_assets.checks.row_rules import check_name, row_rules_result
from margin_assets.lake.ledger.cycles import Sealed
from margin_assets.live.session.condition import Condition, StoreCondition
from margin_assets.live.session.session import CycleResult
from margin_assets.monitoring.health import Health
from schemas import TABLES

_LEDGER = "cycles"
_STORE_CHECK = store.the_store_answers.check_key.name
# Cycles that may be sealed and not yet reported: their frames stay in memory.
_BEHIND = 4


def business_date(as_of: datetime) -> str | None:
    """Business date of an instant: the latest session that opened at or before it.

    None outside the business dates of the daily assets.
    """
    place = int(np.searchsorted(sessions().opens, int(as_of.timestamp() * 1e6), side="right"))
    day = sessions().days[max(place - 1, 0)].isoformat()
    return day if BUSINESS_DATE.has_partition_key(day) else None


def report(
    context: dg.OpExecutionContext, result: CycleResult, found: Health | None = None
) -> list[str]:
    """Logs the events of a sealed cycle; returns the checks that failed, `table:check`."""
    for materialization in materializations(result):
        context.log_event(materialization)
    verdicts = [*evaluations(result), *_of_health(found)]
    for verdict in verdicts:
        _log(context, verdict)
    return [f"{v.asset_key.to_user_string()}:{v.check_name}" for v in verdicts if not v.passed]


def report_health(context: dg.OpExecutionContext, found: Health) -> None:
    """Logs how the monitor stands, apart from any cycle."""
    for verdict in monitoring.evaluations(found):
        _log(context, verdict)


def _log(context: dg.OpExecutionContext, verdict: dg.AssetCheckEvaluation) -> None:
    context.log_event(verdict)  # type: ignore[arg-type]  # Dagster logs it, its types do not say so


def _of_health(found: Health | None) -> Iterator[dg.AssetCheckEvaluation]:
    return iter(()) if found is None else monitoring.evaluations(found)


class Reporter:
    """Reports cycles in order from a thread of its own, so that the next one need not wait."""

    def __init__(self, context: dg.OpExecutionContext) -> None:
        self._context = context
        self._pool = ThreadPoolExecutor(1)
        self._waiting: deque[Future[None]] = deque()

    def __enter__(self) -> "Reporter":
        return self

    def __exit__(self, *_error: object) -> None:
        with self._pool:
            while self._waiting:
                self._waiting.popleft().result()

    def watch(self, condition: Condition) -> None:
        """Reports how the store is doing, now and whenever it changes."""
        now = condition.now
        self._submit_standing(now, now)
        condition.watch(self._submit_standing)

    def _submit_standing(self, before: StoreCondition, now: StoreCondition) -> None:
        self._waiting.append(self._pool.submit(self._report_standing, before, now))

    def _report_standing(self, before: StoreCondition, now: StoreCondition) -> None:
        seconds = now.since - before.since
        found = store.verdict(now.cause, seconds)
        evaluation = _evaluation(store.CHECKED, _STORE_CHECK, found, None, blocking=False)
        _log(self._context, evaluation)
        if now.cause:
            self._context.log.warning("store degraded: %s; retrying", now.cause)
        elif before is not now:
            self._context.log.info("store ok again after %.1f s", seconds)

    def tell(self, result: CycleResult, found: Health | None = None) -> None:
        """Reports a cycle soon, and how the monitor stood if that is looked at.

        Waits if too many are waiting. A failure to report is raised.
        """
        while len(self._waiting) >= _BEHIND or (self._waiting and self._waiting[0].done()):
            self._waiting.popleft().result()
        self._waiting.append(self._pool.submit(self._report, result, found))

    def _report(self, result: CycleResult, found: Health | None) -> None:
        failed = report(self._context, result, found)
        if failed:
            self._context.log.error("cycle %s: %s", result.sealed.cycle, ", ".join(failed))


def materializations(result: CycleResult) -> Iterator[dg.AssetMaterialization]:
    """One for every table that the cycle wrote, and the ledger's with how long each part took."""
    sealed = result.sealed
    day = None if sealed.as_of is None else business_date(sealed.as_of)
    for name, frame in result.frames.items():
        yield dg.AssetMaterialization(
            name,
            partition=day if TABLES[name].is_daily else None,
            metadata=_shared(sealed)
            | {
                "dagster/row_count": frame.height,
                "table_version": sealed.table_versions[name],
                "digest": sealed.digests[name],
            },
        )
    took = {f"seconds_{part}": round(seconds, 4) for part, seconds in result.seconds.items()}
    yield dg.AssetMaterialization(_LEDGER, metadata=_shared(sealed) | {"hash": sealed.hash} | took)


def _shared(sealed: Sealed) -> dict[str, Any]:
    as_of = "" if sealed.as_of is None else sealed.as_of.isoformat()
    return {"cycle": sealed.cycle, "as_of": as_of}


def evaluations(result: CycleResult) -> Iterator[dg.AssetCheckEvaluation]:
    """Row rules of the tables of the state, rules between them, and the quarantine."""
    sealed, frames = result.sealed, result.frames
    day = None if sealed.as_of is None else business_date(sealed.as_of)
    for name, frame in frames.items():
        if TABLES[name].is_daily:
            verdict = row_rules_result(name, frame)
            yield _evaluation(name, check_name(name), verdict, day, blocking=True)
    for rule in RULES:
        if all(name in frames for name in rule.inputs):
            verdict = rule.result(frames)
            yield _evaluation(rule.asset, rule.name, verdict, day, blocking=rule.blocking)
    if "landed_files" in frames:
        verdict = quarantine_result(frames["landed_files"])
        yield _evaluation("quarantine", "few_rows_are_quarantined", verdict, None, blocking=False)


def _evaluation(
    asset: str, check: str, verdict: dg.AssetCheckResult, day: str | None, *, blocking: bool
) -> dg.AssetCheckEvaluation:
    return dg.AssetCheckEvaluation(
        asset_key=dg.AssetKey(asset),
        check_name=check,
        passed=bool(verdict.passed),
        metadata=verdict.metadata,
        severity=verdict.severity,
        blocking=blocking,
        partition=day,
    )
