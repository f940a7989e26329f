"""Deliveries by HTTP: each lands once, whole, and nothing else does."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from margin_assets.ingest import delivering, http
from margin_assets.ingest.http import application
from tests.support.live_driver import Firm, cash, fill, line, opening

TOKEN = "a-token-of-the-tests-0123456789"
HOST = "127.0.0.1:3040"
ROWS = line(fill("F", "10", "100")).encode()
BRINGS = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/x-ndjson"}


@dataclass(frozen=True)
class Client:
    """Asks the application, without a socket between."""

    folder: Path

    def post(self, path: str, content: bytes, headers: dict[str, str]) -> httpx.Response:
        return asyncio.run(self._post(path, content, headers))

    async def _post(self, path: str, content: bytes, headers: dict[str, str]) -> httpx.Response:
        transport = httpx.ASGITransport(application(self.folder, TOKEN, {HOST}))
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{HOST}") as client:
            return await client.post(path, content=content, headers=headers)


def asked(folder: Path) -> Client:
    return Client(folder)


def landed(folder: Path) -> list[str]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path.relative_to(folder).as_posix() for path in found)


def test_a_delivery_becomes_a_file_that_a_cycle_reads(tmp_path: Path):
    firm = Firm(tmp_path)
    firm.run(**opening("A"), cash_movements=[cash("M", "A", "500")])

    answer = asked(firm.landing).post("/landing/fills", content=ROWS, headers=BRINGS)
    firm.run()

    assert answer.status_code == 202
    assert firm.position() == (10, -500)
    told = answer.json()
    assert told["is_new"] is True
    assert (told["file_id"], told["path"]) in firm.rows("landed_files", "file_id", "path")


@pytest.mark.parametrize("key", [pytest.param(None, id="no key"), pytest.param("K1", id="a key")])
def test_the_same_delivery_again_lands_nothing(tmp_path: Path, key: str | None):
    client = asked(tmp_path)
    headers = BRINGS | ({} if key is None else {"Idempotency-Key": key})

    first, again = (client.post("/landing/fills", content=ROWS, headers=headers) for _ in "12")

    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json()["path"] == again.json()["path"]
    assert again.json()["is_new"] is False
    assert landed(tmp_path) == [first.json()["path"]]


def test_a_key_stands_for_one_delivery(tmp_path: Path):
    client, headers = asked(tmp_path), BRINGS | {"Idempotency-Key": "K1"}
    client.post("/landing/fills", content=ROWS, headers=headers)

    other = client.post("/landing/fills", content=b"{}\n", headers=headers)

    assert other.status_code == 409
    (path,) = landed(tmp_path)
    assert (tmp_path / path).read_bytes() == ROWS


@pytest.mark.parametrize(
    ("path", "content", "headers", "status"),
    [
        pytest.param("/landing/fills", ROWS, {"Authorization": ""}, 401, id="no token"),
        pytest.param("/landing/fills", ROWS, {"Authorization": "Bearer no"}, 401, id="a wrong one"),
        pytest.param("/landing/nothing", ROWS, {}, 404, id="no such feed"),
        pytest.param("/landing/..%2ffills", ROWS, {}, 404, id="a way out"),
        pytest.param("/landing/Fills", ROWS, {}, 422, id="no name of a feed"),
        pytest.param("/landing/fills", b" \n", {}, 422, id="no row"),
        pytest.param("/landing/fills", ROWS, {"Content-Type": "text/csv"}, 415, id="another kind"),
        pytest.param("/landing/fills", ROWS, {"Content-Encoding": "gzip"}, 415, id="compressed"),
        pytest.param("/landing/fills", ROWS, {"Idempotency-Key": "a b"}, 422, id="no key"),
        pytest.param("/landing/fills", ROWS, {"Host": "evil.example"}, 421, id="another host"),
        pytest.param(
            "/landing/fills", ROWS, {"Origin": "http://evil.example"}, 403, id="a page elsewhere"
        ),
    ],
)
def test_what_is_refused_lands_nothing(
    tmp_path: Path, path: str, content: bytes, headers: dict[str, str], status: int
):
    answer = asked(tmp_path).post(path, content=content, headers=BRINGS | headers)

    assert answer.status_code == status
    assert landed(tmp_path) == []


def test_what_is_too_large_is_refused_as_it_comes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(http, "MOST_BYTES", 100)

    answer = asked(tmp_path).post("/landing/fills", content=b"x" * 101, headers=BRINGS)

    assert answer.status_code == 413
    assert landed(tmp_path) == []


def test_a_place_that_takes_nothing_is_said(tmp_path: Path):
    (tmp_path / "fills").write_text("in the way")

    answer = asked(tmp_path).post("/landing/fills", content=ROWS, headers=BRINGS)

    assert answer.status_code == 503


def test_killed_before_the_file_is_linked_nothing_landed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "hardlink_to", dies)

    with pytest.raises(KeyboardInterrupt):
        delivering.deliver(tmp_path, "fills", ROWS)

    assert landed(tmp_path) == []
