from decimal import Decimal

import polars as pl
import pytest

from margin_assets.calendar import sessions
from margin_assets.kernels.book.terms import INSTRUMENT_COLUMNS, instrument_terms, range_classes
from margin_assets.kernels.margin.margined import margined
from margin_assets.kernels.margin.requirements import POINT_COLUMNS, tims_requirements
from margin_assets.kernels.margin.revaluation import revalue
from tests.support.portfolios import RULES, Holding, Number, Owner, Term, fund, one, portfolio


def index(
    symbol: str, group: str, *, high_cap: bool = True, price: Number = 100, leverage: float = 1.0
) -> Term:
    range_class = "broad_index_high_cap" if high_cap else "broad_index"
    return Term(symbol, price, leverage=leverage, group=group, range_class=range_class)


ONE_CLASS = [
    pytest.param(1000, Term(price=100), "15000", -0.15, id="long stock: 15% down"),
    pytest.param(-1000, Term(price=100), "15000", 0.15, id="short stock: 15% up"),
    pytest.param(1000, index("X", "X"), "8000", -0.08, id="long high-cap index: 8% down"),
    pytest.param(-1000, index("X", "X"), "6000", 0.06, id="short high-cap index: 6% up"),
    pytest.param(1000, index("X", "X", high_cap=False), "10000", -0.10, id="long broad index: 10%"),
    pytest.param(
        -1000, index("X", "X", high_cap=False), "10000", 0.10, id="short broad index: 10%"
    ),
    pytest.param(1000, fund(2), "30000", -0.15, id="2x fund alone: twice the equity range"),
    pytest.param(1000, fund(-1), "15000", 0.15, id="inverse fund loses when the group rises"),
    pytest.param(1000, fund(-3), "45000", 0.15, id="inverse 3x fund: three times the range"),
    pytest.param(-1000, fund(-3), "45000", -0.15, id="its short loses when the group falls"),
    pytest.param(1000, fund(10), "100000", -0.15, id="a long loses its value at most"),
    pytest.param(-1000, fund(10), "150000", 0.15, id="a short may lose more than its value"),
    pytest.param(
        1000, index("X", "SPX", leverage=3.0), "24000", -0.08, id="3x fund in the index's group"
    ),
]


@pytest.mark.parametrize(("quantity", "term", "requirement", "worst"), ONE_CLASS)
def test_range_of_a_class(quantity: int, term: Term, requirement: str, worst: float):
    row = tims_requirements(margined(*one(quantity, term))).row(0, named=True)

    assert row["requirement"] == row["scan_risk"] == Decimal(requirement)
    assert row["worst_move"] == worst


def test_points_are_fifths_of_each_side_and_none_is_unchanged():
    row = tims_requirements(margined(*one(100, index("X", "X")))).row(0, named=True)

    pnl = [row[name] for name in POINT_COLUMNS]
    assert pnl == [-800, -640, -480, -320, -160, 120, 240, 360, 480, 600]


def requirement_of(holdings: list[Holding], terms: list[Term]) -> Decimal:
    case = portfolio([Owner(kind="portfolio_margin", holdings=holdings)], terms)
    return Decimal(int(revalue(*case.book, RULES).governing[0])) / 100


