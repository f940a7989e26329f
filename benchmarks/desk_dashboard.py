"""The dashboard beside a live session: seal to DOM, its processor and memory, and what it costs.

Usage: python -m benchmarks.desk_dashboard --accounts 100000 --seconds 40. Every account changes
each second, since every price does. A page shows the number of the cycle that its rows are of;
what is measured is from the commit of the seal, by the clock of the file system, until the rows
of that cycle stand in the page, by the clock of the browser: one machine, one clock. Viewers each
have their own sort and filter. Latency is landed to sealed, with nobody looking and with a page
open, in turns within one run, since a machine that others use is not the same a minute later.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks.cycles import PER_ACCOUNT, SYMBOLS
from benchmarks.desk_readers import readers
from benchmarks.latency import seal_times
from benchmarks.processes import ROOT, live, stop
from margin_assets.lake.ledger.ledger import Ledger
from margin_assets.lake.published import Published, folder_of
from margin_assets.lake.store.store import Lake
from margin_assets.scenarios.batch import Batch, write_batch

CHROMIUM = "/usr/bin/chromium"
PATIENCE, WARM_SECONDS = 600, 8
VIEWERS = 10
SORTS = (
    "-severity,deadline,-deficiency",
    "-equity",
    "excess",
    "worst_pnl",
    "-gross_market_value",
    "excess_ratio",
    "-leverage",
    "account_id",
    "-change",
    "-governing_requirement",
)
_MONEY = pl.Decimal(18, 6)


def book(accounts: int, start: datetime) -> Batch:
    """Accounts of every kind and standing: most have room, two in a hundred are near a call.

    So every figure moves each second, and few accounts change their state, as on a usual day.
    """
    rng = np.random.default_rng(17)
    ids = pl.Series([f"A{i:06d}" for i in range(accounts)])
    symbols = [f"S{i:04d}" for i in range(SYMBOLS)]
    picks = rng.integers(0, SYMBOLS, accounts * PER_ACCOUNT)
    owner = np.repeat(np.arange(accounts), PER_ACCOUNT)
    size = rng.lognormal(4.5, 1.0, len(owner)).round().clip(1, 20_000)
    is_short = rng.random(len(owner)) < 0.04
    gross = np.bincount(owner, weights=size * 100)
    is_near = rng.random(accounts) < 0.02
    share = np.where(is_near, 0.26, 0.45) + np.where(is_near, 0.1, 0.6) * rng.beta(2, 4, accounts)
    money = (gross * share).round(2)
    # Portfolio margin asks for 100,000 dollars of equity.
    kinds = np.where((money > 125_000) & (rng.random(accounts) < 0.5), "portfolio_margin", "reg_t")
    deposit = pl.Series(money).cast(pl.Decimal(18, 2))
    return Batch(
        start,
        {
            "accounts": pl.DataFrame({"account_id": ids, "account_type": kinds}).with_columns(
                opened_on=pl.lit(start.date()), event_time=pl.lit(start)
            ),
            "instruments": pl.DataFrame({"symbol": symbols}).with_columns(
                asset_class=pl.lit("equity"),
                marginable=pl.lit(value=True),
                event_time=pl.lit(start),
            ),
            "betas": _betas(symbols, rng, start.date()),
            "cash_movements": pl.DataFrame(
                {
                    "movement_id": [f"M{i}" for i in range(accounts)],
                    "account_id": ids,
                    "amount": deposit,
                }
            ).with_columns(kind=pl.lit("deposit"), event_time=pl.lit(start)),
            "fills": pl.DataFrame(
                {
                    "fill_id": [f"F{i}" for i in range(len(owner))],
                    "account_id": ids.gather(owner),
                    "symbol": [symbols[i] for i in picks],
                    "quantity": pl.Series(np.where(is_short, -size, size)).cast(_MONEY),
                }
            ).with_columns(price=pl.lit(100).cast(_MONEY), event_time=pl.lit(start)),
            "prices": prices(start, rng, 1.0),
        },
    )


def _betas(symbols: list[str], rng: np.random.Generator, day: date) -> pl.DataFrame:
    beta = pl.Series(rng.uniform(0.4, 1.9, len(symbols)).round(3)).cast(pl.Decimal(9, 3))
    return pl.DataFrame({"symbol": symbols, "beta": beta}).with_columns(as_of_date=pl.lit(day))


def prices(at: datetime, rng: np.random.Generator, level: float) -> pl.DataFrame:
    """A price of every symbol around a level of 100 dollars."""
    cents = (10_000 * level * rng.normal(1.0, 0.0004, SYMBOLS)).round().clip(1)
    price = pl.Series(cents).cast(pl.Int64).cast(_MONEY) / 100
    return pl.DataFrame({"symbol": [f"S{i:04d}" for i in range(SYMBOLS)]}).with_columns(
        price=price, event_time=pl.lit(at), source=pl.lit("bench")
    )


def land(folder: Path, rng: np.random.Generator, first: int, seconds: int) -> dict[str, float]:
    """Lands the price of everything each second; when each path was renamed."""
    landed, begun = {}, time.time()
    for number in range(first, first + seconds):
        at = datetime.now(UTC)
        made = Batch(at, {"prices": prices(at, rng, 1 - 0.004 * np.sin(number / 30))})
        for path in write_batch(made, folder / "landing", number):
            landed[str(path.relative_to(folder / "landing"))] = time.time()
        time.sleep(max(0.0, begun + number - first + 1 - time.time()))
    return landed


def wait_for(lake: Lake, cycles: int, path: str) -> None:
    """Waits until a landed file is in a sealed cycle."""
    end = time.time() + PATIENCE
    while time.time() < end:
        if Path(lake.uri, "cycles", "_delta_log").is_dir() and lake.is_created():
            recent = Ledger(lake).sealed_from(cycles)
            if any(file["path"] == path for sealed in recent for file in sealed.manifest["files"]):
                return
        time.sleep(0.5)
    raise TimeoutError(f"not sealed within {PATIENCE} s: {path}")


class Server:
    """A dashboard in a process of its own, and what it uses."""

    def __init__(self, folder: Path) -> None:
        verb = "import sys; from margin_assets.cli import main; sys.exit(main(sys.argv[1:]))"
        places = ["--lake", str(folder / "lake"), "--landing", str(folder / "landing")]
        more = ["--port", "0", "--token-file", str(folder / "token")]
        self.process = subprocess.Popen(
            [sys.executable, "-c", verb, "dashboard", *places, *more],
            cwd=ROOT,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self.process.stderr is not None
        said = next(line for line in self.process.stderr if "dashboard on" in line)
        self.url = said.split("dashboard on ")[1].split(",")[0]
        self._begun = self._used()

    def begin(self) -> None:
        """Counts from here."""
        self._begun = self._used()

    def _used(self) -> tuple[float, float]:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return time.time(), (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def use(self) -> dict[str, float]:
        """Part of a core since it began to count, and resident memory in MB."""
        (then, before), (now, after) = self._begun, self._used()
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        resident = next(int(t.split()[1]) for t in status.splitlines() if t.startswith("VmRSS"))
        return {
            "core": round((after - before) / (now - then), 3),
            "rss_mb": round(resident / 1024, 1),
        }


@contextmanager
def serving(folder: Path) -> Iterator[Server]:
    """The dashboard of a lake meanwhile."""
    server = Server(folder)
    try:
        yield server
    finally:
        stop(server.process)


# Told by the change itself: a page that asks each frame is drawn sixty times a second.
_WATCH = """() => {
  window.seen = [];
  const grid = document.querySelector(".grid");
  let last = grid.dataset.cycle;
  const look = () => {
    const cycle = grid.dataset.cycle;
    if (cycle === last) return;
    last = cycle;
    requestAnimationFrame(() => window.seen.push([Number(cycle), Date.now()]));
  };
  new MutationObserver(look).observe(grid, { attributeFilter: ["data-cycle"] });
}"""


@contextmanager
def viewers(url: str, count: int) -> Iterator[list[Any]]:
    """Pages that note when the rows of each cycle stood in them, each with its own sort."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        pages = []
        for place in range(count):
            page = browser.new_context(viewport={"width": 1600, "height": 900}).new_page()
            asked = f"&q={place}" if place else ""
            page.goto(f"{url}/accounts?sort={SORTS[place]}{asked}")
            page.wait_for_selector(".ag-row", timeout=PATIENCE * 1000)
            page.evaluate(_WATCH)
            pages.append(page)
        yield pages
        browser.close()


