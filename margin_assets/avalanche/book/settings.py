"""The settings of a book: every number of a run that is no column of a table, with its default."""

from datetime import date
from typing import Annotated, Literal

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from margin_assets.avalanche.book.faults import BookError
from margin_assets.kernels.avalanche import scenario as words
from margin_assets.kernels.avalanche.scenario import Settings

Share = Annotated[float, Field(ge=0, le=1)]
Size = Annotated[float, Field(ge=0)]
Hour = Annotated[int, Field(ge=0, le=24)]
_GENERATORS = {
    "none": words.NOISELESS,
    "gaussian": words.GAUSSIAN,
    "t": words.STUDENT,
    "history": words.HISTORY,
}
_IMPACTS = {"sqrt": words.SQUARE_ROOT, "linear": words.LINEAR}
_POLICIES = {
    "cheapest": words.CHEAPEST,
    "pro_rata": words.PRO_RATA,
    "by_order": words.BY_ORDER,
}
_OF_THE_LOOP = (
    *("degrees", "block_days", "reversion", "reaction", "impact_memory", "sigma_floor"),
    *("sigma_cap", "start_weekday", "gap_share", "look_ahead", "reserve", "fx_cost", "fx_cut_off"),
    *("participation", "permanent", "transient", "decay", "ops_failure", "ops_delay"),
)
_FLAGS = ("unlimited", "volume_by_volatility", "tail")


class BookSettings(BaseModel):
    """Settings by their keys; the meaning of each stands in docs/avalanche-book.md."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    as_of: date | None = None
    days: Annotated[int, Field(ge=1, le=30)] = 10
    generator: Literal["none", "gaussian", "t", "history"] | None = None
    degrees: Annotated[float, Field(gt=2)] = 5.0
    block_days: Annotated[float, Field(ge=1)] = 3.0
    reversion: Share = 0.05
    reaction: Share = 0.08
    impact_memory: Share = 0.5
    sigma_floor: Size = 0.2
    sigma_cap: Size = 15.0
    start_weekday: Annotated[int, Field(ge=0, le=4)] = 0
    gap_share: Size = 0.3
    look_ahead: Annotated[int, Field(ge=1, le=95)] = 24
    reserve: Share = 0.0
    unlimited: bool = False
    fx_cost: Share = 0.002
    fx_cut_off: Hour = 24
    policy: Literal["cheapest", "pro_rata", "by_order"] = "cheapest"
    participation: Share = 0.2
    impact: Literal["sqrt", "linear"] = "sqrt"
    permanent: Size = 0.314
    transient: Size = 0.8
    decay: Annotated[float, Field(gt=0)] = 48.0
    volume_by_volatility: bool = True
    ops_failure: Share = 0.0
    ops_delay: Size = 0.0
    tail: bool = True
    depth_constant: Annotated[float, Field(gt=0)] = 0.4
    liquidation_days: Annotated[float, Field(gt=0)] = 1.0
    sale_units: Literal["factor", "manager"] = "factor"
    wrong_way_addon: Size = 0.1
    wrong_way_correlation: Share = 0.5
    most_off_statement: Share = 0.05
    stress_multiple: Size = 2.0
    most_stale: Share = 0.05
    cuts: Annotated[int, Field(ge=1, le=64)] = 16

    def of_the_loop(self, *, seed: int, arm: int, has_history: bool) -> Settings:
        """The settings of the loop for one run."""
        generator = self.generator or ("history" if has_history else "t")
        named = {key: getattr(self, key) for key in _OF_THE_LOOP}
        flags = {key: int(getattr(self, key)) for key in _FLAGS}
        return Settings(
            **named,
            **flags,
            seed=seed,
            arm=arm,
            hours=24 * self.days,
            generator=_GENERATORS[generator],
            impact=_IMPACTS[self.impact],
            policy=_POLICIES[self.policy],
        )


def settings_of(rows: pl.DataFrame) -> BookSettings:
    """The settings of the table `settings`; what it does not name is the default.

    Raises:
        BookError: A key is unknown or its value cannot be; each is named.
    """
    try:
        return BookSettings.model_validate(dict(rows.select("key", "value").rows()))
    except ValidationError as error:
        raise BookError(
            f"settings, key {'.'.join(map(str, fault['loc']))}: "
            + ("unknown" if fault["type"] == "extra_forbidden" else fault["msg"])
            for fault in error.errors(include_url=False)
        ) from None
