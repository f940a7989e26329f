import numpy as np
import pytest

from margin_assets.kernels.book.book import CASH, PORTFOLIO
from margin_assets.kernels.book.figures import empty_figures
from margin_assets.kernels.book.states import NO_BETA, NO_PRICE
from margin_assets.kernels.enforcement.ladder import climb
from margin_assets.kernels.enforcement.rungs import Evaluated
from tests.support.ladder_account import CALLED, OVERDUE, SECOND, START, STRESSED, Account, Step
from tests.support.portfolios import RULES

WARNED = ("margin_status", "ok", "warning", "excess_below_warning_level")
RECOVERED = ("margin_status", "warning", "ok", "excess_recovered")


@pytest.mark.parametrize(
    ("excesses", "steps"),
    [
        pytest.param([5_000], [[]], id="5% is not below 5%"),
        pytest.param([4_999], [[WARNED]], id="under 5% of gross value warns"),
        pytest.param([0], [[WARNED]], id="an excess of nothing warns"),
        pytest.param([-1], [[CALLED]], id="a deficiency calls, from ok in one row"),
        pytest.param([4_999, 5_999], [[WARNED], []], id="a warning goes on under 6%"),
        pytest.param([4_999, 6_000], [[WARNED], [RECOVERED]], id="a warning ends at 6%"),
        pytest.param([4_999, 6_000, 5_500], [[WARNED], [RECOVERED], []], id="and needs 5% again"),
        pytest.param(
            [4_999, -1],
            [[WARNED], [("margin_status", "warning", "call", "deficiency")]],
            id="warning to call is one row",
        ),
        pytest.param(
            [-1, 0],
            [[CALLED], [("margin_status", "call", "warning", "call_cured")]],
            id="an excess of nothing cures, into a warning, in one row",
        ),
        pytest.param(
            [-1, 5_500],
            [[CALLED], [("margin_status", "call", "ok", "call_cured")]],
            id="a cure at 5.5% is ok: the 6% is for warnings",
        ),
        pytest.param([-1, -9_000], [[CALLED], []], id="a larger deficiency is the same call"),
    ],
)
def test_margin_status(excesses: list[int], steps: list[list[Step]]):
    account = Account()

    assert [account.at(minute, excess) for minute, excess in enumerate(excesses)] == steps


def test_call_is_overdue_at_exactly_thirty_minutes():
    account = Account()
    account.at(0, -1)
    assert account.deadline == 30

    assert account.at(30, -1, shift=-1) == []
    assert account.at(30, -1) == [OVERDUE]
    assert account.at(31, -1) == []
    assert account.at(32, 0) == [
        ("margin_status", "call", "warning", "call_cured"),
        ("restriction", "close_only", "none", "overdue_call"),
    ]
    assert account.deadline is None


def test_new_call_starts_its_own_thirty_minutes():
    account = Account()
    account.at(0, -1)
    account.at(20, 10_000)
    account.at(25, -1)

    assert account.at(54, -1) == []
    assert account.at(55, -1) == [OVERDUE]


@pytest.mark.parametrize(
    ("excess", "loss", "is_restricted"),
    [
        pytest.param(10_000, 10_000, False, id="nothing left is not underwater"),
        pytest.param(10_000, 10_001, True, id="underwater at -6% or -8%"),
    ],
)
def test_stress_restricts(excess: int, loss: int, is_restricted: bool):
    assert Account().at(0, excess, loss=loss) == ([STRESSED] if is_restricted else [])


@pytest.mark.parametrize("scenario", range(len(RULES.stress_moves)))
def test_only_six_percent_down_and_worse_restricts(scenario: int):
    account, figures = Account(), empty_figures(1, RULES)
    figures.long_value[0], figures.equity[0] = 100, 10_000_000
    figures.pnl[0, scenario] = -10_000_001

    expected = [STRESSED] if RULES.stress_moves[scenario] <= -0.06 else []
    assert account.climb(START, figures) == expected


def test_stress_restriction_is_released_after_fifteen_minutes_without_it():
    account = Account()
    account.at(0, 10_000, loss=10_001)
    assert account.deadline is None
    assert account.at(5, 10_000) == []
    assert account.deadline == 20

    assert account.at(20, 10_000, shift=-1) == []
    assert account.at(20, 10_000) == [("restriction", "close_only", "none", "stress")]


def test_stress_that_comes_back_starts_the_fifteen_minutes_anew():
    account = Account()
    account.at(0, 10_000, loss=10_001)
    account.at(5, 10_000)
    account.at(19, 10_000, loss=10_001)
    account.at(21, 10_000)

    assert account.at(35, 10_000) == []
    assert account.at(36, 10_000) == [("restriction", "close_only", "none", "stress")]


def test_restriction_keeps_its_reasons_apart_and_ends_with_the_last():
    account = Account()
    assert account.at(0, -1, loss=0) == [CALLED, STRESSED]
    assert account.at(30, -1, loss=0) == [
        ("restriction", "close_only", "close_only", "overdue_call")
    ]
    assert account.at(31, 10_000) == [
        ("margin_status", "call", "ok", "call_cured"),
        ("restriction", "close_only", "close_only", "overdue_call"),
    ]
    assert account.at(46, 10_000) == [("restriction", "close_only", "none", "stress")]


def test_stress_reason_may_go_while_the_call_is_overdue():
    account = Account()
    account.at(0, -1, loss=0)
    account.at(30, -1, loss=0)
    account.at(31, -1)

    assert account.at(46, -1) == [("restriction", "close_only", "close_only", "stress")]


TRIGGERED = "triggered"