def _percentiles(took: list[float]) -> dict[str, float]:
    if not took:
        return {"samples": 0}
    return {
        "samples": len(took),
        "p50_ms": round(statistics.median(took), 1),
        "p95_ms": round(float(np.quantile(took, 0.95)), 1),
    }


class Run:
    """One lake with a live session, and what is measured of it in turns."""

    def __init__(self, folder: Path, accounts: int) -> None:
        self.folder, self.lake = folder, Lake(str(folder / "lake"))
        self._rng, self._number = np.random.default_rng(29), 1
        opening = book(accounts, datetime.now(UTC) - timedelta(seconds=5))
        landed = write_batch(opening, folder / "landing", 0)
        self._last = str(landed[-1].relative_to(folder / "landing"))

    def ready(self) -> None:
        """The book is sealed, and the session warm."""
        wait_for(self.lake, 1, self._last)
        self.land(WARM_SECONDS)

    def land(self, seconds: int) -> list[float]:
        """Lands each second; milliseconds from landed to sealed."""
        landed = land(self.folder, self._rng, self._number, seconds)
        self._number += seconds
        last = Ledger(self.lake).last_sealed()
        wait_for(self.lake, max(1, (last.cycle if last else 1) - 5 * seconds), max(landed))
        times = seal_times(Path(self.lake.uri))
        took = []
        for sealed in Ledger(self.lake).sealed_from(1):
            paths = [file["path"] for file in sealed.manifest["files"]]
            took += [1000 * (times[sealed.cycle] - landed[p]) for p in paths if p in landed]
        return took

    def seen(self, seconds: int, count: int) -> dict[str, Any]:
        """Seal to DOM of some viewers, the server's use, and the session's latency meanwhile."""
        with serving(self.folder) as server, viewers(server.url, count) as pages:
            self.land(2)
            for page in pages:
                page.evaluate("() => { window.seen.length = 0 }")
            server.begin()
            latency = self.land(seconds)
            time.sleep(1)
            use = server.use()
            noted = [each for page in pages for each in page.evaluate("() => window.seen")]
        return {"seal_to_dom": self._since_seal(noted), "server": use, "latency": latency}

    def read(self, seconds: int, count: int) -> dict[str, Any]:
        """The same of viewers who draw elsewhere: seal to rows in their hands."""
        with serving(self.folder) as server, readers(server.url, SORTS[:count]) as noted:
            self.land(2)
            noted.clear()
            server.begin()
            latency = self.land(seconds)
            time.sleep(1)
            use = server.use()
        return {"seal_to_rows": self._since_seal(noted), "server": use, "latency": latency}

    def _since_seal(self, noted: Sequence[tuple[int, float]]) -> dict[str, float]:
        times = seal_times(Path(self.lake.uri))
        return _percentiles([at - 1000 * times[cycle] for cycle, at in noted if cycle in times])


