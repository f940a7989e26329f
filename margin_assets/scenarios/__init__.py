"""Built-in scenarios: batches of landing rows, the same at every telling."""

from collections.abc import Mapping
from types import MappingProxyType

from margin_assets.scenarios import covid_2020, rates_2022, sample_accounts, seed_ladder
from margin_assets.scenarios.batch import Batch, Scenario, write_batch

__all__ = ["SCENARIOS", "Batch", "Scenario", "scenario", "write_batch"]

SCENARIOS: Mapping[str, Scenario] = MappingProxyType(
    {
        told.name: told
        for told in (
            covid_2020.SCENARIO,
            seed_ladder.SCENARIO,
            sample_accounts.SCENARIO,
            rates_2022.SCENARIO,
        )
    }
)


def scenario(name: str) -> Scenario:
    """The scenario of this name; a ValueError in one line names the known ones."""
    if name not in SCENARIOS:
        raise ValueError(f"unknown scenario {name!r}; known: {', '.join(SCENARIOS)}")
    return SCENARIOS[name]
