"""The firm is summed over every account, also over those that nothing has evaluated."""

from pathlib import Path

import polars as pl

from margin_assets.kernels.firm_risk.tables import firm_risk_at
from tests.support.live_driver import Firm, account, at, beta, cash, fill, instrument, price


def test_an_account_that_nothing_has_valued_is_not_summed_as_zero(tmp_path: Path) -> None:
    firm = Firm(tmp_path)
    firm.run(
        accounts=[account("P", "portfolio_margin"), account("C", "cash")],
        instruments=[instrument("X")],
        betas=[beta("X", "1.2", "2020-03-09")],
        cash_movements=[cash(f"M{name}", name, "9000") for name in "PC"],
        fills=[fill("F1", "150", "100", account_id="P"), fill("F2", "20", "100", account_id="C")],
        prices=[price("X", "100")],
    )
    firm.restart()

    # It waits for its original: a cycle is sealed, and nothing is evaluated in it.
    firm.run(fills=[fill("F3", "5", "100", at(1), account_id="P", corrects="F0")])

    told = firm.table("firm_risk").drop("as_of")
    before, after = (told.filter(cycle=number).drop("cycle") for number in (1, 2))
    assert after.equals(before)
    names = ("positions", "account_state", "margin_summary", "stress_results")
    daily = firm_risk_at(*map(firm.table, names))
    assert after.equals(daily.select(after.columns))
    assert after["pnl"].min() < 0
    assert after.filter(pl.col("equity") > 0).height == after.height
