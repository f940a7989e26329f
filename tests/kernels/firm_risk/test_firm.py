"""The firm as a whole: nobody pays another's debt, and what is lost stands by name and issuer."""

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from margin_assets.kernels.corporate.actions import Register
from margin_assets.kernels.corporate.carried import Traded
from margin_assets.kernels.firm_risk import names
from margin_assets.kernels.firm_risk.exact_parts import in_parts
from margin_assets.kernels.firm_risk.scenarios import firm_sums
from margin_assets.kernels.firm_risk.tables import (
    credit_exposures_at,
    firm_concentrations_at,
    firm_risk_at,
    price_move_results,
)
from margin_assets.kernels.margin.margined import margined
from margin_assets.kernels.margin.requirements import margin_summary, stress_results
from margin_assets.whatif import whatif
from tests.support.portfolios import (
    DAY,
    RULES,
    Holding,
    Owner,
    Portfolio,
    Term,
    fund,
    one,
    portfolio,
)
from tests.support.threads import several_threads

TERMS = [Term("X", 100, beta=1.5), Term("Y", 40, beta=None), Term("Z", 8, beta=-0.5)]


def tables(case: Portfolio) -> tuple[pl.DataFrame, ...]:
    eras = margined(*case)
    return (*case, margin_summary(eras), stress_results(eras))


def scenario(frame: pl.DataFrame, name: str, **more: str) -> dict[str, Any]:
    return frame.filter(scenario=name, **more).row(0, named=True)


@pytest.mark.parametrize(
    ("term", "quantity", "down", "up"),
    [
        pytest.param(Term(price=100, beta=1.5), 100, -2_500, 2_500, id="no beta multiplies"),
        pytest.param(Term(price=100, beta=None), 100, -2_500, 2_500, id="none is asked for"),
        pytest.param(Term(price=100), -100, 2_500, -2_500, id="a short loses when prices rise"),
        pytest.param(fund(3), 100, -7_500, 7_500, id="a fund moves by its multiple"),
        pytest.param(fund(-2), 100, 5_000, -5_000, id="an inverse one against it"),
        pytest.param(fund(5), 100, -10_000, 12_500, id="a value stops at 0"),
        pytest.param(fund(5), -100, 10_000, -12_500, id="and a gain of a short with it"),
        # 33.33 x 0.25 = 8.3325, half a cent away from zero.
        pytest.param(Term(price="33.33"), 1, "-8.33", "8.33", id="rounded to the cent"),
    ],
)
def test_every_price_moves_by_a_quarter(term: Term, quantity: int, down: object, up: object):
    rows = price_move_results(margined(*one(quantity, term)))

    assert rows["scenario"].to_list() == ["prices -25%", "prices +25%"]
    assert rows["pnl"].to_list() == [Decimal(str(down)), Decimal(str(up))]


def test_after_a_move_of_prices_the_requirement_is_held():
    # 10,000 of stock and 6,000 of debit: 4,000 of equity against 2,500.
    case = one(100, Term(price=100), cash=-6_000)

    firm = firm_risk_at(*tables(case))

    down = scenario(firm, "prices -25%")
    assert (down["equity"], down["requirement"], down["deficiency"]) == (1_500, 2_500, 1_000)
    assert down["accounts_deficient"] == 1
    # Of SPY it is struck again: 25% of 9,200.
    assert scenario(firm, "SPY -8%")["requirement"] == 2_300
    assert firm.height == 10
    assert firm["move"].is_sorted()


def test_scenarios_of_prices_leave_those_of_spy_as_they_are():
    owners = [Owner("A", cash=-9_000, holdings=[Holding("X", 100), Holding("Z", -50)])]
    positions, accounts, summary, stress = tables(portfolio(owners, TERMS))

    firm = firm_risk_at(positions, accounts, summary, stress)

    assert stress.height == 8
    spy = firm.filter(pl.col("scenario").str.starts_with("SPY"))
    sums = stress.group_by("scenario", "move").agg(pl.col("pnl", "equity", "requirement").sum())
    assert spy.select(sums.columns).equals(sums.sort("move"))


def test_credit_exposure_is_told_by_type_of_account():
    holdings = [Holding("X", 100)]
    owners = [
        Owner("A", "reg_t", -8_000, holdings),  # owes 500 at -25%: 7,500 of stock
        Owner("B", "reg_t", -7_700, holdings),  # owes 200
        Owner("C", "portfolio_margin", -9_500, holdings),  # owes 2,000
        Owner("D", "portfolio_margin", 90_000, holdings),  # pays nobody's debt
    ]

    found = credit_exposures_at(*tables(portfolio(owners, [Term(price=100)])))

    reg_t = scenario(found, "prices -25%", account_type="reg_t")
    assert (reg_t["accounts"], reg_t["accounts_under_water"]) == (2, 2)
    assert reg_t["credit_exposure"] == 700
    margin = scenario(found, "prices -25%", account_type="portfolio_margin")
    assert (margin["accounts"], margin["accounts_under_water"]) == (2, 1)
    assert margin["credit_exposure"] == 2_000
    assert margin["net_liquidation"] == 95_500
    assert found.height == 10 * 2


