"""AAPL, seven for one, with its option chain of the days before and after.

MARGIN_MARKET_DATA names the folder of prices. Nobody tells what the old contracts deliver.
"""

import os
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import polars as pl
import pytest

from tests.support.live_driver import Firm, Row, account, cash, fill, instrument, price, text
from tests.support.option_books import option, rate

FOLDER = os.environ.get("MARGIN_MARKET_DATA")
FRIDAY = datetime(2014, 6, 6, 20, tzinfo=UTC)
MONDAY = datetime(2014, 6, 9, 20, tzinfo=UTC)
BEFORE, AFTER = Decimal("645.57"), Decimal("93.70")
SPLIT = {
    "action_id": "S",
    "symbol": "AAPL",
    "kind": "split",
    "effective_on": "2014-06-09",
    "new_units": 7,
    "per_units": 1,
    "event_time": text(FRIDAY),
}
FIGURES = ("equity", "reg_t_requirement", "portfolio_margin_requirement")


class Contract(NamedTuple):
    """One contract on both sides of the split: its symbol and its mid."""

    old: str
    new: str
    mids: tuple[Decimal, Decimal]


def chain(folder: Path) -> dict[tuple[str, str, int], Contract]:
    """Contracts quoted on both days, by expiry, right and old strike."""
    quotes = pl.read_csv(folder / "aapl_option_quotes_2014-06-06_2014-06-09.csv.gz")
    terms = ["expiry", "right"]
    mid = (pl.col("bid") + pl.col("ask")) / 2
    days = [
        quotes.filter(pl.col("date") == str(day.date())).select(*terms, "strike", mid=mid)
        for day in (FRIDAY, MONDAY)
    ]
    asked = days[0].with_columns(becomes=(pl.col("strike") / 7).round(2))
    both = asked.join(days[1], left_on=[*terms, "becomes"], right_on=[*terms, "strike"])
    found = {}
    for expiry, right, strike, was, new, now in both.iter_rows():
        mids = Decimal(str(round(was, 3))), Decimal(str(round(now, 3)))
        named = f"AAPL {expiry[2:].replace('-', '')}{right}"
        if float(strike).is_integer() and min(mids) > 0:
            told = Contract(f"{named}{strike:.0f}", f"{named}{new}", mids)
            found[expiry, right, int(strike)] = told
    return found


JULY = ("2014-07-19", "C")
BOOKS = {
    "STOCK": ("reg_t", 100, {}),
    "COVERED": ("reg_t", 200, {(*JULY, 660): -2}),
    "VERTICAL": ("reg_t", 0, {(*JULY, 650): -3, (*JULY, 670): 3}),
    "NAKED": ("reg_t", 0, {(*JULY, 675): -1, ("2014-06-21", "P", 640): -2}),
    "SHORT": ("reg_t", -100, {("2014-10-18", "C", 700): 1}),
    "PORTFOLIO": ("portfolio_margin", 300, {(*JULY, 640): -5, ("2015-01-17", "P", 600): 4}),
}


def held(contracts: dict, n: int, *, new: bool) -> list[Row]:
    """Fills of every book, in units of before the split or in those of after it."""
    when, ratio, spot = (MONDAY, 7, AFTER) if new else (FRIDAY, 1, BEFORE)
    rows = []
    for name, (_, shares, options) in BOOKS.items():
        whose = f"{name} NEW" if new else name
        lots = [("AAPL", shares, spot)] if shares else []
        lots += [
            (contracts[key].new if new else contracts[key].old, k, contracts[key].mids[n])
            for key, k in options.items()
        ]
        rows += [
            fill(f"{whose}{s}", str(k * ratio), str(usd), when, account_id=whose, symbol=s)
            for s, k, usd in lots
        ]
    return rows


def friday(folder: Path, contracts: dict) -> Firm:
    firm = Firm(folder)
    names = [f"{name}{more}" for name in BOOKS for more in ("", " NEW")]
    firm.run(
        accounts=[account(name, BOOKS[name.split()[0]][0], FRIDAY) for name in names],
        instruments=[
            instrument("AAPL", FRIDAY),
            *(option(c.old, FRIDAY) for c in contracts.values()),
        ],
        cash_movements=[cash(f"m{name}", name, "400000", FRIDAY) for name in names],
        rates=[rate("0.001", FRIDAY)],
        prices=[
            price("AAPL", str(BEFORE), FRIDAY),
            *(price(c.old, str(c.mids[0]), FRIDAY) for c in contracts.values()),
        ],
        fills=held(contracts, 0, new=False),
    )
    return firm


def monday(firm: Firm, contracts: dict, spot: Decimal, **feeds: list[Row]) -> None:
    """Monday's closing quotes: an old contract is quoted for a hundred, at seven new ones."""
    quotes = [price(c.old, str(7 * c.mids[1]), MONDAY) for c in contracts.values()]
    firm.run(prices=[price("AAPL", str(spot), MONDAY), *quotes], **feeds)


def figures(firm: Firm) -> dict[str, dict[str, Decimal]]:
    rows = firm.table("margin_summary").select("account_id", *FIGURES).rows(named=True)
    return {row.pop("account_id"): row for row in rows}


@pytest.mark.skipif(FOLDER is None, reason="MARGIN_MARKET_DATA names no folder")
def test_aapl_over_the_ninth_of_june_2014(tmp_path: Path) -> None:
    contracts = chain(Path(FOLDER or ""))
    assert len(contracts) > 1500
    firm = friday(tmp_path / "friday", contracts)
    other = firm.copied(tmp_path / "unsplit")

    firm.run(corporate_actions=[SPLIT])
    monday(
        firm,
        contracts,
        AFTER,
        instruments=[option(c.new, MONDAY) for c in contracts.values()],
        fills=held(contracts, 1, new=True),
    )
    monday(other, contracts, 7 * AFTER)

    found, unsplit = figures(firm), figures(other)
    for name, (_, _, options) in BOOKS.items():
        for figure in FIGURES:
            # Strikes a share are rounded to the micro-dollar.
            assert abs(found[name][figure] - unsplit[name][figure]) <= Decimal("0.05"), name
        # New contracts have strikes of whole cents, half a cent off on seven hundred shares.
        lots = sum(abs(k) for k in options.values())
        new = found[f"{name} NEW"]["reg_t_requirement"]
        assert abs(found[name]["reg_t_requirement"] - new) <= Decimal("3.5") * lots, name
    assert firm.table("enforcement_decisions").is_empty()
    assert firm.table("margin_calls").is_empty()
