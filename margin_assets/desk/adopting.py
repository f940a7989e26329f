"""A lake adopts rulebooks of its own: what that would change, from which day, in whose name.

Adopting is an act of a person and no landed row: a plan names its rulebooks before any file is
read, so what decides must be known before what lands. The record is as an act's is: who, when,
why, and what. See `margin_assets/lake/ledger/adoptions.py`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from margin_assets.desk.acts import Refused
from margin_assets.desk.comparing import Side, moves, not_counted, numbers, side_of
from margin_assets.kernels.calls.call_rules import call_rules
from margin_assets.kernels.intraday.intraday import intraday_rules
from margin_assets.kernels.liquidation.policy import liquidation_policy
from margin_assets.kernels.reg_t.sma_entries import entry_rules
from margin_assets.kernels.rules.firm_rules import firm_rules
from margin_assets.kernels.rules.timelines import timeline_rules
from margin_assets.lake.ledger.adoptions import Adopted, Adoption, keep, sealed_day
from margin_assets.lake.ledger.cycles import Sealed
from margin_assets.lake.ledger.ledger import Ledger
from margin_assets.lake.store.store import Lake
from margin_assets.rulebooks import Rulebook, adopted
from margin_assets.rulebooks.adopting import book_of, proposed
from margin_assets.rulebooks.texts import Text

Document = dict[str, Any]
_READ: dict[str, Callable[[date], object]] = {
    "calls": call_rules,
    "firm": firm_rules,
    "intraday": intraday_rules,
    "liquidation": liquidation_policy,
    "reg_t": entry_rules,
    "timelines": timeline_rules,
}
"""What reads the families that no summary is made by: contradictions show when they are read."""


@dataclass(frozen=True)
class Proposal:
    """Rulebooks that a lake would have from a day on."""

    effective: date
    known: int
    """How many acts of adopting the lake had: what is proposed starts from them."""
    sealed: Sealed | None
    """The last sealed cycle of the lake."""
    befores: tuple[Rulebook, ...]
    """What would be in force on that day otherwise."""
    texts: tuple[Text, ...]
    sides: tuple[Side, Side]


def proposal(lake: Lake, text: str, name: str, effective: date) -> Proposal:
    """What a file proposes to a lake from a day on.

    Raises:
        Refused: A cycle of that day or a later one is sealed already.
        ValueError: The file does not fit, or contradicts itself; keys are named.
    """
    own, last = Adopted(lake), Ledger(lake).last_sealed()
    # Counted before anything is read of them: one that comes meanwhile takes the next number.
    known, day = len(own.acts()), sealed_day(last)
    if day is not None and effective <= day:
        msg = f"{effective} is sealed already: cycles have decided up to {day}; take a later day"
        raise Refused(msg)
    with adopted(own.after(last)):
        found = proposed(text, name, effective)
        befores, texts = tuple(book for book, _ in found), tuple(new for _, new in found)
        before = side_of(effective, [])
    with adopted((*own.after(last), *texts)):
        after = side_of(effective, map(book_of, texts))
        for new in texts:
            _READ.get(new.family, str)(effective)
    return Proposal(effective, known, last, befores, texts, (before, after))


def preview(lake: Lake, asked: Proposal) -> Document:
    """What a proposal changes, and for whom, were the last sealed snapshot of its day.

    `moves` and `totals` are null where no cycle has a snapshot yet.
    """
    sealed, books = asked.sealed, tuple(zip(asked.befores, map(book_of, asked.texts), strict=True))
    differing = {after.family: numbers(before, after) for before, after in books}
    missed = [
        f"{family}.{key}"
        for family, rows in differing.items()
        for key in not_counted(family, rows, *asked.sides)
    ]
    is_seen = sealed is not None and sealed.as_of is not None
    return {
        "effective": asked.effective,
        "replaced": [f"{book.family}/{book.effective}" for book in asked.befores],
        "cycle": sealed.cycle if sealed is not None else None,
        "as_of": sealed.as_of if sealed is not None else None,
        "numbers": [
            row | {"key": f"{family}.{row['key']}"}
            for family, rows in differing.items()
            for row in rows
        ],
        "not_counted": missed,
        **(
            moves(lake, sealed, asked.sides)
            if is_seen and sealed is not None
            else {"totals": None, "moves": None}
        ),
    }


def adopt(lake: Lake, asked: Proposal, who: tuple[str, str], at: datetime) -> Sequence[Adoption]:
    """Adopts what is proposed, all of it in one act: `who` does it, and why.

    From the next plan on cycles know it.

    Raises:
        Refused: No reason is given, or somebody else adopted something since it was proposed: a
            changed rulebook is a whole text, which would take theirs back.
    """
    actor, reason = who
    if not reason.strip():
        raise Refused("say why: give --reason")
    after = 0 if asked.sealed is None else asked.sealed.cycle
    number = asked.known + 1
    found = [
        Adoption(number, text.family, text.effective, text.digest, reason.strip(), actor, at, after)
        for text in asked.texts
    ]
    if not keep(lake, list(zip(found, asked.texts, strict=True))):
        raise Refused("somebody else adopted a rulebook meanwhile: look, and try again")
    return found
