"""A book in shards of accounts: each is walked by itself, and together they are the whole book.

No account knows of another, and every sum is of integers: whatever the shards, the same bytes.
"""

from collections.abc import Sequence

import numpy as np

from margin_assets.backtest.book.plan import Lives, Movements, Plan, Trades
from margin_assets.backtest.engine.record import DAY_COLUMNS, UNCOVERED, Row, Year, from_the_worst
from margin_assets.backtest.running import Walked
from margin_assets.kernels.numeric.arrays import Int64Array

_PLACE = DAY_COLUMNS.index("place")


def lives_of(plan: Plan, shard: int, of: int) -> Int64Array:
    """Lives of the seats of a shard: every so manieth, so that owners of a kind are spread."""
    return np.flatnonzero(plan.lives.seat % of == shard).astype(np.int64)


def shard_of(plan: Plan, shard: int, of: int) -> Plan:
    """The seats of a shard as a book of their own, numbered from 0."""
    chosen = lives_of(plan, shard, of)
    columns = plan.lives._asdict()
    names = columns.pop("account_id")
    lives = {name: column[chosen] for name, column in columns.items()}
    lives["seat"] = lives["seat"] // of
    trades, movements = (
        {name: column[rows.seat % of == shard] for name, column in rows._asdict().items()}
        for rows in (plan.trades, plan.movements)
    )
    for rows in (trades, movements):
        rows["seat"] = rows["seat"] // of
    return plan._replace(
        seats=len(range(shard, plan.seats, of)),
        lives=Lives(account_id=tuple(names[n] for n in chosen.tolist()), **lives),
        trades=Trades(**trades),
        movements=Movements(**movements),
    )


def together(plan: Plan, parts: Sequence[Walked]) -> Walked:
    """What all shards of a book came to, in their order."""
    chosen = [lives_of(plan, shard, len(parts)) for shard in range(len(parts))]
    by_year = zip(*(part.years for part in parts), strict=True)
    return Walked(
        years=tuple(_year(plan, years, chosen) for years in by_year),
        before=tuple(np.sum(told, axis=0) for told in zip(*(p.before for p in parts), strict=True)),
        left=_renamed([part.left for part in parts], chosen),
        walked=min(part.walked for part in parts),
    )


def _year(plan: Plan, parts: Sequence[Year], chosen: Sequence[Int64Array]) -> Year:
    days = np.sum([part.days for part in parts], axis=0)
    days[:, _PLACE] = parts[0].days[:, _PLACE]
    worst = [
        row | {"life": int(lives[row["life"]])}
        for part, lives in zip(parts, chosen, strict=True)
        for row in part.worst
    ]
    return Year(
        days=days,
        lives=_renamed([part.lives for part in parts], chosen),
        calls=_renamed([part.calls for part in parts], chosen),
        counts=np.sum([part.counts for part in parts], axis=0),
        sums=np.sum([part.sums for part in parts], axis=0),
        worst=from_the_worst(_once_a_session(plan, worst)),
    )


def _once_a_session(plan: Plan, rows: list[Row]) -> list[Row]:
    """The worst uncovered account of each session, at par that of the lower seat; all losses."""
    seat = plan.lives.seat
    rows = sorted(rows, key=lambda row: (-row["amount"], int(seat[row["life"]])))
    first: dict[int, Row] = {}
    for row in rows:
        if row["kind"] == UNCOVERED:
            first.setdefault(row["place"], row)
    return [*first.values(), *(row for row in rows if row["kind"] != UNCOVERED)]


def _renamed(parts: Sequence[Int64Array], chosen: Sequence[Int64Array]) -> Int64Array:
    """Rows by the lives of the whole book; their first column is the life in its shard."""
    found = []
    for rows, lives in zip(parts, chosen, strict=True):
        renamed = rows.copy()
        renamed[:, 0] = lives[rows[:, 0]]
        found.append(renamed)
    return np.concatenate(found)
