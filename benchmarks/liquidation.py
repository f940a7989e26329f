"""Liquidation plans a second and core, and the share whose cost is proven the least.

Margin accounts short of a tenth of their requirement: stock books of 20 names, each with a known
volume, and option books of 20 legs, an iron condor on each of five underlyings.
"""

import time
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl

from benchmarks.output import show
from margin_assets.kernels.liquidation.plan import Plan, Request, liquidation_plan
from margin_assets.kernels.liquidation.policy import liquidation_policy
from margin_assets.kernels.margin.margined import Margined
from margin_assets.whatif.document import Document
from margin_assets.whatif.frames import case_of
from margin_assets.whatif.liquidation import volumes_of

BOOKS, NAMES, UNDERLYINGS = 60, 20, 5
DAY = date(2026, 6, 8)
SHORT_OF = Decimal("0.10")
Row = dict[str, Any]


def _instrument(rng: np.random.Generator) -> Row:
    return {
        "price": Decimal(str(round(float(rng.uniform(20, 500)), 2))),
        "asset_class": "equity",
        "beta": Decimal(str(round(float(rng.uniform(0.3, 2.2)), 2))),
        "volatility_annual": Decimal(str(round(float(rng.uniform(0.15, 0.7)), 2))),
        "adv": Decimal(int(rng.integers(100_000, 10_000_000))),
    }


def stock_book(rng: np.random.Generator) -> tuple[list[Row], dict[str, Row]]:
    """Positions in twenty names, a fifth of them short."""
    instruments = {f"S{n:02}": _instrument(rng) for n in range(NAMES)}
    sides = np.where(rng.random(NAMES) < 0.2, -1, 1)
    sizes = sides * rng.integers(50, 2_000, NAMES)
    rows = [
        {"kind": "equity", "symbol": symbol, "quantity": Decimal(int(size))}
        for symbol, size in zip(instruments, sizes, strict=True)
    ]
    return rows, instruments


def option_book(rng: np.random.Generator) -> tuple[list[Row], dict[str, Row]]:
    """A put spread below and a call spread above the price of each of five stocks."""
    instruments = {f"U{n}": _instrument(rng) for n in range(UNDERLYINGS)}
    legs = [leg for u in instruments for leg in _condor(rng, u, instruments[u]["price"])]
    return legs, instruments


def _condor(rng: np.random.Generator, underlying: str, price: Decimal) -> list[Row]:
    size = int(rng.integers(1, 11))
    spreads = (("put", "0.90", "0.95"), ("call", "1.10", "1.05"))
    legs = [
        (right, part, side, premium)
        for right, far, near in spreads
        for part, side, premium in ((far, 1, "0.006"), (near, -1, "0.015"))
    ]
    return [
        {
            "kind": "option",
            "underlying": underlying,
            "right": right,
            "strike": round(price * Decimal(part), 1),
            "expiry": DAY + timedelta(days=39),
            "style": "american",
            "multiplier": Decimal(100),
            "quantity": Decimal(side * size),
            "price": round(price * Decimal(premium), 2),
        }
        for right, part, side, premium in legs
    ]


def deficient(book: tuple[list[Row], dict[str, Row]]) -> tuple[Margined, pl.DataFrame]:
    """The account of a book with so little cash that a tenth of its requirement is missing."""
    rows, instruments = book
    account = {"account_id": "A", "account_type": "reg_t", "cash": Decimal(0)}
    document = Document.model_validate(
        {
            "as_of": DAY.isoformat(),
            "account": account,
            "positions": [_plain(row) for row in rows],
            "instruments": instruments,
            "rates": {"risk_free": Decimal("0.04")},
        }
    )
    era = case_of(document).margined
    figures = era.figures
    wanted = int(figures.governing[0] * (1 - SHORT_OF))
    cash = Decimal(wanted - int(figures.equity[0])).scaleb(-2)
    accounts = era.accounts.with_columns(cash=pl.lit(cash).cast(pl.Decimal(38, 2)))
    volumes = volumes_of({symbol: known["adv"] for symbol, known in instruments.items()})
    return Margined(era.positions, accounts, era.rules, era.overlays), volumes


def _plain(row: Row) -> Row:
    return {k: v.isoformat() if isinstance(v, date) else v for k, v in row.items()}


def _measured(books: list[tuple[Margined, pl.DataFrame]]) -> dict[str, float]:
    policy, request = liquidation_policy(DAY), Request()
    plans: list[Plan] = []
    liquidation_plan(*books[0], policy, request)
    began = time.process_time()
    for era, volumes in books:
        plans.append(liquidation_plan(era, volumes, policy, request))
    seconds = time.process_time() - began
    cured = [plan for plan in plans if plan.status == "cured"]
    gaps = [float((p.cost - (p.lower_bound or 0)) / p.cost) for p in cured]
    return {
        "plans a second and core": len(books) / seconds,
        "share cured": len(cured) / len(plans),
        "share proven the least": sum(plan.is_least for plan in cured) / len(cured),
        "share proven within 0.1%": sum(gap <= 1e-3 for gap in gaps) / len(cured),
        "median gap, %": float(np.median(gaps)) * 100,
        "largest gap, %": max(gaps) * 100,
        "boxes a plan": float(np.mean([plan.nodes for plan in plans])),
        "orders a plan": float(np.mean([len(plan.orders) for plan in plans])),
    }


def main() -> dict[str, Any]:
    """Figures of both kinds of books."""
    rng = np.random.default_rng(4210)
    kinds = {"stock books of 20 names": stock_book, "option books of 20 legs": option_book}
    return {
        name: _measured([deficient(book(rng)) for _ in range(BOOKS)])
        for name, book in kinds.items()
    }


if __name__ == "__main__":
    show({"liquidation": main()})
