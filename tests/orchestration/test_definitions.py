import os
import re
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.assets.graph.asset_graph import AssetGraph

from margin_assets.definitions import build_defs
from schemas import TABLES
from tests.support import ROOT

# Dagster copies sensors with a parameter that it calls beta itself.
pytestmark = pytest.mark.filterwarnings("ignore:Parameter `owners` of initializer `Sensor")

GRAPH = Path(__file__).with_name("asset_graph.txt")
KEPT = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}


@pytest.fixture(scope="module")
def graph() -> AssetGraph:
    return build_defs().resolve_asset_graph()


def test_the_code_location_loads_with_an_empty_environment(tmp_path: Path):
    command = [sys.executable, "-m", "dagster", "definitions", "validate", "-w"]

    done = subprocess.run(
        [*command, str(ROOT / "workspace.yaml")],
        env=KEPT | {"PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert not [path for path in tmp_path.iterdir() if not path.name.startswith(".tmp_dagster")]


def test_loading_imports_no_great_expectations():
    code = "import sys, margin_assets.definitions\nassert 'great_expectations' not in sys.modules\n"

    subprocess.run([sys.executable, "-c", code], env=KEPT, cwd=ROOT, check=True, timeout=120)


def test_the_asset_graph_is_as_reviewed(graph: AssetGraph):
    lines = []
    for key in sorted(graph.get_all_asset_keys(), key=lambda k: tuple(k.path)):
        node = graph.get(key)
        parents = " ".join(sorted(parent.to_user_string() for parent in node.parent_keys))
        lines.append(f"{key.to_user_string()} <- {parents}".rstrip())
    checks = sorted(
        f"{key.asset_key.to_user_string()}: {key.name}" for key in graph.asset_check_keys
    )
    found = "\n".join([*lines, "", *checks]) + "\n"

    assert found == GRAPH.read_text(), found


def test_every_table_is_an_asset(graph: AssetGraph):
    assert {key.path[-1] for key in graph.get_all_asset_keys()} == set(TABLES)


@pytest.mark.parametrize("name", TABLES)
def test_every_asset_says_what_it_is(graph: AssetGraph, name: str):
    node = graph.get(dg.AssetKey(name))

    columns = node.metadata["dagster/column_schema"].columns
    assert node.group_name == TABLES[name].group
    assert node.owners == ["team:margin-risk"]
    assert "deltalake" in node.kinds
    assert node.description
    assert [column.name for column in columns] == list(TABLES[name].schema.columns())


@pytest.mark.parametrize(
    "name", ["positions", "account_state", "margin_summary", "stress_results", "firm_risk"]
)
def test_daily_tables_have_a_blocking_row_check(graph: AssetGraph, name: str):
    key = dg.AssetCheckKey(dg.AssetKey(name), f"{name}_obeys_its_schema")

    assert graph.get_check_spec(key).blocking


def test_what_is_launched():
    repository = build_defs().get_repository_def()

    assert {"live_margin", "daily_margin", "upkeep"} <= set(repository.job_names)
    assert {s.name for s in repository.sensor_defs} == {
        "landing_sensor",
        "business_date_sensor",
        "rates_date_sensor",
        "health_sensor",
        "notice_sensor",
        "early_warning_sensor",
        "failed_runs",
        "failed_checks",
    }


def test_an_asset_links_to_its_page_where_there_is_a_dashboard(graph: AssetGraph):
    linked = build_defs(dashboard="http://127.0.0.1:3030/").resolve_asset_graph()
    pages = {
        key.path[-1]: linked.get(key).metadata.get("dashboard")
        for key in linked.get_all_asset_keys()
    }

    assert pages["firm_risk"] == dg.MetadataValue.url("http://127.0.0.1:3030/firm")
    assert pages["margin_summary"] == dg.MetadataValue.url("http://127.0.0.1:3030/accounts")
    assert pages["rates"] is None
    assert not any("dashboard" in graph.get(k).metadata for k in graph.get_all_asset_keys())


def test_every_description_teaches_and_leads_on(graph: AssetGraph):
    for key in graph.get_all_asset_keys():
        told = graph.get(key).description
        next_ones = re.findall(r"\]\(/assets/(\w+)\)", told)

        assert "**Why:**" in told, key
        assert next_ones, key
        assert set(next_ones) <= TABLES.keys(), key
        for page in re.findall(r"docs/[\w-]+\.md", told):
            assert (ROOT / page).is_file(), page
