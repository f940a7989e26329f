"""Series of securities alone, for measurements and tests of the passes over them."""

from typing import Any

import numpy as np
import numpy.typing as npt

from margin_assets.kernels.book.series import Series
from margin_assets.kernels.numeric.money import MICRO
from margin_assets.kernels.rules.dated import NEVER_EXPIRES


def securities(**known: npt.NDArray[Any]) -> Series:
    """Series of securities only: the first eight columns are given, the others say so."""
    count = len(known["price"])
    name = np.arange(count, dtype=np.int32)
    no, nothing = np.zeros(count, dtype=np.bool_), np.full(count, np.nan)
    zero, code = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int8)
    never = np.full(count, NEVER_EXPIRES, dtype=np.int32)
    return Series(
        **known,
        kind=code,
        multiplier=np.full(count, MICRO, dtype=np.int64),
        delivered=np.full(count, MICRO, dtype=np.int64),
        name=name,
        covers=np.full(count, -1, dtype=np.int32),
        is_call=no,
        strike=zero,
        expiry=never,
        hours_left=never,
        is_ended=no,
        is_on_index=no,
        is_american=no,
        is_listed=~no,
        is_long_dated=no,
        is_cash_settled=no,
        has_fund_cover=no,
        rate_class=code,
        underlying_price=zero,
        underlying_state=code,
        rate=nothing,
        dividend_yield=np.zeros(count),
        implied_volatility=nothing,
        bond_class=code,
        government_band=code,
        is_long_zero=no,
    )
