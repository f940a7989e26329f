"""Where the firm is concentrated: names and issuers by what is lost in them, and how they trade.

Amounts beyond what the kernels count with stand as `BEYOND`: no name is near it.
"""

from collections.abc import Sequence
from typing import NamedTuple, cast

import dataframely as dy
import numpy as np
import polars as pl
from numba import njit

from margin_assets.kernels.firm_risk.names import (
    HOLDERS,
    LONG_UNITS,
    LONG_VALUE,
    LOSSES,
    SHORT_UNITS,
    SHORT_VALUE,
    Walked,
    is_own,
    is_shared,
)
from margin_assets.kernels.firm_risk.price_moves import Scenarios
from margin_assets.kernels.numeric.arrays import (
    BoolArray,
    FloatArray,
    Int8Array,
    Int64Array,
    Int64Table,
)
from margin_assets.kernels.numeric.compiled import BORROWS, inner
from margin_assets.kernels.numeric.money import (
    BEYOND,
    MAX_POSITION,
    to_decimal,
    units,
    value_cents,
)
from margin_assets.kernels.rules.firm_rules import FirmRules
from margin_assets.kernels.rules.rules import Rules
from margin_assets.kernels.securities.lines import stress_line
from schemas.firm import SUBJECT_KINDS, VOLUME_STATES, FirmConcentrations

_KNOWN, _PARTIAL, _NOT_TRADED, _NO_VOLUME = range(len(VOLUME_STATES))
_CENTS = 10_000_000_000  # micro-units x micro-dollars in a cent
_EXACT = 10**17  # cents whose line by any beta fits 64 bits


class Terms(NamedTuple):
    """What of the symbols no series says."""

    symbols: Sequence[str]
    groups: Sequence[str]
    """Names of the class groups, by their code."""
    multiplier: Int64Array
    volume: Int64Array
    """Average daily volume, micro-contracts or micro-shares; negative where none is known."""


class Subjects(NamedTuple):
    """Names, or issuers, as the firm holds them; cents, one entry each."""

    name: Sequence[str]
    long_value: Int64Array
    short_value: Int64Array
    holders: Int64Array
    loss: Int64Array
    """What losing accounts lose in it, in one scenario."""
    volume: Int64Array
    """Average daily volume of a name; of an issuer negative."""
    volume_state: Int8Array
    """By its place in `VOLUME_STATES`."""
    volume_share: FloatArray
    """Units as a multiple of the volume; not finite where the state says so."""

    @property
    def gross(self) -> Int64Array:
        """Long plus short."""
        return self.long_value + self.short_value


def subjects_of(
    walk: Walked, kinds: Int8Array, scenarios: Scenarios, terms: Terms, scenario: int
) -> dict[str, Subjects]:
    """Names and issuers after a walk, with what is lost in one of its scenarios."""
    series, rules = scenarios.series, scenarios.rules
    own, shared = is_own(kinds), is_shared(kinds)
    found, price = walk.symbols, series.price
    loss = found[:, LOSSES + scenario].copy()
    values = found[:, [LONG_VALUE, SHORT_VALUE]].T.copy()
    held = found[:, [LONG_UNITS, SHORT_UNITS]].T.copy()
    _value_plain(held, price, series.beta, ~own, rules.stress_moves[scenario], rules, values, loss)
    holders = found[:, HOLDERS]
    share, state = _volume_shares(held[0] + held[1], terms)
    long_value, short_value = values
    volume = terms.volume
    names = Subjects(terms.symbols, long_value, short_value, holders, loss, volume, state, share)
    return {
        "symbol": names,
        "issuer": _issuers(
            names, walk.issuers[:, [0, 1 + scenario]], series.class_group, shared, terms
        ),
    }


@njit(**BORROWS)
def _value_plain(
    held: np.ndarray[tuple[int, int], np.dtype[np.int64]],
    price: Int64Array,
    beta: FloatArray,
    chosen: BoolArray,
    move: float,
    rules: Rules,
    values: np.ndarray[tuple[int, int], np.dtype[np.int64]],
    loss: Int64Array,
) -> None:
    """Values of what is held of the names chosen, long and short, and what is lost in them."""
    for s in range(len(price)):
        if chosen[s]:
            for side in range(2):
                value = _value(held[side, s], price[s])
                values[side, s] = value
                loss[s] += _loss(value if side == 0 else -value, beta[s], move, rules)


@inner(**BORROWS)
def _value(quantity: int, price: int) -> int:
    if quantity <= MAX_POSITION:
        return value_cents(quantity, price)
    return np.int64(min(float(quantity) * float(price) / _CENTS, float(BEYOND)))


