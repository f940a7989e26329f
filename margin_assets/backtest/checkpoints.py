"""Where books stand after each quarter, kept by a hash of all that it is a function of.

So what was walked once is found again: by a run that was interrupted, by one that reaches further,
by the next year of a backfill, and by one whose history was corrected, up to the quarter before.
"""

import hashlib
import io
import json
import zipfile

import numpy as np

from margin_assets.backtest.book.plan import Plan, on
from margin_assets.backtest.engine.ground import Ground
from margin_assets.backtest.engine.record import Year, year_arrays, year_of
from margin_assets.backtest.engine.state import State, flattened, unflattened
from margin_assets.backtest.faults import BacktestError
from margin_assets.backtest.history.building import History
from margin_assets.backtest.policy import Policy
from margin_assets.backtest.program import program_id
from margin_assets.lake.objects.objects import LocalObjects, Objects, objects_at
from margin_assets.lake.store.store import Lake

_STATE = "state_"


class Checkpoints:
    """States and years below a folder of objects."""

    def __init__(self, objects: Objects, folder: str) -> None:
        """Takes the folder, and what it is in."""
        self._objects, self._folder = objects, folder

    @classmethod
    def at(cls, folder: str) -> "Checkpoints":
        """Those of a local folder."""
        return cls(LocalObjects(folder), "checkpoints")

    @classmethod
    def beside(cls, lake: Lake) -> "Checkpoints":
        """Those beside the tables of a lake."""
        return cls(objects_at(lake.access), "backtest_checkpoints")

    def found(self, name: str) -> tuple[State, Year] | None:
        """The state after a quarter and what it came to; None where nobody has walked it.

        Raises:
            BacktestError: What lies there is no checkpoint.
        """
        path = self._path(name)
        size = self._objects.size(path)
        if size is None:
            return None
        try:
            with np.load(io.BytesIO(self._objects.read(path, 0, size)), allow_pickle=False) as held:
                arrays = {name: held[name] for name in held.files}
        except (ValueError, zipfile.BadZipFile) as error:
            raise BacktestError(f"{path} is no checkpoint: {error}") from None
        state = {n.removeprefix(_STATE): a for n, a in arrays.items() if n.startswith(_STATE)}
        return unflattened(state), year_of(arrays)

    def keep(self, name: str, state: State, year: Year) -> None:
        """Whole or not at all."""
        arrays = {f"{_STATE}{key}": held for key, held in flattened(state).items()}
        buffer = io.BytesIO()
        # The stub takes any name for its own flag `allow_pickle`; no array has that one.
        np.savez_compressed(buffer, **arrays, **year_arrays(year))  # type: ignore[arg-type]
        self._objects.put(self._path(name), [buffer.getvalue()])

    def _path(self, name: str) -> str:
        return f"{self._folder}/{name}.npz"


def checkpoint_names(
    ground: Ground, plan: Plan, policy: Policy, quarters: list[range]
) -> tuple[str, ...]:
    """Name of the state after each of some quarters in a row, the first of which opens the book.

    What a name tells of: the text of the program, of the policy and of the rulebooks, the
    securities, prices and everything else of the history up to then and as far as a quarter looks
    ahead, and the book up to then.
    """
    history, counting = ground.history, ground.counting
    told = hashlib.sha256()
    of_all = (program_id(), policy.policy_id, counting, quarters[0].start)
    securities = (history.symbols, history.asset_class, history.class_group, _terms(history))
    book = (plan.seats, plan.tempers, plan.debit_spread)
    told.update(json.dumps([*of_all, securities, book], default=str).encode())
    names, ahead = [], max(counting.left_alone, *counting.horizons)
    for number, places in enumerate(quarters):
        # Windows of the first quarter reach back to the start of the history.
        _tell_days(told, ground, range(places.start if number else 0, places.stop))
        _tell_book(told, plan, places)
        looked = told.copy()
        _tell_days(looked, ground, range(places.stop, min(places.stop + ahead, len(history.days))))
        names.append(looked.hexdigest()[:32])
    return tuple(names)


def _terms(history: History) -> list[object]:
    """Terms of the contracts among the securities."""
    held = history.contracts
    return (
        [] if held is None else [held.terms.rows(), held.underlying.tolist(), held.since.tolist()]
    )


def _tell_days(told: "hashlib._Hash", ground: Ground, places: range) -> None:
    history, rows = ground.history, slice(places.start, places.stop)
    bars = slice(*np.searchsorted(history.bars.place, [places.start, places.stop]))
    settled = np.flatnonzero((ground.settled >= places.start) & (ground.settled < places.stop))
    columns = [
        *(column[rows] for column in (history.opens, history.closes, history.price, history.age)),
        *(column[rows] for column in (ground.total, history.rate, ground.crisis)),
        history.beta[history.month[rows]],
        *(column[bars] for column in history.bars),
        *(settled, ground.settled[settled], history.worth[settled]),
    ]
    for actions in (history.splits, history.dividends):
        within = slice(*np.searchsorted(actions.place, [places.start, places.stop]))
        columns += [column[within] for column in actions]
    _tell(told, columns)


def _tell_book(told: "hashlib._Hash", plan: Plan, places: range) -> None:
    lives = plan.lives
    opened = np.flatnonzero((lives.opened >= places.start) & (lives.opened < places.stop))
    told.update("\n".join(lives.account_id[n] for n in opened.tolist()).encode())
    columns = [column[opened] for name, column in lives._asdict().items() if name != "account_id"]
    for rows in (plan.trades, plan.movements):
        first, end = on(rows.place, places.start).start, on(rows.place, places.stop).start
        columns += [column[first:end] for column in rows]
    _tell(told, columns)


def _tell(told: "hashlib._Hash", columns: list[np.ndarray]) -> None:
    """Lengths too, so that no two lists of columns tell the same bytes."""
    for column in columns:
        told.update(f"{column.dtype}{column.shape}".encode())
        told.update(np.ascontiguousarray(column).tobytes())
