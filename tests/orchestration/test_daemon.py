import os
import time
from collections import Counter
from pathlib import Path

import dagster as dg
import pytest

from benchmarks.processes import daemon
from tests.support.watched import Watch, land, land_reference

pytestmark = pytest.mark.daemon
SECONDS = 20
PATIENCE = 120


def until_sealed(watch: Watch, landed: set[str]) -> None:
    end = time.monotonic() + PATIENCE
    while landed - set(watch.sealed):
        assert time.monotonic() < end, f"not sealed: {sorted(landed - set(watch.sealed))}"
        watch.look()
        time.sleep(0.05)


def processes_of(folder: Path) -> list[str]:
    """Processes whose environment names this folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"DAGSTER_HOME={folder}".encode() in entry.read_bytes():
                found.append(entry.parent.name)
        except OSError:
            continue
    return [pid for pid in found if int(pid) != os.getpid()]


def test_files_landing_every_second_are_sealed_by_themselves(tmp_path: Path):
    watch, landed = Watch(tmp_path), set()

    with daemon(tmp_path):
        land_reference(tmp_path)
        begun = time.monotonic()
        for number in range(SECONDS):
            landed.add(land(tmp_path, number)[0])
            time.sleep(max(0.0, begun + number + 1 - time.monotonic()))
        until_sealed(watch, landed)
        time.sleep(2)

    with dg.DagsterInstance.from_config(str(tmp_path / "dagster_home")) as instance:
        runs = [run for run in instance.get_runs() if run.job_name == "live_margin"]
        kinds = Counter(
            log.dagster_event_type
            for run in runs
            for log in instance.all_logs(run.run_id)
            if log.is_dagster_event
        )
        ticks = [
            tick
            for state in instance.all_instigator_state()
            if state.name == "landing_sensor"
            for tick in instance.get_ticks(state.instigator_origin_id, state.selector_id)
        ]
    assert len(runs) == 1
    assert runs[0].tags["dagster/sensor_name"] == "landing_sensor"
    assert kinds[dg.DagsterEventType.ASSET_MATERIALIZATION] > 12
    assert kinds[dg.DagsterEventType.ASSET_CHECK_EVALUATION] > 12
    assert len([tick for tick in ticks if tick.run_ids]) == 1
    # A process of Dagster's that ended its work may take a moment to be gone.
    end = time.monotonic() + PATIENCE
    while left := processes_of(tmp_path):
        assert time.monotonic() < end, left
        time.sleep(0.1)
