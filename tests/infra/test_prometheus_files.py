"""The alerts and the page name metrics that the exporter has."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
import yaml

from margin_assets.lake.landing.backlog import Backlog
from margin_assets.lake.store.store import Lake
from margin_assets.live.session.exporter import Exporter
from margin_assets.live.session.watch import Watch
from margin_assets.monitoring.health import STATES
from tests.support import ROOT
from tests.support.empty_lake import created

FILES = ROOT / "infra" / "prometheus"
SUFFIXES = ("", "_total", "_bucket", "_sum", "_count")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    lake = created(Lake(str(tmp_path_factory.mktemp("served") / "lake")))
    watch = Watch(lake, datetime(2020, 3, 9, tzinfo=UTC), backlog=Backlog)
    return {metric.name for metric in Exporter(watch).registry.collect()}


def rules() -> list[dict[str, Any]]:
    document = yaml.safe_load((FILES / "alerts.yml").read_text())
    return [rule for group in document["groups"] for rule in group["rules"]]


def unknown(text: str, served: set[str]) -> set[str]:
    known = {f"{name}{suffix}" for name in served for suffix in SUFFIXES}
    return set(re.findall(r"\bmargin_[a-z_0-9]+", text)) - known


def test_alerts_ask_for_what_is_served(served: set[str]) -> None:
    expressions = " ".join(rule["expr"] for rule in rules())

    assert len(rules()) > 5
    assert unknown(expressions, served) == set()
    assert set(re.findall(r'state="(\w+)"', expressions)) <= set(STATES)


def test_the_page_lists_exactly_what_is_served(served: set[str]) -> None:
    text = (ROOT / "docs" / "health.md").read_text()
    listed = set(re.findall(r"`(margin_[a-z_]+)", text.split("| metric |")[1].split("\n\n")[0]))
    ours = {name for name in served if name.startswith("margin_")}

    assert {name.removesuffix("_total") for name in listed} == ours
    assert unknown(text, served) <= {"margin_assets"}
    assert all(f"| `{state}` |" in text for state in STATES)


def test_the_scrape_configuration_names_the_rules() -> None:
    document = yaml.safe_load((FILES / "prometheus.yml").read_text())

    assert all((FILES / name).is_file() for name in document["rule_files"])
    assert document["scrape_configs"][0]["job_name"] == "margin"
