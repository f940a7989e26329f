"""Full revaluation of ten million positions over a million accounts, beside its peers, in one run.

The peers do the linear sums only (value, maintenance, eight scenarios, ten points net by class
group), in floating point and without rounding at the position: less work than ours.
"""

from datetime import date
from typing import Any

import duckdb
import numpy as np
import polars as pl

from benchmarks.output import median_seconds, show
from margin_assets.kernels.book.book import REG_T, Book
from margin_assets.kernels.book.figures import empty_figures
from margin_assets.kernels.book.series import Series
from margin_assets.kernels.margin.revaluation import revalue
from margin_assets.kernels.rules.rules import rules_in_force
from margin_assets.kernels.securities.bare_series import securities

ACCOUNTS, PER_ACCOUNT, SYMBOLS, A_GROUP = 1_000_000, 10, 5_000, 4
DAY = date(2020, 3, 9)


def make_book(accounts: int = ACCOUNTS) -> tuple[Book, Series]:
    """Seeded book: every account ten positions in random symbols, sorted by class group."""
    rng = np.random.default_rng(4210)
    count = accounts * PER_ACCOUNT
    drawn = rng.integers(0, SYMBOLS - PER_ACCOUNT, (accounts, PER_ACCOUNT), dtype=np.int32)
    # Sorted and spread by their rank, so that no account holds a symbol twice.
    symbol = np.sort(drawn, axis=1) + np.arange(PER_ACCOUNT, dtype=np.int32)
    book = Book(
        offsets=np.arange(accounts + 1, dtype=np.int64) * PER_ACCOUNT,
        series=symbol.ravel(),
        quantity=rng.integers(-1_000, 3_000, count) * 1_000_000,
        last_fill_price=np.zeros(count, dtype=np.int64),
        sale_price=np.zeros(count, dtype=np.int64),
        account_type=np.full(accounts, REG_T, dtype=np.int8),
        is_registered=np.ones(accounts, dtype=np.bool_),
        is_exempt=np.zeros(accounts, dtype=np.bool_),
        cash=rng.integers(-10_000_000, 10_000_000, accounts),
    )
    series = securities(
        price=rng.integers(2_000_000, 900_000_000, SYMBOLS),
        price_state=np.zeros(SYMBOLS, dtype=np.int8),
        leverage=np.full(SYMBOLS, 1_000_000, dtype=np.int64),
        is_marginable=np.ones(SYMBOLS, dtype=np.bool_),
        input_state=np.zeros(SYMBOLS, dtype=np.int32),
        beta=rng.uniform(0.3, 2.2, SYMBOLS).round(4),
        class_group=(np.arange(SYMBOLS) // A_GROUP).astype(np.int32),
        range_class=np.zeros(SYMBOLS, dtype=np.int8),
    )
    return book, series


def _frames(book: Book, series: Series) -> tuple[pl.DataFrame, pl.DataFrame]:
    accounts = len(book.cash)
    positions = pl.DataFrame(
        {
            "account": np.repeat(np.arange(accounts, dtype=np.int32), PER_ACCOUNT),
            "symbol": book.series,
            "quantity": book.quantity / 1e6,
        }
    )
    symbols = pl.DataFrame(
        {
            "symbol": np.arange(SYMBOLS, dtype=np.int32),
            "price": series.price / 1e6,
            "beta": series.beta,
            "class_group": series.class_group,
        }
    )
    return positions, symbols


def _polars(positions: pl.DataFrame, symbols: pl.DataFrame) -> pl.DataFrame:
    value = (pl.col("quantity") * pl.col("price")).alias("value")
    points = [k * 0.03 for k in (-5, -4, -3, -2, -1, 1, 2, 3, 4, 5)]
    moves = (-0.08, -0.06, -0.04, -0.02, 0.0, 0.02, 0.04, 0.06)
    groups = (
        positions.lazy()
        .join(symbols.lazy(), on="symbol")
        .with_columns(value)
        .group_by("account", "class_group")
        .agg(
            pl.col("value").sum(),
            maintenance=pl.when(pl.col("value") > 0)
            .then(pl.col("value") * 0.25)
            .otherwise(pl.col("value") * -0.3)
            .sum(),
            **{f"s{j}": (pl.col("value") * pl.col("beta") * m).sum() for j, m in enumerate(moves)},
            **{f"p{k}": (pl.col("value") * p).sum() for k, p in enumerate(points)},
        )
        .with_columns(scan=-pl.min_horizontal([f"p{k}" for k in range(len(points))]))
        .group_by("account")
        .agg(
            pl.col("value", "maintenance", "scan").sum(),
            *[pl.col(f"s{j}").sum() for j in range(len(moves))],
        )
    )
    return groups.collect(engine="streaming")


_SQL = """
with valued as (
  select account, class_group, beta, quantity * price as value
  from positions join symbols using (symbol)
), grouped as (
  select account, class_group, sum(value) as value,
         sum(case when value > 0 then 0.25 else -0.3 end * value) as maintenance,
         {moves}, {points}
  from valued group by account, class_group
)
select account, sum(value), sum(maintenance), sum(-least({names})), {sums}
from grouped group by account
"""


def _duckdb_query() -> str:
    moves = (-0.08, -0.06, -0.04, -0.02, 0.0, 0.02, 0.04, 0.06)
    points = [k * 0.03 for k in (-5, -4, -3, -2, -1, 1, 2, 3, 4, 5)]
    return _SQL.format(
        moves=", ".join(f"sum(value * beta * {m}) as s{j}" for j, m in enumerate(moves)),
        points=", ".join(f"sum(value * {p}) as p{k}" for k, p in enumerate(points)),
        names=", ".join(f"p{k}" for k in range(len(points))),
        sums=", ".join(f"sum(s{j})" for j in range(len(moves))),
    )


def main() -> dict[str, Any]:
    """Times ours, the copy of the same bytes, DuckDB and Polars; seconds and ratios."""
    rules = rules_in_force(DAY)
    book, series = make_book()
    figures = empty_figures(ACCOUNTS, rules)
    source = [book.series, book.quantity, book.last_fill_price]
    target = [np.empty_like(array) for array in source]

    def copy() -> None:
        for into, array in zip(target, source, strict=True):
            np.copyto(into, array)

    everyone = np.arange(ACCOUNTS, dtype=np.int64)
    touched = np.arange(0, ACCOUNTS, 100, dtype=np.int64)
    positions, symbols = _frames(book, series)
    connection = duckdb.connect()
    connection.register("positions", positions.to_arrow())
    connection.register("symbols", symbols.to_arrow())
    connection.execute("create table p as from positions; create table s as from symbols")
    query = _duckdb_query().replace("positions join symbols", "p join s")
    seconds = {
        "copy_of_the_same_bytes": median_seconds(copy),
        "ours_everything": median_seconds(
            lambda: revalue(book, series, rules, None, (everyone, figures))
        ),
        "ours_10k_touched_accounts": median_seconds(
            lambda: revalue(book, series, rules, None, (touched, figures))
        ),
        "duckdb_linear_sums": median_seconds(lambda: connection.execute(query).fetchnumpy(), 3),
        "polars_linear_sums": median_seconds(lambda: _polars(positions, symbols), 3),
    }
    ours = seconds["ours_everything"]
    return {
        "positions": ACCOUNTS * PER_ACCOUNT,
        "accounts": ACCOUNTS,
        "seconds": seconds,
        "ours_as_multiple_of_copy": ours / seconds["copy_of_the_same_bytes"],
        "duckdb_over_ours": seconds["duckdb_linear_sums"] / ours,
        "polars_over_ours": seconds["polars_linear_sums"] / ours,
    }


if __name__ == "__main__":
    show({"revaluation": main()})
