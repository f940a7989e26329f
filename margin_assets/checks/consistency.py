"""What must hold between tables, each rule one kernel and a verdict.

The daily checks and the live session take the rules from the same list.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import dagster as dg
import polars as pl

from margin_assets.assets.resources import LakeResource
from margin_assets.calendar import sessions
from margin_assets.checks.daily import daily_check
from margin_assets.kernels.corporate.contracts import (
    Told,
    differing_adjustments,
    unadjusted_contracts,
)
from margin_assets.kernels.margin import consistency
from margin_assets.kernels.rates import rates_laws
from margin_assets.lake.ledger.ledger import Ledger
from margin_assets.lake.ledger.sealed import SealedTables
from schemas import TABLES
from schemas.stock_record import AGREED

_SHOWN = 20


class Rule(NamedTuple):
    """A kernel that returns the accounts, or scenarios, for which a sentence does not hold."""

    name: str
    sentence: str
    inputs: tuple[str, ...]
    """Tables of the kernel, in order; the last one carries the check."""
    kernel: Callable[..., pl.DataFrame]
    blocking: bool = True

    @property
    def asset(self) -> str:
        """The table that carries the check."""
        return self.inputs[-1]

    def result(self, frames: Mapping[str, pl.DataFrame]) -> dg.AssetCheckResult:
        """Verdict over the frames of its tables."""
        found = self.kernel(*(frames[name] for name in self.inputs))
        severity = dg.AssetCheckSeverity.ERROR if self.blocking else dg.AssetCheckSeverity.WARN
        metadata: dict[str, Any] = {"accounts": found.height}
        if found.height:
            first = found.head(_SHOWN).select(pl.all().cast(pl.String))
            metadata["first"] = dg.MetadataValue.json(first.to_dicts())
        return dg.AssetCheckResult(passed=found.is_empty(), severity=severity, metadata=metadata)


RULES = (
    Rule(
        "every_account_has_a_summary",
        "The accounts and the summaries are of the same accounts.",
        ("account_state", "margin_summary"),
        consistency.accounts_apart,
    ),
    Rule(
        "every_account_with_positions_has_a_summary",
        "No account that holds positions lacks a summary.",
        ("positions", "margin_summary"),
        consistency.accounts_without_summary,
    ),
    Rule(
        "positions_add_up",
        "The positions of each account add up to the values of its summary.",
        ("positions", "margin_summary"),
        consistency.position_value_gaps,
    ),
    Rule(
        "every_class_group_has_positions",
        "The class groups and the positions are of the same accounts and groups.",
        ("positions", "tims_requirements"),
        consistency.class_groups_apart,
    ),
    Rule(
        "every_margin_account_has_a_memorandum",
        "No margin account lacks its special memorandum account.",
        ("special_memorandum_accounts", "margin_summary"),
        consistency.accounts_without_memorandum,
    ),
    Rule(
        "every_account_stands_somewhere",
        "The summaries and the enforcement states are of the same accounts.",
        ("margin_summary", "enforcement_state"),
        consistency.accounts_apart,
    ),
    Rule(
        "open_calls_add_up",
        "The Regulation T calls of each account add up to what its memorandum account owes.",
        ("special_memorandum_accounts", "reg_t_calls"),
        consistency.open_call_gaps,
    ),
    Rule(
        "house_charges_add_up",
        "The charges of the house on each account add up to its add-ons.",
        ("house_requirements", "margin_summary"),
        consistency.house_addon_gaps,
    ),
    Rule(
        "reg_t_lines_add_up",
        "The lines of each account add up to its Reg T requirement.",
        ("reg_t_requirements", "margin_summary"),
        consistency.reg_t_gaps,
    ),
    Rule(
        "class_groups_add_up",
        "The class groups of each account without offsets add up to its portfolio margin.",
        ("tims_requirements", "margin_summary"),
        consistency.portfolio_margin_gaps,
    ),
    Rule(
        "stress_at_zero_is_the_summary",
        "At a SPY move of 0% the stress of each account is its summary.",
        ("stress_results", "margin_summary"),
        consistency.still_stress_gaps,
    ),
    Rule(
        "credit_exposures_add_up",
        "In each scenario the types of accounts add up to the firm.",
        ("firm_risk", "credit_exposures"),
        consistency.credit_exposure_gaps,
    ),
    Rule(
        "no_account_is_indeterminate",
        "Every account has all the inputs that its requirement needs.",
        ("margin_summary",),
        consistency.indeterminate_accounts,
        blocking=False,
    ),
    Rule(
        "key_rates_sum_to_dv01",
        "The key rates of each position add up to its DV01.",
        ("rates_values", "rates_sensitivities"),
        rates_laws.key_rate_gaps,
    ),
    Rule(
        "every_position_has_a_value",
        "No position of the rates book is unpriced, or valued off a stale curve.",
        ("rates_values",),
        rates_laws.unpriced,
        blocking=False,
    ),
    Rule(
        "curves_give_back_their_quotes",
        "Each curve gives back the quotes that it was made of.",
        ("curves",),
        rates_laws.repricing_gaps,
    ),
    Rule(
        "forward_rates_are_within_bounds",
        "The forward rates between the nodes of each curve are within its rulebook's bounds.",
        ("curves",),
        rates_laws.forwards_out_of_bounds,
    ),
    Rule(
        "discount_factors_fall",
        "No discount factor of a curve is above that of an earlier node.",
        ("curves",),
        rates_laws.rising_factors,
        blocking=False,
    ),
)


def breaks_result(frames: Mapping[str, pl.DataFrame]) -> dg.AssetCheckResult:
    """Verdict on the breaks of some dates: how many, and what they come to, in USD."""
    found = frames["breaks"].filter(pl.col("kind") != AGREED)
    amounts = {
        name: float(found[name].abs().sum())
        for name in ("market_value", "requirement_change", "excess_change")
    }
    metadata: dict[str, Any] = {"breaks": found.height} | amounts
    metadata["unpriced"] = found["market_value"].null_count()
    metadata["oldest"] = int(str(found["age"].max() or 0))
    return dg.AssetCheckResult(
        passed=found.is_empty(), severity=dg.AssetCheckSeverity.WARN, metadata=metadata
    )


def _unadjusted(positions: pl.DataFrame, *told: pl.DataFrame) -> pl.DataFrame:
    return unadjusted_contracts(positions, Told(*told), sessions().opens)


ADJUSTED = Rule(
    "contracts_are_adjusted",
    "Every contract held on a security that was acted on delivers what is told or follows of it.",
    ("positions", "instruments", "corporate_actions", "option_adjustments"),
    _unadjusted,
    blocking=False,
)


def _differing(*told: pl.DataFrame) -> pl.DataFrame:
    return differing_adjustments(Told(*told), sessions().opens)


FOLLOWING = Rule(
    "adjustments_follow_their_actions",
    "Every landed adjustment says what follows of the actions on its underlying, if that is known.",
    ("instruments", "corporate_actions", "option_adjustments"),
    _differing,
    blocking=False,
)


def _check(rule: Rule) -> dg.AssetChecksDefinition:
    if not all(TABLES[name].is_daily for name in rule.inputs):
        return _sealed_check(rule)
    return daily_check(rule.name, rule.sentence, rule.inputs, rule.result, blocking=rule.blocking)


def _sealed_check(rule: Rule) -> dg.AssetChecksDefinition:
    """The check of a rule over tables without history: as the last sealed cycle left them."""

    def compute(lake: LakeResource) -> dg.AssetCheckResult:
        store = lake.lake()
        sealed = Ledger(store).last_sealed()
        tables = SealedTables(store, sealed)
        return rule.result({name: tables(name) for name in rule.inputs})

    return dg.asset_check(
        asset=rule.asset, name=rule.name, description=rule.sentence, blocking=rule.blocking
    )(compute)


CONSISTENCY = (
    *(_check(rule) for rule in (*RULES, ADJUSTED, FOLLOWING)),
    daily_check(
        "the_firms_books_agree",
        "The firm's own books hold what the monitor holds.",
        ("breaks",),
        breaks_result,
        blocking=False,
    ),
)