VOLUMES = {
    "symbol": pl.String,
    "average_daily_volume": pl.Decimal(38, 6),
    "as_of_date": pl.Date,
}


def concentrations(
    owners: Sequence[Owner], terms: Sequence[Term], volumes: dict[str, int] | None = None
) -> pl.DataFrame:
    positions, accounts = (
        frame.select(pl.lit(DAY).alias("business_date"), pl.all())
        for frame in portfolio(owners, terms)
    )
    rows = [(name, Decimal(units), DAY) for name, units in (volumes or {}).items()]
    landed = pl.DataFrame(rows, schema=VOLUMES, orient="row")
    return firm_concentrations_at(positions, accounts, Traded(landed, Register()))


def of(found: pl.DataFrame, kind: str, *columns: str) -> list[tuple[Any, ...]]:
    return found.filter(kind=kind).sort("rank").select(columns).rows()


HEDGED = [
    # A's short pays for A's long, and for nobody else's.
    Owner("A", cash=500, holdings=[Holding("X", 100), Holding("Y", -100)]),
    Owner("B", cash=-4_900, holdings=[Holding("X", 50), Holding("W", 10)]),
    Owner("C", cash=20_000, holdings=[Holding("Y", -50)]),  # gains, and pays for nobody
]
GROUPED = [Term("X", 100, group="G"), Term("Y", 100, group="G"), Term("W", 20)]


def test_inside_an_account_an_issuer_is_hedged_and_between_accounts_nothing_is():
    found = concentrations(HEDGED, GROUPED)

    assert set(found["scenario"]) == {"prices -25%"}
    assert of(found, "symbol", "subject", "loss", "long_value", "short_value", "accounts") == [
        ("X", 3_750, 15_000, 0, 2),
        ("W", 50, 200, 0, 1),
        ("Y", 0, 0, 15_000, 2),
    ]
    assert of(found, "issuer", "subject", "loss", "gross_value", "accounts") == [
        ("G", 1_250, 30_000, 3),
        ("W", 50, 200, 1),
    ]
    assert found.filter(subject="G")["gross_share"].item() == pytest.approx(30_000 / 30_200)


def test_the_worst_scenario_is_one_of_spy_where_betas_are_high():
    # At -8% a beta of 5 loses 40%, at -25% of prices a quarter.
    owners = [Owner("A", cash=-7_000, holdings=[Holding("X", 100)])]

    found = concentrations(owners, [Term("X", 100, beta=5.0)])

    assert of(found, "symbol", "scenario", "loss") == [("SPY -8%", 4_000)]
    assert of(found, "issuer", "scenario", "loss") == [("SPY -8%", 4_000)]


def test_days_to_liquidate_follow_from_what_may_be_traded_a_day():
    found = concentrations(HEDGED, GROUPED, {"X": 1_500, "Y": 0})

    columns = ("subject", "volume_state", "volume_share", "days_to_liquidate")
    # 150 units of 1,500 a day; a fifth of a day's volume may be traded.
    assert of(found, "symbol", *columns) == [
        ("X", "known", 0.1, 0.5),
        ("W", "no_volume", None, None),
        ("Y", "not_traded", None, None),
    ]
    assert of(found, "issuer", *columns) == [
        ("G", "not_traded", None, None),
        ("W", "no_volume", None, None),
    ]
    partial = concentrations(HEDGED, GROUPED, {"X": 1_500})
    assert of(partial, "issuer", *columns)[0] == ("G", "partial", 0.1, 0.5)


def test_only_the_largest_stand_in_the_table_and_ties_have_an_order():
    terms = [Term(f"S{n:02d}", 100) for n in range(30)]
    holdings = [Holding(term.symbol, 200 if n == 29 else 100) for n, term in enumerate(terms)]

    found = concentrations([Owner("A", cash=0, holdings=holdings)], terms)

    names = [subject for (subject,) in of(found, "symbol", "subject")]
    assert names == ["S29", *(f"S{n:02d}" for n in range(19))]


