import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from margin_assets.lake.landing import watching
from margin_assets.lake.landing.landing import LocalLanding, Pending
from margin_assets.lake.landing.watching import WatchedLanding

WITHIN = 10.0


@pytest.fixture
def landing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WatchedLanding]:
    """A watched folder that is listed once and never again."""
    monkeypatch.setattr(watching, "_LIST_SECONDS", 1e9)
    folder = tmp_path / "landing"
    (folder / "fills").mkdir(parents=True)
    (folder / "fills" / "old.ndjson").write_text("{}")
    with WatchedLanding(folder) as watched:
        watched.unknown(lambda _: False)
        yield watched


def put(folder: Path, path: str, text: str = "{}") -> None:
    staged = folder / ".staging" / path.replace("/", "-")
    staged.parent.mkdir(exist_ok=True)
    staged.write_text(text)
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    staged.replace(target)


def paths(found: list[Pending]) -> list[str]:
    return sorted(entry.path for entry in found)


def await_paths(
    landing: WatchedLanding, expected: list[str], is_known: Callable[[Pending], bool]
) -> None:
    """Waits until the watch has told of just these."""
    end = time.monotonic() + WITHIN
    while paths(landing.unknown(is_known)) != expected and time.monotonic() < end:
        landing.wait(0.05)
    assert paths(landing.unknown(is_known)) == expected


def old(entry: Pending) -> bool:
    return entry.path == "fills/old.ndjson"


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("fills/new.ndjson", id="a file in a known folder"),
        pytest.param("prices/deep/new.csv", id="a file in new folders"),
        pytest.param("stray.txt", id="a file outside the feeds"),
    ],
)
def test_what_lands_is_told(landing: WatchedLanding, path: str) -> None:
    put(landing.folder, path)

    await_paths(landing, [path], old)
    assert paths(list(landing.entries())) == sorted(["fills/old.ndjson", path])


def test_a_folder_renamed_into_place_is_told_with_its_files(
    landing: WatchedLanding, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a.ndjson").write_text("{}")
    outside.rename(landing.folder / "prices")

    await_paths(landing, ["prices/a.ndjson"], old)


def test_what_is_known_is_not_looked_at_again(landing: WatchedLanding) -> None:
    put(landing.folder, "fills/new.ndjson")
    await_paths(landing, ["fills/new.ndjson"], old)
    asked: list[str] = []

    def is_known(entry: Pending) -> bool:
        asked.append(entry.path)
        return True

    landing.unknown(is_known)
    landing.unknown(is_known)

    assert asked == ["fills/new.ndjson"]


def test_another_file_of_the_same_name_is_told(landing: WatchedLanding) -> None:
    put(landing.folder, "fills/old.ndjson", "{} ")

    await_paths(landing, ["fills/old.ndjson"], lambda entry: entry.bytes == 2)


def test_what_vanished_is_not_told(landing: WatchedLanding) -> None:
    put(landing.folder, "fills/new.ndjson")
    await_paths(landing, ["fills/new.ndjson"], old)
    (landing.folder / "fills" / "new.ndjson").unlink()

    await_paths(landing, [], old)


def test_a_link_is_told_as_what_it_is(landing: WatchedLanding, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("{}")
    (landing.folder / "fills" / "link.ndjson").symlink_to(tmp_path / "secret")

    await_paths(landing, ["fills/link.ndjson"], old)
    assert "not a regular file" in landing.unknown(old)[0].problem


def test_what_the_watch_missed_is_found_by_listing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "_LIST_SECONDS", 0.0)
    monkeypatch.setattr(watching, "_LIST_SHARE", 0)
    with WatchedLanding(tmp_path / "made") as landing:
        monkeypatch.setattr(landing._events, "take", list)
        put(landing.folder, "fills/new.ndjson")

        assert paths(landing.unknown(old)) == ["fills/new.ndjson"]


def test_a_link_to_the_folder_is_watched_too(tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / "link"
    real.mkdir()
    link.symlink_to(real)
    with WatchedLanding(link) as landing:
        landing.unknown(old)
        put(real, "fills/new.ndjson")

        await_paths(landing, ["fills/new.ndjson"], old)
        assert landing.unknown(old)[0].path == next(LocalLanding(real).entries()).path


def test_a_folder_that_was_made_anew_is_told_by_feeds(landing: WatchedLanding) -> None:
    # A folder that is removed tells of itself; by then another may be in its place.
    landing._events.take()
    landing._events._places[str(landing.folder)] = None

    assert paths(landing.unknown(lambda _: False)) == ["fills/old.ndjson"]
