"""Runs every benchmark: JSON on stdout, then a table."""

from benchmarks import (
    cycles,
    firm,
    grouping,
    initial_margin,
    option_book,
    option_values,
    rates,
    rates_live,
    revaluation,
)
from benchmarks.output import show

ALL = {
    "revaluation": revaluation.main,
    "option_values": option_values.main,
    "option_book": option_book.main,
    "grouping": grouping.main,
    "firm": firm.main,
    "initial_margin": initial_margin.main,
    "cycles": cycles.main,
    "rates": rates.main,
    "rates_live": rates_live.main,
}

if __name__ == "__main__":
    show({name: run() for name, run in ALL.items()})
