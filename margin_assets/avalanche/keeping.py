"""Books kept in a lake, row by row, and read again to the last bit."""

import polars as pl

from margin_assets.avalanche.book.faults import BookError
from margin_assets.avalanche.book.reading import LINE, Tables
from margin_assets.lake.store.declared import conform
from margin_assets.lake.store.store import Lake
from schemas.avalanche.book import BOOK

TABLE = "avalanche_books"
_NO_SUCH = "no such book"


def keep_book(lake: Lake, tables: Tables, snapshot_id: str) -> bool:
    """Adds the rows of a book to the lake; False if they are there."""
    numbers = lake.read(TABLE, lambda: lake.scan(TABLE).select(pl.col("book_number").max()))
    number = (numbers.item() or 0) + 1
    rows = pl.concat([_as_rows(name, table) for name, table in tables.items() if table.height])
    found = rows.with_columns(
        book_number=pl.lit(number, pl.Int64), snapshot_id=pl.lit(snapshot_id)
    ).select("book_number", "snapshot_id", "table_name", "line", "row")
    commit = lake.held(TABLE).commit(conform(TABLE, found), f"avalanche/{snapshot_id}", 1)
    return commit.is_new


def _as_rows(name: str, table: pl.DataFrame) -> pl.DataFrame:
    columns = [column for column in table.columns if column != LINE]
    return table.select(
        table_name=pl.lit(name),
        line=pl.col(LINE),
        row=pl.struct(columns).struct.json_encode(),
    )


def newest_snapshot(lake: Lake) -> str | None:
    """The newest book of the lake; None where it holds none."""
    rows = lake.scan(TABLE).select("book_number", "snapshot_id")
    newest = rows.sort("book_number", descending=True).head(1)
    found = lake.read(TABLE, lambda: newest)
    return str(found["snapshot_id"].item()) if found.height else None


def book_number(lake: Lake, snapshot_id: str) -> int:
    """Place of a book in the order in which books came to the lake, from 1.

    Raises:
        BookError: The lake does not hold it.
    """
    rows = lake.scan(TABLE).filter(pl.col("snapshot_id") == snapshot_id).select("book_number")
    found = lake.read(TABLE, lambda: rows.head(1))
    if not found.height:
        raise BookError([_NO_SUCH])
    return int(found.item())


def kept_book(lake: Lake, snapshot_id: str | None = None) -> Tables:
    """The tables of a book in the lake: the one named, else the newest.

    Raises:
        BookError: The lake holds no such book.
    """
    rows = lake.scan(TABLE)
    newest = pl.col("book_number") == pl.col("book_number").max()
    wanted = newest if snapshot_id is None else pl.col("snapshot_id") == snapshot_id
    found = lake.read(TABLE, lambda: rows.filter(wanted))
    if not found.height:
        raise BookError(["the lake holds no book" if snapshot_id is None else _NO_SUCH])
    return {name: _as_table(name, found) for name in BOOK}


def _as_table(name: str, found: pl.DataFrame) -> pl.DataFrame:
    schema = BOOK[name]
    rows = found.filter(pl.col("table_name") == name).sort("line")
    if not rows.height:
        return schema.create_empty().with_columns(pl.lit(0, pl.Int64).alias(LINE))
    columns = dict(pl.Schema(schema))
    # `valid_from` and its like have chosen the row: they are not asked for again.
    typed = rows["row"].str.json_decode(pl.Struct(columns)).struct.unnest()
    return typed.with_columns(rows["line"].alias(LINE)).select(LINE, *columns)


def held_by_books(lake: Lake) -> pl.LazyFrame:
    """What each book holds in all, dollars: gross exposure, lines by their size, free securities.

    One row a book: `snapshot_id`, `exposure_usd`, `lines_usd`, `securities_usd`.
    """
    rows = lake.scan(TABLE)
    rates = rows.filter(pl.col("table_name") == "fx_rate").select(
        "snapshot_id", ccy=_text("ccy"), rate=_number("usd_per_unit")
    )
    amounts = {
        "exposure_usd": ("exposure", _number("delta").abs()),
        "lines_usd": ("facility", _number("commitment")),
        "securities_usd": ("collateral_holding", _number("market_value") - _number("encumbered")),
    }
    own = rows.with_columns(ccy=_text("ccy")).join(
        rates, on=["snapshot_id", "ccy"], how="left", validate="m:1"
    )
    # What has no rate is in dollars: the book's gates saw to it.
    rate = pl.col("rate").fill_null(1.0)
    return own.group_by("snapshot_id").agg(
        (amount * rate).filter(pl.col("table_name") == table).sum().alias(name)
        for name, (table, amount) in amounts.items()
    )


def _text(name: str) -> pl.Expr:
    return pl.col("row").str.json_path_match(f"$.{name}")


def _number(name: str) -> pl.Expr:
    return _text(name).cast(pl.Float64)
