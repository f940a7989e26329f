"""Options in backtests: quotes, contracts over a split, and what sessions make of them, by hand."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from margin_assets.backtest.asking import Asked, one_run
from margin_assets.backtest.book.tempers import book_document, drawn
from margin_assets.backtest.engine.record import DAY_COLUMNS
from margin_assets.backtest.faults import BacktestError
from margin_assets.backtest.history.building import History, built, history_of
from margin_assets.backtest.history.document import described
from margin_assets.backtest.policy import BUILT_IN, Policy, policy_of
from margin_assets.backtest.running import run
from margin_assets.kernels.book.states import UNPRICED
from tests.support.backtests import Seat, carried, days, document, quotes, rows, walk

YIELDS = pl.DataFrame({"day": [date(2019, 12, 2)], "rate": [0.02]})
COUNT = 12
ENDS = "200107"  # the fourth session


def history(
    closes: list[float], contracts: dict[str, list[float | None]], *splits: tuple[int, float]
) -> History:
    """SPY stands, X goes as told; contracts are quoted as told."""
    acted = [("X", days(COUNT)[place], "split", ratio) for place, ratio in splits]
    told = rows({"SPY": [300.0] * len(closes), "X": closes}, acted)
    return built(told._replace(quotes=quotes(contracts), yields=YIELDS), document(benchmark="SPY"))


def folder(path: Path, quoted: str, more: str = "") -> str:
    closes = "\n".join(f"X,{day},100.0" for day in days(3))
    (path / "closes.csv").write_text(f"symbol,date,close\n{closes}\n")
    (path / "quotes.csv").write_text(quoted)
    (path / "history.toml").write_text(
        'name = "t"\ntitle = "t"\nsource = "s"\nbenchmark = "X"\n'
        '[[file]]\npath = "closes.csv"\nkind = "closes"\n'
        f'[[file]]\npath = "quotes.csv"\nkind = "option_quotes"\n{more}'
    )
    return str(path)


def test_bids_and_asks_have_a_middle_and_what_is_no_quote_is_named(tmp_path: Path):
    first, then = days(2)
    told = folder(
        tmp_path,
        "date,underlying,expiry,strike,right,bid,ask\n"
        f"{first},X,2020-03-20,105,C,1.20,1.25\n"
        f"{first},X,2020-03-20,95,P,0,0.05\n"
        f"{first},X,2020-03-20,90,P,0,0\n"
        f"{then},X,2020-03-20,105,C,1.30,1.20\n",
    )
    found = history_of(described(told), with_options=True)

    assert found.chain is not None
    assert found.chain.contracts["symbol"].to_list() == [
        "X     200320C00105000",
        "X     200320P00095000",
    ]
    assert found.chain.quotes.select("place", "close", "file_row").rows() == [
        (0, 1_225_000, 1),
        (0, 25_000, 2),
    ]
    assert [(f.symbol, f.day, f.fault) for f in found.faults if f.fault != "no_factors"] == [
        ("X", first, "no_quote"),
        ("X", then, "no_quote"),
    ]
    assert history_of(described(told)).chain is None


def test_a_chain_of_one_day_has_its_closes_and_no_row_of_the_underlying(tmp_path: Path):
    text = "#expiry,strike,right,open,close\n,,,99,100\n20200320,105,C,2.0,1.5\n"
    told = folder(tmp_path, text, f'symbol = "X"\nday = {days(2)[1]}\n')
    found = history_of(described(told), with_options=True)

    assert found.chain is not None
    assert found.chain.quotes.select("place", "close").rows() == [(1, 1_500_000)]
    unsaid = folder(tmp_path, text)
    with pytest.raises(BacktestError, match="no column underlying, and no symbol in the document"):
        history_of(described(unsaid), with_options=True)


def test_an_old_contract_goes_by_its_successor_after_a_split():
    # Seven for one: 645 becomes 92.14, and 100 of before is no 100 of after.
    found = history(
        [645.0, 645.0, 92.0, 93.0],
        {
            "X 200320C645": [30.0, 31.0],
            "X 200320C92.14": [None, None, 4.5, 4.7],
            "X 200320P100": [1.0, None, 8.0, None],
        },
        (2, 7.0),
    )
    assert found.chain is not None
    named = found.chain.quotes.join(
        found.chain.contracts.with_row_index("contract").cast({"contract": pl.Int64}), on="contract"
    )
    assert named.select("symbol", "place", "close").rows() == [
        ("X     200320C00092140", 2, 4_500_000),
        ("X     200320C00092140", 3, 4_700_000),
        ("X     200320C00645000", 0, 30_000_000),
        ("X     200320C00645000", 1, 31_000_000),
        ("X     200320C00645000", 2, 31_500_000),
        ("X     200320C00645000", 3, 32_900_000),
        ("X     200320P00100000", 2, 8_000_000),
        (f"X     200320P00100000@{days(2)[1]}", 0, 1_000_000),
    ]


@pytest.mark.parametrize(
    ("held", "last", "shares", "cash"),
    [
        # 10,000 less 100 at 100, 2 a share for the call; called away at 102.
        pytest.param({"X": 100, f"X {ENDS}C102": -1}, 104.0, 0, 10_400, id="called away"),
        pytest.param({"X": 100, f"X {ENDS}C102": -1}, 102.0, 100, 200, id="a cent short"),
        pytest.param({f"X {ENDS}P98": -2}, 90.0, 200, 10_000 + 300 - 19_600, id="put to"),
        pytest.param({f"X {ENDS}P98": 1}, 90.0, -100, 10_000 - 150 + 9_800, id="exercised"),
        pytest.param({f"X {ENDS}C102": 1}, 100.0, 0, 9_800, id="worthless"),
    ],
)
def test_contracts_come_to_shares_and_cash_on_the_morning_after(
    held: dict[str, int], last: float, shares: int, cash: int
):
    told = history(
        [100.0, 100.0, 100.0, last, last], {f"X {ENDS}C102": [2.0], f"X {ENDS}P98": [1.5]}
    )
    found, book = carried(told, Seat(10_000, held))
    moved = walk(found, book)
    moved.part(range(4))
    column = found.symbols.index("X")
    assert moved.state.quantity[0, column] == 1_000_000 * held.get("X", 0)

    moved.part(range(4, 5))
    assert moved.state.quantity[0, column] == 1_000_000 * shares
    assert not moved.state.quantity[0, 2:].any()
    assert moved.state.cash[0] == 100 * cash


def test_what_ended_before_a_split_is_settled_in_shares_of_after_it():
    told = history([100.0] * 3 + [104.0, 52.0], {f"X {ENDS}C102": [2.0]}, (4, 2.0))
    found, book = carried(told, Seat(10_000, {"X": 100, f"X {ENDS}C102": -1}))
    moved = walk(found, book)
    moved.part(range(5))

    assert not moved.state.quantity.any()
    assert moved.state.cash[0] == 1_040_000


def test_without_quotes_a_contract_is_bounded_by_name_and_no_loss_is_told_of_it():
    told = history([100.0] * COUNT, {"X 200320C105": [1.0, 1.2]})
    found, book = carried(told, Seat(50_000, {"X 200320C105": -1}, kind="portfolio_margin"))
    moved = walk(found, book)
    year = moved.part(range(COUNT))

    unusable = 2 + moved.policy.on(found.days[0]).rules.unusable_after
    states = []
    again = walk(found, book)
    for place in range(COUNT):
        again.part(range(place, place + 1))
        states.append(bool(again._figures.states[0] & UNPRICED))
    assert states == [place >= unusable for place in range(COUNT)]
    # One pair of sessions is quoted: 20 dollars lost on one window, and no other window counted.
    assert year.days[:, DAY_COLUMNS.index("loss")].tolist() == [2_000] + [0] * (COUNT - 1)
    assert year.counts[0].sum() == 3  # methods
    # The bound asks for more than the model did.
    margins = year.days[:, DAY_COLUMNS.index("portfolio_margin")]
    assert margins[unusable] > margins[1]


def test_an_account_that_closes_is_paid_what_its_ended_option_has_in_it():
    told = history([100.0] * 3 + [110.0, 110.0], {f"X {ENDS}C102": [2.0]})
    found, book = carried(told, Seat(10_000, {f"X {ENDS}C102": 1}, closes=3))
    moved = walk(found, book)
    moved.part(range(3))
    assert moved.state.cash[0] == 980_000
    last = moved.part(range(3, 5))

    # 800 in the money are paid out with the rest: nobody lost anything.
    assert not moved.state.quantity.any()
    assert last.days[:, DAY_COLUMNS.index("lost")].tolist() == [0, 0]


@pytest.fixture(scope="module")
def board() -> History:
    """Enough returns for a beta, then four days of quotes around a fall."""
    closes = [100.0 + (n % 5) for n in range(70)] + [104.0, 101.0, 88.0, 90.0, 91.0, 92.0]
    market = [300.0 + (n % 5) for n in range(70)] + [304.0, 301.0, 280.0, 283.0, 284.0, 285.0]
    end = f"{days(100)[95]:%y%m%d}"
    quoted = {}
    for strike in range(80, 121, 4):
        call = [max(104 - strike, 0) + 3.0, max(101 - strike, 0) + 2.5]
        put = [max(strike - 104, 0) + 3.0, max(strike - 101, 0) + 3.2, max(strike - 88, 0) + 4.0]
        quoted[f"X {end}C{strike}"] = [None] * 70 + call
        quoted[f"X {end}P{strike}"] = [None] * 70 + put
    told = rows({"SPY": market, "X": closes})
    return built(told._replace(quotes=quotes(quoted), yields=YIELDS), document(benchmark="SPY"))


def test_writers_open_on_what_is_quoted(board: History):
    plan = drawn(book_document("option_writers", accounts=20), board, range(70, 76))

    assert {plan.tempers[n] for n in plan.lives.temper} == {"CVC", "VRT", "PUT", "PMP"}
    assert set(plan.lives.opened.tolist()) == {70}
    first = len(board.symbols)
    written = plan.trades.quantity[plan.trades.security >= first]
    assert (written < 0).any()
    assert (written > 0).any()
    with pytest.raises(BacktestError, match="read the history's with --options"):
        drawn(book_document("option_writers"), board._replace(chain=None), range(70, 76))


def test_an_overlay_charges_books_with_options(board: History):
    call = f"X {days(100)[95]:%y%m%d}C108"
    held = ({"X": 500}, {"X": 500, call: -5})
    found, book = carried(board, *(Seat(60_000, one, opened=70) for one in held))
    plain = run(found, book, Policy(BUILT_IN, {}), range(70, 73))
    dear = run(found, book, policy_of("concentrated-35"), range(70, 73))

    column = DAY_COLUMNS.index("house")
    assert (dear.years[0].days[:, column] > plain.years[0].days[:, column]).all()


def test_a_history_that_cannot_have_options_says_so(tmp_path: Path):
    told = folder(tmp_path, "x\n")
    adjusted = Path(told, "history.toml")
    adjusted.write_text(adjusted.read_text().replace("[[file]]", "adjusted = true\n[[file]]", 1))
    asked = Asked(told, None, "tempers", None, None, 3, with_options=True)
    with pytest.raises(BacktestError, match="strikes are of raw closes"):
        one_run(asked, policy_of(BUILT_IN))
