"""The questions of the avalanche on the command line, and the report as one page."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.support.avalanche_books import CASH, LINE, written
from tests.support.margin_command import Margin

FEW = ["--paths", 64, "--seed", 3]


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("books") / "small")


@pytest.mark.parametrize(
    ("verb", "keys"),
    [
        (
            ["facility", "--level", 0.9],
            {
                *("commitment", "low", "missing", "verdict"),
                *("funding", "funding_by_account", "funding_by_venue"),
            },
        ),
        (["warn"], {"score", "level", "components", "unknown", "rho"}),
        (["attribute", "--scenario", "none"], {"need", "matrix", "concentration", "efficiency"}),
        (["recommend", "--scenario", "none"], {"gap_99", "recommendations", "portfolio"}),
        (["explain", "--path", 7], {"hours", "peak_need", "exhaustion_hour"}),
        (["reverse", "--generations", 3], {"answers", "largest_distance", "target"}),
    ],
)
def test_a_question_is_answered_in_one_document_and_the_same_again(
    margin: Margin, book: Path, verb: list[object], keys: set[str]
):
    name, *words = verb
    first, second = (margin("avalanche", name, book, *words, *FEW, "--json") for _ in range(2))

    assert first.code == 0, first.err
    assert keys <= set(first.document)
    assert first.out == second.out


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["facility", "--scenario", "none"], "LINE: "),
        (["warn"], "proximity cannot be told from this book; it counts in full"),
        (["attribute", "--scenario", "none", "--shared"], "BORIS"),
        (["recommend", "--scenario", "none"], "off gap"),
        (["explain", "--path", 7, "--scenario", "none"], "called FUT: "),
    ],
)
def test_a_person_reads_the_answer(margin: Margin, book: Path, words: list[object], shown: str):
    name, *rest = words
    said = margin("avalanche", name, book, *rest, *FEW)

    assert said.code == 0, said.err
    assert shown in said.out + said.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["facility", "--facility", "NONE"], "no facility 'NONE'; it has LINE"),
        (["facility", "--scenario", "nothing"], "there is no scenario 'nothing'"),
        (["explain", "--path", 64], "no path 64"),
    ],
)
def test_what_cannot_be_answered_is_one_line(
    margin: Margin, book: Path, words: list[object], message: str
):
    name, *rest = words
    said = margin("avalanche", name, book, *rest, *FEW)

    assert said.code == 1
    assert message in said.err
    assert said.err.count("\n") == 1


def test_a_run_of_a_lake_is_explained_by_its_id(margin: Margin, book: Path, tmp_path: Path):
    lake = ["--lake", tmp_path / "lake"]
    words = ["--scenario", "none", "--arm", "A", *FEW]
    run = margin("avalanche", "run", book, *words, *lake, "--json").document

    by_id = margin("avalanche", "explain", run["run_id"], "--path", 7, *lake, "--json")
    by_book = margin("avalanche", "explain", book, "--path", 7, *words, "--json")
    unknown = margin("avalanche", "explain", "0" * 32, "--path", 7, *lake)

    assert by_id.code == 0, by_id.err
    assert by_id.out == by_book.out
    assert f"no run '{'0' * 32}'" in unknown.err


class _Page(HTMLParser):
    """What a page would load or run, and what of it is for those who do not see it."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loads: list[str] = []
        self.labels: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        held = dict(attrs)
        self.loads += [f"{tag} {name}" for name in held if name in ("src", "style", "onclick")]
        if tag == "a" and not (held.get("href") or "").startswith("#"):
            self.loads.append("a href")
        if tag == "svg":
            self.labels.append(held.get("aria-label") or "")


def test_the_report_is_one_page_that_loads_nothing(margin: Margin, book: Path, tmp_path: Path):
    out, lake = tmp_path / "page.html", tmp_path / "lake"
    said = margin(
        "avalanche", "report", book, "--scenario", "moderate", "--out", out, "--lake", lake, *FEW
    )
    assert said.code == 0, said.err
    text = out.read_text("utf-8")
    page = _Page()
    page.feed(text)

    assert page.loads == []
    assert not {"script", "link", "img", "iframe"} & set(page.tags)
    assert "default-src &#39;none&#39;" in text or "default-src 'none'" in text
    assert len(page.labels) == 7
    assert all(page.labels)
    assert not re.search(r"\bnan\b|None</td>|Undefined", text)
    assert "ANNA" in text
    assert f"{(CASH + LINE) / 1e6:.0f} m" in text
    rows = margin("sql", "--lake", lake, "select manager_id from margin_efficiency", "--json")
    assert {row["manager_id"] for row in rows.document} == {"ANNA", "BORIS"}
