import json
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from margin_assets.scenarios import SCENARIOS, Batch, scenario, write_batch
from margin_assets.scenarios.batch import FEED_SCHEMAS
from margin_assets.scenarios.covid_market import (
    FIRST_SESSION,
    betas,
    closes,
    volatilities,
)

COVID = "covid-2020"
NOON = datetime(2020, 3, 9, 16, 0, tzinfo=UTC)
every_scenario = pytest.mark.parametrize("name", SCENARIOS)
Estimate = Callable[[pl.DataFrame, date], pl.DataFrame]
POSITION = ["account_id", "symbol"]


@cache
def batches(name: str) -> list[Batch]:
    return list(SCENARIOS[name].batches())


def rows(name: str, feed: str) -> pl.DataFrame:
    empty = pl.DataFrame(schema=FEED_SCHEMAS[feed])
    return pl.concat([empty, *(b.frames[feed] for b in batches(name) if feed in b.frames)])


def in_force(fills: pl.DataFrame) -> pl.DataFrame:
    # Each original with the quantity and price of the last link of its chain of corrections.
    by_id = {row["fill_id"]: row for row in fills.iter_rows(named=True)}
    successor = {row["corrects_fill_id"]: row["fill_id"] for row in by_id.values()}
    resolved = []
    for row in by_id.values():
        if row["corrects_fill_id"] is None:
            last = row
            while last["fill_id"] in successor:
                last = by_id[successor[last["fill_id"]]]
            resolved.append(row | {"quantity": last["quantity"], "price": last["price"]})
    return pl.DataFrame(resolved, schema=fills.schema)


def value_usd(quantity: pl.Expr, price: pl.Expr) -> pl.Expr:
    # Floats do: what is asserted is whole dollars or lies cents apart.
    return (quantity.cast(pl.Float64) * price.cast(pl.Float64)).round(2)


def positions_at(name: str, session: date) -> pl.DataFrame:
    upto = pl.col("event_time").dt.date() <= session
    marks = rows(name, "prices").filter(pl.col("event_time").dt.date() == session)
    return (
        in_force(rows(name, "fills").filter(upto))
        .group_by(POSITION)
        .agg(pl.col("quantity").sum())
        .join(marks.select("symbol", "price"), on="symbol", validate="m:1")
        .with_columns(value=value_usd(pl.col("quantity"), pl.col("price")))
    )


def cash_at(name: str, session: date) -> pl.DataFrame:
    upto = pl.col("event_time").dt.date() <= session
    paid = in_force(rows(name, "fills").filter(upto)).select(
        "account_id", amount=-value_usd(pl.col("quantity"), pl.col("price"))
    )
    moved = (
        rows(name, "cash_movements").filter(upto).select("account_id", pl.col("amount").cast(float))
    )
    return pl.concat([paid, moved]).group_by("account_id").agg(cash=pl.col("amount").sum())


def accounts_at(name: str, session: date) -> pl.DataFrame:
    # Plain margin of 25% long, 30% short and 15% either way in portfolio margin.
    types = rows(name, "accounts").select("account_id", "account_type")
    held = positions_at(name, session).join(types, on="account_id", validate="m:1")
    rate = (
        pl.when(pl.col("account_type") == "portfolio_margin")
        .then(0.15)
        .when(pl.col("quantity") > 0)
        .then(0.25)
        .otherwise(0.30)
    )
    totals = held.group_by("account_id", "account_type").agg(
        value=pl.col("value").sum(), requirement=(pl.col("value").abs() * rate).sum()
    )
    return totals.join(cash_at(name, session), on="account_id", validate="1:1").with_columns(
        equity=pl.col("cash") + pl.col("value")
    )


# Every scenario


@every_scenario
def test_told_twice_it_is_the_same(name: str):
    again = list(scenario(name).batches())

    assert len(again) == scenario(name).batch_count
    for first, second in zip(batches(name), again, strict=True):
        assert first.at == second.at
        assert first.frames.keys() == second.frames.keys()
        for feed, frame in first.frames.items():
            assert_frame_equal(frame, second.frames[feed])


