"""From a landed curve tick to a sealed cycle, over a rates book of 10,000 positions.

A tick of one curve, and one of all eight; then beside a margin book of 10,000 accounts whose
prices move in the same cycle, against each of both alone. In this process; the machine's other
work counts in the wall clock, and not in the processor time of this process beside it.
"""

import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks._rates_book import CURRENCIES, TODAY, Deal, deals
from benchmarks.cycles import opening, prices
from benchmarks.output import show
from margin_assets.kernels.rates.rates_rules import rates_rules
from margin_assets.lake.landing.landing import LocalLanding
from margin_assets.lake.store.store import Lake
from margin_assets.live.session.session import CycleResult, Session
from margin_assets.scenarios.batch import Batch, write_batch

INSTRUMENTS, ACCOUNTS, TICKS = 10_000, 10_000, 15
START = datetime(TODAY.year, TODAY.month, TODAY.day, 15, 0, tzinfo=UTC)
OVERNIGHT = dict(zip(CURRENCIES, ("USD-SOFR", "EUR-ESTR", "GBP-SONIA", "JPY-TONA"), strict=True))
TERM = dict(
    zip(
        CURRENCIES,
        ("USD-TERM-SOFR-6M", "EUR-EURIBOR-6M", "GBP-LIBOR-6M", "JPY-TIBOR-6M"),
        strict=True,
    )
)
_BASE = {"USD": 366, "EUR": 215, "GBP": 372, "JPY": 92}
_RATE, _AMOUNT = pl.Decimal(9, 6), pl.Decimal(18, 2)


