"""What became of the acts of people that counted at grid points."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from margin_assets.kernels.numeric.money import to_instants

_OUTCOME = dict.fromkeys(("action_id", "kind", "subject", "outcome", "reason"), pl.String)


class Outcomes:
    """Outcomes since they were taken last."""

    def __init__(self) -> None:
        self._rows: list[dict[str, Any]] = []

    def note(self, point: int, act: Mapping[str, Any], refusal: str | None) -> None:
        """An act was done at a grid point, or refused for a reason."""
        self._rows.append(
            {
                **{name: act[name] for name in ("action_id", "kind", "subject")},
                "outcome": "done" if refusal is None else "refused",
                "reason": refusal,
                "decided_at": point,
            }
        )

    def take(self) -> pl.DataFrame:
        """They as `desk_outcomes`, without cycle."""
        rows, self._rows = self._rows, []
        decided = pl.DataFrame(rows, schema={**_OUTCOME, "decided_at": pl.Int64})
        return decided.with_columns(decided_at=to_instants(decided["decided_at"].to_numpy()))
