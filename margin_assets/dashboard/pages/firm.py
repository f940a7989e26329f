"""The pages of the firm: its risk, its limits, and the six figures of an executive."""

from datetime import timedelta
from typing import Any

import polars as pl

from margin_assets.dashboard.figures import LEVELS, Figures
from margin_assets.dashboard.following import Follower
from margin_assets.dashboard.pages.migration import Day, migrations
from margin_assets.dashboard.pages.one_account import newest
from margin_assets.dashboard.tables import Sealed, listed, plain

_TOP = 20
_NAMES_SECONDS = 30.0
_TREND_SECONDS = 60.0
_TREND_DAYS = 30
_HISTORY_CYCLES = 1_000


def firm(sealed: Sealed, follower: Follower) -> dict[str, Any]:
    """The firm under each scenario, by state, over the day, by name and against its limits."""
    figures = follower.figures
    moved = follower.past.moved(figures)
    return {
        "cycle": figures.cycle,
        "totals": figures.totals,
        "scenarios": list(figures.firm),
        "issuers": figures.issuers,
        "by_state": {"scenarios": figures.scenarios, "rows": by_state(figures)},
        "moved": None if moved is None else {"since": moved[0].isoformat(), "counts": moved[1]},
        "close": _close(sealed, figures),
        "history": _history(sealed, follower),
        "top": _top(figures),
        "limits": sealed.once("limits", lambda: _limits(sealed)),
    }


def _history(sealed: Sealed, follower: Follower) -> list[dict[str, Any]]:
    """Deficiency, cents, and how many accounts have one: cycles before this server, then ours."""
    seen = [
        {n: row[n] for n in ("at", "deficiency", "deficient")} for row in follower.past.totals()
    ]
    before = sealed.for_a_while("before", _TREND_SECONDS, lambda: _before(sealed))
    first = seen[0]["at"] if seen else None
    older = [row for row in before if first is None or row["at"] < first]
    return [plain(row) for row in [*older, *seen]]


def _before(sealed: Sealed) -> list[dict[str, Any]]:
    at_rest = pl.col("move") == 0
    is_recent = pl.col("cycle") > sealed.cycle() - _HISTORY_CYCLES
    rows = sealed.rows("firm_risk", at_rest & is_recent)
    cents = (pl.col("deficiency") * 100).cast(pl.Int64)
    return rows.select(at="as_of", deficiency=cents, deficient="accounts_deficient").to_dicts()


def by_state(figures: Figures) -> list[dict[str, Any]]:
    """What customers of each state would lack in each scenario, cents, requirement held.

    One customer's excess pays no other's deficit.
    """
    if not figures.scenarios:
        return []
    lacking = [
        (-(pl.col("excess") + pl.col("pnl").arr.get(place))).clip(lower_bound=0).sum().alias(name)
        for place, name in enumerate(figures.scenarios)
    ]
    found = {
        row["level"]: row for row in figures.accounts.group_by("level").agg(lacking).to_dicts()
    }
    return [
        {"level": word, "deficiency": [found.get(place, {}).get(s, 0) for s in figures.scenarios]}
        for place, word in enumerate(LEVELS)
    ]


def _top(figures: Figures) -> list[dict[str, Any]]:
    columns = ("account_id", "level", "deficiency", "equity", "worst_pnl", "worst_scenario")
    lacking = figures.accounts.lazy().filter(pl.col("deficiency") > 0).select(columns)
    ordered = lacking.sort("deficiency", "account_id", descending=[True, False])
    return ordered.head(_TOP).collect().to_dicts()


def names(sealed: Sealed) -> dict[str, Any]:
    """The largest names; read of all positions, so now and then."""
    found: dict[str, Any] = sealed.for_a_while("names", _NAMES_SECONDS, lambda: _names(sealed))
    return {"cycle": sealed.cycle()} | found


