"""A live session on a store that fails in every way at once, and one that is not there."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from margin_assets.cli import main
from margin_assets.lake.ledger.audit import verify
from margin_assets.lake.objects.patience import Bounds, StoreUnavailable, declared_bounds
from margin_assets.lake.store.store import Lake
from tests.campaigns.store import Trial, run, undisturbed
from tests.support.live_driver import Firm, cash, fill, opening
from tests.support.store_faults import DELAY, TRANSIENT, UNAVAILABLE, Always, Bursts, First
from tests.support.store_proxy import StoreProxy

pytestmark = pytest.mark.s3


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> Bounds:
    """Bounds of a session that has no time to wait."""
    made = replace(
        declared_bounds(), first_pause_seconds=0.02, longest_pause_seconds=0.2, request_retries=1
    )
    monkeypatch.setattr("margin_assets.lake.objects.patience.declared_bounds", lambda: made)
    return made


@pytest.mark.usefixtures("hurried")
def test_a_failing_store_changes_nothing_but_the_time(tmp_path: Path, s3_proxy: StoreProxy):
    trial, plan = Trial("transient", 7, batches=4), Bursts(7, 0.1, TRANSIENT)
    expected = undisturbed(tmp_path / "undisturbed", trial)

    run(trial, plan, s3_proxy, expected, tmp_path / "failing")

    assert trial.problem == ""
    assert trial.faults > 20
    assert trial.spells > 0


@pytest.fixture
def firm(tmp_path: Path, s3_proxy: StoreProxy) -> Firm:
    made = Firm(tmp_path, Lake(s3_proxy.server.uri(), s3_proxy.storage_options))
    made.run(**opening("A"), cash_movements=[cash("M1", "A", "1000")])
    return made


def test_a_slow_store_is_named_before_it_answers(firm: Firm, s3_proxy: StoreProxy):
    patience, told = firm.lake.access.patience, []
    patience.bounds = replace(patience.bounds, slow_seconds=0.2)
    firm.session.condition.watch(lambda _, now: told.append(now.cause))

    with s3_proxy.failing(First(DELAY._replace(seconds=1), only_commits=True)):
        firm.run(fills=[fill("F1", "5", "100")])

    assert told[0] == "writing cycles: no answer for 0 s"
    assert firm.position() == (5, 500)


def test_a_store_that_goes_away_for_good_leaves_a_plan_that_is_finished(
    firm: Firm, s3_proxy: StoreProxy, hurried: Bounds, capsys: pytest.CaptureFixture[str]
):
    patience = firm.lake.access.patience
    patience.bounds = replace(hurried, retry_seconds=1)
    firm.land(fills=[fill("F1", "5", "100")])

    broken = s3_proxy.failing(Always(UNAVAILABLE, within="/fills/part-"))
    with broken, pytest.raises(StoreUnavailable):
        firm.cycle()
    assert "503" in firm.session.condition.cause
    assert firm.session.condition.state == "degraded"

    firm.restart()
    assert [sealed.cycle for sealed in firm.session.ledger.all_sealed()] == [1, 2]
    assert firm.position() == (5, 500)
    assert capsys.readouterr().out == ""


@pytest.mark.usefixtures("hurried")
def test_a_store_in_trouble_is_not_taken_for_a_broken_chain(firm: Firm, s3_proxy: StoreProxy):
    lake = Lake(firm.lake.uri, firm.lake.storage_options)

    broken = s3_proxy.failing(Always(UNAVAILABLE, within="/prices/part-"))
    with broken, pytest.raises(StoreUnavailable):
        verify(lake)

    assert verify(lake).broken is None


@pytest.mark.parametrize("verb", ["live", "status", "sql"])
def test_a_store_that_is_down_is_named_at_once(
    verb: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    down = {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_ALLOW_HTTP": "true",
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": "nothing",
        "AWS_REGION": "us-east-1",
    }
    for name, value in down.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "landing").mkdir()
    more = ["SELECT 1"] if verb == "sql" else ["--landing", str(tmp_path / "landing")]

    assert main([verb, *more, "--lake", "s3://lake/x"]) == 1

    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert said.err.startswith("margin: cannot use s3://lake/x at http://127.0.0.1:9: ")
    assert "Start the store" in said.err


@pytest.mark.usefixtures("hurried")
def test_margin_live_tells_that_it_waits_and_that_it_goes_on(
    firm: Firm,
    s3_proxy: StoreProxy,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    for name, value in s3_proxy.storage_options.items():
        monkeypatch.setenv(name, value)
    firm.land(fills=[fill("F1", "5", "100")])
    arguments = ["live", "--lake", firm.lake.uri, "--landing", str(firm.landing), "--until-idle"]

    with s3_proxy.failing(First(UNAVAILABLE, count=8, within="/fills/part-")):
        assert main([*arguments, "--json"]) == 0

    said = capsys.readouterr()
    told = [json.loads(line) for line in said.err.splitlines() if line.startswith("{")]
    assert [(line["store"], line["cause"]) for line in told] == [
        ("degraded", "writing fills: 503 ServiceUnavailable"),
        ("ok", ""),
    ]
    store = json.loads(said.out)["store"]
    assert (store["state"], store["spells"]) == ("ok", 1)
