"""An order checked before it is traded, for a person or as JSON."""

from typing import Any

from margin_assets.cli import output
from margin_assets.cli.options import chosen_cycle, opened_lake
from margin_assets.cli.output import Refusal

Document = dict[str, Any]
_SHOWN = (
    "cash",
    "equity",
    "regulatory_requirement",
    "house_addons",
    "governing_requirement",
    "excess",
    "initial_requirement",
    "worst_stress_excess",
    "intraday_margin_level",
    "sma",
    "reg_t_excess",
    "buying_power",
)


def show_check(lake: str, account: str, orders: list[str], *, as_json: bool) -> None:
    """Checks orders of an account against the last sealed cycle of a lake, and says the answer."""
    from margin_assets.live.checking import sealed_firm
    from margin_assets.whatif.orders import parse_orders

    legs = parse_orders(orders)
    held = opened_lake(lake)
    sealed = chosen_cycle(held)
    if sealed is None:
        raise Refusal("no cycle is sealed yet: `margin live` processes what lands")
    found = sealed_firm(held, sealed, account).check(account, legs)
    if as_json:
        output.answer(found)
    else:
        _show(found)


def _show(found: Document) -> None:
    verdict = "accepted" if found["accepted"] else "refused"
    when = output.instant(found["as_of"])
    output.say(f"{found['account_id']} as of {when}, cycle {found['cycle']}: {verdict}")
    for reason in found["reasons"]:
        missing = (
            f", short by {output.shown(output.usd(reason['short_by']))}"
            if "short_by" in reason
            else ""
        )
        inputs = f": {', '.join(reason['inputs'])}" if "inputs" in reason else ""
        output.say(f"refused: {reason['reason']} ({reason['rule']}){missing}{inputs}")
    for order in found["orders"]:
        output.say(f"order: {order}")
    rows = [(name.replace("_", " "), *map(output.usd, found[name].values())) for name in _SHOWN]
    output.table(("USD", "before", "after"), rows)
    for flag in found["flags"]:
        output.say(f"flag: {flag}")
    output.say(f"worst scenario after: {found['worst_stress_scenario']['after']}")
