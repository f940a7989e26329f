"""What a margin desk waits for: orders checked before they are traded."""

from typing import Any

from benchmarks import desk_pretrade
from benchmarks.output import show


def main() -> dict[str, Any]:
    """Every part by its name."""
    return {"pretrade": desk_pretrade.main()}


if __name__ == "__main__":
    show({"desk": main()})
