"""Loops that count no references make no array, and old machine code goes."""

import ast
import fcntl
import os
import re
from pathlib import Path

import pytest

from margin_assets import kernels
from margin_assets.kernels.machine_code import claim, folder_of

SOURCES = sorted(Path(kernels.__file__).parent.glob("*.py"))
SCALARS = {"int", "float", "bool", "None", "Line", "Group", "Node"}
"""What a loop may hand out that counts no references: numbers, and tuples of them."""


def loops() -> dict[str, list[tuple[str, ast.FunctionDef]]]:
    """Compiled functions by name, each with its decorator as text."""
    found: dict[str, list[tuple[str, ast.FunctionDef]]] = {}
    for source in SOURCES:
        for node in ast.parse(source.read_text()).body:
            if isinstance(node, ast.FunctionDef) and node.decorator_list:
                decorator = ast.unparse(node.decorator_list[0])
                if "njit" in decorator:
                    found.setdefault(node.name, []).append((decorator, node))
    return found


LOOPS = loops()


def hands_out_arrays(node: ast.FunctionDef) -> bool:
    assert node.returns is not None
    return not set(re.findall(r"[A-Za-z_.]+", ast.unparse(node.returns))) - {"tuple"} <= SCALARS


def called(node: ast.FunctionDef) -> set[str]:
    calls = [found for found in ast.walk(node) if isinstance(found, ast.Call)]
    return {ast.unparse(call.func).split(".")[-1] for call in calls}


def test_every_loop_says_whether_it_counts_references():
    silent = [
        name
        for name, nodes in LOOPS.items()
        for decorator, _ in nodes
        if not any(word in decorator for word in ("**BORROWS", "**OWNS", "parallel=True"))
    ]

    assert LOOPS
    assert silent == []


def test_no_loop_without_references_touches_an_array_that_another_made():
    borrowing = [
        (name, node) for name, nodes in LOOPS.items() for d, node in nodes if "**BORROWS" in d
    ]
    makers = {name for name, nodes in LOOPS.items() if any(hands_out_arrays(n) for _, n in nodes)}

    assert len(borrowing) > 100
    assert [name for name, node in borrowing if hands_out_arrays(node)] == []
    assert [
        (name, called(node) & makers) for name, node in borrowing if called(node) & makers
    ] == []


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    (tmp_path / "loops.py").write_text("ONE = 1\n")
    (tmp_path / "__pycache__").mkdir()
    return tmp_path


def test_every_state_of_the_sources_has_machine_code_of_its_own(sources: Path):
    before = folder_of(sources)
    (sources / "loops.py").write_text("ONE = 2\n")

    assert folder_of(sources) != before


def test_only_the_newest_machine_code_stays_and_what_a_process_claims(sources: Path):
    folders = [sources / "__pycache__" / f"numba-{n}" for n in range(8)]
    for folder in folders:
        folder.mkdir()
    with (folders[0] / "claimed").open("w") as living:
        fcntl.flock(living, fcntl.LOCK_SH)
        for n, folder in enumerate(folders):
            os.utime(folder, (n, n))

        claim(folder_of(sources))

    left = {folder.name for folder in (sources / "__pycache__").glob("numba-*")}
    assert left == {folder_of(sources).name, *(folders[n].name for n in (0, 5, 6, 7))}