@every_scenario
def test_batches_land_in_order_and_after_their_events(name: str):
    earlier = datetime(1970, 1, 1, tzinfo=UTC)
    for batch in batches(name):
        assert batch.at > earlier
        for frame in batch.frames.values():
            if "event_time" in frame.columns:
                assert frame.filter(~pl.col("event_time").is_between(earlier, batch.at)).is_empty()
            else:
                assert frame.filter(pl.col("as_of_date") > batch.at.date()).is_empty()
        earlier = batch.at


@every_scenario
@pytest.mark.parametrize("feed", FEED_SCHEMAS)
def test_rows_have_the_columns_of_the_feed(name: str, feed: str):
    for batch in batches(name):
        if feed in batch.frames:
            assert batch.frames[feed].schema == FEED_SCHEMAS[feed]


@every_scenario
@pytest.mark.parametrize(
    ("feed", "key"),
    [
        ("accounts", ["account_id"]),
        ("instruments", ["symbol"]),
        ("fills", ["fill_id"]),
        ("cash_movements", ["movement_id"]),
        ("prices", ["symbol", "event_time"]),
        ("betas", ["symbol", "as_of_date"]),
        ("volatilities", ["symbol", "as_of_date"]),
    ],
)
def test_ids_are_printable_and_used_once(name: str, feed: str, key: list[str]):
    frame = rows(name, feed)
    texts = frame.select(pl.col(pl.String)).iter_columns()

    assert frame.select(key).is_unique().all()
    for text in texts:
        assert text.drop_nulls().str.contains(r"^[!-~]{1,128}$").all()


OTHERWISE_REQUIRED = pl.exclude("corrects_fill_id", "window_days", "r_squared")
ROW_RULES = {
    "accounts": pl.col("account_type").is_in(["cash", "reg_t", "portfolio_margin"]),
    "instruments": pl.col("leverage").is_between(1, 10),
    "fills": (pl.col("quantity").ne(0) | pl.col("corrects_fill_id").is_not_null())
    & pl.col("quantity").is_between(-(10**9), 10**9)
    & pl.col("price").is_between(Decimal("0.000001"), 10**7),
    "prices": pl.col("price").is_between(Decimal("0.000001"), 10**7),
    "betas": pl.col("beta").is_between(-20, 20),
    "volatilities": pl.col("volatility_annual").is_between(0, 10)
    & pl.col("kind").eq("historical_30d"),
    "cash_movements": pl.when(pl.col("kind") == "deposit")
    .then(pl.col("amount") > 0)
    .when(pl.col("kind").is_in(["withdrawal", "fee"]))
    .then(pl.col("amount") < 0)
    .otherwise(pl.col("kind").is_in(["dividend", "interest"])),
}


@every_scenario
@pytest.mark.parametrize("feed", ROW_RULES)
def test_no_row_would_be_quarantined(name: str, feed: str):
    frame = rows(name, feed)

    assert frame.filter(~ROW_RULES[feed]).is_empty()
    assert frame.select(OTHERWISE_REQUIRED).null_count().sum_horizontal().sum() == 0


@every_scenario
def test_a_correction_follows_a_fill_of_the_same_account_and_symbol(name: str):
    fills = rows(name, "fills")
    corrections = fills.filter(pl.col("corrects_fill_id").is_not_null())

    joined = corrections.join(fills, left_on="corrects_fill_id", right_on="fill_id", validate="1:1")

    assert joined.height == corrections.height
    assert joined.filter(
        (pl.col("account_id") == pl.col("account_id_right"))
        & (pl.col("symbol") == pl.col("symbol_right"))
        & (pl.col("event_time") > pl.col("event_time_right"))
    ).equals(joined)


@every_scenario
def test_every_name_traded_is_known_and_priced(name: str):
    traded = set(rows(name, "fills")["symbol"])

    assert traded <= set(rows(name, "instruments")["symbol"])
    assert traded <= set(rows(name, "prices")["symbol"])
    assert traded <= set(rows(name, "betas")["symbol"])
    assert set(rows(name, "fills")["account_id"]) == set(rows(name, "accounts")["account_id"])


# Landing


