"""Option books of one firm, held against history and documents."""

import json
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
from polars.testing import assert_frame_equal

from margin_assets.calendar import sessions
from margin_assets.kernels.book.deciding import without_values
from margin_assets.kernels.book.delivered_terms import as_listed
from margin_assets.kernels.corporate.actions import register_of
from margin_assets.kernels.corporate.carried import Traded
from margin_assets.kernels.firm_risk import tables as firm_tables
from margin_assets.kernels.history import history
from margin_assets.kernels.margin.margined import margined
from margin_assets.kernels.margin.tables import tables_over
from margin_assets.valuation.rates_book.history import RATES_TABLES
from margin_assets.whatif import whatif
from schemas import TABLES
from tests.support.live_driver import (
    NOON,
    Firm,
    Row,
    account,
    beta,
    cash,
    fill,
    instrument,
    price,
    text,
)

CALL, PUT, LEAPS, INDEX_PUT = "X 200417C105", "X 200417P95", "X 201210C100", "SPX 200619P2700 E"
NEW_YORK = ZoneInfo("America/New_York")

# Tables with a path of their own have their own comparison, with the calendar that they take.
DAILY = [
    table.name
    for table in TABLES.values()
    if table.is_daily
    and table.in_cycle
    and table.name not in ("special_memorandum_accounts", "pattern_day_traders", *RATES_TABLES)
]


def option(symbol: str, when: datetime = NOON, **more: object) -> Row:
    """Instrument row of a contract named like `X 200417C105`."""
    underlying, terms, *rest = symbol.split()
    day, right, strike = terms[:6], terms[6], terms[7:]
    row = instrument(symbol, when, asset_class="option", underlying=underlying, multiplier=100)
    row |= {"right": "call" if right == "C" else "put", "strike": Decimal(strike)}
    row |= {"expiry": f"20{day[:2]}-{day[2:4]}-{day[4:]}"}
    return row | {"style": "european" if rest else "american"} | more


def rate(annual: str, when: datetime = NOON) -> Row:
    return {"name": "risk_free", "rate_annual": Decimal(annual), "event_time": text(when)}


T_BOND = {"asset_class": "treasury", "maturity": "2030-03-09", "coupon": 0.02, "principal": 1000}


def known() -> dict[str, list[Row]]:
    """What is known at noon: instruments, rates, betas and prices."""
    options = [option(name) for name in (CALL, PUT, LEAPS, INDEX_PUT)]
    spx = instrument("SPX", asset_class="broad_index_high_cap", dividend_yield=0.0155)
    usd = {"X": "100", CALL: "2.5", PUT: "2", LEAPS: "14", "SPX": "2750", INDEX_PUT: "130"}
    return {
        "instruments": [instrument("X"), spx, instrument("T", **T_BOND), *options],
        "betas": [beta("X", "1.5", "2020-01-02"), beta("SPX", "1", "2020-01-02")],
        "rates": [rate("0.0125")],
        "prices": [price(name, value) for name, value in (usd | {"T": "99.5"}).items()],
    }


HELD = {
    "COVERED": ("reg_t", {"X": 300, CALL: -3, PUT: 1}),
    "NAKED": ("reg_t", {CALL: -2, PUT: -2, LEAPS: 1, "T": 20}),
    "SHORT": ("reg_t", {"X": -150, CALL: 1, INDEX_PUT: -1}),
    "PORTFOLIO": ("portfolio_margin", {"X": 500, CALL: -8, PUT: 6, INDEX_PUT: 1, LEAPS: -2}),
    "PAID": ("cash", {"X": 100, CALL: -1, PUT: -1, "T": 5}),
    "AWAY": ("reg_t", {"T": 30}),
}

DEPOSITS = dict.fromkeys(HELD, "150000") | {"NAKED": "4000", "COVERED": "2000"}