@several_threads
def test_several_threads_find_what_one_does(monkeypatch: pytest.MonkeyPatch):
    holdings = [
        [Holding(t.symbol, (-1) ** n * (n + 9)) for t in GROUPED[n % 2 :]] for n in range(50)
    ]
    owners = [Owner(f"A{n}", "reg_t", 1_000, held) for n, held in enumerate(holdings)]

    alone = concentrations(owners, GROUPED)
    monkeypatch.setattr(names, "ALONE", 0)
    together = concentrations(owners, GROUPED)

    assert not alone.is_empty()
    assert together.equals(alone)


def test_an_unpriced_short_counts_at_its_raised_mark():
    owners = [Owner("A", cash=1_000, holdings=[Holding("X", -10)])]

    found = concentrations(owners, [Term("X", 100, state="unusable")])

    # 100 and half of it; a quarter more of that.
    assert of(found, "symbol", "short_value", "loss") == [(1_500, 375)]


Drawn = list[tuple[str, int, list[int]]]
ACCOUNTS = st.lists(
    st.tuples(
        st.sampled_from(["cash", "reg_t", "portfolio_margin"]),
        st.integers(-30_000, 30_000),
        st.lists(st.integers(-300, 300), min_size=3, max_size=3),
    ),
    min_size=1,
    max_size=4,
)


def owners_of(drawn: Drawn) -> list[Owner]:
    return [
        Owner(
            f"A{n}",
            kind,
            cash,
            [Holding(t.symbol, q) for t, q in zip(TERMS, quantities, strict=True) if q],
        )
        for n, (kind, cash, quantities) in enumerate(drawn)
    ]


def owed_alone(owner: Owner) -> dict[float, float]:
    """What one account would owe at each move of SPY, by the answer to its document."""
    terms = {term.symbol: term for term in TERMS}
    document = {
        "as_of": str(DAY),
        "account": {"account_id": "A", "account_type": owner.kind, "cash": float(owner.cash)},
        "positions": [
            {"kind": "equity", "symbol": h.symbol, "quantity": float(h.quantity)}
            for h in owner.holdings
        ],
        "instruments": {
            h.symbol: {"price": float(terms[h.symbol].price or 0)}
            | ({} if terms[h.symbol].beta is None else {"beta": terms[h.symbol].beta})
            for h in owner.holdings
        },
    }
    found = whatif(json.dumps(document))
    owned = found["net_liquidation"]
    return {row["move"]: max(0.0, -(owned + row["pnl"])) for row in found["stress"]}


@settings(max_examples=12, deadline=None)
@given(ACCOUNTS)
def test_what_clients_owe_is_the_sum_of_what_each_owes_alone(drawn: Drawn):
    owners = owners_of(drawn)

    firm = firm_risk_at(*tables(portfolio(owners, TERMS)))

    alone = [owed_alone(owner) for owner in owners]
    spy = firm.filter(pl.col("scenario").str.starts_with("SPY"))
    for move, owed in spy.select("move", pl.col("credit_exposure").cast(pl.Float64)).rows():
        assert owed == pytest.approx(sum(one[move] for one in alone), abs=0.001)


@settings(max_examples=12, deadline=None)
@given(ACCOUNTS, st.integers(0, 4))
def test_credit_exposure_never_nets(drawn: Drawn, cut: int):
    owners = owners_of(drawn)

    def owed(some: Sequence[Owner]) -> pl.Series:
        return firm_risk_at(*tables(portfolio(some, TERMS)))["credit_exposure"]

    rich = Owner("Z", "reg_t", 10**9)
    whole, parts = owed(owners), [part for part in (owners[:cut], owners[cut:]) if part]
    assert whole.to_list() == [sum(both) for both in zip(*map(owed, parts), strict=True)]
    assert owed([*owners, rich]).equals(whole)


@settings(max_examples=12, deadline=None)
@given(ACCOUNTS)
def test_sums_over_figures_are_sums_over_tables(drawn: Drawn):
    case = portfolio(owners_of(drawn), TERMS)
    (era,) = margined(*case)

    sums = firm_sums(era.governed.figures, era.book.account_type, RULES)

    _, _, summary, stress = tables(case)
    told = stress.group_by("move", maintain_order=True).agg(pl.col("pnl").sum())
    assert [int(s.pnl.sum()) for s in sums.scenarios] == (told["pnl"] * 100).cast(
        pl.Int64
    ).to_list()
    assert sums.gross == int(summary["gross_market_value"].sum() * 100)


def test_sums_beyond_64_bits_are_exact():
    amounts = np.full(5, 3 * 10**18, dtype=np.int64)

    (total,), _ = in_parts(
        np.arange(5), lambda some: ((amounts[some].sum(keepdims=True),), float(len(some) * 3e18))
    )

    assert total.item() == 15 * 10**18
