"""What contracts deliver after actions on what they are written on, where nobody told it.

A contract goes on to be for its strike x multiplier, and delivers what its units have become: more
or fewer of the same, of another symbol, cash. Where the OCC makes n contracts of one at an n-th of
the strike, n for one, that is worth the same to the cent. A part of a unit is cash only where the
action states its price. A landed row of `option_adjustments` stands from its date on until another
action, and so do terms that `instruments` list anew on the ex date or later; a row that lists the
same terms again tells nothing.

Source: OCC By-Laws, article VI, section 11A.
"""

from collections import defaultdict
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from margin_assets.kernels.book.deliverables import Deliverable, adjusted, parsed
from margin_assets.kernels.book.delivered_terms import is_unmodelled
from margin_assets.kernels.book.terms import first_instant, from_their_dates, latest
from margin_assets.kernels.corporate.actions import SAME, Action, Ratio, Register, register_of
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.money import instants, to_instants
from margin_assets.kernels.rules.expiry import NEW_YORK
from margin_assets.kernels.rules.instants import NEVER
from schemas.books import IN_CASH

_MICRO, _CENT = 1_000_000, 100
UNKNOWN = "unknown"
"""A deliverable that does not follow from the action: no model follows it either."""
_DERIVED = {"effective_on": pl.Date, "delivers": pl.String, "action_id": pl.String}
_TERMS = ("underlying", "right", "strike", "multiplier")
_KEYS = ("underlying", "multiplier", "deliverable", "epoch")


class Told(NamedTuple):
    """Tables that say what contracts deliver, as landed and in landing order."""

    instruments: pl.DataFrame
    """At least those of the contracts asked for."""
    actions: pl.DataFrame
    adjustments: pl.DataFrame


def adjustments_in_force(
    told: pl.DataFrame, listed: pl.DataFrame, actions: Sequence[Action]
) -> pl.DataFrame:
    """What each adjusted contract delivers: as told, or as actions since have left it.

    `told`, `listed`: the latest versions of `option_adjustments` and `instruments` by symbol, these
    with `since` (`with_since`).
    `actions`: those that have acted, in their order. Rows that follow from actions have the
    `action_id` of the last; without such actions the frame is `told`.
    """
    changing = [action for action in actions if changes_contracts(action)]
    if not changing:
        return told
    says = told.select("symbol", "deliverable", "strike_multiplier", told_at="event_time")
    names = [action.symbol for action in changing]
    options = (
        listed.filter(pl.col("strike").is_not_null())
        .select("symbol", "underlying", "multiplier", "since")
        .join(says, on="symbol", how="left", maintain_order="left", validate="m:1")
        .filter(pl.col("underlying").is_in(names) | pl.col("deliverable").is_not_null())
    )
    days = _ex_days(changing)
    starts = instants(first_instant(days))
    since = instants(options.select(pl.max_horizontal("since", "told_at")).to_series())
    options = options.with_columns(epoch=pl.Series(np.searchsorted(starts, since, side="right")))
    kinds = options.select(_KEYS).unique(maintain_order=True)
    rows = [_derived(kind, changing, days) for kind in kinds.iter_rows()]
    derived = pl.concat([kinds, pl.DataFrame(rows, _DERIVED, orient="row")], how="horizontal")
    found = (
        options.join(derived, on=_KEYS, how="left", nulls_equal=True, maintain_order="left")
        .filter(pl.col("delivers").is_not_null())
        .select("symbol", "effective_on", "strike_multiplier", "action_id", deliverable="delivers")
    )
    others = told.join(found, on="symbol", how="anti", maintain_order="left")
    return pl.concat([others, found], how="diagonal")


def with_since(versions: pl.DataFrame) -> pl.DataFrame:
    """Rows of `instruments` by time and landing, with `since` when their terms stand.

    That is the time of the first of the rows of a symbol with one underlying, right, strike and
    multiplier that follow on each other; where `since` is known of a row, it is that of its run.
    """
    ordered = versions.sort("event_time", maintain_order=True)
    if "since" not in versions.columns:
        ordered = ordered.with_columns(since="event_time")
    terms = pl.concat_str(
        [pl.col(name).cast(pl.String).fill_null("") for name in _TERMS], separator="\t"
    )
    is_new = (terms != terms.shift().over("symbol")).fill_null(value=True)
    runs = ordered.with_columns(run=is_new.cum_sum().over("symbol"))
    return runs.with_columns(since=pl.col("since").first().over("symbol", "run")).drop("run")


def changes_contracts(action: Action) -> bool:
    """Whether an action changes what contracts on its symbol deliver: a dividend does not."""
    return action.own != SAME or bool(action.given.units or action.paid)


def _ex_days(actions: Sequence[Action]) -> pl.Series:
    """Days of the ex sessions, New York."""
    at = np.array([action.at for action in actions], dtype=np.int64)
    return to_instants(at).dt.convert_time_zone(NEW_YORK).dt.date()


def _derived(
    kind: tuple[Any, ...], actions: Sequence[Action], days: pl.Series
) -> tuple[object, str | None, str | None]:
    """Since when, what and by which action contracts of a kind deliver; nulls: as before."""
    underlying, multiplier, text, epoch = kind
    units = Deliverable(((underlying, multiplier),), multiplier * 0)
    base = units if text is None else parsed(text)
    holding = None if base is None else _Holding(base)
    last = None
    for n, action in enumerate(actions[epoch:], epoch):
        if holding is None or action.symbol not in holding.parts:
            continue
        last, holding = n, holding.after(action)
    if last is None:
        return None, None, None
    told = UNKNOWN if holding is None else holding.written()
    return days[last], told, actions[last].action_id


