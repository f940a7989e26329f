"""What a margin desk waits for: dashboard, plans of liquidations, orders to be checked."""

from typing import Any

from benchmarks import desk_dashboard, desk_pretrade, liquidation
from benchmarks.output import show


def main() -> dict[str, Any]:
    """Figures of the desk, part by part."""
    return {
        "dashboard": desk_dashboard.main(),
        "liquidation plans": liquidation.main(),
        "pretrade": desk_pretrade.main(),
    }


if __name__ == "__main__":
    show({"desk": main()})