def quotes(at: datetime, up: int = 0, curves: tuple[str, ...] = ()) -> pl.DataFrame:
    """Quotes of curves (all if none is named), `up` hundredths of a basis point."""
    rules = rates_rules(TODAY)
    assert rules is not None
    rows = []
    for one in rules.curves:
        if one.index_name is None or (curves and one.name not in curves):
            continue
        is_term = one.name in TERM.values()
        for number, tenor in enumerate(one.required):
            kind = "swap" if is_term and number else "deposit" if is_term else "ois"
            base = _BASE[one.currency] * 100 + 600 * number + 1500 * is_term + up
            quote = Decimal(base).scaleb(-6)
            rows.append((one.name, kind, tenor, quote, at, "bench"))
    schema: dict[str, Any] = dict.fromkeys(("curve", "kind", "tenor"), pl.String)
    schema |= {"quote": _RATE}
    schema |= {"event_time": pl.Datetime("us", "UTC"), "source": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row")


def book(count: int) -> dict[str, pl.DataFrame]:
    """The seeded book as landing rows, with the fixings that its swaps need."""
    made = [*enumerate(deals(count))]
    bonds = [_bond(n, deal) for n, deal in made if not deal.kind.endswith("swap")]
    swaps = [_swap(n, deal) for n, deal in made if deal.kind.endswith("swap")]
    held = [
        {
            "account_id": f"RATES-{n % 4}",
            "desk": deal.kind,
            "legal_entity": f"ML-{deal.currency}",
            "instrument_id": f"I{n:05d}",
            "quantity": Decimal(deal.notional),
            "event_time": START,
        }
        for n, deal in made
    ]
    return {
        "bonds": pl.DataFrame(bonds, schema_overrides={"coupon": _RATE, "z_spread": _RATE}),
        "swaps": pl.DataFrame(swaps, schema_overrides={"fixed_rate": _RATE}),
        "rates_positions": pl.DataFrame(held, schema_overrides={"quantity": _AMOUNT}),
        "fixings": pl.DataFrame([*_fixings()], schema_overrides={"rate": _RATE}),
        "curve_quotes": quotes(START),
    }


def _bond(number: int, deal: Deal) -> dict[str, Any]:
    is_treasury = deal.kind == "treasury"
    return {
        "instrument_id": f"I{number:05d}",
        "kind": "fixed",
        "issuer": "US TREASURY" if is_treasury else f"ISSUER-{number % 300:03d}",
        "bond_class": "us_treasury" if is_treasury else "corporate_investment_grade",
        "currency": deal.currency,
        "coupon": Decimal(str(max(deal.rate, 0.0))),
        "frequency": 2,
        "day_count": "act/act isma" if is_treasury else "30/360 us",
        "issue_date": deal.start,
        "maturity": deal.end,
        "z_spread": Decimal(str(round(deal.spread, 6))),
        "event_time": START,
    }


def _swap(number: int, deal: Deal) -> dict[str, Any]:
    names = TERM if deal.kind == "term_swap" else OVERNIGHT
    return {
        "instrument_id": f"I{number:05d}",
        "currency": deal.currency,
        "start_date": deal.start,
        "end_date": deal.end,
        "side": "pay" if deal.is_payer else "receive",
        "fixed_rate": Decimal(str(deal.rate)),
        "fixed_day_count": "act/360" if deal.currency in ("USD", "EUR") else "act/365f",
        "index_name": names[deal.currency],
        "event_time": START,
    }


def _fixings() -> Iterator[Mapping[str, Any]]:
    for names in (OVERNIGHT, TERM):
        for currency, index in names.items():
            for age in range(1, 366):
                yield {
                    "index_name": index,
                    "fixing_date": TODAY - timedelta(age),
                    "rate": Decimal(_BASE[currency]).scaleb(-4),
                    "event_time": START,
                }


class Bench:
    """A lake with the books, its landing folder and its session."""

    def __init__(self, folder: Path, frames: Mapping[str, pl.DataFrame]) -> None:
        self.folder = folder / "landing"
        lake = Lake(str(folder / "lake"))
        lake.create()
        self.session, self.landing = Session(lake), LocalLanding(self.folder)
        started = time.perf_counter()
        write_batch(Batch(START, frames), self.folder, 0)
        for _ in self.session.run(self.landing, until_idle=True):
            pass
        self.opened = time.perf_counter() - started
        self.number = 0

    def tick(self, frames: Mapping[str, pl.DataFrame]) -> tuple[float, float, CycleResult]:
        """Seconds from landed to sealed, by the clock and of processor time."""
        self.number += 1
        at = START + timedelta(seconds=self.number)
        stamped = {feed: rows.with_columns(event_time=pl.lit(at)) for feed, rows in frames.items()}
        write_batch(Batch(at, stamped), self.folder, self.number)
        started, busy = time.perf_counter(), time.process_time()
        result = self.session.cycle(self.landing)
        assert result is not None
        return time.perf_counter() - started, time.process_time() - busy, result

    def median(self, of: str) -> dict[str, Any]:
        """Milliseconds of ticks of `one` curve, of `all`, of `prices`, or of `both` at once."""
        rng, took, busy, parts = np.random.default_rng(5), [], [], []
        for number in range(TICKS + 2):
            curves = ("USD-SOFR",) if of == "one" else ()
            frames = {} if of == "prices" else {"curve_quotes": quotes(START, number + 1, curves)}
            frames |= {"prices": prices(START, rng)} if of in ("prices", "both") else {}
            seconds, processor, result = self.tick(frames)
            took.append(1000 * seconds)
            busy.append(1000 * processor)
            parts.append(result.seconds)
        warm = took[2:]
        return {
            "p50_ms": round(statistics.median(warm), 1),
            "p90_ms": round(float(np.quantile(warm, 0.9)), 1),
            "processor_p50_ms": round(statistics.median(busy[2:]), 1),
            "parts_ms": {
                name: round(1000 * statistics.median(part[name] for part in parts[2:]), 1)
                for name in parts[-1]
            },
        }


def main() -> dict[str, Any]:
    """Ticks alone, and beside a margin book."""
    rates = book(INSTRUMENTS)
    found: dict[str, Any] = {"instruments": INSTRUMENTS, "ticks": TICKS}
    with tempfile.TemporaryDirectory() as folder:
        alone = Bench(Path(folder), rates)
        found |= {"seconds_to_open": round(alone.opened, 1)}
        found |= {"one_curve": alone.median("one"), "all_curves": alone.median("all")}
    with tempfile.TemporaryDirectory() as folder:
        margin = Bench(Path(folder), opening(ACCOUNTS, START).frames)
        found |= {"accounts": ACCOUNTS, "prices_alone": margin.median("prices")}
    with tempfile.TemporaryDirectory() as folder:
        both = Bench(Path(folder), {**opening(ACCOUNTS, START).frames, **rates})
        found |= {"both_at_once": both.median("both")}
    for figure in ("p50_ms", "processor_p50_ms"):
        apart = found["all_curves"][figure] + found["prices_alone"][figure]
        found[f"both_over_sum_of_apart_{figure}"] = round(found["both_at_once"][figure] / apart, 2)
    return found


if __name__ == "__main__":
    show({"rates_live": main()})
