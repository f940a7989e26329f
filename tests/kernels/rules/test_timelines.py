from datetime import date

import pytest

from margin_assets.calendar import sessions
from margin_assets.kernels.rules.timelines import (
    business_days,
    maintenance_call_latest,
    nth_business_day,
    portfolio_deficiency_due,
    portfolio_net_capital_date,
    timeline_rules,
)

DAYS = sessions().days


@pytest.mark.parametrize(
    ("after", "n", "found"),
    [
        pytest.param(date(2026, 6, 8), 5, date(2026, 6, 15), id="E-TIME-01, fifth"),
        pytest.param(date(2026, 6, 8), 15, date(2026, 6, 30), id="E-TIME-01, over Juneteenth"),
        pytest.param(date(2026, 6, 19), 1, date(2026, 6, 22), id="after a holiday"),
        pytest.param(date(2026, 6, 20), 1, date(2026, 6, 22), id="after a Saturday"),
        pytest.param(date(2026, 11, 25), 1, date(2026, 11, 27), id="a half day is a business day"),
    ],
)
def test_nth_business_day(after: date, n: int, found: date):
    assert nth_business_day(DAYS, after, n) == found


@pytest.mark.parametrize(
    ("after", "n"),
    [
        pytest.param(date(2026, 6, 8), 0, id="none after"),
        pytest.param(date(2026, 6, 12), 1, id="beyond the calendar"),
        pytest.param(date(2026, 6, 1), 1, id="before the calendar"),
    ],
)
def test_what_the_calendar_does_not_hold_is_refused(after: date, n: int):
    week = [day for day in DAYS if date(2026, 6, 8) <= day <= date(2026, 6, 12)]

    with pytest.raises(ValueError, match="business day after"):
        nth_business_day(week, after, n)


def test_maintenance_deficiency_over_labor_day():
    assert maintenance_call_latest(DAYS, date(2026, 9, 1)) == date(2026, 9, 23)


def test_portfolio_margin_deficiency_over_labor_day():
    assert portfolio_deficiency_due(DAYS, date(2026, 9, 3)) == date(2026, 9, 9)
    assert portfolio_net_capital_date(DAYS, date(2026, 9, 3)) == date(2026, 9, 4)


@pytest.mark.parametrize(
    ("trade_date", "due"),
    [
        pytest.param(date(2026, 6, 8), date(2026, 6, 11), id="T+3 since T+1"),
        pytest.param(date(2024, 5, 28), date(2024, 5, 31), id="from its first day"),
        pytest.param(date(2024, 5, 24), date(2024, 5, 31), id="T+4 the day before, over a holiday"),
        pytest.param(date(2017, 9, 5), date(2017, 9, 11), id="T+4 since T+2"),
        pytest.param(date(2017, 9, 1), date(2017, 9, 11), id="T+5 the day before, over a holiday"),
        pytest.param(date(1990, 1, 2), date(1990, 1, 9), id="the first one held before it"),
    ],
)
def test_payment_period(trade_date: date, due: date):
    period = timeline_rules(trade_date).payment_period

    assert nth_business_day(DAYS, trade_date, period) == due


def test_every_version_has_every_number():
    for on in (date(1995, 6, 7), date(2017, 9, 5), date(2024, 5, 28)):
        assert timeline_rules(on)[:3] == (15, 3, 1)


def test_business_day_ends_after_its_close():
    days = business_days(DAYS[:2], sessions().closes[:2], 60)

    assert [days.date_of(i) for i in range(2)] == DAYS[:2]
    assert (days.ends - sessions().closes[:2]).tolist() == [60, 60]
