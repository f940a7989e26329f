"""A question on the command line that runs away is stopped, in one line."""

import subprocess
import sys
from pathlib import Path

import pytest

from margin_assets.serving.limits import memory_size
from tests.support.margin_command import Margin, place

MANY = "generate_series(1, 1000000) a(x), generate_series(1, 1000000) b(y)"


@pytest.mark.parametrize(
    ("sql", "options", "reason"),
    [
        pytest.param(
            f"select count(*) from {MANY} where a.x * b.y % 7 = 3",
            ["--timeout", "1"],
            "stopped after 1 s: ask for less, or raise --timeout",
            id="a cross join that only counts",
        ),
        pytest.param(
            f"select * from {MANY}",
            ["--memory", "400MB", "--timeout", "60"],
            "stopped at 0.4 GB of memory: ask for less, or raise --memory",
            id="a cross join",
        ),
        pytest.param(
            "select repeat('x', 1000000000)",
            ["--memory", "400MB", "--timeout", "60"],
            "stopped at 0.4 GB of memory: ask for less, or raise --memory",
            id="a long word, while it is planned",
        ),
        pytest.param(
            "with recursive t(n) as (select 1 union all select n + 1 from t) select * from t",
            ["--timeout", "1"],
            "stopped after 1 s: ask for less, or raise --timeout",
            id="an endless recursion",
        ),
    ],
)
def test_a_runaway_is_stopped(told: Path, sql: str, options: list[str], reason: str) -> None:
    program = "from margin_assets.cli import main; raise SystemExit(main())"
    ended = subprocess.run(
        [sys.executable, "-c", program, "sql", sql, *place(told), *options],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )

    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == f"margin: {reason}\n"


def test_a_question_within_its_limits(margin: Margin, told: Path) -> None:
    limits = ["--timeout", "20", "--memory", "500MB"]

    assert margin("sql", "select 1 as one", *place(told), *limits, "--json").document == [
        {"one": 1}
    ]


@pytest.mark.parametrize("words", [["--memory", "0"], ["--memory", "2 TB"], ["--timeout", "-1"]])
def test_limits_that_are_none(margin: Margin, told: Path, words: list[str]) -> None:
    assert margin("sql", "select 1", *place(told), *words).code == 2


@pytest.mark.parametrize(
    ("text", "size"), [("2GB", 2 * 10**9), ("512MB", 512 * 10**6), ("1.5 g", 15 * 10**8), ("7", 7)]
)
def test_memory_size(text: str, size: int) -> None:
    assert memory_size(text) == size
