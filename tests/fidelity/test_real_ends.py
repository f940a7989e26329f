"""Washington Mutual's last days and AIG's one for twenty, at their closes.

MARGIN_MARKET_DATA names the folder of prices.
"""

import os
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from tests.support.live_driver import Firm, Row, account, cash, fill, instrument, price, text
from tests.support.option_books import option

FOLDER = os.environ.get("MARGIN_MARKET_DATA")
LANDED = datetime(2010, 1, 4, tzinfo=UTC)
pytestmark = pytest.mark.skipif(FOLDER is None, reason="MARGIN_MARKET_DATA names no folder")


def closes(symbol: str, first: date, last: date) -> list[tuple[datetime, Decimal]]:
    """Closes of a symbol, each at its instant: 16:00 in New York, in summer."""
    days = pl.scan_parquet(Path(FOLDER or "") / "us_equity_daily_raw_1998_2021.parquet")
    mine = days.filter(pl.col("symbol") == symbol, pl.col("date").is_between(first, last))
    return [
        (datetime(day.year, day.month, day.day, 20, tzinfo=UTC), Decimal(f"{usd:.2f}"))
        for day, usd in mine.select("date", "close").collect().sort("date").iter_rows()
    ]


def action(kind: str, symbol: str, day: str, when: datetime, **terms: object) -> Row:
    row: Row = {"action_id": "A", "symbol": symbol, "kind": kind, "effective_on": day}
    return row | terms | {"event_time": text(when)}


def figures(firm: Firm, name: str) -> tuple[Decimal, Decimal]:
    row = firm.table("margin_summary").row(by_predicate=pl.col("account_id") == name, named=True)
    return row["equity"], row["regulatory_requirement"]


# By hand, for 1,000 bought with 2,000 and 1,000 sold with 3,400: a quarter of the value, and under
# five dollars the greater of the value and 2.50 a share.
BY_HAND = {
    "3.40": ((2_000, 850), (3_400, 3_400)),
    "3.23": ((1_830, Decimal("807.50")), (3_570, 3_230)),
    "2.41": ((1_010, Decimal("602.50")), (4_390, 2_500)),
    "1.77": ((370, Decimal("442.50")), (5_030, 2_500)),
    "0.16": ((-1_240, 40), (6_640, 2_500)),
}


def test_the_last_days_of_a_bank(tmp_path: Path) -> None:
    days = closes("WM", date(2008, 9, 22), date(2008, 9, 26))
    assert [f"{usd:f}" for _, usd in days] == list(BY_HAND)
    began, firm = days[0][0], Firm(tmp_path)
    held = {"LONG": ("2000", "1000"), "SHORT": ("3400", "-1000")}
    firm.cycle(
        LANDED,
        accounts=[account(name, when=began) for name in held],
        instruments=[instrument("WM", began)],
        cash_movements=[cash(f"m{n}", n, usd, began) for n, (usd, _) in held.items()],
        prices=[price("WM", "3.40", began)],
        fills=[
            fill(f"f{n}", k, "3.40", began, account_id=n, symbol="WM") for n, (_, k) in held.items()
        ],
        corporate_actions=[action("delisting", "WM", "2008-09-29", began, cash_amount=0)],
    )
    for when, usd in days:
        firm.cycle(LANDED, prices=[price("WM", f"{usd:f}", when + timedelta(seconds=1))])
        assert (figures(firm, "LONG"), figures(firm, "SHORT")) == BY_HAND[f"{usd:f}"]

    decided = firm.table("enforcement_decisions").filter(account_id="LONG")
    called = decided.filter(dimension="margin_status", to_state="call")["decided_at"].to_list()
    assert called == [days[3][0] + timedelta(seconds=1)]
    triggered = decided.filter(dimension="liquidation", to_state="triggered")["decided_at"]
    assert triggered.max() == days[4][0] + timedelta(seconds=1)

    # Cancelled for nothing; the name is another company's in August.
    waste = closes("WM", date(2009, 8, 5), date(2009, 8, 5))[0]
    bought = fill("w", "100", f"{waste[1]:f}", waste[0], account_id="SHORT", symbol="WM")
    firm.cycle(LANDED, prices=[price("WM", f"{waste[1]:f}", waste[0])], fills=[bought])
    assert figures(firm, "LONG") == (-1_400, 0)
    assert figures(firm, "SHORT") == (6_800, Decimal("714.50"))
    assert firm.rows("positions", "account_id", "quantity") == [("SHORT", 100)]


def test_twenty_calls_stay_covered_over_one_for_twenty(tmp_path: Path) -> None:
    days = dict(closes("AIG", date(2009, 6, 30), date(2009, 7, 1)))
    assert list(days.values()) == [Decimal("1.13"), Decimal("18.08")]
    (before, old), (after, new) = days.items()
    call, firm = "AIG 090718C2", Firm(tmp_path)
    firm.cycle(
        LANDED,
        accounts=[account("A", when=before)],
        instruments=[instrument("AIG", before), option(call, before)],
        cash_movements=[cash("m", "A", "3000", before)],
        prices=[price("AIG", f"{old:f}", before), price(call, "0.05", before)],
        fills=[
            fill("s", "2000", f"{old:f}", before, symbol="AIG"),
            fill("c", "-20", "0.05", before, symbol=call),
        ],
        corporate_actions=[
            action("split", "AIG", "2009-07-01", before, new_units=1, per_units=20)
            | {"fractions": "cash", "fraction_price": Decimal("22.60")}
        ],
    )
    # 25% of 2,260; the premium of 100 is in the cash, and what was written is no part of equity.
    assert figures(firm, "A") == (3_100, 565)

    firm.cycle(LANDED, prices=[price("AIG", f"{new:f}", after), price(call, "0.05", after)])

    # A hundred shares cover twenty contracts of five: 25% of 1,808 and none of them naked.
    assert firm.reasons() == []
    assert firm.position("AIG")[0] == 100
    assert set(firm.table("reg_t_requirements")["strategy"]) == {"covered_call"}
    assert figures(firm, "A") == (3_100 - 2_260 + 1_808, 452)
    assert firm.table("margin_calls").is_empty()
