"""docs/landing.md: its columns are the declared ones, its examples are the templates, and land."""

import re
from pathlib import Path

import pytest

from margin_assets.lake.landing.landing import LocalLanding
from margin_assets.lake.landing.offering.mapped import mapped
from margin_assets.lake.landing.offering.mapping import parse_mapping
from margin_assets.lake.landing.offering.templates import template
from margin_assets.lake.landing.reading.reasons import COLUMN_WORDS, FILE_REASONS, LINE_REASONS
from margin_assets.lake.landing.reading.rules import required_columns, row_rules
from margin_assets.lake.store.store import Lake
from margin_assets.live.session.session import Session
from schemas import FEEDS, feed_columns
from tests.support import ROOT
from tests.support.empty_lake import created

GUIDE = (ROOT / "docs" / "landing.md").read_text("utf-8")
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.DOTALL | re.MULTILINE)


def section(name: str, mark: str = "###") -> str:
    _, _, after = GUIDE.partition(f"\n{mark} {name}\n")
    return re.split(r"^#{2,3} ", after, maxsplit=1, flags=re.MULTILINE)[0]


def names_after(word: str, text: str) -> list[str]:
    (line,) = re.findall(rf"^{word}: (.*?)\.$", text, re.MULTILINE | re.DOTALL)
    return re.findall(r"`(\w+)`", line)


@pytest.mark.parametrize("feed", FEEDS)
def test_a_feed_has_its_columns_and_its_template(feed: str) -> None:
    told, required = section(feed), required_columns(feed)

    assert names_after("Required", told) == [n for n in feed_columns(feed) if n in required]
    assert names_after("Optional", told) == [n for n in feed_columns(feed) if n not in required]
    assert _BLOCK.findall(told) == [("csv", template(feed))]


def test_every_example_lands_and_they_are_margined_whole(tmp_path: Path) -> None:
    landing = tmp_path / "landing"
    for feed in FEEDS:
        (landing / feed).mkdir(parents=True)
        (landing / feed / "example.csv").write_text(template(feed), "utf-8")
    lake = created(Lake(str(tmp_path / "lake")))
    (result,) = Session(lake).run(LocalLanding(landing), until_idle=True)

    files = result.landed_files
    assert files["rows_accepted"].to_list() == files["rows_read"].to_list()
    assert sorted(files["feed"]) == sorted(FEEDS)
    summary = result.frames["margin_summary"].sort("account_id")
    assert summary.select("account_id", "status").rows() == [
        ("M-1001", "determinate"),
        ("P-2001", "determinate"),
    ]
    # By hand: deposits less withdrawals, what was bought and sold, what it is worth now.
    opened = 10 * 688.10 + 1_000
    margin = opened + 58_500 - 45_000 + 1_700 - 20_280 + 400 * 113.05 + 20_000 * 1.01375 - 4 * 410
    portfolio = 250_000 + 29_450 - 112_900 - 500 * 58.75 + 1_000 * 113.05
    assert [float(worth) for worth in summary["net_liquidation"]] == [margin, portfolio]


def test_the_spreadsheet_of_the_guide_comes_to_its_rows(tmp_path: Path) -> None:
    (_, theirs), (_, mapping), (_, ours) = _BLOCK.findall(
        section("Spreadsheets and other CSV", "##")
    )
    file = tmp_path / "trades.csv"
    file.write_text(theirs, "utf-8")

    found = mapped(file, parse_mapping(mapping, "trades.toml"))

    assert found.content.decode() == ours
    assert found.rows == [3, 4]


def test_every_reason_is_told() -> None:
    words = {rule.word for feed in FEEDS for rule in row_rules(feed)}
    later = {"id_reused", "correction_cycle", "correction_mismatch", "action_repeated"}
    later |= {"fill_before_opening", "opening_after_fill", "opening_repeated"}
    later |= {"not_an_option", "before_last_day", "more_than_held", "corrects_no_report"}
    told = set(re.findall(r"^\| `(\w+)` \| ", GUIDE, re.MULTILINE))

    assert words | later | COLUMN_WORDS.keys() | LINE_REASONS.keys() | FILE_REASONS.keys() <= told
