"""Cash flows of instruments, laid out once: a row each, floating ones still open."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from margin_assets.kernels.numeric.arrays import FloatArray, Int8Array, Int32Array, Int64Array

FIXED, TERM, COMPOUNDED, AVERAGED = range(4)
"""Known cash; a term rate; an overnight rate compounded; one averaged."""


class Flows(NamedTuple):
    """Cash flows, a row each; amounts are signed, positive is received.

    A floating flow pays `amount` times the sum of rate and spread, where the rate is the growth
    from `start_day` to `end_day` less one, over `fraction`.
    """

    instrument: Int32Array
    kind: Int8Array
    pay_day: Int64Array
    """Days since 1970-01-01, as all days here."""
    amount: FloatArray
    """Cash of a known flow; notional times the accrual of a floating one."""
    spread: FloatArray
    index_number: Int32Array
    """Number of the index; -1 of known cash."""
    fixing_day: Int64Array
    """Day on which a term rate is fixed."""
    start_day: Int64Array
    end_day: Int64Array
    fraction: FloatArray
    """Years of the growth by the index's day count; 1 of known cash."""

    @property
    def rows(self) -> int:
        """How many there are."""
        return self.kind.size


def known_cash(instrument: int, pay_days: Sequence[int], amounts: Sequence[float]) -> Flows:
    """Flows of known cash of one instrument."""
    count = len(pay_days)
    days = np.asarray(pay_days, np.int64)
    return Flows(
        np.full(count, instrument, np.int32),
        np.full(count, FIXED, np.int8),
        days,
        np.asarray(amounts, np.float64),
        np.zeros(count),
        np.full(count, -1, np.int32),
        days,
        days,
        days,
        np.ones(count),
    )


def joined(parts: Sequence[Flows]) -> Flows:
    """The flows of all parts, those of one instrument together, in the order given."""
    if not parts:
        return known_cash(0, (), ())
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    order = np.argsort(columns[0], kind="stable")
    return Flows(*(column[order] for column in columns))
