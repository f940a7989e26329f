"""What a margin desk waits for: dashboard, plans of liquidations, orders to be checked.

Usage: margin bench desk [--accounts 100000] [--seconds 40]. Aims, from the seal to the page: p50
150 and p95 300 ms with one viewer, p95 500 with ten; the server 0.2 of a core and 400 MB; landed to
sealed at most 5% later with a page open; p99 of a check 20 ms with ten clients.
"""

import argparse
import os
from typing import Any

from benchmarks import desk_dashboard, desk_pretrade, liquidation
from benchmarks.output import show

_CLIENTS, _REST = 10, 0.1


def measure(accounts: int, seconds: int) -> dict[str, Any]:
    """Figures of the desk, part by part, and how busy the machine was."""
    load = round(os.getloadavg()[0], 1)
    return {
        "load_average_before": load,
        "dashboard": desk_dashboard.measure(accounts, seconds),
        "liquidation plans": liquidation.main(),
        "pretrade": desk_pretrade.measure(accounts, _CLIENTS, seconds / 4, _REST),
        "load_average_after": round(os.getloadavg()[0], 1),
    }


def main() -> dict[str, Any]:
    """At the size that the promises are made for, unless another is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=100_000)
    parser.add_argument("--seconds", type=int, default=40, help="for each number of viewers")
    given = parser.parse_args()
    return measure(given.accounts, given.seconds)


if __name__ == "__main__":
    show({"desk": main()})
