"""Verbs over messages: notify sends what is due, notify list shows them, notify ack answers one."""

import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from margin_assets.cli import output
from margin_assets.cli.options import (
    DEFAULT_LAKE,
    DEFAULT_LANDING,
    SHORT_ID,
    JsonOption,
    LakeOption,
    LandingOption,
    chosen_cycle,
    created_lake,
    example,
    opened_lake,
)
from margin_assets.cli.output import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from margin_assets.desk.notices.messages import Message
    from margin_assets.desk.notices.notifier import Notifier, Round

Document = dict[str, Any]
DEFAULT_OUTBOX = Path("./outbox")
_PAUSE = 0.2
"""Seconds between two looks at whether to stop."""
_SHOWN = (
    *("message_id", "state", "severity", "recipient", "channel", "account_id"),
    *("event", "amount", "created_at", "attempts", "error"),
)

notify = typer.Typer(
    help="Send messages about what is sealed; list, acknowledge them.", rich_markup_mode=None
)


def register(app: typer.Typer) -> None:
    """Adds the verbs of this module."""
    notify.callback(
        invoke_without_command=True,
        epilog=example("margin notify --outbox ./outbox", "margin notify --every 5"),
    )(send)
    notify.command("list", epilog=example("margin notify list --state sent"))(list_messages)
    notify.command("ack", epilog=example("margin notify ack 3f2a9c --as mary"))(acknowledge)
    app.add_typer(notify, name="notify")