def _names(sealed: Sealed) -> dict[str, Any]:
    """The names that the firm's customers hold most of."""
    is_recent = pl.col("cycle") > sealed.cycle() - _HISTORY_CYCLES
    ranked = sealed.rows("firm_concentrations", is_recent)
    if ranked.height:
        # A cycle that only brings rows up to date ranks nothing.
        last = ranked.filter(pl.col("cycle") == pl.col("cycle").max(), pl.col("kind") == "symbol")
        return {"source": "firm_concentrations", "rows": listed(last.head(_TOP))}
    held = sealed.rows("positions")
    value = pl.col("market_value")
    by_name = (
        held.group_by("symbol")
        .agg(
            accounts=pl.len(),
            long=value.filter(value > 0).sum(),
            short=value.filter(value < 0).sum(),
            gross=value.abs().sum(),
        )
        .sort("gross", "symbol", descending=[True, False], nulls_last=True)
    )
    return {"source": "positions", "rows": listed(by_name.head(_TOP))}


def _limits(sealed: Sealed) -> dict[str, Any] | None:
    """Limits as landed last, with the life of their breaches; None where no table has them."""
    if not sealed.has("limits"):
        return None
    latest = sealed.rows("limits").sort("event_time", maintain_order=True)
    limits = latest.unique("limit_id", keep="last", maintain_order=True)
    breaches = newest(sealed.rows("limit_breaches"))
    return {"limits": listed(limits), "breaches": listed(breaches)}


def executive(sealed: Sealed, follower: Follower) -> dict[str, Any]:
    """The figures of the whole, with the days before; for a page that is read once a day."""
    figures = follower.figures
    worst = follower.past.totals()[-1]["worst"] if follower.past.totals() else None
    return {
        "cycle": figures.cycle,
        "totals": figures.totals,
        "worst": worst,
        "scenarios": list(figures.firm),
        "history": [plain(row) for row in follower.past.totals()],
        "days": _last_days(sealed, figures),
        "migrations": sealed.for_a_while(
            "migrations", _TREND_SECONDS, lambda: _migrations(sealed, figures)
        ),
        "largest": _top(figures)[:3],
        "limits": sealed.once("limits", lambda: _limits(sealed)),
    }


def _migrations(sealed: Sealed, figures: Figures) -> list[dict[str, Any]]:
    """How accounts moved between levels, day by day, the newest first; from day to day alone."""
    days = [Day(row["day"], row["cycle"]) for row in _last_days(sealed, figures)]
    if len(days) < 2:
        return []
    days[-1] = Day(days[-1].day, figures.cycle)
    since = pl.col("cycle") > days[0].cycle
    decisions = sealed.rows("enforcement_decisions", since)
    found = migrations(figures.accounts, decisions, days)
    return [{"day": day, "counts": counts} for day, counts in found]


def _last_days(sealed: Sealed, figures: Figures) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = sealed.for_a_while(
        "days", _TREND_SECONDS, lambda: _days(sealed, figures)
    )
    return found


def _close(sealed: Sealed, figures: Figures) -> dict[str, Any] | None:
    """The last cycle of the last day before that of the figures; None where there is none."""
    today = "" if figures.as_of is None else figures.as_of.date().isoformat()
    before = [day for day in _last_days(sealed, figures) if day["day"] < today]
    return before[-1] if before else None


def _days(sealed: Sealed, figures: Figures) -> list[dict[str, Any]]:
    """The last cycle of each of the last days: deficiency as it stands, and the worst scenario."""
    if figures.as_of is None:
        return []
    since = figures.as_of - timedelta(days=_TREND_DAYS)
    rows = sealed.rows("firm_risk", pl.col("as_of") >= since)
    last = rows.group_by(day=pl.col("as_of").dt.date()).agg(cycle=pl.col("cycle").max())
    found = rows.join(last, on="cycle", how="semi")
    by_day = (
        found.group_by(day=pl.col("as_of").dt.date())
        .agg(
            cycle=pl.col("cycle").max(),
            deficiency=pl.col("deficiency").filter(pl.col("move") == 0).first(),
            deficient=pl.col("accounts_deficient").filter(pl.col("move") == 0).first(),
            accounts=pl.col("accounts").max(),
            credit_exposure=pl.col("credit_exposure").max(),
        )
        .sort("day")
    )
    return listed(by_day)
