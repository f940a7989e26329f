"""How figures are shown: one JSON document, then a table a person can read."""

import json
import statistics
import time
from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.table import Table


def median_seconds(run: Callable[[], object], times: int = 5) -> float:
    """Median wall time of a call over several runs, after one that is not counted."""
    run()
    seconds = []
    for _ in range(times):
        started = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def show(results: dict[str, Any]) -> None:
    """Prints results as JSON and as one table a benchmark."""
    print(json.dumps(results, indent=1))
    console = Console()
    for name, result in results.items():
        table = Table("figure", "value", title=name)
        for key, value in _flat("", result):
            table.add_row(key, f"{value:,.4g}" if isinstance(value, float) else f"{value}")
        console.print(table)


def _flat(prefix: str, value: Any) -> list[tuple[str, Any]]:
    if not isinstance(value, dict):
        return [(prefix, value)]
    rows = []
    for key, inner in value.items():
        rows += _flat(f"{prefix}.{key}" if prefix else str(key), inner)
    return rows
