"""SIMM on portfolios that can be checked by hand: figures of version 2.5 unless said."""

import math

import pytest

from margin_assets.kernels.initial_margin.simm import margins
from tests.support.crif_rows import Kind, held, sensitivities

QUANTILE = 2.3263478740408408  # 99%
TAIL = 2.5758293035489004**2 - 1  # of the 99.5%


def rate(currency: str, tenor: str, amount: float, curve: str = "OIS") -> Kind:
    return ("RatesFX", "Risk_IRCurve", currency, None, tenor, curve, amount)


def fx(currency: str, amount: float) -> Kind:
    return ("RatesFX", "Risk_FX", currency, None, None, "", amount)


def share(name: str, bucket: str, amount: float) -> Kind:
    return ("Equity", "Risk_Equity", name, bucket, None, "", amount)


def loan(name: str, group: str, amount: float) -> Kind:
    return ("Credit", "Risk_CreditNonQ", name, "1", "5y", group, amount)


def joined(a: float, b: float, rho: float) -> float:
    return math.sqrt(a * a + b * b + 2 * rho * a * b)


DELTAS = [
    pytest.param([rate("USD", "5y", 1e5)], 52e5, id="weight times sensitivity"),
    pytest.param(
        [rate("USD", "2w", 1e5), rate("USD", "1m", -1e5)],
        joined(115e5, -112e5, 0.74),
        id="two tenors of one curve",
    ),
    pytest.param(
        [rate("USD", "5y", 1e5), rate("USD", "5y", -1e5, "Libor3m")],
        joined(52e5, -52e5, 0.99),
        id="two curves of one tenor",
    ),
    pytest.param(
        [rate("USD", "5y", 1e5), rate("EUR", "5y", -1e5)],
        joined(52e5, -52e5, 0.24),
        id="two currencies",
    ),
    pytest.param([rate("JPY", "5y", 1e5)], 20e5, id="a currency of low volatility"),
    pytest.param([rate("BRL", "5y", 1e5)], 95e5, id="a currency that no group names"),
    pytest.param(
        [rate("USD", "5y", 920e6)], 52 * 920e6 * 2, id="four times the threshold, twice the weight"
    ),
    pytest.param([fx("EUR", 1e6)], 7.4e6, id="a currency"),
    pytest.param([fx("USD", 1e6)], 0.0, id="the calculation currency is no risk"),
    pytest.param([fx("EUR", 1e6), fx("GBP", -1e6)], 7.4e6, id="two currencies, half correlated"),
    pytest.param([share("A", "1", 1e6)], 26e6, id="a share"),
    pytest.param(
        [share("A", "1", 1e6), share("B", "1", 1e6)], joined(26e6, 26e6, 0.18), id="two of a bucket"
    ),
    pytest.param(
        [share("A", "1", 1e6), share("B", "5", 1e6)],
        joined(26e6, 23e6, 0.13),
        id="two of two buckets",
    ),
    pytest.param(
        [share("A", "1", 1e5), share("B", "Residual", -1e5)], 26e5 + 34e5, id="the residual adds"
    ),
    pytest.param(
        [share("A", "1", 40e6), share("B", "1", 10e6)],
        joined(26 * 40e6 * 2, 26e7, 0.18 * 0.5),
        id="correlation falls by the ratio of concentrations",
    ),
    pytest.param(
        [loan("A", "CMBX", 1e6), loan("B", "CMBX", 1e6)],
        joined(280e6, 280e6, 0.82),
        id="two names of one group",
    ),
    pytest.param(
        [loan("A", "CMBX", 1e6), loan("B", "ABX", 1e6)],
        joined(280e6, 280e6, 0.27),
        id="two names of two groups",
    ),
]


@pytest.mark.parametrize(("rows", "expected"), DELTAS)
def test_delta(rows: list[Kind], expected: float):
    found = margins(sensitivities(rows), held("2.5"), "USD").risk_classes

    assert found["delta"].sum() == pytest.approx(expected, rel=1e-12)
    assert found["total"].sum() == pytest.approx(expected, rel=1e-12)


def test_vega_and_curvature_of_one_pair():
    rows = [("RatesFX", "Risk_FXVol", "USDGBP", None, "1y", "", 1e7)]
    volatility = 7.4 * math.sqrt(365 / 14) / QUANTILE
    value = 0.5 * 14 / 365 * volatility * 1e7

    (row,) = margins(sensitivities(rows), held("2.5"), "USD").risk_classes.iter_rows(named=True)

    assert row["vega"] == pytest.approx(0.47 * 0.52 * volatility * 1e7, rel=1e-12)
    assert row["curvature"] == pytest.approx(value + TAIL * value, rel=1e-12)
    assert row["total"] == row["vega"] + row["curvature"]


