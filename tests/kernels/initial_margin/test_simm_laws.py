"""Laws that SIMM keeps on any portfolio, and the fast sums against the sums as they are written."""

from random import Random

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from margin_assets.kernels.initial_margin import aggregation
from margin_assets.kernels.initial_margin.simm import Margins, margins
from margin_assets.kernels.numeric.threads import at_most
from tests.support.crif_rows import KINDS, Kind, held, sensitivities
from tests.support.threads import several_threads

MEASURES = ("delta", "vega", "curvature", "base_correlation", "total")
Drawn = list[tuple[Kind, float]]
portfolios = st.lists(
    st.tuples(st.sampled_from(KINDS), st.floats(-30, 30).filter(lambda scale: abs(scale) > 1e-6)),
    min_size=1,
    max_size=25,
)
few = settings(max_examples=25, deadline=None, derandomize=True)


def scaled(drawn: Drawn, by: float = 1.0) -> list[Kind]:
    return [(*row[:-1], float(row[-1]) * scale * by) for row, scale in drawn]


def of(*units: list[Kind], horizon: str = "10d") -> Margins:
    return margins(sensitivities(*units), held("2.5", horizon), "USD")


def figures(found: Margins, unit: int = 0) -> pl.DataFrame:
    return found.risk_classes.filter(pl.col("unit") == unit).drop("unit")


def assert_close(found: pl.DataFrame, expected: pl.DataFrame) -> None:
    assert found.select("product_class", "risk_class").equals(
        expected.select("product_class", "risk_class")
    )
    for name in MEASURES:
        scale = 1.0 + float(expected["total"].max())
        assert found[name].to_numpy() == pytest.approx(
            expected[name].to_numpy(), rel=1e-9, abs=1e-9 * scale
        )


@few
@given(portfolios)
def test_without_concentration_margin_grows_as_the_portfolio(drawn: Drawn):
    once, thrice = of(scaled(drawn), scaled(drawn, 3.0), horizon="1d").risk_classes.partition_by(
        "unit", include_key=False
    )

    tripled = once.with_columns(pl.col(MEASURES) * 3.0)
    assert_close(thrice, tripled)


@few
@given(portfolios, portfolios)
def test_without_concentration_delta_of_a_union_is_at_most_the_sum(one: Drawn, other: Drawn):
    found = of(scaled(one), scaled(other), scaled(one) + scaled(other), horizon="1d").risk_classes

    keys = ["product_class", "risk_class"]
    is_union = pl.col("unit") == 2
    apart = found.filter(~is_union).group_by(keys).agg(pl.col("delta").sum().alias("sum"))
    both = found.filter(is_union).join(apart, on=keys, validate="1:1")
    assert (both["delta"] <= both["sum"] * (1 + 1e-9) + 1e-6).all()


@few
@given(portfolios, st.randoms(use_true_random=False))
def test_the_order_of_rows_is_nothing(drawn: Drawn, random: Random):
    rows = scaled(drawn)
    mixed = random.sample(rows, len(rows))

    found = of(rows, mixed)

    assert_close(figures(found, 1), figures(found))


@few
@given(portfolios, st.floats(0.1, 0.9))
def test_a_row_in_two_parts_is_the_row(drawn: Drawn, part: float):
    rows = scaled(drawn)
    parted = [(*row[:-1], row[-1] * w) for row in rows for w in (part, 1.0 - part)]

    found = of(rows, parted)

    assert_close(figures(found, 1), figures(found))


@few
@given(portfolios)
def test_the_other_side_has_the_same_delta_and_vega(drawn: Drawn):
    found = of(scaled(drawn), scaled(drawn, -1.0))

    same = ["delta", "vega", "base_correlation"]
    assert figures(found, 1).select(same).equals(figures(found).select(same))


@few
@given(st.lists(portfolios, min_size=2, max_size=4))
def test_portfolios_side_by_side_are_as_alone_to_the_bit(drawn: list[Drawn]):
    units = [scaled(one) for one in drawn]

    together = of(*units)

    for number, unit in enumerate(units):
        assert figures(together, number).equals(figures(of(unit)))


@several_threads
def test_threads_change_no_bit():
    units = [[KINDS[k] for k in range(n % 5, len(KINDS), 1 + n % 3)] for n in range(60)]
    several = of(*units)
    with at_most(1):
        alone = of(*units)

    assert alone.risk_classes.equals(several.risk_classes)


@few
@given(
    st.lists(
        st.tuples(st.floats(-5, 5), st.floats(1, 4), st.integers(0, 3)), min_size=1, max_size=12
    ),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_a_bucket_is_the_double_sum(
    drawn: list[tuple[float, float, int]], rho_same: float, rho: float
):
    values, concentration, names = (np.array(column) for column in zip(*drawn, strict=True))
    names = names.astype(np.int64)
    written = 0.0
    for k in range(len(values)):
        for j in range(len(values)):
            ratio = min(concentration[k], concentration[j]) / max(
                concentration[k], concentration[j]
            )
            factor = rho_same if names[k] == names[j] else rho
            written += (1.0 if k == j else factor * ratio) * values[k] * values[j]

    found = aggregation._by_name(values, concentration, names, rho_same, rho)

    assert found == pytest.approx(written, rel=1e-9, abs=1e-9)
