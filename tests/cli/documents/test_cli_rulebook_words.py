"""Each number of a rulebook in the words of its file."""

import tomllib
from importlib.resources import files

import pytest

from margin_assets.cli.documents.rulebook_words import words_of
from margin_assets.rulebooks import FAMILIES, OUTSIDE, versions
from margin_assets.rulebooks.paths import flat
from tests.support.margin_command import Margin


def test_a_number_is_shown_with_what_its_file_says(margin: Margin) -> None:
    said = margin("rulebook", "show", "house").out

    assert "ladder.warning_below = 0.05  # of gross market value" in said
    assert "stress.release_minutes = 15\n" in said
    assert margin("rulebook", "show", "hous").err.endswith("did you mean 'house'?\n")


@pytest.mark.parametrize("family", [*FAMILIES, *OUTSIDE])
def test_words_are_of_keys_that_there_are(family: str) -> None:
    day = versions(family)[-1]
    text = files("margin_assets.rulebooks").joinpath(family, f"{day}.toml").read_text("utf-8")
    paths = flat(tomllib.loads(text))
    keys = {".".join(part) for path in paths for part in (path, path[:-1])}

    words = words_of(text)

    assert words.keys() <= keys
    commented = [line for line in text.splitlines() if "=" in line and " # " in line]
    assert len(words) == len(commented)
