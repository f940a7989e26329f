from schemas.dictionary import dictionary
from tests.support import ROOT


def test_data_dictionary_is_fresh() -> None:
    assert (ROOT / "docs" / "data-dictionary.md").read_text("utf-8") == dictionary()


def test_every_picture_and_page_the_readme_names_is_there() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    linked = [part.split(")")[0] for part in text.split("](")[1:]]
    assert [name for name in linked if not (ROOT / name).exists()] == []
