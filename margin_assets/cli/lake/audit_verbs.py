"""Verbs that prove the past: audit verify, replay."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from margin_assets.cli import output
from margin_assets.cli.options import (
    DEFAULT_LAKE,
    AddressOption,
    EngineOption,
    JsonOption,
    LakeOption,
    chosen_cycle,
    chosen_engine,
    cluster_kept,
    created_lake,
    example,
    group,
    opened_lake,
)
from margin_assets.cli.output import Refusal

if TYPE_CHECKING:
    from margin_assets.engines import Engine
    from margin_assets.lake.ledger.audit import Verdict
    from margin_assets.lake.ledger.cycles import Sealed
    from margin_assets.lake.store.store import Lake
    from margin_assets.live.past.replay import ReplayReport

audit = group("Prove that the lake holds what was sealed.", "margin audit verify --lake ./lake")


def register(app: typer.Typer) -> None:
    """Adds the verbs of this module."""
    audit.command(epilog=example("margin audit verify --json"))(verify)
    app.add_typer(audit, name="audit")
    app.command(epilog=example("margin replay --verify", "margin replay --from-cycle 40"))(replay)


@audit.callback()
def _group() -> None:
    """Prove that the lake still holds what was sealed."""


def verify(*, lake: LakeOption = DEFAULT_LAKE, as_json: JsonOption = False) -> None:
    """Walk the hash chain.

    Reports the first broken link, or the last sealed cycle and its hash. Recomputes every hash,
    the digests of what each cycle wrote, and the hashes of the landed files. Keep the last hash
    elsewhere: it is what a chain rewritten from its start cannot show.
    """
    from margin_assets.lake.ledger.audit import verify as walk

    with output.progress() as bar:
        task = bar.add_task("verify", total=None)
        verdict = walk(
            opened_lake(lake), lambda step: bar.update(task, advance=1, description=step)
        )
    if as_json:
        output.answer(_document(verdict))
    if verdict.broken is not None:
        raise Refusal(f"chain broken at cycle {verdict.broken.cycle}: {verdict.broken.what}")
    if not as_json:
        _show(verdict)


def _document(verdict: "Verdict") -> dict[str, Any]:
    broken = verdict.broken
    return {
        "ok": broken is None,
        "cycles": verdict.cycles,
        "last_cycle": verdict.last_cycle,
        "hash": verdict.last_hash,
        "unfinished_cycle": verdict.unfinished_cycle,
        "broken": None if broken is None else {"cycle": broken.cycle, "what": broken.what},
    }


def _show(verdict: "Verdict") -> None:
    if verdict.last_cycle is None:
        output.say("nothing is sealed yet")
    else:
        output.say(f"{verdict.cycles} cycles hold; the last is {verdict.last_cycle}")
        output.say(f"hash {verdict.last_hash}")
    if verdict.unfinished_cycle is not None:
        output.say(f"cycle {verdict.unfinished_cycle} is planned and not sealed yet")


def replay(  # noqa: PLR0913 (the options of the interface)
    *,
    lake: LakeOption = DEFAULT_LAKE,
    from_cycle: Annotated[
        int, typer.Option(metavar="N", min=1, help="First cycle to compute anew.")
    ] = 1,
    is_verified: Annotated[
        bool, typer.Option("--verify", help="Fail on the first difference from what was sealed.")
    ] = False,
    scratch: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write a whole lake there; kept."),
    ] = None,
    engine: EngineOption = "local",
    address: AddressOption = "",
    as_json: JsonOption = False,
) -> None:
    """Compute history anew.

    From the landed inputs, and held against what was sealed and stored: every cycle's hash and
    rows, and the state tables after the last. On Ray the cycles from each kept base to the next
    are a part of their own.
    """
    if scratch is not None and engine != "local":
        raise Refusal("a lake in --scratch grows cycle by cycle: it is written here alone")
    chosen = None if engine == "local" else chosen_engine(engine, address)
    held = opened_lake(lake)
    if from_cycle > 1:
        chosen_cycle(held, from_cycle)  # refused if there is no such cycle
    report = _replayed(held, scratch, from_cycle, chosen)
    if as_json:
        output.answer({"cycles": report.cycles, "difference": report.difference})
    if is_verified and report.difference is not None:
        raise Refusal(f"replay differs: {report.difference}")
    if not as_json:
        found = f"; first difference: {report.difference}" if report.difference else ""
        output.say(f"{report.cycles} cycles replayed{found}")


def _replayed(
    lake: "Lake", scratch: Path | None, from_cycle: int, engine: "Engine | None"
) -> "ReplayReport":
    from margin_assets.cli.landing.feed_verbs import quiet_imports

    with quiet_imports():
        from margin_assets.live.past.replay import replay as recompute
        from margin_assets.live.past.replay import replay_into, replay_on
    with output.progress() as bar, cluster_kept():
        task = bar.add_task("replay", total=None)

        def tell(cycle: "Sealed", last: int) -> None:
            bar.update(task, completed=cycle.cycle, total=last)

        if engine is not None:
            return replay_on(engine, lake, from_cycle, tell)
        if scratch is None:
            return recompute(lake, from_cycle, tell)
        fresh, made = created_lake(str(scratch))
        if not made:
            raise Refusal(f"{scratch} holds a lake already; a replay needs a place of its own")
        return replay_into(lake, fresh, from_cycle, tell)
