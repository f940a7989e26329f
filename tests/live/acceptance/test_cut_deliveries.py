"""A delivery that one plan cannot take: however it is cut, it is decided as a whole.

From a public report: 4,200 files of one landing time, cut after the fills and before the prices,
triggered the liquidation of an account with 47,500 of excess.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from margin_assets.lake.landing.cut import cut_of
from margin_assets.lake.landing.landing import LocalLanding, Pending
from margin_assets.live.acceptance.held import AWAITS
from margin_assets.live.past.replay import replay
from tests.support.live_driver import (
    Firm,
    account,
    at,
    beta,
    cash,
    fill,
    instrument,
    line,
    price,
    text,
)

MANY = {"max_files": 4096, "max_bytes": 1 << 26}
FIRST, SECOND = at(days=1), at(days=2)
WHERE = ("cycle", "file_id", "file_row", "landed_at", "is_late", "decision_number")
LANDED = ("fills", "cash_movements", "prices", "accounts", "instruments", "betas", "rates")


def put(firm: Firm, landed: datetime, path: str, *rows: dict) -> None:
    firm.put(path, "".join(map(line, rows)).encode(), landed)


def tell(firm: Firm) -> None:
    """Two deliveries whose files, by name, bring fills before everything that values them."""
    put(firm, FIRST, "fills/1.ndjson", fill("f1", "21000", "10", at(5), symbol="S"))
    put(firm, FIRST, "fills/2.ndjson", fill("f2", "-30", "100", at(6), account_id="B"))
    put(firm, FIRST, "fills/3.ndjson", fill("c1", "20", "100", at(7), corrects="late"))
    # The same fill again, and its id with another content.
    put(firm, FIRST, "fills/4.ndjson", fill("f2", "-30", "100", at(6), account_id="B"))
    put(firm, FIRST, "fills/5.ndjson", fill("f2", "-31", "100", at(6), account_id="B"))
    put(firm, FIRST, "cash_movements/1.ndjson", cash("m1", "A", "100000"))
    put(firm, FIRST, "cash_movements/2.ndjson", cash("m2", "B", "500", at(1)))
    put(firm, FIRST, "instruments/1.ndjson", instrument("S"), instrument("X"))
    put(firm, FIRST, "prices/1.ndjson", price("S", "10"), price("X", "100"))
    # Known already, of the other file of the delivery; then news.
    put(firm, FIRST, "prices/2.ndjson", price("X", "100"), price("X", "104", at(30)))
    put(firm, FIRST, "accounts/1.ndjson", account("A"), account("B"))
    put(firm, FIRST, "betas/1.ndjson", beta("S", "1", "2020-03-09"), beta("X", "2", "2020-03-09"))
    rate = {"name": "risk_free", "rate_annual": Decimal("0.01"), "event_time": text(at(2))}
    put(firm, FIRST, "rates/1.ndjson", rate)
    # An original that a correction of the first delivery waits for, and rows that come late.
    put(firm, SECOND, "fills/6.ndjson", fill("late", "70", "100", at(8)), fill("f3", "1", "1"))
    put(firm, SECOND, "fills/7.ndjson", fill("f4", "40", "100", at(70)))
    # A bust: its account's memorandum is restated from what is held too.
    put(firm, SECOND, "fills/8.ndjson", fill("b1", "0", "1", at(80), corrects="f3"))
    put(firm, SECOND, "cash_movements/3.ndjson", cash("m3", "B", "-1", at(50), "withdrawal"))
    put(firm, SECOND, "prices/3.ndjson", price("X", "150", at(60)), price("S", "4", at(4000)))


def cycles(firm: Firm, bounds: dict[str, int], *, anew: bool = False) -> Iterator[bool]:
    """Runs until nothing is pending; for each cycle whether it evaluated something."""
    while True:
        firm.session.planner.bounds = bounds
        before = firm.session.ledger.last_sealed()
        result = firm.session.cycle(LocalLanding(firm.landing))
        if result is None:
            return
        yield result.sealed.as_of != (before.as_of if before else None)
        if anew:
            firm.restart()


def told(firm: Firm) -> dict[str, list]:
    """Everything that must not depend on the cut."""
    decided = firm.table("enforcement_decisions").drop("cycle", "decision_number")
    found: dict[str, list] = {
        name: rows.decode().splitlines() for name, rows in firm.state().items()
    }
    found["decisions"] = decided.sort("decided_at", "account_id", "decision_id").rows()
    for name in LANDED:
        rows = firm.table(name).drop(WHERE, strict=False)
        found[name] = rows.sort(rows.columns).rows()
    refused = firm.table("quarantine").drop("cycle")
    return found | {"quarantine": refused.sort("quarantine_id").rows()}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Firm:
    firm = Firm(tmp_path_factory.mktemp("whole"))
    tell(firm)
    # A landing time is a delivery: each by itself, and whole.
    ends = {"max_files": 13, "max_bytes": 1 << 26}
    assert list(cycles(firm, ends)) == [True, True]
    return firm


def test_the_story_decides_something(whole: Firm):
    decisions = whole.table("enforcement_decisions")

    assert {"A", "B"} <= set(decisions["account_id"])
    assert decisions.height >= 4
    assert whole.reasons() == ["id_reused"]


@pytest.mark.parametrize(
    ("bounds", "anew"),
    [
        pytest.param(MANY | {"max_files": 1}, False, id="a file a plan"),
        pytest.param(MANY | {"max_files": 2}, True, id="two, a process a plan"),
        pytest.param(MANY | {"max_bytes": 450}, False, id="by bytes"),
    ],
)
def test_a_delivery_cut_anywhere_is_decided_as_a_whole(
    whole: Firm, tmp_path: Path, bounds: dict[str, int], anew: bool
):
    firm = Firm(tmp_path)
    tell(firm)
    moved = list(cycles(firm, bounds, anew=anew))

    # Of each delivery the last plan alone evaluates.
    assert moved.count(True) == 2
    assert len(moved) > 4
    assert told(firm) == told(whole)
    assert replay(firm.lake).difference is None


def test_a_book_is_not_judged_before_the_prices_of_its_delivery(tmp_path: Path):
    # 21,000 shares at 10 on 100,000: equity 100,000 against 25% of 210,000, excess 47,500.
    firm = Firm(tmp_path)
    for number in range(6):
        put(firm, FIRST, f"fills/{number}.ndjson", fill(f"f{number}", "3500", "10", at(5)))
    put(firm, FIRST, "prices/1.ndjson", price("X", "10"))
    put(firm, FIRST, "instruments/1.ndjson", instrument("X"))
    put(firm, FIRST, "cash_movements/1.ndjson", cash("m1", "A", "100000"))
    put(firm, FIRST, "accounts/1.ndjson", account("A"))
    list(cycles(firm, MANY | {"max_files": 3}))

    assert firm.table("enforcement_decisions").is_empty()
    assert firm.rows("margin_summary", "excess") == [(47500,)]


def test_what_never_comes_is_not_waited_for(tmp_path: Path):
    firm = Firm(tmp_path)
    put(firm, FIRST, "prices/1.ndjson", price("X", "10"))
    put(firm, FIRST, "fills/1.ndjson", fill("f1", "5", "10", at(5)))
    run = cycles(firm, MANY | {"max_files": 1})
    first = next(run)
    (firm.landing / "fills" / "1.ndjson").unlink()
    rest = list(run)

    assert (first, rest) == (False, [True])
    assert firm.table("landed_files").height == 1
    assert firm.session.ledger.last_sealed().as_of == at(0)
    assert replay(firm.lake).difference is None


def test_an_older_delivery_that_comes_between_does_not_end_the_wait(tmp_path: Path):
    firm = Firm(tmp_path)
    put(firm, SECOND, "prices/1.ndjson", price("X", "10"))
    put(firm, SECOND, "fills/1.ndjson", fill("f1", "5", "10", at(5)))
    run = cycles(firm, MANY | {"max_files": 1})
    moved = [next(run)]
    put(firm, FIRST, "accounts/1.ndjson", account("A"))

    assert [*moved, *run] == [False, False, True]


def test_a_plan_without_the_word_evaluates_as_it_always_did(tmp_path: Path):
    firm = Firm(tmp_path)
    tell(firm)
    firm.session.planner.bounds = MANY | {"max_files": 1}
    held = firm.session.cycle(LocalLanding(firm.landing))
    other = Firm(tmp_path / "old")
    other.session._archive = firm.lake
    manifest = {n: v for n, v in held.sealed.manifest.items() if n != AWAITS}
    result = other.session.run_plan(other.session.ledger.plan(manifest))

    assert held.sealed.as_of is None
    assert result.sealed.as_of == at(0)


def pending(*names: str, size: int = 10) -> list[Pending]:
    found = []
    for name in names:
        landed, path = name.split(":")
        when = FIRST + timedelta(seconds=int(landed))
        found.append(Pending(path.split("/")[0], path, path, size, when))
    return found


@pytest.mark.parametrize(
    ("files", "max_files", "taken", "awaits"),
    [
        pytest.param(["1:fills/a", "1:prices/a"], 2, ["fills/a", "prices/a"], 0, id="all"),
        pytest.param(["1:fills/a", "1:prices/a"], 1, ["prices/a"], 1, id="prices before fills"),
        pytest.param(["1:fills/a", "2:prices/a"], 1, ["fills/a"], 0, id="between landing times"),
        pytest.param(
            ["1:fills/a", "2:fills/b", "2:prices/a"], 2, ["fills/a"], 0, id="none in part"
        ),
        pytest.param(
            ["1:desk_actions/a", "1:fills/b", "1:cash_movements/c", "1:fills/a"],
            2,
            ["cash_movements/c", "fills/a"],
            1,
            id="acts last",
        ),
        pytest.param(["2:fills/a", "1:fills/b"], 9, ["fills/b", "fills/a"], 0, id="in order"),
        pytest.param([], 1, [], 0, id="nothing"),
    ],
)
def test_where_a_plan_is_cut(files: list[str], max_files: int, taken: list[str], awaits: int):
    cut = cut_of(pending(*files), max_bytes=1000, max_files=max_files)

    assert [entry.path for entry in cut.taken] == taken
    assert len(cut.awaits()) == awaits
    assert len(cut.taken) + len(cut.left) == len(files)
