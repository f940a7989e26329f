"""Published figures that the rule does not give, each with the rule's own figure.

A row counts as argued only while our answer is the figure stated here; `docs/fidelity.md` quotes
the rule for each.
"""

from typing import NamedTuple


class Argument(NamedTuple):
    """What the rule gives, and in a line why."""

    by_rule: float
    why: str


_HOUSE = "a broker's 30% x 3; Regulatory Notice 09-53 has 25% x 3"
_QUANTITY_TWICE = "multiplies the strangle by its quantity twice"
_ONE_CONTRACT = "the cash requirement of one contract, whatever the quantity"
_NOT_COVERED = "an American spread covers nothing in a cash account"
_NO_SHORT_STOCK = "a cash account cannot be short: 0 stands for not applicable"

ARGUED = {
    ("A-LETF-HOUSE", "maintenance"): Argument(112_500, _HOUSE),
    ("A-LETF-HOUSE", "max_mv_on_100k"): Argument(133_333.33, _HOUSE),
    ("test_multiple_strangles_with_remainders#0", "margin_requirement"): Argument(
        7_700, _QUANTITY_TWICE
    ),
    ("test_multiple_strangles_with_remainders#0", "cash_requirement"): Argument(
        74_300, _ONE_CONTRACT
    ),
    ("test_multiple_strangles_with_remainders#2", "cash_requirement"): Argument(
        19_400, _ONE_CONTRACT
    ),
    ("test_ratio_spread_call#0", "cash_requirement"): Argument(18_500, _NOT_COVERED),
    ("test_call_credit_spread_itm", "cash_requirement"): Argument(12_390, _NOT_COVERED),
    ("test_complex_multi_strategy_position#1", "cash_requirement"): Argument(49_400, _NOT_COVERED),
    ("test_complex_multi_strategy_position#3", "cash_requirement"): Argument(49_700, _NOT_COVERED),
    ("test_diagonal_spread", "cash_requirement"): Argument(4_800, _NOT_COVERED),
    ("test_iron_condor", "cash_requirement"): Argument(207_880, _NOT_COVERED),
    ("test_iron_condor_and_calendar_and_strangle#1", "cash_requirement"): Argument(
        207_880, _NOT_COVERED
    ),
    ("test_long_call_condor", "cash_requirement"): Argument(5_475, _NOT_COVERED),
    ("test_long_put_condor", "cash_requirement"): Argument(218_550, _NOT_COVERED),
    ("test_put_credit_spread_itm", "cash_requirement"): Argument(4_410, _NOT_COVERED),
    ("test_covered_put", "cash_requirement"): Argument(50_500, _NO_SHORT_STOCK),
}
