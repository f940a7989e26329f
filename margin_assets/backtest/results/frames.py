"""Rows of the tables of a run, from its years."""

import json
from importlib import metadata
from typing import Any

import numpy as np
import polars as pl

from margin_assets.backtest.engine.record import DAY_COLUMNS, LIFE_COLUMNS
from margin_assets.backtest.engine.state import TALLIES
from margin_assets.backtest.history.building import History
from margin_assets.backtest.running import Ran
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.money import to_decimal
from schemas.landed import ACCOUNT_TYPES

_DAY_AMOUNTS = ("gross", "equity", "reg_t", "portfolio_margin", "house", "loss", "lost")
_LIFE_AMOUNTS = ("paid_in", "required", "lost", "avoided")


def prices_frame(history: History) -> pl.DataFrame:
    """Rows of `history_prices`."""
    rows = history.rows
    at = (rows["place"].to_numpy(), rows["security"].to_numpy())
    beta = history.beta[history.month[at[0]], at[1]]
    actions = {
        name: pl.DataFrame(
            {
                "place": acts.place,
                "security": acts.security,
                name: to_decimal(acts.value, 6),
            }
        )
        for name, acts in (("split_ratio", history.splits), ("dividend", history.dividends))
    }
    told = rows.with_columns(
        history_id=pl.lit(history.history_id),
        close=to_decimal(rows["close"].to_numpy(), 6),
        total_return=history.total[at],
        beta=pl.Series(beta).fill_nan(None),
    )
    for acts in actions.values():
        once = acts.unique(["place", "security"], keep="last", maintain_order=True)
        told = told.join(once, on=["place", "security"], how="left", maintain_order="left")
    return told.rename({"file": "file_name"}).drop("place", "security")


def days_frame(ran: Ran) -> pl.DataFrame:
    """Rows of `backtest_days`."""
    days = np.concatenate([year.days for year in ran.years])
    columns = {name: days[:, n] for n, name in enumerate(DAY_COLUMNS) if name != "place"}
    told = {
        name: to_decimal(np.ascontiguousarray(column), 2) if name in _DAY_AMOUNTS else column
        for name, column in columns.items()
    }
    dates = [ran.ground.history.days[place] for place in days[:, 0].tolist()]
    return pl.DataFrame({"run_id": [ran.run_id] * len(days), "business_date": dates} | told)


def all_lives(ran: Ran) -> Int64Array:
    """Rows of LIFE_COLUMNS: of lives that ended, and of those that the last session leaves."""
    rows = np.concatenate([*(year.lives for year in ran.years), ran.left]).astype(np.int64)
    return rows[np.argsort(rows[:, 0], kind="stable")]


def accounts_frame(ran: Ran) -> pl.DataFrame:
    """Rows of `backtest_accounts`."""
    lives, rows, days = ran.plan.lives, all_lives(ran), ran.ground.history.days
    life, last = rows[:, 0], rows[:, 1]
    tallies = {name: rows[:, LIFE_COLUMNS.index(name)] for name in TALLIES}
    told = {
        name: to_decimal(np.ascontiguousarray(column), 2) if name in _LIFE_AMOUNTS else column
        for name, column in tallies.items()
    }
    keys: dict[str, Any] = {
        "run_id": [ran.run_id] * len(rows),
        "account_id": [lives.account_id[n] for n in life.tolist()],
        "temper": [ran.plan.tempers[lives.temper[n]] for n in life.tolist()],
        "account_type": [ACCOUNT_TYPES[lives.account_type[n]] for n in life.tolist()],
        "opened_on": [days[lives.opened[n]] for n in life.tolist()],
        "ended_on": [days[place] for place in last.tolist()],
    }
    return pl.DataFrame(keys | told)


