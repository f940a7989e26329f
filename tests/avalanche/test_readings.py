"""The early warning book after book: levels rise and fall as the rulebook has it."""

from pathlib import Path

import pytest

from margin_assets.avalanche.answers.readings import TABLE, keep_reading
from margin_assets.avalanche.book.faults import BookError
from margin_assets.avalanche.keeping import keep_book
from margin_assets.avalanche.running import snapshot_of
from margin_assets.lake.store.store import Lake
from tests.support.avalanche_books import book
from tests.support.empty_lake import created

RUN = "a" * 32


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return created(Lake(str(tmp_path / "lake")))


@pytest.mark.parametrize(
    ("scores", "levels"),
    [
        pytest.param([0.71, 0.72], ["normal", "high"], id="two in a row rise"),
        pytest.param([0.71, 0.5, 0.71], ["normal"] * 3, id="one alone does not"),
        pytest.param([0.95, 0.88, 0.84, 0.84], ["critical"] * 3 + ["high"], id="falls by two"),
    ],
)
def test_a_level_follows_from_the_books_before(
    lake: Lake, tmp_path: Path, scores: list[float], levels: list[str]
):
    for number, score in enumerate(scores):
        cash = ["entity_id,ccy,balance", f"FUND,USD,{number + 1}e8"]
        held = book(tmp_path / str(number), cash_balance=cash)
        keep_book(lake, held.tables, snapshot_of(held.tables))
        told = {"score": score, "need_99": 1e6, "liquidity": 2e6}
        assert keep_reading(lake, held, RUN, told) == [TABLE]
        assert keep_reading(lake, held, RUN, told) == []

    rows = lake.scan(TABLE).collect().sort("book_number")
    assert rows["level"].to_list() == levels
    assert rows["book_number"].to_list() == [*range(1, len(scores) + 1)]


def test_a_book_that_the_lake_has_not_is_not_read(lake: Lake, tmp_path: Path):
    told = {"score": 0.5, "need_99": 1e6, "liquidity": 2e6}

    with pytest.raises(BookError, match="no such book"):
        keep_reading(lake, book(tmp_path / "book"), RUN, told)
