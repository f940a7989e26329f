"""What each room of the kernels says that others use is what they use, and nothing else."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import margin_assets.kernels

ROOT = Path(margin_assets.kernels.__file__).parents[2]
KERNELS = ROOT / "margin_assets" / "kernels"
PRODUCT = ("margin_assets", "jobs", "sensors", "schemas")
Use = tuple[str, str, str]
"""A room, a module in it, and a name of that module."""


def _module(dotted: str) -> Path | None:
    """File of a module or package below the root; None of anything else."""
    place = ROOT.joinpath(*dotted.split("."))
    files = (place.with_suffix(".py"), place / "__init__.py")
    return next((path for path in files if path.is_file()), None)


def uses(tree: ast.Module) -> Iterator[Use]:
    """Names of kernels that a module imports, and those that it reads of modules it imports."""
    modules: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(
            "margin_assets.kernels."
        ):
            for name in node.names:
                dotted = f"{node.module}.{name.name}"
                if _module(dotted):
                    modules[name.asname or name.name] = dotted
                else:
                    yield _use(str(node.module), name.name)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            dotted = modules.get(node.value.id)
            if dotted:
                yield _use(dotted, node.attr)


def _use(dotted: str, name: str) -> Use:
    room, _, module = dotted.removeprefix("margin_assets.kernels.").partition(".")
    return room, module, name


@cache
def used_by_others() -> dict[str, dict[str, set[str]]]:
    """By room and module: the names that product code outside of the room uses."""
    found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for source in (path for top in PRODUCT for path in (ROOT / top).rglob("*.py")):
        own = source.relative_to(KERNELS).parts[0] if source.is_relative_to(KERNELS) else ""
        for room, module, name in uses(ast.parse(source.read_text("utf-8"))):
            if room != own:
                found[room][module].add(name)
    return found


def said(room: Path) -> dict[str, set[str]]:
    """What a room's docstring has below `Others use:`, by module."""
    text = ast.get_docstring(ast.parse((room / "__init__.py").read_text("utf-8"))) or ""
    _, _, listed = text.partition("Others use:\n")
    joined = re.sub(r"\n {8,}", " ", listed)
    lines = (line.strip().partition(": ") for line in joined.splitlines() if line.strip())
    return {module: set(names.split(", ")) for module, _, names in lines}


ROOMS = sorted(path.parent for path in KERNELS.glob("*/__init__.py"))


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_a_room_names_what_others_use_of_it(room: Path):
    assert said(room) == used_by_others()[room.name]


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_nobody_uses_a_private_name_of_a_room(room: Path):
    names = {name for of_module in used_by_others()[room.name].values() for name in of_module}

    assert [name for name in sorted(names) if name.startswith("_")] == []


def test_uses_are_seen_however_they_are_written():
    tree = ast.parse(
        "from margin_assets.kernels.rules.grid import day_of\n"
        "from margin_assets.kernels.rules import instants as never\n"
        "def later():\n"
        "    from margin_assets.kernels.book.book import CASH\n"
        "    return never.UNSET\n"
    )

    assert sorted(uses(tree)) == [
        ("book", "book", "CASH"),
        ("rules", "grid", "day_of"),
        ("rules", "instants", "UNSET"),
    ]
