"""Whether a firm in divisions still holds what its cycles were sealed over."""

from collections.abc import Callable

from margin_assets.lake.ledger.audit import Verdict, verify
from margin_assets.lake.ledger.divisions import hashes_in, lakes_of
from margin_assets.lake.ledger.ledger import Ledger
from margin_assets.lake.ledger.links import Break
from margin_assets.lake.store.store import Lake


def verify_firm(lake: Lake, on_step: Callable[[str], None] = lambda _: None) -> dict[str, Verdict]:
    """Verdicts on the firm's own lake (`firm`) and on each division's, by its number.

    The firm's chain vouches for the divisions' seals: one that differs breaks it there.
    """
    on_step("firm")
    found = {"firm": verify(lake)}
    hashes = {sealed.cycle: hashes_in(sealed) for sealed in Ledger(lake).all_sealed()}
    for number, division in enumerate(lakes_of(lake)):
        on_step(f"division {number}")
        verdict = verify(division)
        sealed = {one.cycle: one.hash for one in Ledger(division).all_sealed()}
        others = [cycle for cycle, known in hashes.items() if sealed.get(cycle) != known[number]]
        if others and verdict.broken is None:
            broken = Break(min(others), "is not the seal that the firm's seal vouches for")
            verdict = Verdict(verdict.cycles, verdict.last_cycle, verdict.last_hash, broken, None)
        found[str(number)] = verdict
    return found
