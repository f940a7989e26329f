"""Average daily volumes as they stand: no figure rests on them, only what a liquidation costs."""

import polars as pl


class Volumes:
    """The volume in use of each symbol."""

    def __init__(self) -> None:
        self._landed = pl.DataFrame(
            schema={
                "symbol": pl.String,
                "average_daily_volume": pl.Decimal(38, 6),
                "event_time": pl.Datetime("us", "UTC"),
            }
        )

    @property
    def known(self) -> pl.DataFrame:
        """Symbols with their volumes, as the planner takes them."""
        return self._landed.drop("event_time")

    def take(self, rows: pl.DataFrame) -> None:
        """Takes volumes whose date has come, in landing order; the latest date stands."""
        together = pl.concat([self._landed, rows.select(self._landed.columns)])
        in_order = together.sort("event_time", maintain_order=True)
        self._landed = in_order.unique("symbol", keep="last", maintain_order=True)
