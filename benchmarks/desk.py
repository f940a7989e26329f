"""What a margin desk waits for: plans of liquidations."""

from typing import Any

from benchmarks import liquidation
from benchmarks.output import show


def main() -> dict[str, Any]:
    """Figures of the desk, part by part."""
    return {"liquidation plans": liquidation.main()}


if __name__ == "__main__":
    show({"desk": main()})