def measure(accounts: int, seconds: int) -> dict[str, Any]:
    """One viewer, ten elsewhere, ten in a browser here, and latency with and without, in turns."""
    with tempfile.TemporaryDirectory() as made, live(Path(made)):
        run = Run(Path(made), accounts)
        run.ready()
        alone = run.land(seconds // 2)
        one = run.seen(seconds, 1)
        alone += run.land(seconds // 2)
        apart = run.read(seconds, VIEWERS)
        many = run.seen(seconds, VIEWERS)
        published = _published_mb(run.lake)
    return {
        "accounts": accounts,
        "landed_to_sealed_nobody_looks": _percentiles(alone),
        "landed_to_sealed_one_looks": _percentiles(one.pop("latency")),
        "landed_to_sealed_ten_look_from_elsewhere": _percentiles(apart.pop("latency")),
        "landed_to_sealed_ten_look": _percentiles(many.pop("latency")),
        "one_viewer": one,
        "ten_viewers_elsewhere": apart,
        "ten_viewers": many,
        "published_mb": published,
    }


def _published_mb(lake: Lake) -> float:
    """Size of the published file."""
    newest = Published(folder_of(lake)).newest()
    return 0.0 if newest is None else round(newest.stat().st_size / 1e6, 1)


def main() -> dict[str, Any]:
    """At the size that the promise is made for."""
    return measure(100_000, 40)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=100_000)
    parser.add_argument("--seconds", type=int, default=40)
    given = parser.parse_args()
    print(json.dumps(measure(given.accounts, given.seconds), indent=1))
