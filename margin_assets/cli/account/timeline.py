"""What happened to an account, in order: one line each, of whatever kind."""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from margin_assets.cli.account.books import told
from margin_assets.cli.account.rows import Document
from margin_assets.cli.output import instant, shown

_DECIDED = "decision"
_KINDS = ("action", "fill", "cash", "settlement", "act")
_TURNS = (*_KINDS, _DECIDED, "call", "plan", "order", "notice")
"""Of one instant, in order: what came in, what was made of it, who was told."""


class Event(NamedTuple):
    """One line of the story."""

    at: datetime
    kind: str
    text: str
    by: str | None
    """Who did it; null: the market, time or a rule."""
    about: str
    """Id of the row that says more."""
    cycle: int


def timeline(story: Document) -> list[Document]:
    """All that happened since the account was first decided about, called or acted on, in order.

    Before that there are fills and cash movements alone, which the story lists beside it.
    """
    told = sorted(_told(story), key=_turn)
    moved = sorted(_moved(story), key=_turn)
    since = min((event.at for event in told), default=None)
    later = [event for event in moved if since is not None and event.at >= since]
    return [event._asdict() for event in sorted([*told, *later], key=_turn)]


def _turn(event: Event) -> tuple[datetime, int, int, str]:
    return event.at, _TURNS.index(event.kind), event.cycle, event.about


def _told(story: Document) -> Iterator[Event]:
    for row in story["decisions"]:
        text = f"{row['dimension']} {_moved_to(row)}, excess {shown(row['excess'])}"
        yield Event(row["decided_at"], _DECIDED, text, None, row["decision_id"], row["cycle"])
    for call in story["calls"]:
        yield from _call(call)
    for plan in story["plans"]:
        yield from _plan(plan)
    for notice in story["notices"]:
        yield _notice(notice)
        # Only the sender takes an acknowledgement up: no cycle decides about it.
        seen = "done" if notice["state"] == "acknowledged" else None
        yield from _acts([act | {"outcome": seen} for act in notice["acts"]])


def _moved_to(row: Document) -> str:
    """Where a dimension went, or the reason that came to or left a state that stayed."""
    if row["from_state"] != row["to_state"]:
        return f"{row['from_state']} to {row['to_state']}: {row['reason']}"
    change = "also for" if row["direction"] == "up" else "no longer for"
    return f"stays {row['to_state']}, {change} {row['reason']}"


def _call(call: Document) -> Iterator[Event]:
    for row in call["versions"]:
        dues = (("house", row["house_due_at"]), ("rule", row["legal_due_at"]))
        due = ", ".join(f"{name} {instant(at)}" for name, at in dues if at is not None)
        text = f"{call['call_type']} call {row['change']}, {shown(row['amount'])} owed"
        text += f", due {due}" if due and row["is_open"] else ""
        by = row["extended_by"] if row["change"] == "extended" else None
        yield Event(row["changed_at"], "call", text, by, call["call_id"], row["cycle"])
    yield from _acts(call["acts"])


def _plan(plan: Document) -> Iterator[Event]:
    for row in plan["versions"]:
        text = f"plan {row['state']}, cost {shown(row['cost'])}"
        text += f", excess after it {shown(row['expected_excess'])}"
        yield Event(row["changed_at"], "plan", text, row["actor"], plan["plan_id"], row["cycle"])
    for row in plan["orders"]:
        text = f"order to {row['side']} {shown(row['quantity'])} {row['symbol']} at "
        text += f"{shown(row['price'])} {row['state']}, {shown(row['filled_quantity'])} filled"
        yield Event(row["changed_at"], "order", text, None, row["order_id"], row["cycle"])
    yield from _acts(plan["acts"])


def _acts(acts: list[Document]) -> Iterator[Event]:
    for row in acts:
        became = row["outcome"] or "not decided yet"
        text = f"{row['kind']} {became}{': ' + row['refusal'] if row['refusal'] else ''}"
        text += f" ({row['reason']})" if row["reason"] else ""
        yield Event(row["event_time"], "act", text, row["actor"], row["action_id"], row["cycle"])


def _notice(row: Document) -> Event:
    text = f"{row['severity']} notice of {row['event']} to {row['recipient']} by {row['channel']}"
    text += f", {row['state']}"
    return Event(row["created_at"], "notice", text, None, row["message_id"], row["cycle"])


def _moved(story: Document) -> Iterator[Event]:
    for row in story["books"]["actions"]:
        yield Event(row["acts_at"], "action", told(row), None, row["action_id"], row["cycle"])
    for row in story["fills"]:
        order = f", of order {row['order_id']}" if row["order_id"] else ""
        text = f"{shown(row['quantity'])} {row['symbol']} at {shown(row['price'])}"
        text += f", {row['effect']}{order}"
        yield Event(row["event_time"], "fill", text, None, row["fill_id"], row["cycle"])
    for row in story["settlements"]:
        text = f"{shown(row['contracts'])} {row['symbol']} {row['outcome'].replace('_', ' ')}"
        text += f", {shown(row['shares'])} {row['share_symbol']}" if row["share_symbol"] else ""
        text += ", settled by rule" if row["settled_by_rule"] else ""
        subject = row["exercise_id"] or row["symbol"]
        yield Event(row["settled_at"], "settlement", text, None, subject, row["cycle"])
    for row in story["cash_movements"]:
        text = f"{row['kind']} of {shown(row['amount'])}"
        yield Event(row["event_time"], "cash", text, None, row["movement_id"], row["cycle"])