@every_scenario
def test_written_files_carry_the_batch_instant_and_nothing_is_left_behind(
    name: str, tmp_path: Path
):
    batch = batches(name)[0]

    paths = write_batch(batch, tmp_path, 7)

    landed = sorted(path for path in tmp_path.rglob("*") if path.is_file())
    assert sorted(paths) == landed
    assert {path.stat().st_mtime_ns for path in paths} == {int(batch.at.timestamp()) * 10**9}
    assert {path.name for path in paths} == {f"000007-{path.parent.name}.ndjson" for path in paths}


def test_reference_data_lands_before_what_refers_to_it(tmp_path: Path):
    paths = write_batch(batches("sample-accounts")[0], tmp_path, 1)

    feeds = [path.parent.name for path in paths]
    assert feeds == ["accounts", "instruments", "betas", "cash_movements", "fills", "prices"]


@every_scenario
def test_what_lands_reads_back_as_what_was_written(name: str, tmp_path: Path):
    for sequence, batch in enumerate(batches(name)[:3]):
        for path in write_batch(batch, tmp_path, sequence):
            lines = path.read_text(encoding="utf-8").splitlines()
            frame = batch.frames[path.parent.name]
            assert [read_row(line, frame.schema) for line in lines] == [
                {column: value for column, value in row.items() if value is not None}
                for row in frame.iter_rows(named=True)
            ]


def read_row(line: str, schema: pl.Schema) -> dict[str, object]:
    row: dict[str, Any] = json.loads(line, parse_float=Decimal)
    for column in row:
        if schema[column] == pl.Date:
            row[column] = date.fromisoformat(row[column])
        elif isinstance(schema[column], pl.Datetime):
            row[column] = datetime.fromisoformat(row[column])
    return row


@pytest.mark.parametrize(
    ("value", "written"),
    [
        pytest.param(Decimal("400.000000"), "400", id="no trailing zeros"),
        pytest.param(Decimal("200000"), "200000", id="no exponent for a large number"),
        pytest.param(Decimal("0.000001"), "0.000001", id="no exponent for a small number"),
        pytest.param(Decimal("-130000.10"), "-130000.1", id="sign kept"),
    ],
)
def test_numbers_are_plain(value: Decimal, written: str, tmp_path: Path):
    frame = pl.DataFrame({"price": [value]}, schema={"price": pl.Decimal(18, 6)})

    (path,) = write_batch(Batch(NOON, {"prices": frame}), tmp_path, 1)

    assert path.read_text() == f'{{"price": {written}}}\n'


@pytest.mark.parametrize(
    ("at", "written"),
    [
        pytest.param(NOON, "2020-03-09T16:00:00Z", id="whole second"),
        pytest.param(
            NOON + timedelta(microseconds=5), "2020-03-09T16:00:00.000005Z", id="microseconds"
        ),
    ],
)
def test_times_are_rfc_3339(at: datetime, written: str, tmp_path: Path):
    frame = pl.DataFrame({"event_time": [at]}, schema={"event_time": pl.Datetime("us", "UTC")})

    (path,) = write_batch(Batch(at, {"prices": frame}), tmp_path, 1)

    assert path.read_text() == f'{{"event_time": "{written}"}}\n'
    assert path.stat().st_mtime_ns % 10**9 == at.microsecond * 1_000


def test_a_float_is_refused(tmp_path: Path):
    batch = Batch(NOON, {"prices": pl.DataFrame({"price": [0.1]})})

    with pytest.raises(TypeError, match="float"):
        write_batch(batch, tmp_path, 1)
    assert not (tmp_path / "prices").exists()


def test_a_feed_without_rows_leaves_no_file_and_an_unknown_feed_is_refused(tmp_path: Path):
    empty = pl.DataFrame(schema=FEED_SCHEMAS["fills"])

    assert write_batch(Batch(NOON, {"fills": empty}), tmp_path, 1) == []
    with pytest.raises(ValueError, match="not in tuple"):
        write_batch(Batch(NOON, {"quotes": empty}), tmp_path, 1)


def test_an_unknown_scenario_is_refused_in_one_line():
    with pytest.raises(ValueError, match=re.escape("unknown scenario 'crash'; known: covid-2020")):
        scenario("crash")


