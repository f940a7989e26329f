"""What the desk's agent and the sender of messages do in a trial, and what must come of it.

Both look at sealed cycles and are killed like sessions. What the agent lands of its own is kept
apart from the story's landing folder, which has the same acts at the story's times: so the tables
do not depend on when it looked.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from margin_assets.desk.agent import Agent
from margin_assets.desk.notices.contacts import post_of
from margin_assets.desk.notices.happenings import sealed_happenings
from margin_assets.desk.notices.messages import drafted
from margin_assets.desk.notices.notifier import Notifier
from margin_assets.desk.notices.policy import Policy, policy_on
from margin_assets.lake.ledger.ledger import Ledger
from margin_assets.lake.ledger.sealed import SealedTables
from margin_assets.lake.store.store import Lake
from tests.campaigns.exactly_once.cast import EASED, RECALLED, STRETCHES
from tests.campaigns.exactly_once.liquidated import LEAVING, PLANS, order_lines, recall_lines

POINTS = ("orders_written", "recall_written", "notices_claimed", "notice_delivered")
"""Where the desk is killed."""
_EVERY_CLOCK = timedelta(days=30)
"""Beyond any time that a process with a wrong clock set for the next attempt."""
_FROM_CYCLES = ("decision", "call", "plan")


def work(lake: Lake, folder: Path, ahead: timedelta = timedelta()) -> None:
    """Lets approved orders leave and tells what is new, by a clock so far ahead."""
    if not lake.is_created():
        return
    list(Agent(lake, folder / "desk", folder / "outgoing").send())
    post = post_of(folder / "outbox", None, {})
    sender = Notifier(lake, post, lambda: datetime.now(UTC) + ahead, _policy())
    while not sender.round().is_idle:
        pass


def _policy() -> Policy:
    """The policy in force, under which nothing waits for a digest: trials take seconds."""
    policy = policy_on(STRETCHES[0][0].date())
    return replace(policy, sending=replace(policy.sending, more_than=10**6))


def problems(lake: Lake, folder: Path, *, has_all_left: bool) -> Iterator[str]:
    """What of the desk's work is lost, or was done twice, once it was given all the time it needs.

    `has_all_left`: the plans stood approved when the desk looked, so their orders must have left.
    """
    work(lake, folder, _EVERY_CLOCK)
    yield from _orders(folder, has_all_left=has_all_left)
    yield from _recalls(folder)
    yield from _messages(lake, folder / "outbox")


def _orders(folder: Path, *, has_all_left: bool) -> Iterator[str]:
    left = {path.name: path.read_bytes() for path in (folder / "outgoing/orders").glob("*")}
    acts = [json.loads(path.read_text()) for path in (folder / "desk/desk_actions").glob("*")]
    said = Counter(act["subject"] for act in acts if act["kind"] == "plan_send")
    expected = {f"{PLANS[who][0]}.ndjson": order_lines(who) for who in (*LEAVING, EASED)}
    for name in left.keys() - expected.keys():
        yield f"orders: {name} is of no plan"
    for name in sorted(left.keys() & expected.keys()):
        if left[name] != expected[name]:
            yield f"orders: {name} holds {left[name]!r}"
    if has_all_left:
        due, gone = {PLANS[who][0] for who in LEAVING}, {n.removesuffix(".ndjson") for n in left}
        # Approved for two seconds, it leaves too where a cycle ends in these and the desk looks.
        if not due <= gone <= due | {PLANS[EASED][0]}:
            yield f"orders: {sorted(left)} left, due are {sorted(due)}"
        if said != Counter(gone):
            yield f"orders: said to have left {dict(said)}, left have {sorted(gone)}"


def _recalls(folder: Path) -> Iterator[str]:
    """Orders are taken back where the desk looked between the recall and the end of its day."""
    expected = {f"{PLANS[RECALLED][0]}.ndjson": recall_lines(RECALLED)}
    for path in (folder / "outgoing/recalls").glob("*"):
        if path.read_bytes() != expected.get(path.name):
            yield f"recalls: {path.name} holds {path.read_bytes()!r}"


def _messages(lake: Lake, outbox: Path) -> Iterator[str]:
    files = [path.name.removesuffix(".txt").rpartition("-")[2] for path in outbox.glob("*.txt")]
    versions = lake.scan("notifications").collect().sort("message_id", "version")
    newest = versions.unique("message_id", keep="last")
    open_ones = newest.filter(pl.col("state").is_in(["pending", "failed"]))
    if open_ones.height:
        yield f"messages: {open_ones.height} neither sent nor ended, e.g. {open_ones.row(0)}"
    repeated = [name for name, count in Counter(files).items() if count > 1]
    if repeated:
        yield f"messages: twice in the outbox {repeated}"
    if {*files} != {*newest["message_id"]}:
        lost, strange = {*newest["message_id"]} - {*files}, {*files} - {*newest["message_id"]}
        yield f"messages: not in the outbox {sorted(lost)}, of no row {sorted(strange)}"
    # Who is not asked any more stays as it was sent.
    times = versions.filter(state="sent").group_by("message_id").agg(pl.col("sent_at").n_unique())
    if (again := times.filter(pl.col("sent_at") > 1)).height:
        yield f"messages: told as sent more than once {again['message_id'].to_list()}"
    if numbers := versions.filter(pl.struct("message_id", "version").is_duplicated()).height:
        yield f"messages: {numbers} versions there twice"
    yield from _untold(lake, newest)


def _untold(lake: Lake, newest: pl.DataFrame) -> Iterator[str]:
    """What was sealed since the first that was told, and is not told.

    Where nobody was told of anything, all of it must be older than what a first look tells.
    """
    told = newest.filter(pl.col("template").is_in(_FROM_CYCLES))
    sealed, policy = Ledger(lake).last_sealed(), _policy()
    if sealed is None or sealed.as_of is None:
        yield "messages: nothing was sealed"
        return
    begun = sealed.as_of - policy.first_run if told.is_empty() else told["created_at"].min()
    scan = SealedTables(lake, sealed).scan
    found = sealed_happenings(scan, policy, lambda time: pl.col(time) >= begun)
    due = {draft.message_id: h for h in found for draft in drafted(h, policy)}
    for one in sorted(due.keys() - {*newest["message_id"]}):
        yield f"messages: {due[one].template} {due[one].about} is not told"
