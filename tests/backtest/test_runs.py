"""Runs: pure functions of what is asked, resumable, the same in parts as whole."""

from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from margin_assets.backtest import checkpoints, running
from margin_assets.backtest.book.plan import Plan
from margin_assets.backtest.book.tempers import book_document, drawn
from margin_assets.backtest.checkpoints import Checkpoints
from margin_assets.backtest.faults import BacktestError
from margin_assets.backtest.history.building import History
from margin_assets.backtest.policy import BUILT_IN, Policy, known_policies, policy_of, swept
from margin_assets.backtest.report.page import page
from margin_assets.backtest.results.difference import difference
from margin_assets.backtest.results.storing import RUN_TABLES, store_tables, stored, tables_of
from margin_assets.backtest.running import Ran, run, run_id_of
from margin_assets.backtest.sharding import shard_of, together
from margin_assets.lake.store.declared import conform
from margin_assets.lake.store.store import Lake
from tests.support.backtests import history
from tests.support.empty_lake import created

SESSIONS = range(130, 400)  # from July 2020: two calendar years


@pytest.fixture(scope="module")
def found() -> History:
    rng = np.random.default_rng(3)
    market = rng.normal(0, 0.02, 400)
    market[200] = market[300] = -0.35  # crashes that no requirement covers
    closes = {
        f"S{n}": np.round(60 * np.cumprod(1 + market + rng.normal(0, 0.03, 400)), 2).tolist()
        for n in range(6)
    }
    return history(
        {"SPY": np.round(300 * np.cumprod(1 + market), 2).tolist()} | closes, benchmark="SPY"
    )


@pytest.fixture(scope="module")
def book(found: History) -> Plan:
    return drawn(book_document("tempers", accounts=40), found, SESSIONS)


@pytest.fixture(scope="module")
def ran(found: History, book: Plan) -> Ran:
    return run(found, book, Policy(BUILT_IN, {}), SESSIONS)


@pytest.fixture(scope="module")
def tables(ran: Ran) -> dict[str, pl.DataFrame]:
    return {name: conform(name, rows) for name, rows in tables_of(ran).items()}


def same(one: Ran, other: Ran) -> bool:
    pairs = zip(tables_of(one).values(), tables_of(other).values(), strict=True)
    return all(a.equals(b, null_equal=True) for a, b in pairs)


def test_an_interrupted_run_goes_on_where_it_stopped(
    found: History, book: Plan, ran: Ran, tmp_path: Path
):
    done: list[int] = []

    def until_a_quarter(sessions: int, _of: int) -> None:
        done.append(sessions)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(found, book, ran.policy, SESSIONS, (Checkpoints.at(str(tmp_path)), until_a_quarter))
    again = run(found, book, ran.policy, SESSIONS, (Checkpoints.at(str(tmp_path)), running.untold))

    assert done == [59]
    assert again.walked == SESSIONS.start + 59
    assert again.walked_from == date(2020, 10, 1)
    assert same(again, ran)


def test_a_longer_run_and_a_corrected_history_walk_only_what_is_new(
    found: History, ran: Ran, tmp_path: Path
):
    kept = (Checkpoints.at(str(tmp_path)), running.untold)
    first, second = running.years_of(found, SESSIONS)
    run(found, drawn(book_document("tempers", accounts=40), found, first), ran.policy, first, kept)
    longer = run(found, ran.plan, ran.policy, SESSIONS, kept)
    assert longer.walked == second.start
    assert same(longer, ran)

    # A price is corrected: quarters before it stand, but for one that looked so far ahead.
    third, fourth = (running.quarters_of(found, SESSIONS)[n].start for n in (3, 4))
    for place, walked in ((third + 40, third), (fourth + 10, third), (second.start + 10, 189)):
        total = found.total.copy()
        total[place, 1:] *= 0.8
        corrected = found._replace(total=total, history_id=f"{place:032d}")
        again = run(corrected, ran.plan, ran.policy, SESSIONS, kept)
        assert again.walked == walked
        assert same(again, run(corrected, ran.plan, ran.policy, SESSIONS))
        assert not same(again, ran)


