"""Verbs over liquidation plans: plans list, show, approve, reject, send, work."""

import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from margin_assets.cli import output
from margin_assets.cli.options import (
    DEFAULT_LAKE,
    DEFAULT_LANDING,
    SHORT_ID,
    ActorOption,
    IdArgument,
    JsonOption,
    LakeOption,
    LandingOption,
    chosen_cycle,
    example,
    group,
    opened_lake,
)

if TYPE_CHECKING:
    from margin_assets.desk.agent import Agent, Done
    from margin_assets.lake.ledger.cycles import Sealed

OutgoingOption = Annotated[
    Path,
    typer.Option(
        "--outgoing", metavar="DIR", envvar="MARGIN_OUTGOING", help="Where orders leave from."
    ),
]
_DEFAULT_OUTGOING = Path("./outgoing")
_SHOWN = (
    *("plan_id", "account_id", "state", "deficiency", "target_excess", "expected_excess"),
    *("cost", "cost_lower_bound", "proof", "proposed_by", "proposed_at", "ends_at"),
)
_LIFE = ("version", "changed_at", "state", "is_live", "actor", "reason", "cycle")
_ORDERS = (
    *("side", "quantity", "symbol", "price", "expected_cost"),
    *("state", "filled_quantity", "average_price"),
)
_POLL_SECONDS = 1.0

plans = group(
    "List, show, approve, reject liquidation plans; let their orders leave.", "margin plans list"
)


def register(app: typer.Typer) -> None:
    """Adds the verbs of this module."""
    plans.command(
        "list", epilog=example("margin plans list", "margin plans list --account A1 --all")
    )(list_plans)
    plans.command("show", epilog=example("margin plans show 3f2a9c"))(show)
    plans.command("approve", epilog=example("margin plans approve 3f2a9c --as john"))(approve)
    plans.command(
        "reject", epilog=example('margin plans reject 3f2a9c --as john --reason "wire is in"')
    )(reject)
    plans.command("send", epilog=example("margin plans send --outgoing ./outgoing"))(send)
    plans.command("work", epilog=example("margin plans work", "margin plans work --once --json"))(
        work
    )
    app.add_typer(plans, name="plans")