def send(  # noqa: PLR0913 (the options of the interface)
    *,
    context: typer.Context,
    lake: LakeOption = DEFAULT_LAKE,
    outbox: Annotated[
        Path,
        typer.Option(metavar="DIR", envvar="MARGIN_OUTBOX", help="Folder of the outbox channel."),
    ] = DEFAULT_OUTBOX,
    contacts: Annotated[
        Path | None,
        typer.Option(metavar="FILE", envvar="MARGIN_CONTACTS", help="Addresses, and channels."),
    ] = None,
    once: Annotated[
        bool, typer.Option("--once", help="Send what is due, and end.", show_default=False)
    ] = False,
    every: Annotated[
        float | None,
        typer.Option(metavar="S", min=0.5, help="Stay, and look every S seconds."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be sent now.", show_default=False)
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Send messages about sealed decisions, margin calls and deadlines.

    By the rulebook `notifications`. Each is committed before it is sent; a restart sends none
    twice by a channel that knows it again. At first only what is new is told, by the lake's time.
    """
    if context.invoked_subcommand is not None:
        return
    if every is not None and (once or dry_run or as_json):
        raise typer.BadParameter("--every goes with neither --once, --dry-run nor --json")
    sender = _sender(lake, outbox, contacts, is_created=dry_run)
    if dry_run:
        _preview(sender, as_json=as_json)
    elif every is not None:
        _stay(sender, every)
    else:
        _once(sender, as_json=as_json)


def _sender(lake: str, outbox: Path, contacts: Path | None, *, is_created: bool) -> "Notifier":
    import os

    from margin_assets.desk.notices.contacts import post_of
    from margin_assets.desk.notices.notifier import Notifier

    held = opened_lake(lake)
    if not held.is_created():
        if is_created:
            raise Refusal(f"the lake at {lake} lacks tables: `margin init` makes them")
        held, _ = created_lake(lake)
    return Notifier(held, post_of(outbox, contacts, os.environ))


def _preview(sender: "Notifier", *, as_json: bool) -> None:
    found = sender.preview()
    if as_json:
        output.answer([_document(message) for message in found])
        return
    columns = ("recipient", "channel", "severity", "subject")
    output.table(columns, ([getattr(message, name) for name in columns] for message in found))
    output.note(f"{len(found)} messages would be sent now; nothing was")


def _once(sender: "Notifier", *, as_json: bool) -> None:
    from margin_assets.desk.notices.notifier import rounds_until_idle

    rounds = list(rounds_until_idle(sender, time.sleep))
    last = {message.message_id: message for done in rounds for message in done.tried}
    found = _totals(rounds) | {"messages": [_document(message) for message in last.values()]}
    if as_json:
        output.answer(found)
    else:
        output.say(_line(found))
        for message in last.values():
            if message.error is not None:
                output.note(f"{message.message_id[:SHORT_ID]} {message.state}: {message.error}")
    if found["failed"]:
        raise typer.Exit(1)


def _stay(sender: "Notifier", every: float) -> None:
    from margin_assets.cli.landing.feed_verbs import stop_on_signal

    with stop_on_signal("round") as is_stopped:
        while not is_stopped():
            done = sender.round()
            if not done.is_idle:
                output.say(_line(_totals([done])))
                # Who reads a pipe sees it when it happens.
                sys.stdout.flush()
                continue
            _wait(every, is_stopped)


def _wait(seconds: float, is_stopped: "Callable[[], bool]") -> None:
    end = time.monotonic() + seconds
    while not is_stopped() and time.monotonic() < end:
        time.sleep(min(_PAUSE, seconds))


def _totals(rounds: "list[Round]") -> Document:
    counts = [done.counts._asdict() for done in rounds]
    names = ("written", "digested", "escalated", "acknowledged")
    found = {name: sum(count[name] for count in counts) for name in names}
    ends = {state: sum(done.count(state) for done in rounds) for state in ("sent", "failed")}
    return found | ends


def _line(found: Document) -> str:
    return ", ".join(f"{found[name]} {name}" for name in found if name != "messages")


def _document(message: "Message") -> Document:
    from dataclasses import asdict

    return asdict(message)


def list_messages(  # noqa: PLR0913 (the options of the interface)
    *,
    lake: LakeOption = DEFAULT_LAKE,
    state: Annotated[str | None, typer.Option(metavar="S", help="Only in this state.")] = None,
    account: Annotated[str | None, typer.Option(metavar="A", help="Only of this account.")] = None,
    digest: Annotated[
        str | None, typer.Option(metavar="ID", help="Only those that this digest tells of.")
    ] = None,
    limit: Annotated[int, typer.Option(metavar="N", min=1, help="The newest N.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """Messages and their fate, the newest happening first."""
    from schemas.desk.notifications import STATES

    if state is not None and state not in STATES:
        raise typer.BadParameter(f"--state is one of {', '.join(STATES)}, not {state!r}")
    wanted = {"state": state, "account_id": account, "digest_id": digest}
    rows = _messages(lake)
    found = [row for row in rows if all(v is None or row[name] == v for name, v in wanted.items())]
    if as_json:
        output.answer(found[:limit])
        return
    short = [row | {"message_id": row["message_id"][:SHORT_ID]} for row in found[:limit]]
    output.table(_SHOWN, ([row[name] for name in _SHOWN] for row in short))
    output.note(f"{len(short)} of {len(found)} messages")


def acknowledge(  # noqa: PLR0913 (the options of the interface)
    *,
    message_id: Annotated[str, typer.Argument(metavar="ID", help="Id, or enough of its start.")],
    actor: Annotated[
        str | None,
        typer.Option("--as", metavar="NAME", envvar="MARGIN_ACTOR", help="Who does it."),
    ] = None,
    reason: Annotated[str | None, typer.Option(metavar="R", help="More of it.")] = None,
    lake: LakeOption = DEFAULT_LAKE,
    landing: LandingOption = DEFAULT_LANDING,
    as_json: JsonOption = False,
) -> None:
    """Acknowledge a message, and with it every other about the same.

    The act lands as a row of desk_actions, and counts from the next cycle on.
    """
    from margin_assets.desk.acts import Act, Where, land_act, time_of_act

    found = [row for row in _messages(lake) if row["message_id"].startswith(message_id)]
    if len(found) != 1:
        many = "several messages have" if found else "no message has"
        raise Refusal(f"{many} an id that starts with {message_id!r}")
    if found[0]["state"] == "acknowledged":
        raise Refusal(f"{found[0]['acknowledged_by']} has acknowledged it")
    act = Act("notice_acknowledge", found[0]["message_id"], reason)
    sealed = chosen_cycle(opened_lake(lake))
    stands = None if sealed is None else sealed.as_of
    at = time_of_act(stands, datetime.now(UTC))
    path = land_act(act, Where(landing, actor), at)
    if as_json:
        output.answer({"action_id": act.action_id, "message_id": act.subject, "path": str(path)})
        return
    output.say(f"landed {path}; the next cycle reads it")


def _messages(lake: str) -> list[Document]:
    """The newest version of every message; none where nobody was ever told anything."""
    from margin_assets.desk.notices.fates import newest_messages

    held = opened_lake(lake)
    return newest_messages(held).to_dicts() if held.is_created() else []