def test_importing_the_scenarios_is_light():
    heavy = "{'dagster', 'deltalake', 'boto3', 'pyarrow', 'exchange_calendars', 'pandas'}"
    code = f"import sys, margin_assets.scenarios; print({heavy} & sys.modules.keys() or 'light')"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "light\n"


# seed-ladder


@pytest.mark.parametrize(
    ("minute", "spy", "nvda", "excess"),
    [
        (0, "450", "400", 20_000),
        (5, "445.5", "392", 17_000),
        (10, "441", "384", 14_000),
        (15, "432", "368", 8_000),
        (20, "423", "352", 2_000),
        (25, "414", "336", -4_000),
        (90, "414", "336", -4_000),
        (115, "414", "336", 56_000),
    ],
)
def test_seed_ladder_excess_at_25_per_cent(minute: int, spy: str, nvda: str, excess: int):
    at = datetime(2020, 3, 9, 14, 30, tzinfo=UTC) + timedelta(minutes=minute)
    marks = rows("seed-ladder", "prices").filter(pl.col("event_time") == at)
    paid_in = rows("seed-ladder", "cash_movements").filter(pl.col("event_time") <= at)["amount"]
    price = dict(marks.select("symbol", "price").iter_rows())

    cash = paid_in.sum() - 500 * 400

    assert price == {"SPY": Decimal(spy), "NVDA": Decimal(nvda)}
    assert cash + 500 * price["NVDA"] * Decimal("0.75") == excess


def test_seed_ladder_owes_130_000_after_its_purchase():
    (first, *_) = batches("seed-ladder")
    fill = first.frames["fills"].row(0, named=True)

    cash = first.frames["cash_movements"]["amount"].sum() - fill["quantity"] * fill["price"]

    assert cash == -130_000
    assert [(b.at - first.at).seconds // 60 for b in batches("seed-ladder")] == [
        *(0, 5, 10, 15, 20, 25, 30, 56, 90, 95, 115)
    ]


# sample-accounts


def sample_book() -> pl.DataFrame:
    beta = rows("sample-accounts", "betas").select("symbol", pl.col("beta").cast(pl.Float64))
    held = positions_at("sample-accounts", date(2020, 3, 9))
    return held.join(beta, on="symbol", validate="m:1")


@pytest.mark.parametrize(
    ("account_id", "market_value", "beta_weighted", "concentrated"),
    [
        ("CONSERVATIVE", 94_000, 65_600, 61_000),
        ("MODERATE", 111_500, 117_500, 73_000),
        ("AGGRESSIVE", 171_000, 304_300, 140_000),
        ("CONCENTRATED", 200_000, 360_000, 200_000),
    ],
)
def test_sample_account_totals(
    account_id: str, market_value: int, beta_weighted: int, concentrated: int
):
    held = sample_book().filter(pl.col("account_id") == account_id)
    above = held.filter(pl.col("value") > 0.3 * market_value)

    assert held["value"].sum() == market_value
    assert round((held["value"] * held["beta"]).sum(), 2) == beta_weighted
    assert above["value"].sum() == concentrated


def test_sample_hedged_account():
    held = sample_book().filter(pl.col("account_id") == "HEDGED")
    long, short = held["value"].clip(0).sum(), -held["value"].clip(None, 0).sum()
    weights = {row["symbol"]: round(row["value"] / 380) for row in held.iter_rows(named=True)}

    assert (long, short, long - short, long + short) == (129_500, 91_500, 38_000, 221_000)
    assert round((held["value"] * held["beta"]).sum(), 2) == 49_550
    assert weights == {"AAPL": 230, "MSFT": -200, "GOOGL": 111, "AMZN": -41}
    assert long / 4 + short * 3 / 10 == 59_825
    assert (long + short) * 3 / 20 == 33_150


def test_sample_accounts_are_in_good_order():
    accounts = accounts_at("sample-accounts", date(2020, 3, 9))

    gross = sample_book().group_by("account_id").agg(gross=pl.col("value").abs().sum())
    joined = accounts.join(gross, on="account_id", validate="1:1")
    assert joined.filter(pl.col("equity") < pl.col("gross") / 2).is_empty()


