"""Processes that end with the one which started them: real ones, and a real kill."""

import os
import signal
import threading
from multiprocessing import get_context
from multiprocessing.connection import Connection

from margin_assets.engines.children import end_with_parent

_PATIENCE_SECONDS = 120


def ends_too(held: Connection, told: Connection) -> None:
    """Says that it is there, and waits for what nobody will say; holds the other pipe open."""
    end_with_parent()
    held.send("here")
    # Its own end of the pipe is not read from: only the end of the parent ends it.
    threading.Event().wait(_PATIENCE_SECONDS if told else 0)


def is_killed(told: Connection) -> None:
    """Starts a child, waits until it is there, and is killed."""
    spawn = get_context("spawn")
    mine, its = spawn.Pipe()
    spawn.Process(target=ends_too, args=(its, told)).start()
    mine.recv()
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_child_does_not_outlive_a_parent_that_was_killed():
    spawn = get_context("spawn")
    ours, theirs = spawn.Pipe()
    parent = spawn.Process(target=is_killed, args=(theirs,))
    parent.start()
    theirs.close()
    parent.join(_PATIENCE_SECONDS)

    assert parent.exitcode == -signal.SIGKILL
    # Nobody says anything on this pipe: it ends when the last who holds it has ended.
    assert ours.poll(_PATIENCE_SECONDS / 4)
