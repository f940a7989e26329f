"""Runs trials, one for each seed on standard input, and answers each with a line of JSON.

The worker loads everything once, the compiled kernels too, and then only forks: a life starts in
milliseconds. It never runs a query itself, since the threads of Polars and delta-rs do not
survive a fork.

Usage: python -m tests.campaigns.exactly_once.worker FOLDER (environment as `chaos.workers` sets it)
"""

import json
import signal
import sys
from contextlib import suppress
from pathlib import Path

from tests.campaigns.exactly_once.director import Director


def main() -> None:
    """Trials until standard input ends."""
    # The campaign decides when to stop; who is gone is told nothing more.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    director = Director(Path(sys.argv[1]))
    with suppress(BrokenPipeError):
        for request in sys.stdin:
            answer = director.run(int(request))
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
