"""What a person names by the start of its id."""

import polars as pl

from margin_assets.desk.acts import Refused


def named(rows: pl.LazyFrame, column: str, start: str, noun: tuple[str, str]) -> pl.DataFrame:
    """Rows of the one thing whose id starts so, in their order.

    Args:
        rows: Of all of them.
        column: Their ids.
        start: All of an id, or enough of it.
        noun: What one and several are called.

    Raises:
        Refused: no id starts so, or several do.
    """
    found = rows.filter(pl.col(column).str.starts_with(start)).collect()
    count = found[column].n_unique()
    if count != 1:
        many = f"several {noun[1]} have" if count else f"no {noun[0]} has"
        raise Refused(f"{many} an id that starts with {start!r}")
    return found
