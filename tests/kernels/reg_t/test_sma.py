from decimal import Decimal

import polars as pl
import pytest

from margin_assets.kernels.margin.margined import Margined
from margin_assets.kernels.reg_t.sma import special_memorandum_accounts
from tests.support.portfolios import RULES, Number, Term, fund, one


@pytest.mark.parametrize(
    ("value", "cash", "before", "excess", "sma", "buying_power"),
    [
        pytest.param(70_000, -25_000, 0, 10_000, 10_000, 20_000, id="the excess makes the SMA"),
        pytest.param(70_000, -25_000, 12_000, 10_000, 12_000, 24_000, id="a greater SMA stays"),
        pytest.param(11_000, -7_500, 0, -2_000, 0, 0, id="a restricted account has no new SMA"),
        pytest.param(
            16_000, -10_000, 5_000, -2_000, 5_000, 8_000, id="buying stops at maintenance"
        ),
        pytest.param(12_000, -10_000, 5_000, -4_000, 5_000, 0, id="nothing to buy with in a call"),
        pytest.param(-40_000, 70_000, 0, 10_000, 10_000, 20_000, id="short: half of the value"),
    ],
)
def test_sma(value: int, cash: int, before: int, excess: int, sma: int, buying_power: int):
    row = sma_of(value, cash, before)

    assert (row["reg_t_excess"], row["sma"], row["buying_power"]) == (excess, sma, buying_power)


def sma_of(
    value: int, cash: int, before: Number, term: Term | None = None, kind: str = "reg_t"
) -> dict[str, Decimal]:
    case = one(Decimal(value) / 100, term or Term(price=100), kind=kind, cash=cash)
    accounts = case.accounts.with_columns(sma=pl.lit(Decimal(before)).cast(pl.Decimal(38, 2)))
    return special_memorandum_accounts(Margined(case.positions, accounts, RULES)).row(0, named=True)


def test_what_is_not_marginable_has_no_loan_value():
    row = sma_of(10_000, 1_000, 0, Term(price=100, marginable=False))

    assert row["reg_t_excess"] == 1_000


def test_regulation_t_excess_does_not_know_finras_multiples():
    row = sma_of(10_000, 0, 0, fund(3))

    assert row["reg_t_excess"] == 5_000
    assert row["buying_power"] == 10_000


@pytest.mark.parametrize(("cash", "buying_power"), [(500, 500), (-500, 0)])
def test_cash_account_buys_with_its_cash(cash: int, buying_power: int):
    row = sma_of(10_000, cash, 7_000, kind="cash")

    assert (row["sma"], row["buying_power"]) == (0, buying_power)