def test_curvature_of_what_was_sold_is_none():
    rows = [("RatesFX", "Risk_IRVol", "USD", None, "1y", "", -1e7)]

    (row,) = margins(sensitivities(rows), held("2.5"), "USD").risk_classes.iter_rows(named=True)

    assert (row["vega"], row["curvature"]) == (pytest.approx(0.18e7), 0.0)


def test_a_pair_of_currencies_has_no_order():
    def vega(second: str) -> float:
        pairs = ("USDGBP", second)
        rows = [("RatesFX", "Risk_FXVol", pair, None, "1y", "", 1e7) for pair in pairs]
        return float(margins(sensitivities(rows), held("2.5"), "USD").risk_classes["vega"][0])

    assert vega("GBPUSD") == vega("USDGBP") > vega("EURUSD")


def test_volatility_indices_have_no_curvature():
    rows = [("Equity", "Risk_EquityVol", "VIX", "12", "1m", "", 1e6)]

    (row,) = margins(sensitivities(rows), held("2.8+2506"), "USD").risk_classes.iter_rows(
        named=True
    )

    assert row["vega"] > 0
    assert row["curvature"] == 0


def test_a_day_knows_no_concentration():
    rows = [share("A", "1", 40e6)]

    found = margins(sensitivities(rows), held("2.5", "1d"), "USD").risk_classes

    assert found["delta"][0] == pytest.approx(9.3 * 40e6)


def test_product_classes_add_and_risk_classes_correlate():
    rows = [rate("USD", "5y", 1e5), fx("EUR", 1e6), share("A", "1", 1e6)]

    found = margins(sensitivities(rows), held("2.5"), "USD").product_classes

    assert found["total"].to_list() == pytest.approx([joined(52e5, 7.4e6, 0.32), 26e6])


def test_published_in_the_domain_specification():
    # SIMM 2.8+2506: USD 5y +100,000 a basis point against EUR 5y -80,000.
    rows = [rate("USD", "5y", 1e5), rate("EUR", "5y", -8e4)]

    found = margins(sensitivities(rows), held("2.8+2506"), "USD").product_classes

    assert round(found["total"][0], 2) == 6339305.96


def option(kind: str, name: str, bucket: str | None, amount: float) -> Kind:
    of_class = {"Risk_FXVol": "RatesFX", "Risk_EquityVol": "Equity"}.get(kind, "Commodity")
    return (of_class, kind, name, bucket, "1y", "", amount)


def volatility(weight: float) -> float:
    return weight * math.sqrt(365 / 14) / QUANTILE


# By hand of what 2.8+2512 changed: effective 11 July 2026.
NEWEST = [
    pytest.param([rate("USD", "5y", 1e5)], "delta", 61e5, id="weights of rates are frozen"),
    pytest.param([rate("USD", "5y", 880e6)], "delta", 61 * 880e6 * 2, id="four thresholds of 220m"),
    pytest.param([fx("EUR", 1e6)], "delta", 7.4e6, id="a currency"),
    pytest.param([fx("ISK", 1e6)], "delta", 31.7e6, id="a currency of high volatility"),
    pytest.param([fx("RUB", 1e6)], "delta", 7.4e6, id="one that is no longer"),
    pytest.param(
        [fx("EUR", 1e6), fx("ISK", 1e6)], "delta", joined(7.4e6, 31.7e6, 0.12), id="one of each"
    ),
    pytest.param([share("A", "10", 1e5)], "delta", 38e5, id="a share"),
    pytest.param(
        [share("A", "11", 1e6), share("B", "8", 1e6)], "delta", joined(15e6, 29e6, 0.32), id="two"
    ),
    pytest.param([loan("D", "CMBX", 760e3)], "delta", 210 * 760e3 * 2, id="four times 0.19m"),
    pytest.param(
        [option("Risk_FXVol", "EURUSD", None, 1e5)],
        "vega",
        0.33 * 0.67 * volatility(7.4) * 1e5,
        id="volatility of a currency",
    ),
    pytest.param(
        [option("Risk_EquityVol", "VIX", "12", 1e5)],
        "vega",
        0.72 * 0.56 * volatility(15) * 1e5,
        id="volatility of a volatility index",
    ),
    pytest.param(
        [option("Risk_CommodityVol", "Gold", "12", 1e5)],
        "vega",
        0.34 * 0.81 * volatility(19) * 1e5,
        id="volatility of a metal",
    ),
]


@pytest.mark.parametrize(("rows", "measure", "expected"), NEWEST)
def test_the_version_in_force(rows: list[Kind], measure: str, expected: float):
    found = margins(sensitivities(rows), held("2.8+2512"), "USD").risk_classes

    assert found[measure].sum() == pytest.approx(expected)


def test_risk_classes_correlate_as_in_the_version_in_force():
    rows = [rate("USD", "5y", 1e5), fx("EUR", 1e6)]

    found = margins(sensitivities(rows), held("2.8+2512"), "USD").product_classes

    assert found["total"].to_list() == pytest.approx([joined(61e5, 7.4e6, 0.15)])
