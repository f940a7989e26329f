import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from schemas.avalanche.guide import guide
from schemas.dictionary import dictionary
from tests.support import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
_FENCED = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_MODULE = re.compile(r"`([\w./-]+/[\w.-]+\.(?:py|md|yml|ipynb))`")
_ROOM = re.compile(r'class="t" text-anchor="middle">(\w+)<')


def prose(page: Path) -> str:
    return _FENCED.sub("", page.read_text("utf-8"))


def anchors(page: Path) -> set[str]:
    heads = re.findall(r"^#+ (.*)", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def broken_links(page: Path) -> Iterator[str]:
    for link in _LINK.findall(prose(page)):
        place, _, anchor = link.partition("#")
        if re.match(r"[a-z]+:", place):
            continue
        there = page.parent / place if place else page
        if not there.exists() or (anchor and anchor not in anchors(there)):
            yield link


@cache
def names_in(module: str) -> frozenset[str]:
    found = set()
    for node in ast.parse((ROOT / module).read_text("utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
            within = node.body if isinstance(node, ast.ClassDef) else []
            found |= {f"{node.name}.{n.name}" for n in within if isinstance(n, ast.FunctionDef)}
    return frozenset(found)


def steps() -> list[tuple[str, str]]:
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    return re.findall(r"^\| \d+ \| .* \| `(.*?)` \| `(.*?)` \|$", text, re.MULTILINE)


def test_data_dictionary_is_fresh() -> None:
    assert (ROOT / "docs" / "data-dictionary.md").read_text("utf-8") == dictionary()
    assert (ROOT / "docs" / "avalanche-book-columns.md").read_text("utf-8") == guide()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    assert [*broken_links(page)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_that_is_named_is_there(page: Path) -> None:
    assert [name for name in _MODULE.findall(prose(page)) if not (ROOT / name).exists()] == []


def test_the_walk_of_a_fill_names_what_it_passes() -> None:
    walk = steps()

    assert 10 <= len(walk) <= 15
    assert [(module, name) for module, name in walk if name not in names_in(module)] == []


def test_the_picture_of_the_house_is_the_contract() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    rooms = {
        contract["containers"][0]: {
            name.strip() for layer in contract["layers"] for name in layer.split("|")
        }
        for contract in contracts
        if "containers" in contract
    }
    drawn = _ROOM.findall((ROOT / "docs" / "images" / "house.svg").read_text("utf-8"))

    assert sorted(drawn) == sorted(name for names in rooms.values() for name in names)
    kernels = next(
        c["layers"] for c in contracts if c.get("containers") == ["margin_assets.kernels"]
    )
    assert [name for name in drawn if name in kernels] == kernels
