"""A landing folder among others who write: nothing outside it is read, nothing is lost."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from margin_assets.desk.acts import Where
from margin_assets.lake.landing import places
from margin_assets.lake.landing.landing import LocalLanding
from margin_assets.lake.landing.places import put_new


def test_a_folder_that_became_a_link_is_not_followed(tmp_path: Path):
    landing, elsewhere = tmp_path / "landing", tmp_path / "elsewhere"
    put_new(landing, "fills/deep/a.ndjson", b"ours")
    (elsewhere / "deep").mkdir(parents=True)
    (elsewhere / "deep" / "a.ndjson").write_bytes(b"a secret")
    place = LocalLanding(landing)
    (entry,) = place.entries()
    with place.open(entry) as opened:
        assert opened.read() == b"ours"

    (landing / "fills").rename(tmp_path / "moved")
    (landing / "fills").symlink_to(elsewhere)

    with pytest.raises(NotADirectoryError):
        place.open(entry)


def test_of_two_who_land_one_name_the_first_stands(tmp_path: Path):
    where = Where(tmp_path)

    def while_another_lands() -> Iterator[bytes]:
        where.put("fills", "a.ndjson", [b"first"])
        yield b"second"

    path = where.put("fills", "a.ndjson", while_another_lands())

    assert path == tmp_path / "fills" / "a.ndjson"
    assert path.read_bytes() == b"first"
    assert list((tmp_path / ".staging").iterdir()) == []


def test_what_is_told_as_kept_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    kept: list[Path] = []
    monkeypatch.setattr(places, "_sync", kept.append)

    for is_new in (True, False):
        kept.clear()
        # Who put it first may have died before it was sure to stay.
        assert put_new(tmp_path, "fills/a.ndjson", b"{}") is is_new
        assert kept == [tmp_path / "fills", tmp_path]
