"""Which corrections count and which wait; every case by hand from semantics 2.3 and 2.4."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from margin_assets.kernels.book.corrections import counting, repeated, waiting, waiting_rows

NOON = datetime(2020, 3, 9, 16, tzinfo=UTC)
MISMATCH = "correction_mismatch"


def fills(*rows: tuple[str, str | None, int, int]) -> pl.LazyFrame:
    """Fills by id, what they correct, the row of their one file, and their cycle."""
    schema = {"fill_id": pl.String, "corrects_fill_id": pl.String}
    schema |= {"file_row": pl.Int64, "cycle": pl.Int64}
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    times = [NOON + timedelta(seconds=row) for row in frame["file_row"]]
    return frame.with_columns(file_id=pl.lit("f"), event_time=pl.Series(times)).lazy()


def refused(*rows: tuple[int, int, str]) -> pl.LazyFrame:
    schema = {"file_row": pl.Int64, "cycle": pl.Int64, "reasons": pl.String}
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    return frame.with_columns(file_id=pl.lit("f")).lazy()


@pytest.mark.parametrize(
    ("rows", "refusals", "counted", "waits"),
    [
        pytest.param([("W", "O", 1, 1)], [], ["W"], ["W"], id="its original is not there"),
        pytest.param([("W", "O", 1, 1), ("O", None, 2, 1)], [], ["W", "O"], [], id="it is"),
        pytest.param(
            [("W2", "W1", 2, 1), ("W1", "O", 1, 1)], [], ["W2", "W1"], ["W1", "W2"], id="a chain"
        ),
        pytest.param(
            [("W2", "W1", 2, 1), ("W1", "O", 1, 1), ("O", None, 3, 2)],
            [],
            ["W2", "W1", "O"],
            [],
            id="a chain that ends",
        ),
        pytest.param(
            [("W", "O", 1, 1), ("O", None, 2, 2), ("X", "W", 3, 3)],
            [(1, 2, MISMATCH)],
            ["O", "X"],
            ["X"],
            id="of one that was refused",
        ),
        pytest.param(
            [("W", "O", 1, 2), ("O", None, 2, 1)],
            [(1, 1, MISMATCH), (1, 2, "event_time_in_future")],
            ["W", "O"],
            [],
            id="refused first, and landed again",
        ),
    ],
)
def test_what_counts_and_what_waits(
    rows: list[tuple[str, str | None, int, int]],
    refusals: list[tuple[int, int, str]],
    counted: list[str],
    waits: list[str],
):
    landed, held = fills(*rows), refused(*refusals)

    assert counting(landed, held).collect()["fill_id"].to_list() == counted
    assert waiting_rows(landed, held)["fill_id"].to_list() == waits


def test_an_id_counts_once():
    twice = fills(("W", "O", 1, 1), ("W", "O", 2, 3), ("F", None, 3, 3))

    assert repeated(twice, refused((1, 2, MISMATCH))).collect().is_empty()
    assert repeated(twice, refused()).collect().rows() == [("W", 2)]


def test_long_chains_are_walked():
    corrects = {f"c{n + 1}": f"c{n}" for n in range(5000)}

    assert len(waiting(corrects, set())) == 5000
    assert waiting({"b": "a"}, {"a"}) == set()
