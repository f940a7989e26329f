from decimal import Decimal

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numba import njit

from margin_assets.kernels.book.book import REG_T, Book
from margin_assets.kernels.book.figures import Figures
from margin_assets.kernels.book.series import Series
from margin_assets.kernels.book.states import state_names
from margin_assets.kernels.margin.consistency import still_stress_gaps
from margin_assets.kernels.margin.margined import margined
from margin_assets.kernels.margin.reg_t_groups import reg_t_requirements
from margin_assets.kernels.margin.requirements import (
    POINT_COLUMNS,
    margin_summary,
    stress_results,
    tims_requirements,
)
from margin_assets.kernels.margin.revaluation import revalue
from margin_assets.kernels.numeric.money import MAX_POSITION
from margin_assets.kernels.numeric.threads import at_most
from margin_assets.kernels.rules.rules import Rules
from margin_assets.kernels.securities.bare_series import securities
from margin_assets.kernels.securities.lines import (
    Marked,
    carried,
    maintenance_line,
    stress_line,
    stressed_maintenance,
)
from schemas.landed import ACCOUNT_TYPES
from tests.support import reference
from tests.support.portfolios import RULES, Holding, Owner, Portfolio, Term, one, portfolio
from tests.support.threads import several_threads

KINDS = ACCOUNT_TYPES
Exact = tuple[npt.NDArray[np.int64], ...]
Arrays = tuple[np.ndarray, ...]
SYMBOLS = ("AAA", "BBB", "CCC", "FND", "SPX", "SPY", "IDX")
# Symbols of one group share its range.
GROUPS = {
    "AAA": ("AAA", "equity"),
    "BBB": ("BBB", "equity"),
    "CCC": ("BBB", "equity"),
    "FND": ("SPX", "broad_index_high_cap"),
    "SPX": ("SPX", "broad_index_high_cap"),
    "SPY": ("SPX", "broad_index_high_cap"),
    "IDX": ("IDX", "broad_index"),
}


def six_decimals(most: int) -> st.SearchStrategy[Decimal]:
    round_numbers = st.integers(1, most).map(Decimal)
    any_number = st.integers(1, most * 10**6).map(lambda micros: Decimal(micros).scaleb(-6))
    return st.one_of(round_numbers, any_number)


prices = st.one_of(
    six_decimals(1000),
    six_decimals(5),
    st.sampled_from([Decimal(text) for text in ("5", "4.999999", "5.25", "2.5", "16.67", "0.01")]),
)
# On both sides of the size at which the pass turns to exact lines; a model value is exact to the
# cent up to there.
values = st.one_of(six_decimals(10_000), six_decimals(6_000_000))


@st.composite
def term(draw: st.DrawFn, symbol: str) -> Term:
    state = draw(st.sampled_from(["fresh", "fresh", "stale", "fill_price", "unusable", "missing"]))
    group, range_class = GROUPS[symbol]
    return Term(
        symbol,
        None if state == "missing" else draw(prices),
        state,
        leverage=draw(st.sampled_from([1.0, 1.0, 1.0, -1.0, 1.5, 2.0, -3.0, 5.0, 0.5, 10.0])),
        marginable=draw(st.sampled_from([True, True, False])),
        group=group,
        range_class=range_class,
        beta=draw(st.one_of(st.none(), st.integers(-300, 2000).map(lambda b: b / 100))),
        asset_class=draw(st.sampled_from(["equity", "equity", None])),
    )


@st.composite
def owner(draw: st.DrawFn, account_id: str, terms: dict[str, Term]) -> Owner:
    symbols = draw(st.lists(st.sampled_from(SYMBOLS), unique=True, max_size=7))
    cash = Decimal(draw(st.integers(-(10**9), 10**9))).scaleb(-2)
    holdings = [draw(holding(terms[symbol])) for symbol in symbols]
    kind = draw(st.sampled_from(KINDS))
    return Owner(account_id, kind, cash, holdings, is_registered=draw(st.booleans()))