# covid-2020


def test_covid_size():
    kinds = rows(COVID, "cash_movements")["kind"]

    assert scenario(COVID).batch_count == 83
    assert rows(COVID, "accounts").height == 300
    assert rows(COVID, "fills").height == 3_098
    assert kinds.len() == 1_412
    assert rows(COVID, "fills")["corrects_fill_id"].count() == 30
    assert rows(COVID, "fills").filter(pl.col("quantity") == 0).height == 6
    assert set(kinds) == {"deposit", "withdrawal", "dividend", "interest", "fee"}


def test_covid_prices_are_every_close_of_every_session():
    prices = rows(COVID, "prices")
    real = closes().filter(pl.col("date") >= FIRST_SESSION).unpivot(index="date")

    found = prices.select(
        pl.col("event_time").dt.convert_time_zone("America/New_York").alias("local"),
        "symbol",
        pl.col("price"),
    )
    joined = found.with_columns(date=pl.col("local").dt.date()).join(
        real, left_on=["date", "symbol"], right_on=["date", "variable"], validate="1:1"
    )
    assert joined.height == prices.height == real.height == 83 * 21
    assert (joined["price"] == joined["value"]).all()
    assert (joined["local"].dt.time() == time(16)).all()


@pytest.mark.parametrize(
    ("day", "symbol", "close"),
    [
        (date(2020, 1, 2), "AAPL", "73.348"),
        (date(2020, 3, 23), "SPX", "2237.4"),
        (date(2020, 3, 11), "RRC", "1.917"),
        (date(2020, 4, 30), "XOM", "38.914"),
    ],
)
def test_covid_closes_as_published(day: date, symbol: str, close: str):
    assert closes().filter(pl.col("date") == day)[symbol].item() == Decimal(close)


def poisoned(as_of: date) -> pl.DataFrame:
    known = pl.col("date") < as_of
    return closes().with_columns(pl.when(known).then(pl.exclude("date")).otherwise(Decimal(1)))


@pytest.mark.parametrize("as_of", [date(2020, 1, 2), date(2020, 3, 2), date(2020, 4, 1)])
@pytest.mark.parametrize("estimate", [betas, volatilities])
def test_estimates_know_nothing_of_their_day_or_later(estimate: Estimate, as_of: date):
    assert_frame_equal(estimate(poisoned(as_of), as_of), estimate(closes(), as_of))


def test_estimates_are_refreshed_monthly_and_each_session():
    first_sessions = [date(2020, 1, 2), date(2020, 2, 3), date(2020, 3, 2), date(2020, 4, 1)]

    assert rows(COVID, "betas")["as_of_date"].unique().sort().to_list() == first_sessions
    assert rows(COVID, "volatilities")["as_of_date"].n_unique() == 83


def synthetic(stock: list[float], index: list[float]) -> pl.DataFrame:
    # Daily growth factors, repeated, from 100 on.
    days = [date(2019, 1, 1) + timedelta(days=n) for n in range(253)]
    factors = pl.DataFrame({"X": stock * 126, "SPX": index * 126})
    path = pl.concat([pl.DataFrame({"X": [100.0], "SPX": [100.0]}), factors]).select(
        pl.all().cum_prod()
    )
    return pl.DataFrame({"date": days}).hstack(path)


@pytest.mark.parametrize(
    ("stock", "index", "beta", "r_squared"),
    [
        pytest.param([1.02, 0.98], [1.01, 0.99], "2", "1", id="twice the index"),
        pytest.param([0.995, 1.005], [1.01, 0.99], "-0.5", "1", id="half against the index"),
    ],
)
def test_beta_of_a_multiple_of_the_index(
    stock: list[float], index: list[float], beta: str, r_squared: str
):
    row = betas(synthetic(stock, index), date(2020, 1, 2)).row(0, named=True)

    assert (row["beta"], row["r_squared"]) == (Decimal(beta), Decimal(r_squared))
    assert row["window_days"] == 252


