"""What the fills of one position and their corrections come to."""

from margin_assets.kernels.book.fills import FillRow, standing


def held_by(fills: list[FillRow], at: int) -> int:
    """Quantity (micro-units) that fills of one account and symbol come to at an instant."""
    children: dict[str, list[FillRow]] = {}
    for row in fills:
        if row.corrects is not None:
            children.setdefault(row.corrects, []).append(row)
    versions = [standing(row, children, at) for row in fills if row.corrects is None]
    return sum(row.quantity for row in versions if row is not None)
