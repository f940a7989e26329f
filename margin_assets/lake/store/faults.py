"""Named points of a cycle at which a test may make the process fail.

A live session reaches, in this order: `archived`, `before_plan`, `planned`, `accepted`,
`computed`, then for each table it writes `before_write:<table>` and `written:<table>` (tables
are written at once, so these interleave), `before_seal`, `sealed`. A sender of messages reaches
`notices_claimed` and, after each that its channel took, `notice_delivered`; the desk's agent
`orders_written` and `recall_written`, before it says so.
"""

from collections.abc import Callable

STEPS = ("archived", "before_plan", "planned", "accepted", "computed", "before_seal", "sealed")
"""The points that every cycle reaches, whatever tables it writes."""

Hook = Callable[[str], None]

_hook: Hook | None = None


def arm(hook: Hook | None) -> None:
    """Call `hook` with the name of every point reached from now on; None disarms."""
    global _hook
    _hook = hook


def reach(name: str) -> None:
    """Say that the cycle has come to the point `name`; does nothing unless a test armed a hook."""
    if _hook is not None:
        _hook(name)
