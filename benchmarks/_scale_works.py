"""What `benchmarks.scale` runs on an engine: paths, a backtest and a replay, each in parts."""

from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from benchmarks.cycles import START, opening, prices
from margin_assets.avalanche import running
from margin_assets.avalanche.book.building import built
from margin_assets.avalanche.demo.platform import demo_book
from margin_assets.backtest import asking
from margin_assets.backtest.policy import policy_of
from margin_assets.calendar import sessions
from margin_assets.engines import Engine
from margin_assets.lake.landing.landing import LocalLanding
from margin_assets.lake.ledger import bases
from margin_assets.lake.store.store import Lake
from margin_assets.live.past.replay import replay_on
from margin_assets.live.session.session import CycleResult, Session
from margin_assets.scenarios.batch import Batch, write_batch

Work = Callable[[Engine], object]
"""What it comes to on an engine: bytes, or a report that says the same of the lake's rows."""

_NAMES, _FIRST, _LAST = 20, date(2016, 1, 4), date(2021, 12, 31)
_BASES = 4


class Sizes(NamedTuple):
    """Of the three works."""

    paths: int = 4_000
    seats: int = 500
    accounts: int = 1_000
    cycles: int = 12


def works_in(folder: Path, sizes: Sizes) -> dict[str, Work]:
    """The three works by their names, with what they read laid into a folder."""
    return {
        "avalanche": _avalanche(sizes.paths),
        "backtest": _backtest(folder / "history", sizes.seats),
        "replay": partial(replay_on, lake=_lake(folder, sizes)),
    }


def nothing(_shared: object, _part: int) -> None:
    """A part whose time is the engine's alone."""


def _avalanche(paths: int) -> Work:
    held, asked = built(demo_book()), running.Asked("severe", "C", 1, paths)

    def run(engine: Engine) -> list[bytes]:
        return [column.tobytes() for column in running.run(held, asked, engine=engine).results]

    return run


def _backtest(folder: Path, seats: int) -> Work:
    _draw_history(folder)
    asked = asking.Asked(str(folder), None, "tempers", date(2018, 1, 2), _LAST, accounts=seats)

    def run(engine: Engine) -> dict[str, str]:
        policies = [policy_of("built-in")]
        (done,) = asking.runs([asked], policies, None, lambda *_: None, engine)
        return {name: rows.write_csv() for name, rows in done.tables.items()}

    return run


def _draw_history(folder: Path) -> None:
    """Closes of correlated names as files, since every node reads what a part names."""
    folder.mkdir()
    days = [day for day in sessions().days if _FIRST <= day <= _LAST]
    rng = np.random.default_rng(1)
    market = rng.standard_t(4, len(days)) * 0.007
    columns = {"Date": pl.Series(days)}
    for number in range(_NAMES):
        moves = (0.5 + number / _NAMES) * market + rng.normal(0.0003, 0.01, len(days))
        closes = 50.0 * np.cumprod(1.0 + np.clip(moves, -0.3, 0.3))
        columns[f"S{number:02d}"] = pl.Series(closes.round(2).clip(0.01))
    pl.DataFrame(columns).write_csv(folder / "closes.csv")
    (folder / "history.toml").write_text(
        'name = "drawn"\ntitle = "Drawn prices"\nsource = "A seed"\nbenchmark = "S00"\n'
        '[[file]]\npath = "closes.csv"\nkind = "wide_closes"\n'
    )


def _lake(folder: Path, sizes: Sizes) -> Lake:
    """Cycles of moving prices, and bases of some of them, from which parts of a replay start."""
    lake, landing = Lake(str(folder / "lake")), LocalLanding(folder / "landing")
    lake.create()
    session, rng = Session(lake), np.random.default_rng(23)
    write_batch(opening(sizes.accounts), folder / "landing", 0)
    (*_, last) = session.run(landing, until_idle=True)
    for number in range(1, sizes.cycles):
        if number % (sizes.cycles // _BASES) == 0:
            _keep_base(lake, last)
        at = START + timedelta(seconds=number)
        write_batch(Batch(at, {"prices": prices(at, rng)}), folder / "landing", number)
        last = session.cycle(landing) or last
    return lake


def _keep_base(lake: Lake, done: CycleResult) -> None:
    for name in bases.STATE_TABLES:
        bases.keep_table(lake, done.sealed, name)
    bases.complete(lake, done.sealed)
