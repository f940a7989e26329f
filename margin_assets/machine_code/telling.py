"""Says on a terminal that loops are being compiled: minutes of silence look like a fault."""

import sys
from functools import cache
from typing import TextIO

from numba.core import event

_CLEARED = "\r\x1b[K"


class Telling(event.Listener):
    """One line that stays, at the first loop, and one that comes and goes with each."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._depth = self._loops = 0

    def on_start(self, happening: event.Event) -> None:
        """A loop begins to be compiled, maybe for another that waits for it."""
        if not self._loops:
            self._out.write("compiling the engine for this machine: some minutes, once\n")
        self._depth += 1
        self._loops += 1
        name = getattr(happening.data.get("dispatcher"), "__name__", "")
        self._out.write(f"{_CLEARED}  loop {self._loops}: {name}")
        self._out.flush()

    def on_end(self, happening: event.Event) -> None:
        """A loop is compiled."""
        del happening
        self._depth -= 1
        if not self._depth:
            self._out.write(_CLEARED)
            self._out.flush()


@cache
def tell_of_compiling() -> None:
    """From now on, where a person watches: says so when a loop is compiled."""
    if sys.stderr.isatty():
        event.register("numba:compile", Telling(sys.stderr))  # type: ignore[no-untyped-call]  # Numba's own
