"""Backtests: account sessions a CPU second, how that grows with accounts, and memory.

Drawn prices of 20 names, so that no history need be installed: two years for each size of the
book, then thirty years of a thousand accounts, without and with a house overlay on two years.
"""

import resource
import time
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from benchmarks.output import show
from margin_assets.backtest.book.tempers import book_document, drawn
from margin_assets.backtest.history.building import History, built
from margin_assets.backtest.history.document import Document, HistoryFile
from margin_assets.backtest.history.reading import ACTIONS, SOURCED, YIELDS, Rows
from margin_assets.backtest.policy import BUILT_IN, Policy, policy_of
from margin_assets.backtest.running import run
from margin_assets.calendar import sessions

NAMES, SESSIONS, SHORT = 20, 8_000, 504
SIZES = (100, 1_000, 10_000)


def drawn_history(count: int) -> History:
    """Closes of correlated names, from a seed."""
    known = sessions().days
    start = known.index(date(1990, 1, 2))
    rng = np.random.default_rng(1)
    market = rng.standard_t(4, count) * 0.007
    rows = []
    for number in range(NAMES):
        moves = (0.5 + number / NAMES) * market + rng.normal(0.0003, 0.01, count)
        closes = np.round(50.0 * np.cumprod(1.0 + np.clip(moves, -0.3, 0.3)), 2)
        days = known[start : start + count]
        rows += [
            (f"S{number:02d}", day, max(float(close), 0.01), "drawn", row)
            for row, (day, close) in enumerate(zip(days, closes, strict=True), 1)
        ]
    document = Document(
        name="drawn",
        title="Drawn prices",
        source="a seed",
        benchmark="S00",
        file=(HistoryFile(path="drawn", kind="closes"),),
    )
    told = pl.DataFrame(rows, schema=SOURCED, orient="row")
    return built(
        Rows(told, pl.DataFrame(schema=ACTIONS), pl.DataFrame(schema=YIELDS), {}), document
    )


def _timed(history: History, accounts: int, policy: Policy, count: int) -> dict[str, float]:
    within = range(SHORT // 2, min(SHORT // 2 + count, len(history.days)))
    spent = time.process_time()
    plan = drawn(book_document("tempers", accounts=accounts), history, within)
    drawing = time.process_time() - spent
    run(history, plan, policy, within[:5])
    begun, spent = time.perf_counter(), time.process_time()
    ran = run(history, plan, policy, within)
    seconds, cpu = time.perf_counter() - begun, time.process_time() - spent
    held = int(sum(year.days[:, 1].sum() for year in ran.years))
    return {
        "drawing_cpu_seconds": round(drawing, 2),
        "seconds": round(seconds, 2),
        "cpu_seconds": round(cpu, 2),
        "account_days_a_cpu_second": round(held / cpu),
    }


def main() -> dict[str, Any]:
    """Seconds and account sessions a CPU second."""
    history, plain = drawn_history(SESSIONS), Policy(BUILT_IN, {})
    found: dict[str, Any] = {
        f"{accounts}_accounts_2_years": _timed(history, accounts, plain, SHORT)
        for accounts in SIZES
    }
    overlaid = policy_of("concentrated-35")
    found["1000_accounts_2_years_overlay"] = _timed(history, 1_000, overlaid, SHORT)
    found["1000_accounts_30_years"] = _timed(history, 1_000, plain, SESSIONS)
    small, large = (found[f"{n}_accounts_2_years"]["cpu_seconds"] for n in (SIZES[0], SIZES[-1]))
    found["times_the_cpu_for_100_times_the_accounts"] = round(large / small, 1)
    found["largest_memory_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return found


if __name__ == "__main__":
    show({"backtest": main()})
