"""What of dividends counts in equity before they are paid."""

from margin_assets.kernels.rules.grid import day_of
from margin_assets.rulebooks import in_force


def counts_due(at: int) -> bool:
    """Whether what an account is due counts at an instant: not, unless the house says so.

    What it owes always counts.
    """
    section = in_force("house", day_of(at)).numbers.get("dividends", {})
    return bool(section.get("receivable_counts", False))