@inner(**BORROWS)
def _loss(value: int, beta: float, move: float, rules: Rules) -> int:
    if abs(value) <= _EXACT:
        return -min(stress_line(value, beta, move, rules), 0)
    factor = beta * move if beta == beta else abs(move) * rules.missing_beta
    is_lost = beta != beta or (factor < 0.0) == (value > 0)
    size = min(abs(float(value)) * abs(factor), float(BEYOND))
    return np.int64(size) if is_lost else 0


def _volume_shares(held: Int64Array, terms: Terms) -> tuple[FloatArray, Int8Array]:
    """Units held as a multiple of what trades in a day, and what is known of it."""
    is_known = terms.volume >= 0
    places = np.arange(len(held), dtype=np.int32)
    daily = units(np.maximum(terms.volume, 0), terms.multiplier, places)
    state = np.where(is_known, np.where(daily > 0, _KNOWN, _NOT_TRADED), _NO_VOLUME)
    share = np.where(is_known, np.inf, np.nan)
    np.divide(held, daily, out=share, where=is_known & (daily > 0))
    return share, state.astype(np.int8)


def _issuers(
    names: Subjects,
    walked: Int64Table,
    issuer: np.ndarray[tuple[int], np.dtype[np.int32]],
    shared: BoolArray,
    terms: Terms,
) -> Subjects:
    """Issuers from their names, and from holders and loss of those that were walked."""
    count = len(walked)

    def total(column: Int64Array, chosen: BoolArray | slice = slice(None)) -> Int64Array:
        sums = np.zeros(count, dtype=np.int64)
        np.add.at(sums, issuer[chosen], column[chosen])
        return sums

    # Of an issuer of one name the walk found nothing: there is nothing to set against it.
    loss = walked[:, 1] + total(names.loss, ~shared)
    holders = walked[:, 0] + total(names.holders, ~shared)
    held = names.holders > 0
    known = held & (names.volume_state != _NO_VOLUME)
    share = np.full(count, np.nan)
    np.fmax.at(share, issuer[known], names.volume_share[known])
    lacks = np.bincount(issuer[held & ~known], minlength=count) > 0
    state = np.where(lacks, np.where(np.isnan(share), _NO_VOLUME, _PARTIAL), _KNOWN)
    state[np.isinf(share)] = _NOT_TRADED
    return Subjects(
        terms.groups[:count],
        total(names.long_value),
        total(names.short_value),
        holders,
        loss,
        np.full(count, -1, dtype=np.int64),
        state.astype(np.int8),
        share,
    )


def concentrations_of(
    subjects: dict[str, Subjects], scenario: str, gross: int, firm: FirmRules
) -> dy.DataFrame[FirmConcentrations]:
    """The largest names and issuers by loss in a scenario, of a firm of a gross value (cents)."""
    parts = []
    for kind in SUBJECT_KINDS:
        of = subjects[kind]
        first = largest(of, firm.largest)
        share = pl.Series(of.volume_share[first])
        share = share.set(~share.is_finite(), None)
        volume = to_decimal(of.volume[first], 6, of.volume[first] < 0)
        cents = {
            "loss": of.loss,
            "long_value": of.long_value,
            "short_value": of.short_value,
            "gross_value": of.gross,
        }
        part = pl.DataFrame(
            {
                "rank": np.arange(1, len(first) + 1, dtype=np.int64),
                "subject": pl.Series([of.name[i] for i in first], dtype=pl.String),
                **{name: to_decimal(column[first], 2) for name, column in cents.items()},
                "gross_share": pl.Series(of.gross[first] / max(gross, 1), dtype=pl.Float64),
                "accounts": of.holders[first],
                "average_daily_volume": volume,
                "volume_state": [VOLUME_STATES[i] for i in of.volume_state[first]],
                "volume_share": share,
                "days_to_liquidate": share / firm.participation,
            },
            schema_overrides={"volume_state": pl.String},
        )
        parts.append(part.with_columns(kind=pl.lit(kind), scenario=pl.lit(scenario)))
    return cast("dy.DataFrame[FirmConcentrations]", pl.concat(parts))


def largest(of: Subjects, count: int) -> Int64Array:
    """Places of the most lost, of equals the largest, of equals the first by name; held ones."""
    held = np.flatnonzero(of.holders > 0)
    if len(held) > count:
        # What is below the last place is out; ties at it are told apart below.
        last = np.partition(of.loss[held], len(held) - count)[len(held) - count]
        above = held[of.loss[held] > last]
        ties = held[of.loss[held] == last]
        some = min(count - len(above), len(ties))
        least = np.partition(of.gross[ties], len(ties) - some)[len(ties) - some]
        held = np.concatenate([above, ties[of.gross[ties] >= least]])
    ordered = sorted(held.tolist(), key=lambda i: (-int(of.loss[i]), -int(of.gross[i]), of.name[i]))
    return np.array(ordered[:count], dtype=np.int64)
