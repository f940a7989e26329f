"""The figures of every account, published after the seal for whoever reads along.

Whole columns of the session's arrays, no work by row: the tables of a large book hold rows that
are minutes of event time old, and a person at a screen wants all of them as of the last seal.
"""

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
import polars as pl
import polars.selectors as cs
import pyarrow as pa

from margin_assets.kernels.book.figures import gross_values
from margin_assets.kernels.book.states import INDETERMINATE, STATE_NAMES
from margin_assets.kernels.rules.rules import Rules, scenario_names
from margin_assets.lake.ledger.cycle_times import sealed_at
from margin_assets.lake.ledger.cycles import Sealed
from margin_assets.lake.published import ABOUT, Published, folder_of
from margin_assets.lake.store.store import Lake
from margin_assets.live.firm.monitor import Monitor
from margin_assets.live.session.cycle import CycleRunner
from schemas.landed import ACCOUNT_TYPES

_ISSUERS_SECONDS = 30.0


class Publisher:
    """Publishes a session's figures while somebody reads along. Never in a cycle's way."""

    def __init__(self, lake: Lake) -> None:
        self._lake, self._place = lake, Published(folder_of(lake))
        self._shown = 0
        """The last cycle published."""
        self._names = pa.array([], pa.string())
        self._firm: pl.DataFrame | None = None
        self._sealed_at: datetime | None = None
        self._issuers: dict[str, Any] | None = None
        self._issuers_due = 0.0

    def take(self, frames: Mapping[str, pl.DataFrame]) -> None:
        """A cycle was sealed just now. Its firm's risk is kept: to sum it twice would cost."""
        self._firm = frames.get("firm_risk", self._firm)
        self._sealed_at = datetime.now(UTC)

    def forget(self) -> None:
        """Another firm is in memory now."""
        self._firm = self._sealed_at = self._issuers = None
        self._issuers_due = 0.0

    def show(self, sealed: Sealed | None, runner: CycleRunner) -> bool:
        """Publishes the figures of the sealed cycle that the runner stands at; whether it did.

        Not done twice, not for nobody, and not where the folder does not take it.
        """
        if sealed is None or sealed.as_of is None or sealed.cycle == self._shown:
            return False
        if not self._place.is_wanted():
            return False
        try:
            self._place.put(sealed.cycle, self._figures(sealed, runner))
        except OSError:
            # A full disk costs the readers a cycle, and the session nothing.
            return False
        self._shown = sealed.cycle
        return True

    def _figures(self, sealed: Sealed, runner: CycleRunner) -> pa.RecordBatch:
        monitor = runner.monitor
        figures, firm = monitor.figures(), self._firm
        columns: dict[str, Any] = {
            "account_id": self._account_ids(monitor),
            "account_type": monitor.holdings.account_type,
            "gross_market_value": gross_values(figures, slice(None)),
            "exposure": figures.exposure,
            "equity": figures.equity,
            "net_liquidation": figures.net_liquidation,
            "reg_t_equity": figures.reg_t_equity,
            "reg_t_requirement": figures.maintenance,
            "portfolio_margin_requirement": figures.portfolio_margin,
            "governing_requirement": figures.governing,
            "largest_position": monitor.valuation.largest_positions(monitor.point),
            "pnl": pa.FixedSizeListArray.from_arrays(
                pa.array(figures.pnl.ravel()), figures.pnl.shape[1]
            ),
            "states": figures.states,
            **monitor.ladder._asdict(),
        }
        arrays = [
            held if isinstance(held, pa.Array) else pa.array(held) for held in columns.values()
        ]
        about = {
            "cycle": sealed.cycle,
            "as_of": instant_text(sealed.as_of),
            "hash": sealed.hash,
            "sealed_at": instant_text(self._sealed_at or sealed_at(self._lake, sealed)),
            "flagged": runner.acceptor.refusals.open_accounts(),
            "firm": _rows(monitor.firm_risk() if firm is None else firm),
            "issuers": self._issuers_now(monitor, sealed),
            **_words(monitor.rules(monitor.point)),
        }
        found = pa.RecordBatch.from_arrays(arrays, names=list(columns))
        return found.replace_schema_metadata({ABOUT: json.dumps(about)})

    def _issuers_now(self, monitor: Monitor, sealed: Sealed) -> dict[str, Any] | None:
        # A walk over every position under every scenario: now and then, and it says of when it is.
        if (now := time.monotonic()) >= self._issuers_due:
            found = monitor.issuers()
            self._issuers_due = now + _ISSUERS_SECONDS
            self._issuers = (
                None
                if found is None
                else {
                    "cycle": sealed.cycle,
                    "names": list(found.names),
                    "loss": found.loss.tolist(),
                }
            )
        return self._issuers

    def _account_ids(self, monitor: Monitor) -> pa.Array:
        # A place, once given, never changes: only a new account makes the column anew.
        names = monitor.holdings.accounts.all
        if len(names) != len(self._names):
            self._names = pa.array(names, pa.string())
        return self._names


def _words(rules: Rules) -> dict[str, Any]:
    """What the codes of the columns mean."""
    return {
        "account_types": ACCOUNT_TYPES,
        "states": STATE_NAMES,
        "indeterminate": INDETERMINATE,
        "scenarios": scenario_names(rules),
        "moves": np.asarray(rules.stress_moves).tolist(),
        "restricting": np.asarray(rules.restricting).tolist(),
    }


def _rows(frame: pl.DataFrame) -> list[dict[str, Any]]:
    """Rows as JSON has them: decimals and instants as text."""
    cast = frame.with_columns(cs.decimal().cast(pl.String), cs.temporal().dt.to_string("iso"))
    return cast.drop("cycle", strict=False).to_dicts()


def instant_text(at: datetime | None) -> str | None:
    """An instant in RFC 3339, UTC."""
    return None if at is None else at.astimezone(UTC).isoformat(timespec="microseconds")
