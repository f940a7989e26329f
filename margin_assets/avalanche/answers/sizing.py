"""How large a credit line must be, with its notice, limits and covenants."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from margin_assets.avalanche.answers.case import Case, liquid, run, uncensored
from margin_assets.avalanche.answers.documents import Document, document_of, quantile_document
from margin_assets.kernels.avalanche.answers.facility import (
    FacilitySize,
    Sought,
    Verdict,
    facility_size,
    first_guess,
)
from margin_assets.kernels.avalanche.answers.quantiles import quantile
from margin_assets.kernels.avalanche.platform import Platform
from margin_assets.kernels.avalanche.results import NEVER, Results
from margin_assets.kernels.numeric.arrays import FloatArray, Int64Array

_ALL_DAY = 24
_NEVER_ENDS = np.iinfo(np.int64).max


def line_to_size(case: Case, name: str | None) -> int:
    """Place of the line to be sized: the one named, else the first committed one.

    Raises:
        ValueError: The book has no such line, or none at all.
    """
    names = list(case.holdings.names.facilities)
    if name is not None:
        if name not in names:
            msg = f"the book has no facility {name!r}; it has {', '.join(names) or 'none'}"
            raise ValueError(msg)
        return names.index(name)
    committed = np.flatnonzero(case.platform.facilities.committed)
    if len(committed) == 0:
        msg = "the book has no committed facility to size: add one with its terms, commitment 0"
        raise ValueError(msg)
    return int(committed[0])


def with_commitment(platform: Platform, place: int, commitment: float) -> Platform:
    """The platform with another commitment of one line; what is drawn stays drawn."""
    held = platform.facilities.commitment.copy()
    held[place] = platform.facilities.drawn[place] + commitment
    return platform._replace(facilities=platform.facilities._replace(commitment=held))


class Exhausted:
    """Paths exhausted under a commitment, before any sale: arm A.

    A path that a smaller line keeps is kept by a larger one, so only those are run that no other
    commitment decides. What is known of some commitments may be given.

    A path of arm A that was not exhausted and asked no line for anything had nothing short once
    collateral was turned: it is the same under every commitment. Where a request can fail or come
    late at random that does not follow, and it is run.
    """

    def __init__(
        self, case: Case, place: int, known: Mapping[float, Int64Array], still: Results
    ) -> None:
        settings = case.settings._replace(until_exhausted=1)
        self._case, self._place = case._replace(settings=settings), place
        self._known = dict(known)
        lines, surely = case.platform.facilities, settings.ops_failure + settings.ops_delay == 0.0
        asked_none = still.facility_drawn <= lines.drawn.sum()
        is_kept = (still.exhaustion_hour == NEVER) & asked_none & surely
        self._doubtful = np.flatnonzero(~is_kept)
        # Paths that end early run side by side: a block runs as long as its last.
        self._end = np.where(still.exhaustion_hour == NEVER, _NEVER_ENDS, still.exhaustion_hour)

    def paths(self, commitment: float) -> Int64Array:
        """The exhausted paths, in order."""
        if commitment not in self._known:
            below = [known for known in self._known if known < commitment]
            above = [known for known in self._known if known > commitment]
            among = self._known[max(below)] if below else self._doubtful
            surely = self._known[min(above)] if above else among[:0]
            doubtful = np.setdiff1d(among, surely, assume_unique=True)
            self._known[commitment] = np.union1d(surely, self._run(commitment, doubtful))
        return self._known[commitment]

    def _run(self, commitment: float, places: Int64Array) -> Int64Array:
        if len(places) == 0:
            return places
        platform = with_commitment(self._case.platform, self._place, commitment)
        order = np.argsort(self._end[places], kind="stable")
        results = run(self._case._replace(platform=platform), "A", places[order])
        return np.sort(exhausted_in(results))

    def without(self) -> Platform:
        """The platform without the line."""
        return with_commitment(self._case.platform, self._place, 0.0)

    def count(self, commitment: float) -> int:
        """Their number."""
        return len(self.paths(commitment))


def exhausted_in(results: Results) -> Int64Array:
    """Numbers of the paths that were exhausted, in order."""
    found: Int64Array = results.path[results.exhaustion_hour != NEVER]
    return found


class Before(NamedTuple):
    """What has been run already."""

    free: Results
    """Needs of all paths with every due paid."""
    still: Results
    """All paths of arm A."""


def before(case: Case) -> Before:
    """All paths of arm A, and what their needs are with every due paid."""
    still = run(case, "A")
    return Before(uncensored(case, still), still)


def facility_document(case: Case, level: float, ran: Before, name: str | None = None) -> Document:
    """The smallest commitment that leaves at most 1 - level of paths exhausted, and how it stands.

    Amounts are of what can be drawn anew: what is drawn already comes on top.
    """
    place, needs = line_to_size(case, name), ran.free.peak_need
    lines = case.platform.facilities
    today = float(lines.commitment[place] - lines.drawn[place])
    exhausted = Exhausted(case, place, {today: exhausted_in(ran.still)}, ran.still)
    found = sized(exhausted, level, needs)
    at_level = quantile(needs, level)
    told = document_of(found) | {
        "facility": case.holdings.names.facilities[place],
        "scenario": case.scenario_name,
        "level": level,
        "available_today": today,
        "missing": max(0.0, found.commitment - today),
        "notice_h": int(lines.notice[place]),
        "need_at_level": quantile_document(at_level),
        "indicative": not (found.high - found.low) * 0.5 <= 0.05 * max(found.commitment, 1.0),
    }
    if found.verdict is Verdict.NO_LINE_SUFFICES:
        at_once = case._replace(platform=without_delay(case.platform, place))
        # A line of nothing pays nothing, however soon.
        known = {0.0: exhausted.paths(0.0)}
        told["if_money_came_at_once"] = document_of(
            sized(Exhausted(at_once, place, known, ran.still), level, needs)
        )
    return told


def without_delay(platform: Platform, place: int) -> Platform:
    """The platform with one line that pays at once, at any hour and in any amount a day."""
    lines = platform.facilities
    notice, cut_off, limit = lines.notice.copy(), lines.cut_off.copy(), lines.day_limit.copy()
    notice[place], cut_off[place], limit[place] = 0, _ALL_DAY, np.inf
    changed = lines._replace(notice=notice, cut_off=cut_off, day_limit=limit)
    return platform._replace(facilities=changed)


def sized(exhausted: Exhausted, level: float, needs: FloatArray) -> FacilitySize:
    """The size of one line, from the needs of an unlimited run."""
    held = liquid(exhausted.without())
    guess = first_guess(quantile(needs, level).value, held.cash, held.hqla + held.facilities)
    # No line that is larger than the largest need does better: it is called too late.
    most = max(2e6, 1.5 * float(needs.max()))
    sought = Sought(paths=len(needs), level=level, most=most)
    return facility_size(exhausted.count, guess, sought)
