"""Runs every benchmark: JSON on stdout, then a table."""

from benchmarks import cycles, revaluation
from benchmarks.output import show

ALL = {"revaluation": revaluation.main, "cycles": cycles.main}

if __name__ == "__main__":
    show({name: run() for name, run in ALL.items()})