@pytest.mark.parametrize(
    ("holdings", "terms", "requirement"),
    [
        pytest.param(
            [Holding("SPX", -100), Holding("SPY", 1000)],
            [index("SPX", "SPX", price=1000), index("SPY", "SPX", price=100)],
            "0",
            id="SPY against SPX nets whole: one class group",
        ),
        pytest.param(
            [Holding("AAA", 1000), Holding("BBB", -1000)],
            [Term("AAA", 100), Term("BBB", 100)],
            "30000",
            id="two stocks stand alone and add",
        ),
        pytest.param(
            [Holding("NDX", -1000), Holding("SPX", 1000)],
            [index("NDX", "NDX"), index("SPX", "SPX")],
            "800",
            id="two indices: losses whole, gains at 90%, at the same point",
        ),
        pytest.param(
            [Holding("NDX", -1000), Holding("SPX", 1000)],
            [index("NDX", "NDX", price="0.00125"), index("SPX", "SPX", price="0.00250")],
            # At -8%: loss 0.20, gain 0.10 counted 0.09. Up 6%: gain 0.15, loss 0.08: nothing.
            "0.11",
            id="small amounts",
        ),
        pytest.param(
            [Holding("IDX", -1000), Holding("SPX", 1000)],
            [index("IDX", "IDX", high_cap=False), index("SPX", "SPX")],
            # Up whole: SPX gains 6,000 counted 5,400, IDX loses 10,000.
            "4600",
            id="points pair by their place, not by the move",
        ),
        pytest.param(
            [Holding("AAA", 1000), Holding("SPX", -1000)],
            [Term("AAA", 100), index("SPX", "SPX")],
            "21000",
            id="a stock is in no product group",
        ),
        pytest.param(
            [Holding("SDS", 500), Holding("SPY", 1000)],
            [index("SDS", "SPX", leverage=-2.0), index("SPY", "SPX")],
            "0",
            id="half as much of an inverse 2x fund is a whole hedge",
        ),
        pytest.param(
            [Holding("OTC", 100), Holding("SPY", -100)],
            [index("OTC", "SPX")._replace(marginable=False), index("SPY", "SPX")],
            "10600",
            id="what is not marginable does not net and is required whole",
        ),
        pytest.param(
            [Holding("OTC", -100)],
            [Term("OTC", 75, marginable=False)],
            "7500",
            id="a non-marginable short needs its value on top of its value",
        ),
    ],
)
def test_portfolio_margin(holdings: list[Holding], terms: list[Term], requirement: str):
    assert requirement_of(holdings, terms) == Decimal(requirement)


def test_gains_are_rounded_per_class_group_inside_a_product_group():
    # At -8% SPX loses 0.40 and two groups gain 0.05 each: 0.045 counts as 0.05, twice.
    holdings = [Holding("A", -1), Holding("B", -1), Holding("SPX", 1)]
    terms = [
        index("A", "A", price="0.625"),
        index("B", "B", price="0.625"),
        index("SPX", "SPX", price=5),
    ]

    assert requirement_of(holdings, terms) == Decimal("0.30")


@pytest.mark.parametrize(
    ("leverage", "worst"),
    [
        pytest.param(10, -0.15, id="all is lost at 12% and 15% down"),
        pytest.param(-10, 0.12, id="all is lost at 12% and 15% up"),
    ],
)
def test_tie_of_worst_points_names_the_lower_move(leverage: float, worst: float):
    row = tims_requirements(margined(*one(100, fund(leverage)))).row(0, named=True)

    assert row["scan_risk"] == 10_000
    assert row["worst_move"] == worst


@pytest.mark.parametrize(
    ("instruments", "expected"),
    [
        pytest.param([("SPY", "etf", "SPX")], ["equity"], id="no index: equity range"),
        pytest.param(
            [("SPY", "etf", "SPX"), ("SPX", "broad_index_high_cap", None)],
            ["broad_index_high_cap"] * 2,
            id="the group names an index of reference data",
        ),
        pytest.param(
            [("SPY", "etf", "BIG"), ("XSP", "broad_index_high_cap", "BIG")],
            ["broad_index_high_cap"] * 2,
            id="the group holds an index",
        ),
        pytest.param(
            [("A", "broad_index_high_cap", "G"), ("B", "broad_index", "G"), ("C", "etf", "G")],
            ["broad_index"] * 3,
            id="of two indices the wider range",
        ),
        pytest.param(
            [("SOX", "narrow_index", None)], ["equity"], id="a narrow index: equity range"
        ),
    ],
)
def test_range_class(instruments: list[tuple[str, str, str | None]], expected: list[str]):
    symbols, classes, groups = zip(*instruments, strict=True)
    group = [g or s for s, g in zip(symbols, groups, strict=True)]

    found = range_classes(pl.Series(symbols), pl.Series(classes), pl.Series(group))

    assert found.to_list() == expected


def test_symbol_without_an_instrument_is_not_marginable():
    known = pl.DataFrame(
        {
            "symbol": ["A"],
            "asset_class": ["equity"],
            "class_group": [None],
            "leverage": [None],
            "marginable": [True],
        },
        schema_overrides={"class_group": pl.String, "leverage": pl.Float64},
    )
    known = pl.concat([pl.DataFrame(schema=INSTRUMENT_COLUMNS), known], how="diagonal")

    terms = instrument_terms(pl.Series("symbol", ["A", "B"]), known, sessions().times)

    assert terms["is_marginable"].to_list() == [True, False]
    assert terms["class_group"].to_list() == ["A", "B"]
    assert terms["leverage"].to_list() == [1.0, 1.0]
