"""The answer to an order before it is traded, in the public shape."""

from collections.abc import Mapping, Sequence

from margin_assets.kernels.book.book import PORTFOLIO
from margin_assets.kernels.book.states import INDETERMINATE, state_names
from margin_assets.kernels.pretrade.check import Check
from margin_assets.kernels.pretrade.reasons import Reason
from margin_assets.kernels.pretrade.sides import Side
from margin_assets.kernels.rules.rules import Rules, scenario_names
from margin_assets.whatif.amounts import Row
from margin_assets.whatif.orders import Order
from schemas.landed import ACCOUNT_TYPES


def answer_of(
    head: Mapping[str, object], orders: Sequence[Order], found: Check, by: tuple[int, Rules]
) -> Row:
    """An order of one account, accepted or refused and why; amounts in USD, null where none is.

    `by`: the type of the account, and the rules that name the scenarios. A figure is told before
    and after the order.
    """
    kind, rules = by
    before, after = (_side(side, kind, rules) for side in (found.before, found.after))
    unknown = found.after.states & INDETERMINATE
    return {
        **head,
        "account_type": ACCOUNT_TYPES[kind],
        "orders": [str(order) for order in orders],
        "accepted": not found.reasons,
        "reasons": [_reason(reason, unknown) for reason in found.reasons],
        "only_reduces": found.only_reduces,
        "sma_entry": _usd(found.sma_entry),
        **{name: {"before": before[name], "after": after[name]} for name in before},
        "indeterminate_reasons": _words(unknown),
        "flags": _words(found.after.states & ~INDETERMINATE),
    }


def _reason(reason: Reason, unknown: int) -> Row:
    inputs = {"inputs": _words(unknown)} if reason.code == "indeterminate" else {}
    short_by = {} if reason.short_by is None else {"short_by": _usd(reason.short_by)}
    return {"reason": reason.code, "rule": reason.rule, **short_by, **inputs}


def _side(side: Side, kind: int, rules: Rules) -> Row:
    amounts = {
        "cash": side.cash,
        "equity": side.equity,
        "regulatory_requirement": side.regulatory,
        "house_addons": side.house,
        "governing_requirement": side.governing,
        "excess": side.excess,
        "initial_requirement": None if kind == PORTFOLIO else side.initial,
        "worst_stress_excess": side.worst_excess,
        "intraday_margin_level": side.level,
    }
    of_reg_t = {
        "sma": side.sma,
        "reg_t_excess": side.reg_t_excess,
        "buying_power": side.buying_power,
    }
    named = {"worst_stress_scenario": scenario_names(rules)[side.worst_scenario]}
    return {name: _usd(cents) for name, cents in (amounts | of_reg_t).items()} | named


def _usd(cents: int | None) -> float | None:
    return None if cents is None else cents / 100


def _words(states: int) -> list[str]:
    return state_names(states).split(";") if states else []