def test_nothing_that_another_program_kept_is_found(
    found: History, ran: Ran, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    first = running.quarters_of(found, SESSIONS)[0]
    kept = (Checkpoints.at(str(tmp_path)), running.untold)
    run(found, ran.plan, ran.policy, first, kept)
    assert run(found, ran.plan, ran.policy, first, kept).walked_from is None

    monkeypatch.setattr(checkpoints, "program_id", lambda: "a kernel with another text")
    assert run(found, ran.plan, ran.policy, first, kept).walked == first.start


def test_the_last_year_of_a_run_counts_that_year_alone(found: History, ran: Ran):
    last = running.last_year_of(ran)
    whole, (row,) = tables_of(ran), tables_of(last)["backtest_runs"].rows(named=True)
    days = whole["backtest_days"].filter(pl.col("business_date").dt.year() == row["last_date"].year)

    assert row["run_id"] != ran.run_id
    assert row["first_date"] == days["business_date"][0]
    assert row["calls"] == days["calls_made"].sum() > 0
    assert row["liquidations"] == days["liquidations_made"].sum()
    assert row["lost"] == days["lost"].sum()
    # Some accounts were open before, and tell of all their lives.
    opened = tables_of(last)["backtest_accounts"]["opened_on"]
    assert opened.min() < row["first_date"]
    assert found.days[ran.sessions.stop - 1] == row["last_date"]


def test_what_is_no_checkpoint_is_named(tmp_path: Path):
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "a.npz").write_text("half")
    with pytest.raises(BacktestError, match=r"a\.npz is no checkpoint"):
        Checkpoints.at(str(tmp_path)).found("a")


def test_who_is_in_a_book_does_not_hang_on_how_many(found: History, book: Plan):
    larger = drawn(book_document("tempers", accounts=60), found, SESSIONS)

    first = [larger.lives.account_id[n] for n in np.flatnonzero(larger.lives.seat < 40)]
    assert sorted(first) == sorted(book.lives.account_id)


def test_accounts_are_independent_of_one_another(found: History, ran: Ran):
    larger = drawn(book_document("tempers", accounts=60), found, SESSIONS)
    other = run(found, larger, ran.policy, SESSIONS)

    mine, theirs = (tables_of(one)["backtest_accounts"].drop("run_id") for one in (ran, other))
    shared = theirs.filter(pl.col("account_id").is_in(mine["account_id"].implode()))
    assert shared.sort("account_id").equals(mine.sort("account_id"))


@pytest.mark.parametrize("shards", [2, 3])
def test_shards_come_to_the_whole_book(shards: int, ran: Ran):
    asked = running.Walking(ran.ground.history, ran.plan, ran.policy, SESSIONS)
    parts = [asked._replace(plan=shard_of(ran.plan, n, shards)) for n in range(shards)]
    other = running.ran_of(asked, together(ran.plan, [*map(running.walk_through, parts)]))

    assert len(ran.years[0].worst) >= 3
    assert same(other, ran)


def test_sums_agree_between_tables(tables: dict[str, pl.DataFrame]):
    (row,) = tables["backtest_runs"].rows(named=True)
    accounts, days = tables["backtest_accounts"], tables["backtest_days"]

    assert row["account_days"] == accounts["sessions"].sum() == days["accounts"].sum() > 0
    assert row["calls"] == accounts["calls"].sum() == days["calls_made"].sum() > 0
    assert row["lost"] == accounts["lost"].sum() == days["lost"].sum()
    assert row["warnings"] == accounts["warnings"].sum() == days["warnings_made"].sum() > 0
    assert accounts["required"].sum() == days["house"].sum()
    assert accounts["uncovered_sessions"].sum() == days["uncovered"].sum()
    coverage = tables["backtest_coverage"].filter(pl.col("method") == "house")
    daily = coverage.filter(pl.col("horizon_days") == 1)
    by_temper = daily.filter(pl.col("group_kind") == "temper")
    (all_,) = daily.filter(pl.col("group_kind") == "all").rows(named=True)
    assert all_["breaches"] == by_temper["breaches"].sum() == days["uncovered"].sum()
    assert all_["account_days"] == by_temper["account_days"].sum()


def test_a_lake_holds_a_run_once(ran: Ran, tables: dict[str, pl.DataFrame], tmp_path: Path):
    lake = created(Lake(str(tmp_path / "lake")))

    assert {*store_tables(lake, tables_of(ran))} >= {
        "history_prices",
        "backtest_runs",
        "backtest_days",
    }
    assert store_tables(lake, tables_of(ran)) == []
    for name in RUN_TABLES:
        held = stored(lake, ran.run_id[:8], name)
        assert held.height == tables[name].height, name
    with pytest.raises(BacktestError, match="no runs 'zz'"):
        stored(lake, "zz", "backtest_runs")


