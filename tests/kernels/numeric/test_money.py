from datetime import date
from decimal import ROUND_HALF_UP, Context, Decimal

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from margin_assets.kernels.numeric.money import (
    MAX_POSITION,
    bounded,
    floor_line,
    instants,
    model_line,
    rate_line,
    to_decimal,
    to_instants,
    to_scaled,
    value_cents,
    whole,
)

EXACT = Context(prec=100, rounding=ROUND_HALF_UP)
MAX_PRICE = 10**13
MAX_CENTS = 3 * 10**18


def half_up(amount: Decimal) -> int:
    return int(amount.quantize(Decimal(1), context=EXACT))


def product(*factors: Decimal | int) -> Decimal:
    result = Decimal(1)
    for factor in factors:
        result = EXACT.multiply(result, Decimal(factor))
    return result


@pytest.mark.parametrize(
    ("quantity", "price", "cents"),
    [
        pytest.param("500", "91.25", 4_562_500, id="whole shares"),
        pytest.param("-500", "91.25", -4_562_500, id="a short position is negative"),
        pytest.param("1", "0.005", 1, id="half a cent goes up"),
        pytest.param("-1", "0.005", -1, id="half a cent of a short goes away from zero"),
        pytest.param("1", "0.004999", 0, id="under half a cent goes down"),
        pytest.param("0.000001", "10000000", 1_000, id="smallest quantity at the largest price"),
        pytest.param("0.000001", "0.000001", 0, id="smallest of both"),
        pytest.param("1000000000", "10000000", 10**18, id="largest fill at the largest price"),
        pytest.param("9000000000", "10000000", 9 * 10**18, id="largest position"),
        pytest.param("33.333333", "0.15", 500, id="repeating quantity"),
    ],
)
def test_value_cents(quantity: str, price: str, cents: int):
    micros = [int(Decimal(number).scaleb(6)) for number in (quantity, price)]

    assert value_cents(*micros) == cents


@given(quantity=st.integers(-MAX_POSITION, MAX_POSITION), price=st.integers(0, MAX_PRICE))
@example(quantity=MAX_POSITION, price=MAX_PRICE)
@example(quantity=-MAX_POSITION, price=MAX_PRICE)
@example(quantity=9_999_999_999, price=MAX_PRICE - 1)
@example(quantity=5_000_000_000, price=1)
@example(quantity=4_999_999_999, price=1)
def test_value_cents_is_the_decimal_product_rounded_half_up(quantity: int, price: int):
    expected = half_up(product(quantity, price).scaleb(-10, context=EXACT))

    assert value_cents(quantity, price) == expected


@given(cents=st.integers(-MAX_CENTS, MAX_CENTS), ppm=st.integers(-2_000_000, 2_000_000))
@example(cents=1, ppm=500_000)
@example(cents=-1, ppm=500_000)
@example(cents=1, ppm=-500_000)
@example(cents=-1, ppm=-500_000)
@example(cents=1, ppm=499_999)
@example(cents=MAX_CENTS, ppm=2_000_000)
@example(cents=MAX_CENTS - 1, ppm=999_999)
def test_rate_line_is_the_decimal_product_rounded_half_up(cents: int, ppm: int):
    assert rate_line(cents, ppm) == half_up(product(cents, ppm).scaleb(-6, context=EXACT))


@given(quantity=st.integers(-MAX_POSITION, MAX_POSITION), floor=st.sampled_from([250, 500]))
@example(quantity=-2_000, floor=250)
@example(quantity=-1_999, floor=250)
@example(quantity=MAX_POSITION, floor=500)
def test_floor_line_is_dollars_a_share(quantity: int, floor: int):
    expected = half_up(product(abs(quantity), floor).scaleb(-6, context=EXACT))

    assert floor_line(quantity, floor) == expected


@given(
    cents=st.integers(-(10**9), 10**9),
    beta=st.decimals(-20, 20, places=3),
    percent=st.sampled_from([-8, -6, -4, -2, 0, 2, 4, 6]),
)
@example(cents=10_025, beta=Decimal(1), percent=2)
@example(cents=-10_025, beta=Decimal(1), percent=2)
@example(cents=10_025, beta=Decimal("-0.1"), percent=-6)
@example(cents=625, beta=Decimal("1.2"), percent=-2)
def test_model_line_keeps_decimal_ties(cents: int, beta: Decimal, percent: int):
    expected = half_up(product(cents, beta, percent).scaleb(-2, context=EXACT))

    assert model_line(cents, float(beta) * (percent / 100)) == expected


@settings(deadline=None)  # the first compiles
@given(st.lists(st.integers(-(2**63), 2**63 - 1)))
@example([2**63 - 1, -(2**63), 0, -1])
def test_decimals_hold_every_scaled_number(values: list[int]):
    series = to_decimal(np.array(values, dtype=np.int64), 6)

    assert [int(number.scaleb(6, context=EXACT)) for number in series] == values
    assert to_scaled(series).tolist() == values


def test_a_missing_instant_is_kept_missing():
    series = to_instants(np.array([0, -1, 1], dtype=np.int64))

    assert series.is_null().to_list() == [False, True, False]
    assert instants(series).tolist() == [0, -1, 1]


MOST = Decimal(2**63 - 1).scaleb(-6, context=EXACT)
STEP = Decimal("0.000001")


def decimals(*numbers: Decimal | None) -> pl.Series:
    return pl.Series(numbers, dtype=pl.Decimal(38, 6))


def test_a_number_that_does_not_fit_is_bounded_or_refused():
    series = decimals(MOST, -MOST - STEP, None, MOST + STEP, -MOST - 2 * STEP, Decimal("-1.5"))

    assert bounded(series, 10**15).tolist() == [10**15, -(10**15), 0, 10**15, -(10**15), -1_500_000]
    assert to_scaled(series[:3]).tolist() == [2**63 - 1, -(2**63), 0]
    for place in (3, 4):
        with pytest.raises(OverflowError):
            to_scaled(series[: place + 1])


def test_parts_of_columns_are_read_as_such():
    series = decimals(*map(Decimal, range(9)))
    joined = pl.concat([series[5:], series[:2]], rechunk=False)

    assert to_scaled(series[3:5]).tolist() == [3_000_000, 4_000_000]
    assert to_scaled(joined).tolist() == [n * 10**6 for n in (5, 6, 7, 8, 0, 1)]
    assert to_scaled(series[:0]).tolist() == []


def test_days_that_are_missing_are_as_told():
    days = pl.Series([date(1970, 1, 3), None], dtype=pl.Date)

    assert whole(days, -7).tolist() == [2, -7]
    assert whole(days[:1], -7).flags.writeable


@pytest.mark.parametrize("height", [0, 1, 7, 8, 9, 100])
def test_decimals_with_what_is_missing_are_null_there(height: int):
    random = np.random.default_rng(height)
    values, missing = random.integers(-(2**62), 2**62, height), random.random(height) < 0.3

    found = to_decimal(values, 2, missing).to_list()

    whole = to_decimal(values, 2).to_list()
    expected = [None if m else v for v, m in zip(whole, missing, strict=True)]
    assert found == expected
