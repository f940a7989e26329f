"""`margin live --metrics-port` in a process of its own, scraped over HTTP while it runs."""

import json
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.margin_command import Margin, land, landed

COMMAND = str(Path(sys.executable).with_name("margin"))
PATIENCE = 120
PRICE = '{{"symbol":"X","price":{price},"event_time":"2020-03-09T16:00:{second:02d}Z"}}\n'


Samples = dict[tuple[str, str], float]


def scrape(port: int) -> Samples:
    """Samples by their name and the values of their labels."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        families = list(text_string_to_metric_families(answer.read().decode()))
    return {
        (sample.name, ",".join(sample.labels.values())): sample.value
        for family in families
        for sample in family.samples
    }


def scrape_until(port: int, holds: Callable[[Samples], bool]) -> Samples:
    end = time.monotonic() + PATIENCE
    while True:
        assert time.monotonic() < end
        try:
            found = scrape(port)
        except OSError:
            found = {}
        if found and holds(found):
            return found
        time.sleep(0.1)


def states(found: Samples) -> set[str]:
    return {label for (name, label), value in found.items() if name == "margin_health" and value}


@dataclass(frozen=True)
class Told:
    """What one monitor told: before anything landed, after two cycles or more, at its end."""

    port: int
    at_first: Samples
    later: Samples
    out: str
    err: str
    code: int


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    folder = tmp_path_factory.mktemp("metrics")
    (folder / "landing").mkdir()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    words = [COMMAND, "live", "--metrics-port", str(port), "--json"]
    with subprocess.Popen(
        words, cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        try:
            at_first = scrape_until(port, lambda found: ("margin_backlog_files", "") in found)
            land(folder, "prices/1.ndjson", PRICE.format(price=10, second=0))
            scrape_until(port, lambda found: found.get(("margin_last_sealed_cycle", "")) == 1)
            # What is ignored may be a cycle of its own, which no age is told of.
            land(folder, "x" * 100 + "/3.ndjson", "{}\n")
            land(folder, "prices/2.ndjson", PRICE.format(price=11, second=1) + "{}\n")
            later = scrape_until(port, lambda f: f[("margin_quarantined_rows_total", "")] == 2)
            process.send_signal(signal.SIGTERM)
            out, err = process.communicate(timeout=PATIENCE)
        finally:
            process.kill()
    return Told(port, at_first, later, out, err, process.returncode)


def test_what_is_not_known_has_no_sample(told: Told) -> None:
    names = {name for name, _ in told.at_first}

    for name in ("last_sealed_cycle", "as_of_timestamp_seconds", "last_seal_timestamp_seconds"):
        assert f"margin_{name}" not in names
    assert "margin_landing_lag_seconds" not in names
    assert "margin_backlog_oldest_seconds" not in names
    assert states(told.at_first) == {"empty"}


def test_cycles_and_rows_are_counted(told: Told) -> None:
    later = told.later
    cycles = later[("margin_last_sealed_cycle", "")]

    assert cycles >= 2
    assert later[("margin_as_of_timestamp_seconds", "")] == 1583769601.0
    assert 0 <= time.time() - later[("margin_last_seal_timestamp_seconds", "")] < PATIENCE
    assert later[("margin_rows_total", "prices")] == 2
    assert later[("margin_rows_total", "fills")] == 0
    assert later[("margin_cycle_seconds_count", "total")] == cycles
    parts = {label for name, label in later if name == "margin_cycle_seconds_count"}
    assert {"plan", "accept", "compute", "write", "seal", "total"} <= parts
    assert later[("margin_backlog_files", "")] == 0
    assert states(later) == {"attention"}


def test_what_landed_names_no_label(told: Told) -> None:
    assert not any("xxx" in label for _, label in told.later)


def test_the_monitor_says_how_far_behind_it_is(told: Told) -> None:
    summary = json.loads(told.out)

    assert told.code == 0
    assert f"metrics on http://127.0.0.1:{told.port}/metrics" in told.err
    assert "0 files 0 bytes wait" in told.err
    assert summary["backlog"] == {"files": 0, "bytes": 0, "oldest_landed_at": None}
    assert 0 <= summary["landing_lag_seconds"] < PATIENCE
    assert summary["event_lag_seconds"] > 2000 * 86_400
    with pytest.raises(OSError, match="refused"):
        scrape(told.port)


def test_a_port_that_is_taken_is_refused(margin: Margin, tmp_path: Path) -> None:
    (tmp_path / "landing").mkdir()
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = str(other.getsockname()[1])
        said = margin("live", "--until-idle", "--metrics-port", taken, *landed(tmp_path))

    assert said.code == 1
    assert said.err.startswith(f"margin: no metrics on 127.0.0.1:{taken}: ")
    assert said.err.count("\n") == 1
