"""The tables over margined accounts, and the kernel of each: live, by date and in replay."""

from collections.abc import Callable, Iterator
from typing import Any

import dataframely as dy
import polars as pl

from margin_assets.kernels.margin.margined import Eras
from margin_assets.kernels.margin.reg_t_groups import reg_t_requirements
from margin_assets.kernels.margin.requirements import (
    house_requirements,
    margin_summary,
    stress_results,
    tims_requirements,
)

OVER_ACCOUNTS: dict[str, Callable[[Eras], dy.DataFrame[Any]]] = {
    "reg_t_requirements": reg_t_requirements,
    "tims_requirements": tims_requirements,
    "house_requirements": house_requirements,
    "stress_results": stress_results,
    "margin_summary": margin_summary,
}


def tables_over(eras: Eras) -> Iterator[tuple[str, pl.DataFrame]]:
    """Every table over positions and accounts, which are margined once, as soon as it is made."""
    return ((name, kernel(eras)) for name, kernel in OVER_ACCOUNTS.items())
