import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from margin_assets.lake.ledger import large_digest as large
from margin_assets.lake.ledger.canonical import digest
from margin_assets.lake.store import declared
from schemas import TABLES

REQUIREMENTS = TABLES["tims_requirements"]


def rows(keys: list[tuple[str, str]]) -> pl.DataFrame:
    """A row a key, all else as if it were nothing."""
    empty = REQUIREMENTS.schema.create_empty()
    made = pl.DataFrame(keys, schema=["account_id", "class_group"], orient="row")
    zero = [pl.lit(0).cast(dtype).alias(name) for name, dtype in empty.schema.items()]
    others = [column for column in zero if column.meta.output_name() not in made.columns]
    return declared.conform(REQUIREMENTS.name, made.with_columns(others).select(empty.columns))


@pytest.mark.parametrize("most", [1, 3, 10, 1_000])
@given(
    keys=st.sets(st.tuples(st.sampled_from(["B", "A", "\u00e4", "AA", ""]), st.text(max_size=2)))
)
def test_parts_through_files_have_the_digest_of_the_whole(
    most: int, keys: set[tuple[str, str]]
) -> None:
    frame = rows(sorted(keys, reverse=True))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(large, "ROWS_AT_ONCE", most)

        found = large.large_digest(frame.lazy(), REQUIREMENTS)

    assert found == digest(frame, REQUIREMENTS)
