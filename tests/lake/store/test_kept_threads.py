import os
import signal
import threading
import weakref
from concurrent.futures import Future

import pytest

from margin_assets.lake.store.kept_threads import KeptThreads


def test_a_thread_is_used_again():
    kept = KeptThreads(1, "kept")

    found = set()
    for _ in range(3):
        with kept.lent() as threads:
            found.add(threads.submit(threading.get_ident).result())

    assert len(found) == 1
    assert found != {threading.get_ident()}


def test_what_was_begun_has_ended_when_the_block_has_however_it_ends():
    kept, may_go, ended = KeptThreads(2, "kept"), threading.Event(), []

    def late() -> None:
        assert may_go.wait(60)
        ended.append("late")

    def fail() -> None:
        raise OSError("no space")

    def interrupted() -> None:
        with kept.lent() as threads:
            begun.extend([threads.submit(late), threads.submit(fail)])
            threading.Timer(0.2, may_go.set).start()
            raise KeyError("of the block")

    begun: list[Future[None]] = []
    with pytest.raises(KeyError, match="of the block"):
        interrupted()

    assert ended == ["late"]
    with pytest.raises(OSError, match="no space"):
        begun[1].result()


def test_a_fork_has_threads_of_its_own():
    kept = KeptThreads(1, "kept")
    with kept.lent() as threads:
        assert threads.submit(lambda: 1).result() == 1

    child = os.fork()
    if not child:
        signal.alarm(60)
        with kept.lent() as threads:
            os._exit(threads.submit(lambda: 2).result())

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 2


def test_threads_go_with_their_owner():
    kept = KeptThreads(1, "kept")
    with kept.lent() as threads:
        thread = threads.submit(threading.current_thread).result()
    gone = weakref.ref(kept)

    del kept, threads

    assert gone() is None
    thread.join(60)
    assert not thread.is_alive()