@pytest.mark.parametrize(
    ("excess", "is_triggered"),
    [
        pytest.param(-12_500, False, id="a deficiency of half the requirement"),
        pytest.param(-12_501, True, id="a deficiency above half the requirement"),
    ],
)
def test_liquidation_at_sixty_minutes_above_half_the_requirement(excess: int, is_triggered: bool):
    account = Account()
    account.at(0, excess)
    account.at(30, excess)
    assert account.deadline == 60
    assert account.at(60, excess, shift=-1) == []

    expected = [("liquidation", "none", TRIGGERED, "deficiency_persists")]
    assert account.at(60, excess) == (expected if is_triggered else [])


def test_old_call_liquidates_when_the_deficiency_grows_later():
    account = Account()
    account.at(0, -1)
    account.at(60, -1)

    assert account.at(61, -12_501) == [("liquidation", "none", TRIGGERED, "deficiency_persists")]


@pytest.mark.parametrize(
    ("excess", "is_triggered"),
    [
        pytest.param(-24_999, False, id="a dollar of equity left"),
        pytest.param(-25_000, True, id="no equity left"),
        pytest.param(-25_001, True, id="equity below zero"),
    ],
)
def test_exhausted_equity_liquidates_at_once(excess: int, is_triggered: bool):
    exhausted = ("liquidation", "none", TRIGGERED, "equity_exhausted")

    assert (exhausted in Account().at(0, excess)) == is_triggered


def test_liquidation_ends_with_the_call_and_not_before():
    account = Account(cash=0)
    account.at(0, -25_000)
    assert account.at(1, -1) == []

    assert account.at(2, 10_000) == [
        ("margin_status", "call", "ok", "call_cured"),
        ("liquidation", TRIGGERED, "none", "call_cured"),
    ]


def test_equity_below_zero_without_a_position_calls_and_liquidates():
    account = Account(quantity=0, cash=-1)

    assert account.at(0, -1, requirement=0) == [
        CALLED,
        ("liquidation", "none", TRIGGERED, "equity_exhausted"),
    ]


def test_indeterminate_account_is_tightened_and_never_relaxed():
    account = Account()
    assert account.at(0, 4_999, states=NO_PRICE) == [WARNED]
    assert account.at(1, 50_000, states=NO_PRICE) == []
    assert account.at(2, -1, loss=0, states=NO_PRICE) == [
        ("margin_status", "warning", "call", "deficiency"),
        STRESSED,
    ]
    assert account.at(3, 50_000, states=NO_PRICE) == []
    assert account.at(18, 50_000, states=NO_PRICE) == []
    assert account.at(40, 50_000) == [
        ("margin_status", "call", "ok", "call_cured"),
        ("restriction", "close_only", "none", "stress"),
    ]


def test_missing_beta_does_not_make_an_account_indeterminate():
    account = Account()
    account.at(0, -1)

    assert account.at(1, 50_000, states=NO_BETA) == [("margin_status", "call", "ok", "call_cured")]


def test_cash_account_is_called_and_neither_warned_nor_stress_restricted():
    account = Account(kind=CASH)
    assert account.at(0, 0, loss=50_000) == []
    assert account.at(1, -1, loss=50_000) == [CALLED]
    assert account.at(31, -1) == [OVERDUE]
    assert account.at(32, 0) == [
        ("margin_status", "call", "ok", "call_cured"),
        ("restriction", "close_only", "none", "overdue_call"),
    ]


SHORT = ("minimum_equity", "ok", "call", "equity_below_minimum")
MET = ("minimum_equity", "call", "ok", "equity_at_minimum")


@pytest.mark.parametrize(
    ("account", "equity", "is_called"),
    [
        pytest.param(Account(cash=-1), 1_999, True, id="a borrower under $2,000"),
        pytest.param(Account(cash=-1), 2_000, False, id="a borrower at $2,000"),
        pytest.param(Account(cash=0), 1_999, False, id="who neither borrows nor is short"),
        pytest.param(Account(quantity=-1, cash=1), 1_999, True, id="a short under $2,000"),
        pytest.param(Account(kind=PORTFOLIO, cash=0), 99_999, True, id="portfolio margin"),
        pytest.param(Account(kind=PORTFOLIO), 100_000, False, id="portfolio margin at $100,000"),
        pytest.param(Account(kind=PORTFOLIO, quantity=0), 1, False, id="nothing held"),
        pytest.param(Account(kind=CASH), 1, False, id="a cash account"),
        pytest.param(Account(kind=CASH), -1, False, id="a cash account that owes"),
    ],
)
def test_minimum_equity(account: Account, equity: int, is_called: bool):
    assert (SHORT in account.at(0, equity, requirement=0)) == is_called


def test_purchase_needs_no_more_minimum_equity_than_its_cost():
    account, figures = Account(), empty_figures(1, RULES)
    figures.long_value[0], figures.equity[0] = 150_000, 149_999
    assert account.climb(START, figures) == [SHORT]

    figures.equity[0] = 150_000
    assert account.climb(START + SECOND, figures) == [MET]


def test_minimum_equity_call_is_not_cured_while_indeterminate():
    account = Account()
    account.at(0, 1_999, requirement=0)
    assert account.at(1, 50_000, requirement=0, states=NO_PRICE) == []

    assert MET in account.at(2, 50_000, requirement=0)


def test_accounts_not_named_are_left_alone():
    account = Account()
    figures = empty_figures(1, RULES)
    figures.equity[0] = -1

    nobody = np.array([], dtype=np.int64)
    at = Evaluated(START, nobody, nobody)
    steps = climb(account.book(), figures, RULES, account.ladder, at)

    assert len(steps.account) == 0
    assert account.ladder.margin_status.tolist() == [0]
