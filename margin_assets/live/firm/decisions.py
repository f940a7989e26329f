"""What was decided at a grid point as rows, and the saved ladder as arrays."""

import hashlib
import json

import numpy as np
import numpy.typing as npt
import polars as pl

from margin_assets.kernels.book.book import Book
from margin_assets.kernels.book.figures import Figures, gross_values
from margin_assets.kernels.book.series import codes_of
from margin_assets.kernels.book.states import INDETERMINATE, state_names
from margin_assets.kernels.enforcement.rungs import DIMENSIONS, REASONS, STATES, Ladder, Steps
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.money import to_decimal, to_instants, whole
from margin_assets.kernels.rules.grid import day_of, rules_at
from margin_assets.kernels.rules.instants import NEVER, UNSET
from margin_assets.kernels.rules.rules import Rules
from margin_assets.rulebooks import versions_in_force
from schemas.landed import ACCOUNT_TYPES


def _worst_restricting(
    figures: Figures, rules: Rules, rows: Int64Array
) -> tuple[npt.NDArray[np.float64], Int64Array]:
    moves = np.flatnonzero(rules.restricting)
    unmoved = figures.equity[rows] - figures.governing[rows]
    excess = unmoved[:, None] + figures.pnl[np.ix_(rows, moves)]
    worst = np.argmin(excess, axis=1)
    return rules.stress_moves[moves][worst], excess[np.arange(len(rows)), worst]


def decision_id(account: str, dimension: str, reason: str, point: int, direction: str) -> str:
    """Deterministic id: hash of what was decided about whom and when."""
    content = json.dumps([account, dimension, reason, point, direction], separators=(",", ":"))
    return hashlib.sha256(content.encode()).hexdigest()[:32]


def numbered(decided: list[pl.DataFrame]) -> pl.DataFrame:
    """Decisions of a run in one frame, ordered by grid point, account and dimension."""
    if not decided:
        return pl.DataFrame()
    return pl.concat(decided).with_columns(decision_number=pl.int_range(pl.len(), dtype=pl.Int64))


def decisions_of(point: int, steps: Steps, figures: Figures, book: Book) -> pl.DataFrame:
    """What was decided at one grid point with the figures that decided, accounts by place."""
    rows, rules = steps.account, rules_at(point)
    equity, requirement = figures.equity[rows], figures.governing[rows]
    gross = gross_values(figures, rows)
    move, stressed = _worst_restricting(figures, rules, rows)
    states = [int(state) for state in figures.states[rows]]
    names = list(zip(steps.dimension, steps.before, steps.after, strict=True))
    return pl.DataFrame(
        {
            "place": rows,
            "dimension": [DIMENSIONS[d] for d in steps.dimension],
            "from_state": [STATES[d][before] for d, before, _ in names],
            "to_state": [STATES[d][after] for d, _, after in names],
            "reason": [REASONS[r] for r in steps.reason],
            "direction": ["up" if tightens else "down" for tightens in steps.tightens],
            "decided_at": to_instants(np.full(len(rows), point, dtype=np.int64)),
            "account_type": [ACCOUNT_TYPES[code] for code in book.account_type[rows]],
            "equity": to_decimal(equity, 2),
            "requirement": to_decimal(requirement, 2),
            "excess": to_decimal(equity - requirement, 2),
            "gross_market_value": to_decimal(gross, 2),
            "stress_move": move,
            "stress_excess": to_decimal(stressed, 2),
            "status": ["indeterminate" if s & INDETERMINATE else "determinate" for s in states],
            "input_reasons": [state_names(s) for s in states],
            "call_opened_at": to_instants(steps.call_opened),
            "rulebooks": [json.dumps(versions_in_force(day_of(point)))] * len(rows),
        }
    )


def identified(decisions: pl.DataFrame, accounts: list[str], point: int) -> pl.DataFrame:
    """Decisions with their accounts' names and their own ids, ordered by account."""
    names = [accounts[place] for place in decisions["place"].to_list()]
    what = decisions.select("dimension", "reason", "direction").rows()
    ids = [
        decision_id(account, dimension, reason, point, direction)
        for account, (dimension, reason, direction) in zip(names, what, strict=True)
    ]
    columns = {"decision_id": pl.Series(ids), "account_id": pl.Series(names)}
    return decisions.with_columns(**columns).drop("place").sort("account_id", maintain_order=True)


def ladder_arrays(state: pl.DataFrame) -> Ladder:
    """A saved `enforcement_state` as arrays."""
    return Ladder(
        margin_status=codes_of(state["margin_status"], STATES[0]),
        call_opened=whole(state["call_opened_at"], UNSET),
        is_stressed=state["is_stress_restricted"].to_numpy(),
        is_overdue=state["is_overdue_restricted"].to_numpy(),
        stress_clear=whole(state["stress_clear_since"], UNSET),
        is_liquidating=codes_of(state["liquidation"], STATES[2]).astype(np.bool_),
        minimum_call=codes_of(state["minimum_equity"], STATES[3]).astype(np.bool_),
        held_until=np.full(state.height, UNSET, dtype=np.int64),
        deadline=np.full(state.height, NEVER, dtype=np.int64),
    )


def enforcement_frame(held: Ladder, names: list[str], of: Int64Array | None) -> pl.DataFrame:
    """The ladder (of some accounts, by place) as `enforcement_state`, without `as_of` and cycle."""
    chosen = np.arange(len(names)) if of is None else of
    ladder = Ladder._make(column[chosen] for column in held)
    restricted = (ladder.is_stressed | ladder.is_overdue).astype(np.int8)
    return pl.DataFrame(
        {
            "account_id": pl.Series([names[a] for a in chosen], dtype=pl.String),
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


def _words(codes: np.ndarray, words: tuple[str, ...]) -> pl.Series:
    """Names of states by their codes."""
    return pl.Series(words, dtype=pl.String).gather(codes.astype(np.int64))
