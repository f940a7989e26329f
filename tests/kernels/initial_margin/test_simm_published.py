"""ISDA's unit tests of SIMM 2.5, some of each kind, re-typed: amounts in, margins to the unit out.

Source: AcadiaSoft/simm-lib, SimmTenDayTest and SimmOneDayTest, commit cefc23b, MIT.
"""

import pytest

from margin_assets.kernels.initial_margin.simm import margins
from tests.support.crif_rows import Kind, held, sensitivities

CASES = [
    pytest.param(
        [
            ("Credit", "Risk_IRCurve", "BRL", None, "10y", "Libor6m", 14_000_000),
            ("Credit", "Risk_IRCurve", "BRL", None, "15y", "Libor6m", 30_000_000),
            ("Credit", "Risk_IRCurve", "BRL", None, "20y", "Libor12m", -800_000),
            ("Credit", "Risk_IRCurve", "BRL", None, "30y", "Libor12m", -800_000),
            ("Credit", "Risk_Inflation", "BRL", None, None, "", 2_000_000),
            ("Credit", "Risk_XCcyBasis", "BRL", None, None, "", -1_000_000),
        ],
        5_123_511_762,
        1_421_420_564,
        id="C55, inflation counts towards concentration, basis does not",
    ),
    pytest.param(
        [
            ("RatesFX", "Risk_IRCurve", "EUR", None, "3y", "Libor3m", -2_000_000),
            ("RatesFX", "Risk_IRCurve", "EUR", None, "3y", "Libor6m", 5_000_000),
        ],
        169_856_410,
        48_530_403,
        id="C57, sub-curves",
    ),
    pytest.param(
        [
            ("RatesFX", "Risk_FX", "CNY", None, None, "", -200_000_000),
            ("RatesFX", "Risk_FX", "KRW", None, None, "", 210_000_000),
        ],
        1_518_353_055,
        369_329_122,
        id="C71, currencies",
    ),
    pytest.param(
        [
            ("Credit", "Risk_FX", "BRL", None, None, "", 41_000_000),
            ("Credit", "Risk_FX", "QAR", None, None, "", -40_000_000),
        ],
        556_243_630,
        131_515_718,
        id="C73, of high volatility",
    ),
    pytest.param(
        [*[("Credit", "Risk_CreditQ", "ISIN:GB0862147969", "7", "3y", "GBP", -500_000)] * 2],
        196_029_264,
        48_000_000,
        id="C109, a name above its threshold",
    ),
    pytest.param(
        [
            ("Credit", "Risk_CreditQ", "ISIN:CA82028KAP62", "3", "3y", "GBP", 180_000),
            ("Credit", "Risk_CreditQ", "ISIN:CA82028KAP62", "3", "5y", "JPY", -100_000),
        ],
        7_366_769,
        1_511_132,
        id="C113, one name in two currencies",
    ),
    pytest.param(
        [
            ("Credit", "Risk_CreditQ", "ISIN:UNKNOWN1", "Residual", "3y", "USD", -100_000),
            ("Credit", "Risk_CreditQ", "ISIN:UNKNOWN2", "Residual", "3y", "EUR", 180_000),
        ],
        103_876_321,
        22_493_519,
        id="C117, residual names",
    ),
    pytest.param(
        [
            ("Credit", "Risk_BaseCorr", "CDX IG", None, None, "", 500_000),
            ("Credit", "Risk_BaseCorr", "CDX IG", None, None, "", -200_000),
        ],
        3_000_000,
        750_000,
        id="C131, base correlation nets",
    ),
    pytest.param(
        [
            ("Credit", "Risk_CreditNonQ", "ISIN:AU3005621011", "1", "1y", "CMBX", 6_000_000),
            ("Credit", "Risk_CreditNonQ", "ISIN:AU3005621011", "1", "2y", "CMBX", 3_000_000),
        ],
        2_417_099_088,
        569_744_785,
        id="C153, one group of names",
    ),
    pytest.param(
        [
            ("Credit", "Risk_CreditNonQ", "ISIN:AU3005621011", "1", "3y", "CMBX", -3_000_000),
            ("Credit", "Risk_CreditNonQ", "ISIN:DE0314227036", "1", "2y", "ABX", -2_000_000),
        ],
        1_128_368_734,
        265_972_630,
        id="C155, two groups",
    ),
    pytest.param(
        [
            *[("Equity", "Risk_Equity", "ISIN:INE044A01036", "1", None, "", 6_000_000)] * 2,
            ("Equity", "Risk_Equity", "ISIN:INE406A01037", "1", None, "", 1_000_000),
        ],
        347_000_173,
        113_642_804,
        id="C211, a share above its threshold",
    ),
    pytest.param(
        [
            ("Equity", "Risk_Equity", "ISIN:INE044A01036", "1", None, "", 6_000_000),
            ("Equity", "Risk_Equity", "ISIN:CNE000000J28", "2", None, "", -2_000_000),
            ("Equity", "Risk_Equity", "ISIN:UNKNOWN1", "Residual", None, "", 500_000),
        ],
        171_847_021,
        60_290_071,
        id="C215, the residual bucket adds",
    ),
    pytest.param(
        [
            ("Commodity", "Risk_Commodity", "Crude oil Americas", "2", None, "", 1_500_000_000),
            ("Commodity", "Risk_Commodity", "Light Ends Europe", "3", None, "", -360_000_000),
        ],
        32_585_855_827,
        10_954_230_416,
        id="C287, commodities of two buckets",
    ),
    pytest.param(
        [
            ("RatesFX", "Risk_IRVol", "EUR", None, "3y", "", 50_000_000),
            ("RatesFX", "Risk_IRVol", "EUR", None, "2y", "", -100_000_000),
        ],
        18_284_953,
        3_201_464,
        id="C327, vegas of rates, theta between",
    ),
    pytest.param(
        [
            ("RatesFX", "Risk_IRVol", "JPY", None, "20y", "", 200_000_000),
            ("RatesFX", "Risk_IRVol", "JPY", None, "15y", "", -100_000_000),
            ("RatesFX", "Risk_InflationVol", "JPY", None, "20y", "", 40_000_000),
        ],
        25_467_719,
        6_060_125,
        id="C329, inflation among vegas",
    ),
    pytest.param(
        [
            ("RatesFX", "Risk_InflationVol", "CAD", None, "10y", "", 10_000_000),
            ("RatesFX", "Risk_InflationVol", "CAD", None, "30y", "", -10_000_000),
        ],
        438_170,
        32_614,
        id="C331, inflation over expiries",
    ),
    pytest.param(
        [
            ("RatesFX", "Risk_FXVol", "USDGBP", None, "3m", "", 24_000_000),
            ("RatesFX", "Risk_FXVol", "EURQAR", None, "1y", "", -40_000_000),
        ],
        321_415_754,
        43_352_180,
        id="C351, a pair against another",
    ),
    pytest.param(
        [
            ("RatesFX", "Risk_FXVol", "USDGBP", None, "3m", "", 24_000_000),
            ("RatesFX", "Risk_FXVol", "USDGBP", None, "1y", "", -24_000_000),
        ],
        148_802_870,
        11_445_957,
        id="C353, expiries of a pair net",
    ),
    pytest.param(
        [
            *[("Credit", "Risk_CreditVol", "ISIN:CN0068511222", "2", "1y", "CNY", 200_000_000)] * 2,
            *[("Credit", "Risk_CreditVol", "ISIN:CN0068511222", "2", "2y", "CNY", -40_000_000)] * 2,
        ],
        314_842_801,
        32_433_792,
        id="C371, vegas of credit",
    ),
    pytest.param(
        [
            ("Credit", "Risk_CreditVolNonQ", "BR.HY", "Residual", "1y", "CMBX", 85_000_000),
            ("Credit", "Risk_CreditVolNonQ", "BR.HY", "Residual", "10y", "CMBX", 65_000_000),
        ],
        109_202_164,
        12_188_565,
        id="C393, non-qualifying vegas, residual",
    ),
    pytest.param(
        [
            ("Equity", "Risk_EquityVol", "ISIN:AU001159751155", "2", "6m", "", -200_000),
            ("Equity", "Risk_EquityVol", "ISIN:AU001159751155", "2", "1m", "", 200_000),
        ],
        15_639_941,
        1_713_361,
        id="C431, vegas that net, curvature that does not",
    ),
    pytest.param(
        [
            ("Commodity", "Risk_CommodityVol", "Crude oil Americas", "2", "6m", "", -32_000_000),
            ("Commodity", "Risk_CommodityVol", "Crude oil Americas", "2", "2w", "", 20_000_000),
        ],
        4_021_049_331,
        451_306_422,
        id="C461, one commodity at two expiries",
    ),
    pytest.param(
        [
            ("Credit", "Risk_IRCurve", "BRL", None, "10y", "Libor6m", 14_000_000),
            ("Credit", "Risk_FX", "BRL", None, None, "", 41_000_000),
            ("Credit", "Risk_CreditQ", "ISIN:BE0934259525", "1", "1y", "USD", 800_000),
            ("Credit", "Risk_CreditNonQ", "ISIN:AU3005621011", "1", "1y", "CMBX", 6_000_000),
            ("Equity", "Risk_Equity", "JINV", "12", None, "", 2_000_000),
            ("Credit", "Risk_Commodity", "Natural Gas Index", "17", None, "", 2_000_000),
        ],
        2_570_753_170,
        736_362_989,
        id="C477, risk classes correlate",
    ),
]


@pytest.mark.parametrize(("rows", "ten_days", "one_day"), CASES)
def test_published(rows: list[Kind], ten_days: float, one_day: float):
    given = sensitivities(rows)

    found = [
        margins(given, held("2.5", horizon), "USD").product_classes["total"].sum()
        for horizon in ("10d", "1d")
    ]

    assert found == pytest.approx([ten_days, one_day], abs=0.51)
