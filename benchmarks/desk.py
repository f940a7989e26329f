"""What the desk's promises are held to: the dashboard beside a live session."""

from typing import Any

from benchmarks import desk_dashboard
from benchmarks.output import show


def main() -> dict[str, Any]:
    """Every part by its name."""
    return {"dashboard": desk_dashboard.main()}


if __name__ == "__main__":
    show({"desk": main()})