def bought(when: datetime = NOON) -> list[Row]:
    usd = {row["symbol"]: str(row["price"]) for row in known()["prices"]}
    return [
        fill(f"{name}-{symbol}", str(n), usd[symbol], when, account_id=name, symbol=symbol)
        for name, (_, held) in HELD.items()
        for symbol, n in held.items()
    ]


def everything() -> dict[str, list[Row]]:
    accounts = [account(name, kind) for name, (kind, _) in HELD.items()]
    paid = [cash(f"m-{name}", name, usd) for name, usd in DEPOSITS.items()]
    return {"accounts": accounts, **known(), "cash_movements": paid, "fills": bought()}


def at_close(firm: Firm, when: datetime) -> dict[str, pl.DataFrame]:
    """Daily tables as of an instant, from everything landed."""
    tables = {name: firm.table(name) for name in (*history.Landed._fields, "accounts")}
    landed = history.Landed(*(tables[name] for name in history.Landed._fields))
    booked = history.Booked(
        landed.fills,
        firm.table("cash_movements"),
        tables["accounts"],
        landed.instruments,
        landed.corporate_actions,
        landed.opening_balances,
        landed.settlements,
    )
    micros = round(when.timestamp() * 1e6)
    closes = pl.DataFrame({"business_date": [when.date()], "as_of": [micros]})
    positions = history.positions_at(landed, closes, sessions().times)
    accounts = history.account_state_at(booked, closes, sessions().times)
    tables = dict(tables_over(margined(positions, accounts)))
    struck = (positions, accounts, tables["margin_summary"], tables["stress_results"])
    return tables | {
        "positions": without_values(as_listed(positions)),
        "account_state": accounts,
        "firm_risk": firm_tables.firm_risk_at(*struck),
        "credit_exposures": firm_tables.credit_exposures_at(*struck),
        "firm_concentrations": firm_tables.firm_concentrations_at(
            positions,
            accounts,
            Traded(
                firm.table("volumes"),
                register_of(firm.table("corporate_actions"), sessions().opens),
            ),
        ),
    }


def assert_history_agrees(firm: Firm) -> None:
    """The tables of the last cycle are those that the daily kernels make at its instant."""
    when = firm.session.ledger.last_sealed().as_of
    daily = at_close(firm, when)
    for name in DAILY:
        order = [column for column in TABLES[name].order if column != "cycle"]
        live = firm.table(name)
        if TABLES[name].mode == "append":
            live = live.filter(pl.col("cycle") == live["cycle"].max())
        if "reasons" in live.columns:
            # Refused rows are a matter of the landing, and of no date.
            live = live.with_columns(pl.col("reasons").str.replace(";?refused_rows", ""))
        assert_frame_equal(
            daily[name].drop("business_date").sort(order),
            live.drop("cycle").sort(order),
            check_column_order=False,
            check_dtypes=False,
            check_exact=True,
        )


def document(firm: Firm, account_id: str) -> dict[str, Any]:
    """What an account holds and what is known of it, as a portfolio document."""
    rows = firm.table("positions").filter(pl.col("account_id") == account_id)
    state = firm.table("account_state").row(
        by_predicate=pl.col("account_id") == account_id, named=True
    )
    day = state["as_of"].astimezone(NEW_YORK).date()
    terms = {row["symbol"]: row for row in latest(firm, "instruments", "symbol")}
    usd = {row["symbol"]: float(row["price"]) for row in latest(firm, "prices", "symbol")}
    betas = {row["symbol"]: row["beta"] for row in firm.table("betas").to_dicts()}
    (free,) = latest(firm, "rates", "name")
    instruments = {}
    for symbol in ("X", "SPX"):
        names = ("asset_class", "dividend_yield", "leverage", "class_group")
        stated = {name: terms[symbol][name] for name in names if terms[symbol][name] is not None}
        instruments[symbol] = stated | {"price": usd[symbol], "beta": betas[symbol]}
    return {
        "as_of": day.isoformat(),
        "account": {
            "account_id": account_id,
            "account_type": state["account_type"],
            "cash": float(state["cash"]),
        },
        "positions": [
            held(terms[row["symbol"]], float(row["quantity"]), usd[row["symbol"]])
            for row in rows.to_dicts()
        ],
        "instruments": instruments,
        "rates": {"risk_free": free["rate_annual"]},
    }


