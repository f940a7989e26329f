"""Credentials that expire while a session works: newer ones of the file are taken up."""

from dataclasses import replace
from pathlib import Path

import pytest

from margin_assets.lake.objects.patience import StoreUnavailable
from margin_assets.lake.store.store import Lake
from tests.support import seaweed, store_proxy
from tests.support.live_driver import Firm, cash, fill, opening, price
from tests.support.store_faults import REFUSED, Expired

pytestmark = pytest.mark.s3


def write_credentials(file: Path, key: str, secret: str) -> None:
    text = f"[default]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n"
    fresh = file.with_suffix(".new")
    fresh.write_text(text)
    fresh.replace(file)


@pytest.fixture
def credentials(
    tmp_path: Path,
    s3_server: seaweed.S3Server,
    s3_proxy: store_proxy.StoreProxy,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """A credentials file with the first pair; nothing else names any."""
    file = tmp_path / "credentials"
    write_credentials(file, s3_server.access_key, s3_server.secret_key)
    options = {"AWS_SHARED_CREDENTIALS_FILE": str(file), **s3_proxy.storage_options}
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        del options[name]
        monkeypatch.delenv(name, raising=False)
    for name, value in options.items():
        monkeypatch.setenv(name, value)
    return file


@pytest.fixture
def firm(tmp_path: Path, s3_server: seaweed.S3Server, credentials: Path) -> Firm:
    del credentials
    made = Firm(tmp_path, Lake(s3_server.uri()))
    made.run(**opening("A"), cash_movements=[cash("M1", "A", "1000")])
    return made


def test_a_refreshed_file_is_taken_up_in_the_middle_of_a_run(
    firm: Firm,
    credentials: Path,
    s3_server: seaweed.S3Server,
    s3_proxy: store_proxy.StoreProxy,
):
    told: list[str] = []

    def refresh(_: object, now: object) -> None:
        # Somebody brings new ones as soon as the session says what it lacks.
        told.append(str(now))
        write_credentials(credentials, s3_server.spare_access_key, s3_server.spare_secret_key)

    firm.session.condition.watch(refresh)
    with s3_proxy.failing(Expired((s3_server.access_key,))):
        result = firm.run(fills=[fill("F1", "5", "100")], prices=[price("X", "101")])

    assert result.sealed.cycle == 2
    # What is asked first may be a HEAD, whose answer has no body that says why.
    assert "ExpiredToken" in told[0] or "reading the archive: 400" in told[0]
    assert firm.position() == (5, 500)


def test_refused_credentials_end_the_run_with_a_word_on_them(
    firm: Firm, s3_server: seaweed.S3Server, s3_proxy: store_proxy.StoreProxy
):
    patience = firm.lake.access.patience
    patience.bounds = replace(patience.bounds, refused_seconds=1)
    plan = Expired((s3_server.access_key,), REFUSED)
    with (
        s3_proxy.failing(plan),
        pytest.raises(StoreUnavailable, match=r"403 InvalidAccessKeyId[^\n]*Correct the cred"),
    ):
        firm.run(fills=[fill("F1", "5", "100")])

    assert firm.session.condition.state == "degraded"
    # Nothing is lost: with the credentials in order the same session goes on.
    assert firm.run(fills=[]).sealed.cycle == 2
    assert firm.position() == (5, 500)
