"""What a running session says of its store: a line on stderr whenever its state changes."""

from typing import TYPE_CHECKING

from margin_assets.cli import output

if TYPE_CHECKING:
    from margin_assets.live.session.condition import Condition, StoreCondition


def tell_changes(condition: "Condition", *, as_json: bool) -> None:
    """From now on a line whenever the store becomes degraded or is ok again."""
    condition.watch(_tell_json if as_json else _tell)


def _tell(before: "StoreCondition", now: "StoreCondition") -> None:
    if now.cause:
        output.note(f"store {now.state}: {now.cause}; retrying")
    else:
        output.note(f"store {now.state} again after {now.since - before.since:.1f} s")


def _tell_json(before: "StoreCondition", now: "StoreCondition") -> None:
    spent = round(now.since - before.since, 3)
    told = {"store": now.state, "cause": now.cause, "before": before.state, "seconds_before": spent}
    output.note(output.json_text(told))


def summed_up(condition: "Condition") -> str:
    """End of the last line: empty unless the store was in trouble."""
    if not condition.spells:
        return ""
    times = "once" if condition.spells == 1 else f"{condition.spells} times"
    return f"; store degraded {times}, {condition.degraded_seconds:.1f} s in all"
