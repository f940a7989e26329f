"""One process compiles a loop, the others wait for it; one that dies is not waited for."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from margin_assets.machine_code import turns
from margin_assets.machine_code.turns import InTurns


def kept(folder: Path) -> InTurns:
    return InTurns(str(folder), "module.loop-1", "stamp")


def test_one_that_misses_waits_for_the_one_at_work_and_takes_what_came(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    one, other, looks = kept(tmp_path), kept(tmp_path), []
    assert one.load("int64") is None

    def look(seconds: float) -> None:
        looks.append(seconds)
        one.save("int64", "code")

    monkeypatch.setattr(time, "sleep", look)

    assert other.load("int64") == "code"
    assert len(looks) == 1


def test_two_signatures_of_a_loop_keep_their_own_machine_code(tmp_path: Path):
    one, other = kept(tmp_path), kept(tmp_path)
    for keeper, key in ((one, "int64"), (other, "float64"), (one, "bool")):
        assert keeper.load(key) is None
        keeper.save(key, f"of {key}")

    assert [other.load(key) for key in ("int64", "float64", "bool")] == [
        "of int64",
        "of float64",
        "of bool",
    ]


def test_nobody_is_waited_for_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(turns, "_PATIENCE_SECONDS", 0.05)
    one, other = kept(tmp_path), kept(tmp_path)
    assert one.load("int64") is None

    assert other.load("int64") is None
    other.save("int64", "its own")

    assert one.load("int64") == "its own"
    one.save("int64", "code")  # late, and gives up its turn
    assert other.load("int64") == "code"


def test_a_process_that_was_killed_holds_nothing(tmp_path: Path):
    script = """
        import os, signal, sys
        from margin_assets.machine_code.turns import InTurns
        assert InTurns(sys.argv[1], "module.loop-1", "stamp").load("int64") is None
        os.kill(os.getpid(), signal.SIGKILL)
    """
    died = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), str(tmp_path)], check=False, env=os.environ
    )
    assert died.returncode == -signal.SIGKILL

    left = turns._held(tmp_path / "module.loop-1.turn")
    assert left is not None
    left.close()


def test_where_nothing_can_be_held_each_compiles_for_itself(tmp_path: Path):
    assert kept(tmp_path / "none").load("int64") is None
    assert turns._held(tmp_path / "none" / "module.loop-1.turn") is None
