"""Loops that count no references make no array, and old machine code goes."""

import ast
import io
import os
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from numba import njit
from numba.core.codegen import JITCodeLibrary

from margin_assets import kernels
from margin_assets.kernels.numeric import money
from margin_assets.kernels.numeric.compiled import inner
from margin_assets.machine_code import locator
from margin_assets.machine_code.telling import Telling

SOURCES = sorted(Path(kernels.__file__).parent.rglob("*.py"))
RECORDS = {"Line", "Group", "Node", "Marked", "Carried", "_Case", "Terms", "Put"}
SCALARS = {"int", "float", "bool", "None"} | RECORDS
"""What a loop may hand out that counts no references: numbers, and tuples of them."""


def loops() -> dict[str, list[tuple[str, ast.FunctionDef]]]:
    """Compiled functions by name, each with its decorator as text."""
    found: dict[str, list[tuple[str, ast.FunctionDef]]] = {}
    for source in SOURCES:
        for node in ast.parse(source.read_text()).body:
            if isinstance(node, ast.FunctionDef) and node.decorator_list:
                decorator = ast.unparse(node.decorator_list[0])
                if decorator.startswith(("njit", "inner")):
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
        if not any(word in decorator for word in ("**BORROWS", "**OWNS"))
    ]

    assert LOOPS
    assert silent == []


def test_no_loop_has_threads_of_numbas():
    """They compile what is in them three times: `threads.over_ranges` has those of Python."""
    decorators = [decorator for nodes in LOOPS.values() for decorator, _ in nodes]

    assert [decorator for decorator in decorators if "parallel" in decorator] == []


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


def test_what_only_loops_call_has_no_entrance_and_says_so_to_python():
    @inner(_nrt=False)
    def below(number: int) -> Any:
        return number + 1

    @njit
    def above(number: int) -> Any:
        return below(number)

    for _ in range(2):  # before it is compiled, and after
        with pytest.raises(TypeError, match="below is an inner loop"):
            below(1)
        assert above(1) == 2


def test_what_only_loops_call_is_made_into_machine_code_with_its_caller_alone(
    monkeypatch: pytest.MonkeyPatch,
):
    @inner(_nrt=False)
    def innermost(number: int) -> int:
        if number < 0:
            raise ValueError("below zero")
        return number + 1

    @inner(_nrt=False)
    def between(number: int) -> Any:
        return innermost(number) + innermost(2 * number)

    @njit
    def outermost(number: int) -> Any:
        return between(number)

    made: list[str] = []
    finish = JITCodeLibrary._finalize_specific

    def noted(library: Any) -> None:
        made.append(library.name)
        finish(library)

    monkeypatch.setattr(JITCodeLibrary, "_finalize_specific", noted)

    assert outermost(3) == 11
    assert [name.split(".")[-1] for name in made] == ["outermost"]
    with pytest.raises(ValueError, match="below zero"):
        outermost(-1)


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """A package of loops: `outer` is compiled from `inner` by way of `between`."""
    (tmp_path / "outer.py").write_text("from between import (\n    TWO,\n)\n")
    (tmp_path / "between.py").write_text("import inner\nTWO = 2 * inner.ONE\n")
    (tmp_path / "inner.py").write_text("ONE = 1\n")
    (tmp_path / "apart.py").write_text("ZERO = 0\n")
    (tmp_path / "__pycache__").mkdir()
    return tmp_path


def kept_in(sources: Path, module: str) -> Path:
    """Where a module's machine code is kept, asked as a new process would."""
    for remembered in (locator.folder_of, locator._imported, locator._text):
        remembered.cache_clear()
    return locator.folder_of(sources / f"{module}.py", sources)


@pytest.mark.parametrize("module", ["outer", "between", "inner"])
def test_a_change_reaches_the_machine_code_of_all_that_is_compiled_from_it(
    sources: Path, module: str
):
    before, apart = kept_in(sources, module), kept_in(sources, "apart")
    (sources / "inner.py").write_text("ONE = 10\n")

    assert kept_in(sources, module) != before
    assert kept_in(sources, "apart") == apart


def test_only_the_newest_machine_code_of_a_module_stays(sources: Path):
    folders = [sources / "__pycache__" / f"numba-inner-{n}" for n in range(8)]
    other = sources / "__pycache__" / "numba-outer-0"
    for age, folder in enumerate([*folders, other]):
        folder.mkdir()
        os.utime(folder, (age, age))

    now = kept_in(sources, "inner")
    now.mkdir()

    left = set((sources / "__pycache__").glob("numba-*"))
    assert left == {now, other, *folders[5:]}


def test_loops_of_this_package_are_kept_by_state():
    path = Path(money.value_cents.stats.cache_path)

    source = Path(money.__file__)
    assert path == locator.place_of(source, source.parents[3], locator.shared())


def test_another_installation_of_the_same_text_finds_what_was_compiled(
    sources: Path, tmp_path_factory: pytest.TempPathFactory
):
    other, common = tmp_path_factory.mktemp("other"), tmp_path_factory.mktemp("common")
    for module in sources.glob("*.py"):
        (other / module.name).write_text(module.read_text())

    one = locator.place_of(sources / "outer.py", sources, common)
    assert one.parent == common
    assert locator.place_of(other / "outer.py", other, common) == one
    assert locator.place_of(other / "apart.py", other, common) != one


def test_what_is_beside_its_module_is_used(sources: Path, tmp_path: Path):
    beside = locator.folder_of(sources / "apart.py", sources)
    beside.mkdir()

    assert locator.place_of(sources / "apart.py", sources, tmp_path / "common") == beside


def test_compiling_is_told_and_leaves_one_line():
    out = io.StringIO()
    told, loop = Telling(out), SimpleNamespace(data={"dispatcher": money.value_cents})

    for happening in (told.on_start, told.on_start, told.on_end, told.on_end):
        happening(loop)

    first, rest = out.getvalue().split("\n")
    assert first == "compiling the engine for this machine: some minutes, once"
    assert "loop 2: value_cents" in rest
    assert rest.endswith("\r\x1b[K")