class _Holding:
    """Units and cash that one contract delivers."""

    def __init__(self, deliverable: Deliverable) -> None:
        self.parts = defaultdict(Fraction, {name: Fraction(n) for name, n in deliverable.units})
        self._cash = Fraction(deliverable.cash)

    def after(self, action: Action) -> "_Holding | None":
        """What it becomes by an action; None where that is not told: parts without a price."""
        held = self.parts.pop(action.symbol)
        self._cash += held * action.paid / _MICRO
        for symbol, ratio in ((action.symbol, action.own), (action.other, action.given)):
            if symbol is None or not ratio.units:
                continue
            units = held * _of(ratio)
            rest = units % 1
            if rest and action.fractions != IN_CASH:
                return None
            self._cash += rest * action.fraction_price / _MICRO
            if units >= 1:
                self.parts[symbol] += units - rest
        return self

    def written(self) -> str:
        """As `option_adjustments` say it."""
        told = [f"{_plain(units, _MICRO)} {name}" for name, units in sorted(self.parts.items())]
        cash = [f"{_plain(self._cash, _CENT)} cash"] if self._cash or not told else []
        return " + ".join([*told, *cash])


def _of(ratio: Ratio) -> Fraction:
    return Fraction(ratio.units, ratio.per)


def _plain(number: Fraction, parts: int) -> str:
    """A number with as many decimals as it has, at most those of a part, rounded half up."""
    scaled = (2 * number * parts + 1) // 2
    whole, rest = divmod(int(scaled), parts)
    digits = str(rest).zfill(len(str(parts)) - 1).rstrip("0")
    return f"{whole}.{digits}" if digits else str(whole)


def in_force_at(told: Told, opens: Int64Array, at: int) -> pl.DataFrame:
    """`adjustments_in_force` at an instant; `opens` of all sessions."""
    return _in_force_at(told, register_of(told.actions, opens), at)


def _in_force_at(told: Told, register: Register, at: int) -> pl.DataFrame:
    return adjustments_in_force(
        latest(from_their_dates(told.adjustments), "symbol", at),
        latest(with_since(told.instruments), "symbol", at),
        register.acted(at),
    )


def delivered_at(positions: pl.DataFrame, told: Told, opens: Int64Array) -> pl.DataFrame:
    """Rows of `positions` with what their contracts deliver at each row's `as_of`."""
    if positions.is_empty() or (told.adjustments.is_empty() and told.actions.is_empty()):
        return positions
    register = register_of(told.actions, opens)
    parts = []
    for _, part in positions.group_by("as_of", maintain_order=True):
        at = int(instants(part["as_of"].head(1))[0])
        parts.append(adjusted(part, _in_force_at(told, register, at)))
    return pl.concat(parts, how="diagonal")


def unadjusted_contracts(positions: pl.DataFrame, told: Told, opens: Int64Array) -> pl.DataFrame:
    """Positions in contracts that an action left without a model: account, symbol.

    They deliver several securities, or what the action does not tell, and nobody has since.
    """
    keys = ["account_id", "symbol"]
    held = positions.filter(pl.col("strike").is_not_null())
    register = register_of(told.actions, opens)
    found = [positions.select(keys).clear()]
    for _, part in held.group_by("as_of", maintain_order=True):
        known = _in_force_at(told, register, int(instants(part["as_of"].head(1))[0]))
        if "action_id" in known.columns:
            rows = adjusted(part, known.filter(pl.col("action_id").is_not_null()))
            found.append(rows.filter(is_unmodelled(rows)).select(keys))
    return pl.concat(found).sort(keys)


def differing_adjustments(told: Told, opens: Int64Array) -> pl.DataFrame:
    """Landed adjustments that say otherwise than follows of the actions by their date.

    `symbol`, `deliverable` and what follows, `derived`. What follows of none, or is not known, is
    left out: there the landed row alone knows. They count as landed.
    """
    rows = latest(from_their_dates(told.adjustments), "symbol", NEVER)
    actions = [a for a in register_of(told.actions, opens).standing(NEVER) if changes_contracts(a)]
    listed = latest(with_since(told.instruments), "symbol", NEVER)
    days = _ex_days(actions)
    starts = instants(first_instant(days))
    kinds = rows.select("symbol", "deliverable", at="event_time").join(
        listed.select("symbol", "underlying", "multiplier", "since"), on="symbol"
    )
    found = []
    for symbol, says, at, underlying, multiplier, since in zip(
        *(kinds[name] for name in ("symbol", "deliverable")),
        instants(kinds["at"]).tolist(),
        *(kinds[name] for name in ("underlying", "multiplier")),
        instants(kinds["since"]).tolist(),
        strict=True,
    ):
        until, epoch = (int(np.searchsorted(starts, t, side="right")) for t in (at, since))
        _, text, _ = _derived((underlying, multiplier, None, epoch), actions[:until], days)
        if text not in (None, UNKNOWN, says) and parsed(text) != parsed(says):
            found.append((symbol, says, text))
    schema = dict.fromkeys(("symbol", "deliverable", "derived"), pl.String)
    return pl.DataFrame(found, schema=schema, orient="row").sort("symbol")
