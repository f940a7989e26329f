from datetime import date

import pytest

from margin_assets.kernels.corporate.expiry_rules import expiry_rules


# 71 FR 58656: 0.75 and then 0.25 from the expiration of September 2004, 0.05 from that of
# October 2006; 0.01 from that of June 2008, 73 FR 4297.
@pytest.mark.parametrize(
    ("last_day", "equity", "index"),
    [
        (date(2003, 12, 19), None, None),
        (date(2004, 8, 20), 750_000, 10_000),
        (date(2004, 9, 17), 250_000, 10_000),
        (date(2006, 9, 15), 250_000, 10_000),
        (date(2006, 10, 20), 50_000, 10_000),
        (date(2008, 5, 16), 50_000, 10_000),
        (date(2008, 6, 20), 10_000, 10_000),
        (date(2026, 6, 18), 10_000, 10_000),
    ],
)
def test_exercise_by_exception_by_the_rule_of_the_day(
    last_day: date, equity: int | None, index: int | None
) -> None:
    rules = expiry_rules(last_day)
    assert (rules.threshold, rules.index_threshold) == (equity, index)