def worst_rows(ran: Ran) -> list[dict[str, Any]]:
    """The worst sessions of a run by kind and rank; amounts in cents."""
    ranked = sorted(
        (row for year in ran.years for row in year.worst),
        key=lambda row: (row["kind"], -row["amount"], row["place"], row["life"]),
    )
    found, ranks = [], {"uncovered": 0, "lost": 0}
    for row in ranked:
        ranks[row["kind"]] += 1
        found.append(row | {"rank": ranks[row["kind"]]})
    return found


def worst_frame(ran: Ran) -> pl.DataFrame:
    """Rows of `backtest_worst`."""
    rows, history = worst_rows(ran), ran.ground.history
    amounts = {
        name: to_decimal(np.array([row[name] for row in rows], dtype=np.int64), 2)
        for name in ("amount", "loss", "required", "equity")
    }
    return pl.DataFrame(
        {
            "run_id": pl.Series([ran.run_id] * len(rows), dtype=pl.String),
            "kind": pl.Series([row["kind"] for row in rows], dtype=pl.String),
            "rank": pl.Series([row["rank"] for row in rows], dtype=pl.Int64),
            "account_id": pl.Series(
                [ran.plan.lives.account_id[row["life"]] for row in rows], dtype=pl.String
            ),
            "business_date": pl.Series([history.days[row["place"]] for row in rows], dtype=pl.Date),
            **amounts,
            "held": pl.Series([json.dumps(row["held"]) for row in rows], dtype=pl.String),
        }
    )


def _bars(ran: Ran) -> int:
    place = ran.ground.history.bars.place
    first, end = np.searchsorted(place, [ran.sessions.start, ran.sessions.stop])
    return int(end - first)


def run_frame(ran: Ran) -> pl.DataFrame:
    """The row of `backtest_runs`."""
    days, rows = np.concatenate([year.days for year in ran.years]), all_lives(ran)
    calls = np.concatenate([year.calls for year in ran.years])
    took = calls[:, 2] - calls[:, 1]
    tallies = rows[:, len(LIFE_COLUMNS) - len(TALLIES) :].sum(axis=0) - ran.before[0]
    total = dict(zip(TALLIES, tallies.tolist(), strict=True))
    house = int(days[:, DAY_COLUMNS.index("house")].sum())
    amounts = {name: total[name] for name in ("paid_in", "lost", "avoided")}
    row: dict[str, Any] = _asked(ran) | {
        "sessions": len(days),
        "bars": _bars(ran),
        "account_days": int(days[:, DAY_COLUMNS.index("accounts")].sum()),
        "accounts": len(rows),
        **{name: total[name] for name in _COUNTED},
        "median_sessions_to_cure": float(np.median(took)) if len(took) else None,
    }
    money = {
        name: to_decimal(np.array([cents]), 2)
        for name, cents in (amounts | {"mean_required": house // len(days)}).items()
    }
    return pl.DataFrame([row]).with_columns(
        pl.col("median_sessions_to_cure").cast(pl.Float64), **money
    )


_COUNTED = (
    *("warnings", "calls", "false_calls"),
    *("restrictions", "liquidations", "missed_sessions"),
)


def _asked(ran: Ran) -> dict[str, Any]:
    """What a run is a function of, and what is wrong with its history."""
    history = ran.ground.history
    faults = [
        {"symbol": f.symbol, "day": str(f.day or ""), "fault": f.fault, "treatment": f.treatment}
        for f in history.faults
    ]
    return {
        "run_id": ran.run_id,
        "policy": ran.policy.name,
        "policy_changes": json.dumps(ran.policy.changes, sort_keys=True),
        "policy_id": ran.policy.policy_id,
        "history": history.document.name,
        "history_id": history.history_id,
        "book": ran.plan.title,
        "book_id": ran.plan.book_id,
        "first_date": history.days[ran.sessions.start],
        "last_date": history.days[ran.sessions.stop - 1],
        "faults": json.dumps(faults),
        "code_version": metadata.version("margin-lakehouse"),
    }