def latest(firm: Firm, name: str, key: str) -> list[dict[str, Any]]:
    table = firm.table(name).sort("event_time", maintain_order=True)
    return table.unique(key, keep="last", maintain_order=True).to_dicts()


def held(terms: dict[str, Any], quantity: float, usd: float) -> dict[str, Any]:
    if terms["asset_class"] == "option":
        names = ("underlying", "right", "style")
        row = {name: terms[name] for name in names} | {"kind": "option", "price": usd}
        row |= {"strike": float(terms["strike"]), "multiplier": float(terms["multiplier"])}
        return row | {"expiry": terms["expiry"].isoformat(), "quantity": quantity}
    if terms["asset_class"] == "treasury":
        principal = quantity * float(terms["principal"])
        row = {"kind": "bond", "bond_class": "us_treasury", "principal": principal}
        return row | {"price_pct": usd, "maturity": terms["maturity"].isoformat()}
    return {"kind": "equity", "symbol": terms["symbol"], "quantity": quantity}


def assert_documents_agree(firm: Firm, names: Iterable[str] = HELD) -> None:
    """Every figure of every account is the one that `whatif` answers to its document."""
    summaries = firm.table("margin_summary").rows(named=True)
    assert {row["account_id"] for row in summaries} == set(names)
    for row in summaries:
        found = whatif(json.dumps(document(firm, row["account_id"])))
        reg_t, portfolio, house = (found[k] for k in ("reg_t", "portfolio_margin", "house"))
        pairs = {
            "equity": found["equity"],
            "long_market_value": found["long_market_value"],
            "short_market_value": found["short_market_value"],
            "net_liquidation": found["net_liquidation"],
            "beta_weighted_exposure": found["beta_weighted_exposure"],
            "reg_t_equity": reg_t["equity"],
            "portfolio_margin_requirement": portfolio["requirement"],
            "house_requirement": house["requirement"],
            "excess": house["excess"],
            "margin_savings": found["margin_savings"],
        }
        if row["account_type"] == "cash":
            # Its document tells Regulation T 220.8; the tables keep the margin account beside it.
            pairs |= {"regulatory_requirement": reg_t["maintenance_requirement"]}
        else:
            pairs |= {"reg_t_requirement": reg_t["maintenance_requirement"]}
            pairs |= {"initial_requirement": reg_t["initial_requirement"]}
        assert {name: float(row[name]) for name in pairs} == pairs, row["account_id"]
        assert row["status"] == found["status"]
        mine = pl.col("account_id") == row["account_id"]
        for name, section in (
            ("stress_results", found["stress"]),
            ("tims_requirements", portfolio["class_groups"]),
        ):
            key = "move" if name == "stress_results" else "scan_risk"
            columns = (
                ["pnl", "equity", "requirement", "requirement_held"]
                if key == "move"
                else ["minimum", "requirement"]
            )
            live = firm.table(name).filter(mine).select(key, *columns).cast(pl.Float64)
            answered = [tuple(part[column] for column in (key, *columns)) for part in section]
            assert sorted(live.rows()) == sorted(answered), (row["account_id"], name)
        told = (
            "strategy",
            "rule",
            "gross_requirement",
            "maintenance_requirement",
            "net_deposit",
        )
        groups = firm.table("reg_t_requirements").filter(mine).select(told)
        kept = [(*r[:2], *map(float, r[2:])) for r in groups.rows()]
        assert sorted(kept) == sorted(tuple(g[c] for c in told) for g in reg_t["groups"])


def summary(firm: Firm, account_id: str) -> dict[str, Any]:
    return firm.table("margin_summary").row(
        by_predicate=pl.col("account_id") == account_id, named=True
    )


def usd(firm: Firm, account_id: str, name: str) -> float:
    return float(summary(firm, account_id)[name])
