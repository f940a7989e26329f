"""Two runs of other sizes, by hand."""

import polars as pl

from margin_assets.backtest.results.rates import Rate, rates_of

NOTHING = dict.fromkeys(
    ("restrictions", "liquidations", "missed_sessions", "paid_in", "avoided"), 0
)


def tables(
    sessions: int, lost: int, calls: tuple[int, int], breach_share: float
) -> dict[str, pl.DataFrame]:
    outcome = {"account_days": sessions, "lost": lost, "calls": calls[0], "false_calls": calls[1]}
    coverage = {"group_kind": ["all", "all", "crisis"], "horizon_days": [1, 5, 1]}
    shares = {"method": ["house"] * 3, "breach_share": [breach_share, 0.9, 0.8]}
    return {
        "backtest_runs": pl.DataFrame([NOTHING | outcome]),
        "backtest_days": pl.DataFrame({"house": [30, 10], "gross": [100, 60]}),
        "backtest_coverage": pl.DataFrame(coverage | shares),
    }


def test_a_longer_run_counts_for_a_million_sessions_of_accounts():
    one, other = tables(2_000_000, 500, (40, 30), 0.001), tables(500_000, 900, (0, 0), 0.004)
    found = {rate.name: rate for rate in rates_of(one, other)}

    assert found["lost"] == Rate("lost", "USD", 250.0, 1_800.0)
    assert found["calls"] == Rate("calls", "count", 20.0, 0.0)
    assert found["false calls, of all"][2:] == (0.75, None)
    assert found["required by the house, of gross value"].one == 0.25
    assert found["losses beyond house"][2:] == (1_000.0, 4_000.0)
    assert found["losses beyond FINRA 4210(c)"][2:] == (None, None)


def test_the_difference_has_its_sign_and_nothing_less_nothing_is_not_0():
    assert Rate("a", "share", 0.10, 0.0825).written() == ("10.000%", "8.250%", "-1.750%")
    assert Rate("a", "USD", 1_234.5, 5_000.0).written() == ("1,234", "5,000", "+3,766")
    assert Rate("a", "count", None, 2.0).written() == ("-", "2.0", "-")
