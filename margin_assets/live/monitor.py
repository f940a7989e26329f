"""The monitor: walks the grid points of a cycle, evaluates who is touched, climbs the ladder."""

import hashlib
import json
from collections.abc import Iterator, Mapping

import numpy as np
import polars as pl

from margin_assets.kernels.book import INDETERMINATE, Book, Int64Array, Series, state_names
from margin_assets.kernels.history import day_of
from margin_assets.kernels.ladder import (
    DIMENSIONS,
    NEVER,
    REASONS,
    STATES,
    UNSET,
    Ladder,
    Steps,
    climb,
    empty_ladder,
    set_deadlines,
)
from margin_assets.kernels.money import to_decimal, to_instants
from margin_assets.kernels.positions import marked_positions
from margin_assets.kernels.revaluation import Figures, empty_figures, revalue
from margin_assets.kernels.rules import Rules, rules_in_force
from margin_assets.live.holdings import Holdings
from margin_assets.live.market import Market
from margin_assets.rulebooks import versions_in_force
from schemas.landed import ACCOUNT_TYPES

Events = Mapping[str, pl.DataFrame]
"""Rows by feed (fills as `effects`), each with its grid `point`, in order of application."""


class Monitor:
    """State of the firm at the last evaluated grid point, and how to move it on."""

    def __init__(self, opens: Int64Array) -> None:
        self.market = Market(opens)
        self.holdings = Holdings()
        self.ladder = empty_ladder(0)
        self.last_point: int | None = None
        self._rules: Rules | None = None
        self._figures: Figures | None = None

    def run(self, events: Events, end: int) -> pl.DataFrame:
        """Evaluates every grid point up to `end` and returns the decisions, in order."""
        self._make_room(events)
        slices = {feed: _by_point(frame) for feed, frame in events.items()}
        points = np.unique(np.concatenate([np.zeros(0, np.int64), *map(_points, slices.values())]))
        decided: list[Decided] = []
        pending = list(points[points <= end][::-1].tolist())
        while True:
            point = min(pending[-1] if pending else NEVER, self._next_by_time())
            if point > end:
                break
            if pending and pending[-1] == point:
                pending.pop()
            changed = {feed: part[point] for feed, part in slices.items() if point in part}
            decided.extend(self._step(point, changed))
        self.last_point = end
        return _decisions(decided)

    def _next_by_time(self) -> int:
        interval = self.rules(self.last_point or 0).grid_interval
        due = min(int(self.ladder.deadline.min(initial=NEVER)), self.market.next_opening())
        # A deadline acts at the first grid point at or after it.
        return due if due == NEVER else -(-due // interval) * interval

    def _make_room(self, events: Events) -> None:
        for frame in events.values():
            if "symbol" in frame.columns:
                self.market.add(frame["symbol"])
            if "account_id" in frame.columns:
                self.grow(self.holdings.add(frame["account_id"]))

    def grow(self, accounts: int) -> None:
        """Gives new accounts their place on the ladder."""
        if accounts:
            new = empty_ladder(accounts)
            both = zip(self.ladder, new, strict=True)
            self.ladder = Ladder(*(np.concatenate(pair) for pair in both))

    def rules(self, point: int) -> Rules:
        """Rulebooks in force at a grid point."""
        return rules_in_force(day_of(point))

    def _step(self, point: int, changed: Mapping[str, pl.DataFrame]) -> Iterator["Decided"]:
        rules = self.rules(point)
        touched = self._apply(point, changed, rules)
        if rules is not self._rules:
            touched = np.arange(len(self.holdings.accounts), dtype=np.int64)
            self._rules = rules
        self.last_point = point
        if not len(touched):
            return
        book, series = self.arrays(point)
        if self._figures is None or len(self._figures.states) != len(self.holdings.accounts):
            self._figures = empty_figures(len(self.holdings.accounts), rules)
        figures = revalue(book, series, rules, touched, self._figures)
        steps = climb(book, figures, rules, self.ladder, (point, touched))
        if len(steps.account):
            yield Decided(point, steps, figures, rules, book, self.holdings.accounts.all)

    def arrays(self, point: int) -> tuple[Book, Series]:
        """Book and series as they stand, with the benchmark of the day."""
        beta = self.market.benchmarked(pl.Series([day_of(point)]))
        return self.holdings.book(), self.market.series(beta)

    def _apply(self, point: int, changed: Mapping[str, pl.DataFrame], rules: Rules) -> Int64Array:
        """Takes everything that counts from a point; returns the accounts it touches."""
        market, holdings = self.market, self.holdings
        symbols, accounts = [market.age(point, rules)], []
        if "instruments" in changed:
            symbols.append(market.apply_instruments(changed["instruments"]))
            holdings.regroup(market.class_group)
        if "betas" in changed:
            symbols.append(market.apply_betas(changed["betas"]))
        if "prices" in changed:
            symbols.append(market.apply_prices(changed["prices"], point, rules))
        if "accounts" in changed:
            accounts.append(holdings.apply_accounts(changed["accounts"]))
        if "cash_movements" in changed:
            accounts.append(holdings.apply_cash(changed["cash_movements"]))
        if "effects" in changed:
            accounts.append(
                holdings.apply_effects(changed["effects"], market.symbols, market.class_group)
            )
        due = np.flatnonzero(self.ladder.deadline <= point)
        holders = holdings.holders(np.concatenate(symbols), len(market.symbols))
        return np.unique(np.concatenate([*accounts, due, holders])).astype(np.int64)

    def load_ladder(self, state: pl.DataFrame, point: int) -> None:
        """Takes a saved `enforcement_state`; its accounts must be known."""
        place = self.holdings.accounts.places(state["account_id"])
        saved = ladder_arrays(state)
        for mine, theirs in zip(self.ladder, saved, strict=True):
            mine[place] = theirs
        set_deadlines(self.rules(point), self.ladder, point)

    def positions(self) -> pl.DataFrame:
        """The `positions` frame as of the last evaluated grid point."""
        point = self.last_point or 0
        beta = self.market.benchmarked(pl.Series([day_of(point)]))
        holdings = self.holdings.holdings(self.market.symbols)
        return marked_positions(holdings, self.market.terms(beta), self.rules(point), point)

    def account_state(self) -> pl.DataFrame:
        """The `account_state` frame as of the last evaluated grid point."""
        return self.holdings.account_state().with_columns(as_of=self._as_of())

    def enforcement_state(self) -> pl.DataFrame:
        """The `enforcement_state` frame as of the last evaluated grid point."""
        ladder = self.ladder
        restricted = (ladder.is_stressed | ladder.is_overdue).astype(np.int8)
        return (
            pl.DataFrame(
                {
                    "account_id": pl.Series(self.holdings.accounts.all, dtype=pl.String),
                    "margin_status": _words(ladder.margin_status, STATES[0]),
                    "restriction": _words(restricted, STATES[1]),
                    "liquidation": _words(ladder.is_liquidating.astype(np.int8), STATES[2]),
                    "minimum_equity": _words(ladder.minimum_call.astype(np.int8), STATES[3]),
                    "call_opened_at": to_instants(ladder.call_opened),
                    "is_stress_restricted": ladder.is_stressed,
                    "is_overdue_restricted": ladder.is_overdue,
                    "stress_clear_since": to_instants(ladder.stress_clear),
                }
            )
            .with_columns(as_of=self._as_of())
            .sort("account_id")
        )

    def _as_of(self) -> pl.Expr:
        return pl.lit(to_instants(np.array([self.last_point or 0], dtype=np.int64))[0]).cast(
            pl.Datetime("us", "UTC")
        )


class Decided:
    """What was decided at one grid point, with the figures that decided."""

    def __init__(
        self,
        point: int,
        steps: Steps,
        figures: Figures,
        rules: Rules,
        book: Book,
        accounts: list[str],
    ) -> None:
        self.point = point
        self.steps = steps
        # Copies: the arrays move on with the next grid point.
        rows = steps.account
        worst = _worst_restricting(figures, rules, rows)
        self.columns: dict[str, object] = {
            "account_id": [accounts[a] for a in rows],
            "account_type": [ACCOUNT_TYPES[code] for code in book.account_type[rows]],
            "equity": figures.equity[rows],
            "requirement": figures.governing[rows],
            "gross": figures.long_value[rows] + figures.short_value[rows],
            "stress_move": worst[0],
            "stress_excess": worst[1],
            "states": figures.states[rows],
        }


def _worst_restricting(
    figures: Figures, rules: Rules, rows: Int64Array
) -> tuple[np.ndarray, Int64Array]:
    moves = np.flatnonzero(rules.restricting)
    excess = figures.pnl[np.ix_(rows, moves)] + (figures.equity - figures.governing)[rows, None]
    worst = np.argmin(excess, axis=1)
    return rules.stress_moves[moves][worst], excess[np.arange(len(rows)), worst]


def decision_id(account: str, dimension: str, reason: str, point: int, direction: str) -> str:
    """Deterministic id: hash of what was decided about whom and when."""
    content = json.dumps([account, dimension, reason, point, direction], separators=(",", ":"))
    return hashlib.sha256(content.encode()).hexdigest()[:32]


def _decisions(decided: list[Decided]) -> pl.DataFrame:
    """Decisions as a frame, ordered by grid point, account and dimension."""
    if not decided:
        return pl.DataFrame()
    frames = [_decision_rows(step) for step in decided]
    return pl.concat(frames).with_columns(decision_number=pl.int_range(pl.len(), dtype=pl.Int64))


def _decision_rows(step: Decided) -> pl.DataFrame:
    steps, columns = step.steps, step.columns
    dimensions = [DIMENSIONS[d] for d in steps.dimension]
    reasons = [REASONS[r] for r in steps.reason]
    directions = ["up" if t else "down" for t in steps.tightens]
    accounts = columns["account_id"]
    ids = [
        decision_id(*row[:3], step.point, row[3])
        for row in zip(accounts, dimensions, reasons, directions, strict=True)  # type: ignore[call-overload]
    ]
    equity, requirement = columns["equity"], columns["requirement"]
    states = [int(s) for s in columns["states"]]  # type: ignore[attr-defined]
    names = list(zip(steps.dimension, steps.before, steps.after, strict=True))
    return pl.DataFrame(
        {
            "decision_id": ids,
            "account_id": accounts,
            "dimension": dimensions,
            "from_state": [STATES[d][before] for d, before, _ in names],
            "to_state": [STATES[d][after] for d, _, after in names],
            "reason": reasons,
            "direction": directions,
            "decided_at": to_instants(np.full(len(ids), step.point, dtype=np.int64)),
            "account_type": columns["account_type"],
            "equity": to_decimal(equity, 2),  # type: ignore[arg-type]
            "requirement": to_decimal(requirement, 2),  # type: ignore[arg-type]
            "excess": to_decimal(equity - requirement, 2),  # type: ignore[operator]
            "gross_market_value": to_decimal(columns["gross"], 2),  # type: ignore[arg-type]
            "stress_move": columns["stress_move"],
            "stress_excess": to_decimal(columns["stress_excess"], 2),  # type: ignore[arg-type]
            "status": ["indeterminate" if s & INDETERMINATE else "determinate" for s in states],
            "input_reasons": [state_names(s) for s in states],
            "call_opened_at": to_instants(steps.call_opened),
            "rulebooks": [json.dumps(versions_in_force(day_of(step.point)))] * len(ids),
        }
    ).sort("account_id", maintain_order=True)


def ladder_arrays(state: pl.DataFrame) -> Ladder:
    """A saved `enforcement_state` as arrays."""

    def place(name: str, words: tuple[str, ...]) -> np.ndarray:
        codes = state[name].replace_strict(
            list(words), list(range(len(words))), return_dtype=pl.Int8
        )
        return codes.to_numpy()

    def moment(name: str) -> np.ndarray:
        return state[name].to_physical().fill_null(UNSET).to_numpy()

    return Ladder(
        margin_status=place("margin_status", STATES[0]),
        call_opened=moment("call_opened_at"),
        is_stressed=state["is_stress_restricted"].to_numpy(),
        is_overdue=state["is_overdue_restricted"].to_numpy(),
        stress_clear=moment("stress_clear_since"),
        is_liquidating=place("liquidation", STATES[2]).astype(np.bool_),
        minimum_call=place("minimum_equity", STATES[3]).astype(np.bool_),
        deadline=np.full(state.height, NEVER, dtype=np.int64),
    )


def _words(codes: np.ndarray, words: tuple[str, ...]) -> pl.Series:
    return pl.Series([words[code] for code in codes], dtype=pl.String)


def _by_point(frame: pl.DataFrame) -> dict[int, pl.DataFrame]:
    parts = frame.partition_by("point", as_dict=True, maintain_order=True)
    return {int(str(key[0])): part for key, part in parts.items()}


def _points(part: Mapping[int, pl.DataFrame]) -> Int64Array:
    return np.array(list(part), dtype=np.int64)
