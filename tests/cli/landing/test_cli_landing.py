"""Verbs before anything lands."""

from pathlib import Path

import pytest

from tests.support.margin_command import Margin, place

FILL = "fill_id,account_id,symbol,quantity,price,event_time\n"
AT = "2020-03-09T15:00:00Z"


def test_template_lists_the_feeds_and_prints_one(margin: Margin) -> None:
    assert "  required: name, rate_annual, event_time" in margin("landing", "template").out
    assert margin("landing", "template", "rates").out.startswith("name,rate_annual,event_time,")
    said = margin("landing", "template", "price")
    assert (said.code, said.err) == (1, "margin: no feed 'price': did you mean 'prices'?\n")


def test_check_says_what_the_lake_would_refuse_and_stores_nothing(
    margin: Margin, told: Path, tmp_path: Path
) -> None:
    file = tmp_path / "mine.csv"
    file.write_text(
        f"{FILL}NVDA-SEED-BUY,NVDA-SEED,NVDA,7,1,{AT}\nF77,NVDA-SEED,NVDA,7,1,{AT}\nF78,A,NVDA,7,x,{AT}\n"
    )
    before = sorted(told.rglob("*"))

    said = margin("landing", "check", file, "--feed", "fills", *place(told), "--json")

    assert said.code == 1
    assert said.document["accepted"] == said.document["late"] == 1
    assert said.document["cycle"] == 11
    assert [(row["row"], row["reasons"]) for row in said.document["refused"]] == [
        (2, ["id_reused"]),
        (4, ["price_not_a_number"]),
    ]
    assert sorted(told.rglob("*")) == before


def test_check_without_a_lake_is_of_the_file_alone(margin: Margin, tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    file.write_text(f"{FILL}F1,NVDA-SEED,NVDA,7,1,{AT}\n")

    said = margin("landing", "check", file, "--feed", "fills", *place(tmp_path))

    assert said.code == 0
    assert "by itself: accepted" in said.out
    assert not (tmp_path / "lake").exists()


def test_a_mapped_file_lands_or_is_refused_by_its_own_rows(margin: Margin, tmp_path: Path) -> None:
    landing, file, mapping = tmp_path / "landing", tmp_path / "p.csv", tmp_path / "m.toml"
    landing.mkdir()
    mapping.write_text('feed = "prices"\n[file]\nseparator = ";"\ndecimal = ","\n')
    file.write_text(f"symbol;price;event_time\nX;1,5;{AT}\n")
    words = ["landing", "map", file, "--with", mapping, "--landing", landing]

    said = margin(*words, "--json")
    landed = Path(said.document["path"])
    assert landed.parent == landing / "prices"
    assert landed.read_text() == f"symbol,price,event_time\nX,1.5,{AT}\n"

    file.write_text(f"symbol;price;event_time\nX;1,5;{AT}\nY;-2;{AT}\n")
    said = margin(*words)
    assert said.code == 1
    assert said.err == (
        "row 3: price_out_of_range: price is '-2'\n"
        "margin: 1 rows would be refused; nothing landed\n"
    )
    checked = margin("landing", "check", file, "--with", mapping, *place(tmp_path), "--json")
    assert checked.document["refused"][0]["row"] == 3
    assert [*landing.rglob("*.csv")] == [landed]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["check", "x.xlsx", "--feed", "fills"], "is a workbook"),
        (["check", "x.csv", "--feed", "fills"], "cannot be read: No such file"),
        (["map", "x.csv"], "name a mapping by --with"),
        (["map", "x.csv", "--with", "m.toml"], "m.toml cannot be read: No such file"),
        (["check", "x.csv"], "cannot be read"),
    ],
)
def test_what_is_asked_wrongly_is_one_line(
    margin: Margin, tmp_path: Path, words: list[str], told: str
) -> None:
    said = margin("landing", *words, *(place(tmp_path) if words[0] == "check" else []))

    assert said.code == 1
    assert told in said.err
    assert said.err.count("\n") == 1
