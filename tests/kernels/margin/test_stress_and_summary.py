from collections.abc import Callable

import polars as pl
import pytest

from margin_assets.kernels.firm_risk.tables import firm_risk
from margin_assets.kernels.margin.margined import Eras, margined
from margin_assets.kernels.margin.reg_t_groups import reg_t_requirements
from margin_assets.kernels.margin.requirements import (
    margin_summary,
    stress_results,
    tims_requirements,
)
from margin_assets.kernels.rules.rules import scenario_names
from tests.support.portfolios import NOON, RULES, Holding, Owner, Term, one, portfolio

Kernel = Callable[[Eras], pl.DataFrame]


def stressed(percent: int, case: tuple[pl.DataFrame, pl.DataFrame]) -> dict[str, object]:
    name = f"SPY {percent:+d}%"
    return stress_results(margined(*case)).row(by_predicate=pl.col("scenario") == name, named=True)


def test_scenarios_are_named_by_their_moves():
    expected = [
        "SPY -8%",
        "SPY -6%",
        "SPY -4%",
        "SPY -2%",
        "SPY 0%",
        "SPY +2%",
        "SPY +4%",
        "SPY +6%",
    ]

    assert scenario_names(RULES) == expected


@pytest.mark.parametrize(
    ("percent", "quantity", "beta", "pnl", "flagged"),
    [
        pytest.param(-8, 100, 1.0, -800, False, id="benchmark falls as SPY does"),
        pytest.param(-8, 100, 1.5, -1200, False, id="beta multiplies"),
        pytest.param(-8, -100, 1.5, 1200, False, id="a short gains"),
        pytest.param(-8, 100, -0.5, 400, False, id="a negative beta gains"),
        pytest.param(6, 100, 1.5, 900, False, id="up"),
        pytest.param(-8, 100, None, -1600, True, id="no beta: a long loses twice the move down"),
        pytest.param(6, 100, None, -1200, True, id="no beta: a long loses twice the move up"),
        pytest.param(-8, -100, None, -1600, True, id="no beta: a short loses down"),
        pytest.param(6, -100, None, -1200, True, id="no beta: a short loses up"),
        # Semantics 8.19: 8% x 20 is more than all there is, 8% x 12.5 just that.
        pytest.param(-8, 100, 12.5, -10_000, False, id="a long loses its value"),
        pytest.param(-8, 100, 20.0, -10_000, False, id="and no more"),
        pytest.param(-8, -100, 20.0, 10_000, False, id="a short gains its value and no more"),
        pytest.param(6, 100, 20.0, 12_000, False, id="a long gains without a bound"),
        pytest.param(6, -100, 20.0, -12_000, False, id="a short loses without one"),
        pytest.param(6, 100, -20.0, -10_000, False, id="a negative beta the same"),
    ],
)
def test_stress_line(percent: int, quantity: int, beta: float | None, pnl: int, flagged: bool):
    row = stressed(percent, one(quantity, Term(price=100, beta=beta), cash=5000))

    assert row["pnl"] == pnl
    assert row["equity"] == 5000 + 100 * quantity + pnl
    assert row["is_flagged"] == flagged


def test_requirement_is_held_and_struck_again():
    row = stressed(-8, one(100, Term(price=100), cash=-7000))

    assert (row["requirement_held"], row["excess_held"]) == (2500, -300)
    assert (row["requirement"], row["excess"]) == (2300, -100)
    assert row["is_underwater"]


def test_unchanged_market_strikes_the_same_requirement():
    case = portfolio(
        [Owner(kind="portfolio_margin", holdings=[Holding("A", 7), Holding("B", -3)])],
        [Term("A", "31.27", leverage=2.0), Term("B", "4.20", marginable=False)],
    )
    row = stress_results(margined(*case)).row(by_predicate=pl.col("move") == 0.0, named=True)

    assert row["requirement"] == row["requirement_held"]


@pytest.mark.parametrize(
    ("kind", "percent", "beta", "marginable", "requirement"),
    [
        pytest.param("reg_t", -4, 2.0, True, 500, id="at $5.06: $5 a share"),
        pytest.param("reg_t", -8, 2.0, True, 462, id="at $4.62: 100%"),
        pytest.param(
            "portfolio_margin", -4, 2.0, False, 506, id="non-marginable at $5.06: its value"
        ),
        pytest.param(
            "portfolio_margin", -8, 2.0, False, 462, id="non-marginable at $4.62: its value"
        ),
        pytest.param("reg_t", -8, 12.5, True, 250, id="at nothing: $2.50 a share"),
        pytest.param("reg_t", -8, 20.0, True, 250, id="a price that would turn negative is 0"),
        pytest.param("portfolio_margin", -8, 20.0, False, 250, id="so under portfolio margin"),
        pytest.param("cash", -8, 20.0, True, 0, id="so in a cash account"),
    ],
)
def test_price_threshold_is_crossed_under_stress(
    kind: str, percent: int, beta: float, marginable: bool, requirement: int
):
    case = one(-100, Term(price="5.50", beta=beta, marginable=marginable), kind=kind)

    assert stressed(percent, case)["requirement"] == requirement