@st.composite
def holding(draw: st.DrawFn, known: Term) -> Holding:
    last_fill = draw(prices)
    price = Decimal(known.price or last_fill)
    units = min(draw(values) / price, Decimal(10**9)).quantize(Decimal("0.000001"))
    is_short = draw(st.booleans())
    return Holding(known.symbol, (-units if is_short else units) or Decimal(1), last_fill)


@st.composite
def markets(draw: st.DrawFn) -> tuple[list[Owner], list[Term]]:
    terms = {symbol: draw(term(symbol)) for symbol in SYMBOLS}
    owners = [draw(owner(f"A{n}", terms)) for n in range(draw(st.integers(0, 4)))]
    return owners, list(terms.values())


def result_of(figures: Figures, a: int) -> reference.Result:
    def usd(cents: int) -> Decimal:
        return Decimal(int(cents)).scaleb(-2)

    names = reference.Result._fields[:8]
    return reference.Result(
        **{name: usd(getattr(figures, name)[a]) for name in names},
        pnl=tuple(map(usd, figures.pnl[a])),
        restruck=tuple(map(usd, figures.restruck[a])),
        states=frozenset(filter(None, state_names(int(figures.states[a])).split(";"))),
    )


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(markets())
def test_fused_pass_equals_the_slow_reference_to_the_cent(market: tuple[list[Owner], list[Term]]):
    owners, terms = market
    known = {t.symbol: t for t in terms}

    figures = revalue(*portfolio(owners, terms).book, RULES)

    for a, held in enumerate(owners):
        assert result_of(figures, a) == reference.margin(held, known)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(markets())
def test_tables_add_up_to_the_fused_pass(market: tuple[list[Owner], list[Term]]):
    case = portfolio(*market)
    figures = revalue(*case.book, RULES)

    lines = by_account(case, reg_t_requirements(margined(*case)))
    groups = by_account(case, with_offsets(tims_requirements(margined(*case))))
    summary = margin_summary(margined(*case))
    stress = stress_results(margined(*case))

    assert cents(lines["maintenance_requirement"]) == figures.maintenance.tolist()
    assert cents(lines["initial_requirement"]) == figures.initial.tolist()
    assert cents(groups["needed"]) == figures.portfolio_margin.tolist()
    assert cents(summary["governing_requirement"]) == figures.governing.tolist()
    assert cents(summary["equity"]) == figures.equity.tolist()
    assert cents(stress["pnl"]) == figures.pnl.ravel().tolist()
    assert cents(stress["requirement"]) == figures.restruck.ravel().tolist()
    assert still_stress_gaps(stress, summary).is_empty()


def test_groups_are_numbered_within_their_account():
    terms = [Term(symbol=name) for name in ("A", "B", "C")]
    three = tuple(Holding(term.symbol, 10) for term in terms)
    kept = {"1": three, "2": (), "3": three[:1], "4": three[1:]}
    owners = [Owner(name, holdings=held) for name, held in kept.items()]

    rows = reg_t_requirements(margined(*portfolio(owners, terms)))

    assert rows.select("account_id", "group_number").rows() == [
        ("1", 1), ("1", 2), ("1", 3), ("3", 1), ("4", 1), ("4", 2),
    ]  # fmt: skip


def cents(amounts: pl.Series) -> list[int]:
    return [int(amount * 100) for amount in amounts]


def by_account(case: Portfolio, rows: pl.DataFrame) -> pl.DataFrame:
    sums = rows.group_by("account_id").agg(pl.selectors.decimal().sum())
    joined = case.accounts.select("account_id").join(
        sums, on="account_id", how="left", maintain_order="left"
    )
    return joined.with_columns(pl.selectors.decimal().fill_null(0))


def with_offsets(groups: pl.DataFrame) -> pl.DataFrame:
    """What each class group adds: its own requirement, or its product group's at the end."""
    alone = groups.filter(pl.col("product_group") == pl.col("class_group")).select(
        "account_id", needed="requirement"
    )
    rows = groups.filter(pl.col("product_group") != pl.col("class_group"))
    added = []
    for (account_id,), members in rows.group_by("account_id", maintain_order=True):
        points = [
            sum(p if p < 0 else reference.cents(p * Decimal("0.9")) for p in members[name])
            for name in POINT_COLUMNS
        ]
        needed = max(Decimal(0), -min(points)) + sum(members["not_margined"])
        added.append((account_id, needed))
    schema = {"account_id": pl.String, "needed": pl.Decimal(38, 2)}
    return pl.concat([alone, pl.DataFrame(added, schema=schema, orient="row")])