def test_two_runs_are_told_apart_by_sessions_figures_and_accounts(
    found: History, book: Plan, ran: Ran, tables: dict[str, pl.DataFrame]
):
    assert difference(tables, tables)[:4] == (None, len(SESSIONS), 0, {})

    price = found.price.copy()
    price[350, 1:] //= 2
    other = tables_of(run(found._replace(price=price), book, ran.policy, SESSIONS))
    unlike = difference(tables, {name: conform(name, rows_) for name, rows_ in other.items()})

    assert unlike.first_day == found.days[350]
    assert unlike.untouched == 350 - SESSIONS.start
    one, two = (t["backtest_runs"]["calls"][0] for t in (tables, other))
    assert unlike.figures["calls"] == (one, two)
    worse = unlike.accounts.filter(pl.col("calls_other") > pl.col("calls"))
    assert 0 < worse.height <= tables["backtest_accounts"].height


def test_the_page_tells_the_figures_and_loads_nothing(tables: dict[str, pl.DataFrame]):
    text = page([tables, tables], {"test": "Drawn & told."})

    calls = tables["backtest_runs"]["calls"][0]
    assert f'<td class="number">{calls:,}</td>' in text
    assert "Drawn &amp; told." in text
    assert "default-src &#39;none&#39;" in text
    assert "<script" not in text
    assert "http" not in text.replace("http-equiv", "")
    assert text.count("<svg") == 8  # three a run, and the runs by cost and both losses
    assert text.count(">1, 2</text>") == 2  # the same run twice stands at one place
    assert text.count('<td class="number">+0.000%</td>') == 2  # and does not differ
    assert "a million sessions" not in page([tables], {})


def test_a_run_is_known_by_all_that_it_is_a_function_of(found: History, book: Plan, ran: Ran):
    changed = Policy("other", {"house": {"ladder": {"warning_below": 0.04}}})

    assert run_id_of(found, book, ran.policy, SESSIONS) == ran.run_id
    assert run_id_of(found, book, changed, SESSIONS) != ran.run_id
    assert run_id_of(found, book, ran.policy, SESSIONS[1:]) != ran.run_id


def test_a_sweep_is_every_pair_of_values():
    grid = {
        "house.ladder.warning_below": ("0.03", "0.04"),
        "overlays.concentration.enabled": ("true",),
    }
    found = swept(policy_of(BUILT_IN), grid)

    assert [one.name for one in found] == [
        "built-in, house.ladder.warning_below=0.03, overlays.concentration.enabled=true",
        "built-in, house.ladder.warning_below=0.04, overlays.concentration.enabled=true",
    ]
    day = date(2021, 1, 4)
    below = [one.on(day).rules.warning_below for one in found]
    assert below == [30_000, 40_000]
    assert found[0].on(day).overlays.enabled == {"concentration"}


def test_a_swept_warning_ends_as_far_above_where_it_begins():
    found = swept(policy_of(BUILT_IN), {"house.margin_status.warning": ("0.03", "0.05", "0.08")})

    rules = [one.on(date(2021, 1, 4)).rules for one in found]
    assert [(one.warning_below, one.warning_ends) for one in rules] == [
        (30_000, 40_000),
        (50_000, 60_000),
        (80_000, 90_000),
    ]
    with pytest.raises(BacktestError, match="sweep: could not convert"):
        swept(policy_of(BUILT_IN), {"house.margin_status.warning": ("much",)})


@pytest.mark.parametrize("name", known_policies())
def test_known_policies_decide(name: str):
    assert policy_of(name).name == name


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"calls": {}}, "'calls' decides nothing here"),
        ({"house": {"ladder": {"warning_belo": 0.1}}}, "warning_belo"),
        ({"house": {"ladder": {"warning_below": 0.5}}}, "warning_below"),
    ],
)
def test_a_policy_that_fits_no_rulebook_is_refused(changes: dict[str, object], told: str):
    with pytest.raises(BacktestError, match=told):
        Policy("wrong", changes)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("weights = {}", "book .*: seed: Field required"),
        ("[weights", "book"),
    ],
)
def test_a_book_that_is_none_is_refused(text: str, told: str, tmp_path: Path):
    (tmp_path / "book.toml").write_text(text)
    with pytest.raises(BacktestError, match=told):
        book_document(str(tmp_path / "book.toml"))


def test_a_range_without_a_session_is_named(found: History):
    with pytest.raises(BacktestError, match="has no session from"):
        running.sessions_between(found, None, found.days[0].replace(year=1999))