@pytest.mark.parametrize(
    ("kind", "cash", "expected"),
    [
        pytest.param("reg_t", 0, (2500, "", True), id="reg_t: maintenance governs"),
        pytest.param("portfolio_margin", 0, (1500, "", True), id="portfolio margin governs"),
        pytest.param("cash", 0, (10000, "cash_account", False), id="cash account: the whole value"),
        pytest.param("reg_t", -5001, (2500, "equity_below_minimum", False), id="too little equity"),
    ],
)
def test_summary(kind: str, cash: int, expected: tuple[int, str, bool]):
    case = one(100, Term(price=100), kind=kind, cash=95_000 + cash)

    row = margin_summary(margined(*case)).row(0, named=True)

    governing = row["governing_requirement"]
    assert (governing, row["ineligible_reasons"], row["is_portfolio_margin_eligible"]) == expected
    assert row["equity"] == 105_000 + cash
    assert row["excess"] == row["equity"] - governing
    assert (row["margin_method"], row["margin_savings"]) == ("portfolio_margin", 1000)


def test_equal_methods_name_reg_t():
    row = margin_summary(margined(*one(100, Term(price=100, marginable=False)))).row(0, named=True)

    assert (row["margin_method"], row["margin_savings"]) == ("reg_t", 0)


@pytest.mark.parametrize(
    ("owner", "term", "status", "reasons"),
    [
        pytest.param(Owner(), Term(), "determinate", "", id="all known"),
        pytest.param(
            Owner(is_registered=False), Term(), "indeterminate", "unregistered", id="no account row"
        ),
        pytest.param(
            Owner(),
            Term(price=None, state="missing"),
            "indeterminate",
            "price_missing",
            id="no price",
        ),
        pytest.param(
            Owner(), Term(state="unusable"), "indeterminate", "price_unusable", id="price too old"
        ),
        pytest.param(
            Owner(),
            Term(state="stale"),
            "determinate",
            "price_stale",
            id="a stale price is flagged",
        ),
        pytest.param(
            Owner(),
            Term(state="fill_price"),
            "determinate",
            "fill_price",
            id="a fill's price is flagged",
        ),
        pytest.param(
            Owner(), Term(beta=None), "determinate", "beta_missing", id="no beta is flagged"
        ),
        pytest.param(
            Owner(),
            Term(asset_class=None, marginable=False),
            "indeterminate",
            "instrument_missing",
            id="no instrument row",
        ),
        pytest.param(
            Owner(),
            Term(asset_class="currency", marginable=False),
            "indeterminate",
            "asset_class_unsupported",
            id="not margined yet",
        ),
    ],
)
def test_named_states(owner: Owner, term: Term, status: str, reasons: str):
    case = portfolio([owner._replace(holdings=[Holding()])], [term])

    row = margin_summary(margined(*case)).row(0, named=True)

    assert (row["status"], row["reasons"]) == (status, reasons)


def test_one_clients_excess_pays_no_others_deficit():
    holdings = [Holding("X", 100)]
    owners = [
        Owner("A", cash=1_000_000, holdings=holdings),
        Owner("B", cash=-9_500, holdings=holdings),
        Owner("C", cash=-8_000, holdings=holdings),
    ]
    case = portfolio(owners, [Term(price=100)])

    firm = firm_risk(margin_summary(margined(*case)), stress_results(margined(*case)))

    down = firm.row(by_predicate=pl.col("scenario") == "SPY -8%", named=True)
    # B: 10,000 - 9,500 - 800 = -300 against 2,300. C: 1,200 against 2,300. A has plenty.
    assert down["deficiency"] == 2_600 + 1_100
    assert down["credit_exposure"] == 300
    assert (down["accounts"], down["accounts_deficient"]) == (3, 2)
    assert down["pnl"] == -2_400
    assert down["gross_market_value"] == down["net_market_value"] == 30_000


def test_tables_keep_business_dates_apart():
    case = one(100, Term(price=100))
    both = [
        pl.concat(
            [frame.with_columns(business_date=pl.lit(day)) for day in ("2020-03-09", "2020-03-10")]
        )
        for frame in case
    ]

    for kernel in (reg_t_requirements, tims_requirements, stress_results, margin_summary):
        alone, twice = kernel(margined(*case)), kernel(margined(*both))
        assert twice.drop("business_date").equals(pl.concat([alone, alone]))
    eras = margined(*both)
    assert firm_risk(margin_summary(eras), stress_results(eras)).height == 2 * 8


KERNELS = (reg_t_requirements, tims_requirements, stress_results, margin_summary)


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: kernel.__name__)
def test_no_rows_in_gives_the_same_columns_out(kernel: Kernel):
    full, empty = kernel(margined(*one(100))), kernel(margined(*portfolio([], [])))

    assert empty.height == 0
    assert empty.schema == full.schema


def test_marked_positions_are_sorted_by_account_class_group_and_symbol():
    several = [Holding("Z", 1), Holding("Y", 1), Holding("X", 1)]
    owners = [Owner("B", holdings=[Holding("Z", 1)]), Owner("A", holdings=several)]
    terms = [Term("X", group="G"), Term("Y", group="F"), Term("Z", group="G")]

    positions = portfolio(owners, terms).positions

    assert positions["account_id"].to_list() == ["A", "A", "A", "B"]
    assert positions["symbol"].to_list() == ["Y", "X", "Z", "Z"]
    assert positions["as_of"].to_list() == [NOON] * 4