def test_volatility_of_a_coin():
    # Returns of +1% and -1% in turn: 15 of each of 30, so the sample variance is 30/29 of 0.0001.
    frame = volatilities(synthetic([1.01, 0.99], [1.0, 1.0]), date(2020, 1, 2))

    assert frame["volatility_annual"].item() == Decimal("0.1615")


@pytest.mark.parametrize("account_type", ["cash", "reg_t", "portfolio_margin"])
def test_opening_purchases_leave_the_initial_margin(account_type: str):
    accounts = rows(COVID, "accounts").filter(pl.col("account_type") == account_type)
    needed = {"cash": 1.0, "reg_t": 0.5, "portfolio_margin": 0.15}[account_type]
    opening = pl.col("event_time").dt.date() == pl.col("opened_on")
    fills = in_force(rows(COVID, "fills")).join(accounts.drop("event_time"), on="account_id")
    first = (
        fills.filter(opening)
        .group_by("account_id")
        .agg(gross=value_usd(pl.col("quantity").abs(), pl.col("price")).sum())
    )
    deposits = rows(COVID, "cash_movements").filter(pl.col("movement_id").str.ends_with("-M001"))

    joined = first.join(deposits, on="account_id", validate="1:1")

    assert joined.height == accounts.height
    assert joined.filter(pl.col("gross") * needed > pl.col("amount").cast(float)).is_empty()
    if account_type == "portfolio_margin":
        assert joined["amount"].min() > 100_000


def test_cash_accounts_neither_borrow_nor_sell_short():
    accounts = accounts_at(COVID, date(2020, 4, 30)).filter(pl.col("account_type") == "cash")
    held = positions_at(COVID, date(2020, 4, 30)).join(accounts, on="account_id", how="semi")

    assert accounts.filter(pl.col("cash") < 0).is_empty()
    assert held.filter(pl.col("quantity") < 0).is_empty()


@pytest.mark.parametrize(
    ("session", "fewest", "most"),
    [
        pytest.param(date(2020, 2, 21), 0.0, 0.02, id="before the fall"),
        pytest.param(date(2020, 3, 23), 0.10, 0.25, id="at the lows"),
        pytest.param(date(2020, 4, 30), 0.005, 0.05, id="most are cured"),
    ],
)
def test_share_of_margin_accounts_below_their_requirement(
    session: date, fewest: float, most: float
):
    accounts = accounts_at(COVID, session).filter(pl.col("account_type") != "cash")

    called = accounts.filter(pl.col("equity") < pl.col("requirement")).height

    assert fewest <= called / accounts.height <= most


def test_some_accounts_lose_more_than_they_had():
    accounts = accounts_at(COVID, date(2020, 3, 23))

    lost = accounts.filter(pl.col("equity") <= 0)["account_id"].str.head(3).unique().to_list()

    assert {"CON", "PML"} <= set(lost)


@pytest.mark.parametrize(
    ("session", "least", "most"),
    [
        pytest.param(date(2020, 3, 11), "0", "2.49", id="the floor of 2.50 a share binds"),
        pytest.param(date(2020, 3, 23), "2.50", "4.99", id="all of the value"),
        pytest.param(date(2020, 4, 30), "5", "16.66", id="the floor of 5 a share binds"),
    ],
)
def test_a_low_priced_stock_is_held_short(session: date, least: str, most: str):
    shorts = positions_at(COVID, session).filter(pl.col("symbol") == "RRC", pl.col("quantity") < 0)

    assert not shorts.is_empty()
    assert shorts["price"].is_between(Decimal(least), Decimal(most)).all()


@pytest.mark.parametrize("feed", ["cash_movements", "fills"])
def test_calls_are_answered_the_next_morning_by_money_or_by_closing(feed: str):
    local = pl.col("event_time").dt.convert_time_zone("America/New_York")
    answers = rows(COVID, feed).filter(local.dt.strftime("%H:%M") == "09:35")

    assert answers["account_id"].n_unique() >= 10
    assert set(answers["account_id"].str.head(3)) <= {
        "LEV",
        "CON",
        "HDG",
        "SHT",
        "BER",
        "PML",
        "PMH",
    }
