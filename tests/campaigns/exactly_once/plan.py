"""What befalls the sessions of one trial: everything follows from its seed."""

import random
from dataclasses import dataclass, field, replace

from margin_assets.lake.store import faults
from schemas import TABLES
from tests.campaigns.exactly_once import desk
from tests.campaigns.exactly_once.judged import OTHER_CUT, SAME_CUT, SAME_FILES
from tests.campaigns.exactly_once.life import Life
from tests.campaigns.exactly_once.story import STORIES

# No story lands these, or what they are made of: a session never comes to their points.
_OF_NO_STORY = {
    "bonds",
    "swaps",
    "fixings",
    "fx_rates",
    "curve_quotes",
    "rates_positions",
    *(table.name for table in TABLES.values() if table.group == "rates"),
}
POINTS = (
    *faults.STEPS,
    *(
        f"{at}:{t.name}"
        for t in TABLES.values()
        if t.in_cycle and t.name not in _OF_NO_STORY
        for at in ("before_write", "written")
    ),
)
"""Every named point of a cycle at which a session can be killed."""
KINDS = ("point", "moment", "rivals", "terminated", "full disk", "small files", "upkeep")
_OPENING = ("betas", "volatilities", "opening_balances", "corporate_actions")
"""Tables that only the opening of a story writes: a session can be killed there only at first."""
_DAY = 86_400
_DESKS = 0.5
"""Part of the trials in which the desk is killed at a point of its work, besides by luck."""
# The clock of a session may be behind or ahead of what wrote the lake so far.
_CLOCKS = (-3 * _DAY, -3600, -90, 3600, 9 * _DAY)
_LATER = (0, 0, 2 * _DAY, 9 * _DAY)


@dataclass(frozen=True)
class Step:
    """Processes that live at the same time, and what is done to them; seconds from the start."""

    kind: str
    lives: tuple[Life, ...]
    starts: tuple[float, ...] = (0.0, 0.0)
    kills: tuple[float | None, ...] = (None, None)
    terminates: float | None = None
    """When the first one gets SIGTERM."""
    fills: tuple[float, float, int] | None = None
    """When the disk fills, when it has space again, and the bytes that are left meanwhile."""


@dataclass(frozen=True)
class Trial:
    """One trial: a story, how its rows are delivered, and what happens on the way."""

    seed: int
    story: int
    how: str
    max_files: int = 0
    """Files that a plan takes at most, where that cuts its deliveries; 0 for as many as ever."""
    steps: tuple[Step, ...] = field(default=())

    @property
    def needs_own_disk(self) -> bool:
        """Whether a disk fills in it."""
        return any(step.fills for step in self.steps)


def trial(seed: int) -> Trial:
    """The trial of a seed. Seeds in a row cover every kind and every point in turn."""
    chance = random.Random(f"trial {seed}")
    story = chance.randrange(STORIES)
    hows = (SAME_FILES, SAME_FILES, SAME_CUT)
    how = chance.choice(hows if story % 2 == 0 else (*hows, OTHER_CUT, OTHER_CUT, OTHER_CUT))
    point = POINTS[seed % len(POINTS)]
    steps = [_step(KINDS[seed % len(KINDS)], chance), _death(point, chance)]
    steps += [_step(chance.choice(KINDS), chance) for _ in range(chance.randrange(3))]
    chance.shuffle(steps)
    if point.partition(":")[2] in _OPENING:
        steps.insert(0, Step("point", (Life(point=point, cycle=1),)))
    if chance.random() < 0.35:
        steps = [_with_wrong_clocks(step, chance) for step in steps]
    # Of their own, so that what befalls the sessions of a seed is what it always was.
    desks = random.Random(f"desk {seed}")
    if desks.random() < _DESKS:
        working = Life(desk=desks.choice(desk.POINTS), ahead=desks.randrange(3))
        steps.insert(desks.randrange(len(steps) + 1), Step("desk", (working,)))
    bound = random.Random(f"bound {seed}").choice((0, 1, 2, 3, 5)) if how == OTHER_CUT else 0
    return Trial(seed, story, how, bound, tuple(steps))


def _death(point: str, chance: random.Random) -> Step:
    life = Life(point=point, cycle=chance.choice((1, 1, 2, 3)), ahead=chance.randrange(3))
    return Step("point", (life,))


def _step(kind: str, chance: random.Random) -> Step:
    ahead = chance.randrange(3)
    few = Life(cycles=chance.choice((1, 2, 3)), ahead=ahead)
    if kind == "point":
        return _death(chance.choice(POINTS), chance)
    if kind == "moment":
        return Step(kind, (Life(ahead=ahead),), kills=(chance.uniform(0.02, 1.0),))
    if kind == "rivals":
        kills = tuple(chance.choice((None, chance.uniform(0.1, 1.0))) for _ in range(2))
        starts = (0.0, chance.uniform(0.0, 0.3))
        return Step(kind, (few, Life(cycles=3, ahead=ahead)), starts, kills)
    if kind == "terminated":
        ended = Life(ends_softly=chance.random() < 0.4, ahead=ahead)
        at = chance.uniform(0.05, 0.8)
        # The successor starts just before, when the order is given, or soon after.
        start = max(0.0, at + chance.uniform(-0.1, 0.1))
        return Step(kind, (ended, few), (0.0, start), terminates=at)
    if kind == "full disk":
        begin = chance.choice((0.0, chance.uniform(0.1, 0.6)))
        room = chance.choice((0, chance.randrange(600_000)))
        life = replace(few, disk_is_full=True)
        return Step(kind, (life,), fills=(begin, begin + chance.uniform(0.1, 0.5), room))
    if kind == "small files":
        life = replace(few, disk_is_full=True, largest_file=chance.choice((200, 3000, 9000)))
        return Step(kind, (life,))
    tidier = Life(is_upkeep=True, clock_shift=chance.choice(_LATER))
    kill = chance.choice((None, None, chance.uniform(0.02, 0.5)))
    if chance.random() < 0.5:
        return Step(kind, (tidier,), kills=(kill,))
    return Step(kind, (tidier, few), kills=(kill, None))


def _with_wrong_clocks(step: Step, chance: random.Random) -> Step:
    lives = tuple(
        life if life.clock_shift else replace(life, clock_shift=chance.choice(_CLOCKS))
        for life in step.lives
    )
    return replace(step, lives=lives)