def large_book(accounts: int = 3000, symbols: int = 200) -> tuple[Book, Series]:
    random = np.random.default_rng(7)
    counts = random.integers(0, 12, accounts)
    held = int(counts.sum())
    offsets = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
    series = securities(
        price=random.integers(1, 10**9, symbols),
        price_state=random.integers(0, 5, symbols).astype(np.int8),
        leverage=random.choice([1_000_000, -1_000_000, 3_000_000], symbols),
        is_marginable=random.random(symbols) < 0.9,
        input_state=np.zeros(symbols, dtype=np.int32),
        beta=np.where(random.random(symbols) < 0.1, np.nan, random.normal(1, 0.5, symbols)),
        class_group=np.arange(symbols, dtype=np.int32) // 3,
        range_class=(np.arange(symbols) // 3 % 3).astype(np.int8),
    )
    codes = random.integers(0, symbols, held)
    for a in range(accounts):
        codes[offsets[a] : offsets[a + 1]].sort()
    book = Book(
        offsets=offsets,
        series=codes.astype(np.int32),
        quantity=random.integers(-(10**11), 10**11, held),
        last_fill_price=random.integers(1, 10**9, held),
        sale_price=np.zeros(held, dtype=np.int64),
        account_type=random.integers(0, 3, accounts).astype(np.int8),
        is_registered=random.random(accounts) < 0.95,
        is_exempt=np.zeros(accounts, dtype=np.bool_),
        cash=random.integers(-(10**10), 10**10, accounts),
    )
    return book, series


@several_threads
def test_threads_do_not_change_a_bit():
    book, series = large_book()
    with at_most(1):
        alone: Arrays = revalue(book, series, RULES)

    with at_most(2):
        together: Arrays = revalue(book, series, RULES)

    for one_thread, two_threads in zip(alone, together, strict=True):
        assert one_thread.tobytes() == two_threads.tobytes()


def test_revaluing_touched_accounts_equals_revaluing_all():
    book, series = large_book()
    figures = revalue(book, series, RULES)
    moved = series._replace(price=series.price.copy())
    moved.price[17] *= 2
    owners = np.repeat(np.arange(len(book.cash)), np.diff(book.offsets))
    touched = np.unique(owners[book.series == 17])
    assert 0 < len(touched) < len(book.cash)

    revalue(book, moved, RULES, None, (touched, figures))

    parts: Arrays = figures
    wholes: Arrays = revalue(book, moved, RULES)
    for part, whole in zip(parts, wholes, strict=True):
        assert part.tobytes() == whole.tobytes()


def test_no_accounts_give_no_figures():
    figures = revalue(*portfolio([], []).book, RULES)

    assert len(figures.equity) == 0
    assert figures.pnl.shape == (0, len(RULES.stress_moves))


@pytest.mark.parametrize(
    ("state", "quantity", "price"),
    [
        pytest.param("stale", 10, 50, id="a stale price is used"),
        pytest.param("fill_price", -10, 50, id="so is a fill's, and none is raised"),
        pytest.param("unusable", 10, 0, id="an unpriced long is worth nothing"),
        pytest.param(
            "unusable", -10, 75, id="an unpriced short is carried at the last price and half"
        ),
        pytest.param("missing", -10, 60, id="without any price at its last fill and half"),
    ],
)
def test_mark(state: str, quantity: int, price: int):
    known = None if state == "missing" else 50
    owner = Owner(holdings=[Holding("X", quantity, last_fill=40)])

    case = portfolio([owner], [Term(price=known, state=state)])

    assert case.positions["market_value"].to_list() == [quantity * price]
    assert revalue(*case.book, RULES).equity.tolist() == [quantity * price * 100]


@pytest.mark.parametrize(
    ("quantity", "price", "leverage", "is_beyond"),
    [
        pytest.param(1_000_000_000, 10_000_000, 1.0, False, id="largest fill at the largest price"),
        pytest.param(-1_000_000_000, 10_000_000, 1.0, False, id="the same short"),
        pytest.param(-1_000_000_000, 10_000_000, 10.0, True, id="short of a tenfold fund"),
        pytest.param(9_000_000_000, 10_000_000, 1.0, True, id="largest position"),
        pytest.param(9_000_000_001, "0.01", 1.0, True, id="a quantity too large"),
    ],
)
def test_figures_that_cannot_be_exact_are_named(
    quantity: int, price: int | str, leverage: float, is_beyond: bool
):
    case = one(quantity, Term(price=price, leverage=leverage))

    states = state_names(int(revalue(*case.book, RULES).states[0]))

    assert ("beyond_range" in states) == is_beyond


@njit()
def _exact_lines(book: Book, series: Series, rules: Rules, into: Exact) -> None:
    for i in range(len(book.quantity)):
        maintenance, pnl, restruck = into
        s = book.series[i]
        held = carried(series, Marked(s, book.quantity[i], series.price[s]), rules)
        maintenance[i] = maintenance_line(held, rules)
        for j in range(len(rules.stress_moves)):
            pnl[i, j] = stress_line(held.value, series.beta[s], rules.stress_moves[j], rules)
            restruck[i, j] = stressed_maintenance(held, pnl[i, j], rules)


@pytest.mark.parametrize(
    ("prices", "most_units", "grain"),
    [
        pytest.param((1, 50), 9 * 10**9, 4_000, id="billions of units under a cent"),
        pytest.param((10_000, 10_000_000), 10**6, 1, id="under $10"),
        pytest.param((4_000_000, 6_000_000), 10**6, 1_000_000, id="around $5, whole units"),
        pytest.param((10_000_000, 10**9), 10**5, 1, id="above $10"),
    ],
)
def test_pass_in_doubles_equals_the_exact_lines(
    prices: tuple[int, int], most_units: int, grain: int
):
    random, symbols, count = np.random.default_rng(11), 500, 100_000
    price = random.integers(*prices, symbols)
    codes = random.integers(0, symbols, count)
    # Values up to 6 million USD; half a grain makes ties of the dollar floors.
    most = np.minimum(most_units * 10**6, 6 * 10**18 // price[codes])
    units = random.integers(1, most // grain + 1) * grain + grain // 2
    series = securities(
        price=price,
        price_state=np.zeros(symbols, dtype=np.int8),
        leverage=np.full(symbols, 1_000_000),
        is_marginable=np.ones(symbols, dtype=np.bool_),
        input_state=np.zeros(symbols, dtype=np.int32),
        beta=np.round(random.normal(1, 0.5, symbols), 2),
        class_group=np.arange(symbols, dtype=np.int32),
        range_class=np.zeros(symbols, dtype=np.int8),
    )
    book = Book(
        offsets=np.arange(count + 1),
        series=codes.astype(np.int32),
        quantity=np.minimum(units, MAX_POSITION) * random.choice([-1, -1, 1], count),
        last_fill_price=np.ones(count, dtype=np.int64),
        sale_price=np.zeros(count, dtype=np.int64),
        account_type=np.full(count, REG_T, dtype=np.int8),
        is_registered=np.ones(count, dtype=np.bool_),
        is_exempt=np.zeros(count, dtype=np.bool_),
        cash=np.zeros(count, dtype=np.int64),
    )
    pnl, restruck = (np.zeros((count, len(RULES.stress_moves)), np.int64) for _ in range(2))
    maintenance = np.zeros(count, dtype=np.int64)
    _exact_lines(book, series, RULES, (maintenance, pnl, restruck))

    figures = revalue(book, series, RULES)

    assert (figures.maintenance == maintenance).all()
    assert (figures.pnl == pnl).all()
    assert (figures.restruck == restruck).all()