def list_plans(
    *,
    lake: LakeOption = DEFAULT_LAKE,
    account: Annotated[str | None, typer.Option(metavar="A", help="Only of this account.")] = None,
    ended_too: Annotated[
        bool, typer.Option("--all", help="Also those that are over.", show_default=False)
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Liquidation plans at work: whose, what they cost, and who has to decide.

    With those that were recalled today, whose orders may still be out at the broker.
    """
    from margin_assets.desk.plans import Choice
    from margin_assets.desk.plans import plans as found
    from margin_assets.lake.ledger.sealed import SealedTables

    held = opened_lake(lake)
    sealed = chosen_cycle(held)
    scan = SealedTables(held, sealed).scan
    rows = found(
        scan, Choice(account, ended_too, None if sealed is None else sealed.as_of)
    ).to_dicts()
    if as_json:
        output.answer(rows)
        return
    short = [row | {"plan_id": row["plan_id"][:SHORT_ID]} for row in rows]
    output.table(_SHOWN, ([row[name] for name in _SHOWN] for row in short))
    stands = "nothing is sealed yet" if sealed is None else f"as of {output.shown(sealed.as_of)}"
    output.note(f"{len(rows)} plans, {stands}")


def show(
    *, plan_id: IdArgument, lake: LakeOption = DEFAULT_LAKE, as_json: JsonOption = False
) -> None:
    """The whole life of one plan: every version, who decided, and what became of its orders."""
    from margin_assets.desk.plans import orders
    from margin_assets.lake.ledger.sealed import SealedTables

    sealed, rows = _versions(lake, plan_id)
    scan = SealedTables(opened_lake(lake), sealed).scan
    asked = orders(scan, rows[-1]["plan_id"]).to_dicts()
    if as_json:
        output.answer({"plan": rows[-1], "versions": rows, "orders": asked})
        return
    for name in (*_SHOWN, "answers", "planned_from", "policy", "sent_at"):
        output.say(f"{name:16} {output.shown(rows[-1][name])}")
    output.table(_LIFE, ([row[name] for name in _LIFE] for row in rows))
    output.table(_ORDERS, ([row[name] for name in _ORDERS] for row in asked))


def approve(  # noqa: PLR0913 (the options of the interface)
    *,
    plan_id: IdArgument,
    actor: ActorOption = None,
    reason: Annotated[str | None, typer.Option(metavar="R", help="Why.")] = None,
    lake: LakeOption = DEFAULT_LAKE,
    landing: LandingOption = DEFAULT_LANDING,
    as_json: JsonOption = False,
) -> None:
    """Approve a plan that another proposed: its orders leave when the desk's agent sees it.

    The act lands as a row of desk_actions, and counts from the next cycle on.
    """
    _decide("plan_approve", (lake, plan_id), (landing, actor, reason), as_json=as_json)


def reject(  # noqa: PLR0913 (the options of the interface)
    *,
    plan_id: IdArgument,
    reason: Annotated[str, typer.Option(metavar="R", help="Why, for whoever asks later.")],
    actor: ActorOption = None,
    lake: LakeOption = DEFAULT_LAKE,
    landing: LandingOption = DEFAULT_LANDING,
    as_json: JsonOption = False,
) -> None:
    """Reject a plan whose orders have not left.

    The act lands as a row of desk_actions, and counts from the next cycle on.
    """
    _decide("plan_reject", (lake, plan_id), (landing, actor, reason), as_json=as_json)


def send(
    *,
    lake: LakeOption = DEFAULT_LAKE,
    landing: LandingOption = DEFAULT_LANDING,
    outgoing: OutgoingOption = _DEFAULT_OUTGOING,
    as_json: JsonOption = False,
) -> None:
    """Write orders of approved plans, and recalls, to the outgoing folder; propose nothing."""
    _tell(_agent(lake, landing, outgoing).send(), as_json=as_json)


def work(
    *,
    lake: LakeOption = DEFAULT_LAKE,
    landing: LandingOption = DEFAULT_LANDING,
    outgoing: OutgoingOption = _DEFAULT_OUTGOING,
    once: Annotated[
        bool, typer.Option("--once", help="Look once, and end.", show_default=False)
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Be the desk's agent: plan for triggered liquidations, let approved orders leave, recall them.

    Looks after every sealed cycle, until it is interrupted.
    """
    agent = _agent(lake, landing, outgoing)
    if once:
        _tell(agent.work(), as_json=as_json)
        return
    _each_cycle(lake, lambda: _tell(agent.work(), as_json=as_json))


def _each_cycle(lake: str, act: Callable[[], None]) -> None:
    """Acts whenever another cycle is sealed, until interrupted."""
    seen: int | None = None
    while True:
        sealed = chosen_cycle(opened_lake(lake))
        if sealed is not None and sealed.cycle != seen:
            seen = sealed.cycle
            act()
        time.sleep(_POLL_SECONDS)


def _agent(lake: str, landing: str, outgoing: Path) -> "Agent":
    from margin_assets.desk.agent import Agent

    return Agent(opened_lake(lake), landing, Path(outgoing))


def _tell(done: "Iterable[Done]", *, as_json: bool) -> None:
    rows: list[dict[str, Any]] = [one._asdict() for one in done]
    if as_json:
        output.answer(rows)
        return
    for row in rows:
        plan = "no plan" if row["plan_id"] is None else row["plan_id"][:SHORT_ID]
        output.say(f"{row['kind']} {row['account_id']} {plan}: {row['note']}")


def _decide(
    kind: str,
    what: tuple[str, str],
    how: tuple[str, str | None, str | None],
    *,
    as_json: bool,
) -> None:
    from margin_assets.desk.acts import Where, land_act, time_of_act, user_of_the_system
    from margin_assets.desk.plans import decision
    from margin_assets.lake.ledger.sealed import SealedTables

    (landing, actor, reason), (sealed, rows) = how, _versions(*what)
    scan = SealedTables(opened_lake(what[0]), sealed).scan
    who = actor or user_of_the_system()
    act = decision(scan, kind, rows[-1], (who, reason))
    at = time_of_act(sealed.as_of, datetime.now(UTC))
    path = land_act(act, Where(landing, who), at)
    if as_json:
        output.answer({"action_id": act.action_id, "plan_id": act.subject, "path": str(path)})
        return
    output.say(f"landed {path}; the next cycle reads it")


def _versions(lake: str, plan_id: str) -> "tuple[Sealed, list[dict[str, Any]]]":
    """The last sealed cycle, and every version of a plan in it."""
    from margin_assets.desk.plans import versions
    from margin_assets.lake.ledger.sealed import SealedTables

    held = opened_lake(lake)
    sealed = chosen_cycle(held)
    if sealed is None:
        raise output.Refusal("no cycle is sealed yet: `margin live` processes what lands")
    scan = SealedTables(held, sealed).scan
    return sealed, versions(scan, plan_id).to_dicts()
