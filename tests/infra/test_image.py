"""The image's entry points start what there is, and its instance file is one that Dagster takes."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import boto3
import dagster as dg
import pytest
import yaml
from dagster_aws.ecs import EcsRunLauncher
from moto import mock_aws

from infra import kept
from margin_assets.cli import app
from margin_assets.definitions import build_defs
from tests.support import ROOT

IMAGE = ROOT / "infra" / "image"
REGION = "eu-central-1"
VARIABLES = {
    "ARTIFACTS_BUCKET": "artifacts",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_SECRET_ACCESS_KEY": "test",
    "DAGSTER_PG_HOST": "database",
    "DAGSTER_PG_PASSWORD": "password",
    "DAGSTER_PG_USERNAME": "dagster",
    "ECS_CLUSTER": "margin",
    "RUN_SECURITY_GROUP": "sg-1",
    "RUN_SUBNETS": "subnet-1,subnet-2",
    "RUN_TASK_DEFINITION": "margin-run",
}
SERVICES = {"live", "dagster-code", "daemon", "webserver", "dashboard", "sql"}


@pytest.fixture(scope="module")
def entry() -> ModuleType:
    made = ModuleType("entry")
    made.__file__ = str(IMAGE / "entry.py")
    exec(compile((IMAGE / "entry.py").read_text(), made.__file__, "exec"), made.__dict__)
    return made


def test_an_entry_point_starts_what_there_is(entry: ModuleType):
    found = entry.commands()
    programs = {command[0] for command in found.values()}
    groups = {group.name: group.typer_instance for group in app.registered_groups}
    serves = {command.name for command in groups["serve"].registered_commands}

    assert found.keys() == SERVICES
    assert {found[name][2] for name in ("live", "sql")} <= serves
    assert programs == {"margin", "dagster", "dagster-daemon", "dagster-webserver"}
    assert all((Path(sys.executable).parent / program).exists() for program in programs)


def test_compose_and_the_tasks_start_entry_points():
    composed = yaml.safe_load((ROOT / "infra" / "compose.yaml").read_text("utf-8"))["services"]
    ours = {name: told for name, told in composed.items() if "build" in told}
    tasks = dict(kept.resources(kept.kept("medium"), "AWS::ECS::TaskDefinition"))
    commands = {
        command
        for task in tasks.values()
        for command in task["ContainerDefinitions"][0].get("Command", [])
    }

    assert ours.keys() == commands == SERVICES
    for name, told in ours.items():
        assert told["command"] == [name]
        assert told["read_only"] is True
        assert told["cap_drop"] == ["ALL"]
    # Nothing is open to other machines, and no password is written down.
    assert all(
        port.startswith("127.0.0.1:")
        for told in composed.values()
        for port in told.get("ports", [])
    )
    assert "PASSWORD" not in (ROOT / "infra" / "compose.yaml").read_text("utf-8")


def test_every_variable_of_the_instance_is_given_by_the_tasks():
    tasks = dict(kept.resources(kept.kept("small"), "AWS::ECS::TaskDefinition"))
    for service in ("DaemonTask", "WebserverTask", "DagsterCodeTask", "LiveTask", "RunTask"):
        container = tasks[service]["ContainerDefinitions"][0]
        given = {one["Name"] for one in [*container["Environment"], *container["Secrets"]]}
        assert {name for name in VARIABLES if not name.startswith("AWS")} <= given, service


@pytest.fixture
def instance(
    entry: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dg.DagsterInstance]:
    """The instance as it is rendered, but for its storage: SQLite in place of Postgres."""
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    document = yaml.safe_load(entry.rendered(dict(os.environ)))
    assert document["storage"]["postgres"]["postgres_db"]["params"] == {
        "sslmode": "verify-full",
        "sslrootcert": str(entry.AUTHORITY),
    }
    assert document["storage"]["postgres"]["postgres_db"]["scheme"] == "postgresql+psycopg2"
    document["storage"] = {"sqlite": {"base_dir": str(tmp_path)}}
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(document))
    with mock_aws():
        boto3.client("s3").create_bucket(
            Bucket="artifacts", CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        boto3.client("ecs").create_cluster(clusterName="margin")
        container = {"name": "main", "image": "margin", "cpu": 256, "memory": 512}
        boto3.client("ecs").register_task_definition(
            family="margin-run",
            networkMode="awsvpc",
            requiresCompatibilities=["FARGATE"],
            cpu="256",
            memory="512",
            containerDefinitions=[container],
        )
        with dg.DagsterInstance.from_config(str(tmp_path)) as made:
            yield made


def test_the_launcher_knows_its_network(instance: dg.DagsterInstance):
    launcher = instance.run_launcher
    assert isinstance(launcher, EcsRunLauncher)
    reach = launcher.run_task_kwargs["networkConfiguration"]["awsvpcConfiguration"]

    assert reach == {
        "subnets": ["subnet-1", "subnet-2"],
        "securityGroups": ["sg-1"],
        "assignPublicIp": "DISABLED",
    }
    assert type(instance.compute_log_manager).__name__ == "S3ComputeLogManager"


# dagster-aws 0.29 asks the context for what it calls another name by now; until it does not.
@pytest.mark.filterwarnings("ignore:InitResourceContext.dagster_run is deprecated")
def test_what_is_no_table_passes_through_the_bucket(instance: dg.DagsterInstance):
    @dg.op
    def one() -> int:
        return 1

    @dg.op
    def more(number: int) -> int:
        return number + 1

    @dg.job(resource_defs={"io_manager": build_defs().resources["io_manager"]})
    def job() -> None:
        more(one())

    ran = job.execute_in_process(instance=instance)

    assert ran.output_for_node("more") == 2
    kept_there = boto3.client("s3").list_objects_v2(Bucket="artifacts", Prefix="io/")
    assert kept_there["KeyCount"] == 2


def health(instance: dg.DagsterInstance, **tags: str) -> str:
    """What the daemon's monitor reads of a run that it takes for started."""
    run = instance.create_run_for_job(_job(), status=dg.DagsterRunStatus.STARTED, tags=tags)
    return instance.run_launcher.check_run_worker_health(run).status.name


def _job() -> dg.JobDefinition:
    @dg.op
    def nothing() -> None:
        """Does nothing."""

    @dg.job
    def job() -> None:
        nothing()

    return job


def test_a_run_that_the_launcher_did_not_start_is_unknown_to_it(instance: dg.DagsterInstance):
    # The monitor calls a run of unknown health failed: so the service has no run of its own.
    assert health(instance) == "UNKNOWN"


def test_a_task_that_is_forgotten_is_unknown_even_if_it_ended_well(instance: dg.DagsterInstance):
    gone = f"arn:aws:ecs:{REGION}:123456789012:task/margin/gone"

    assert health(instance, **{"ecs/task_arn": gone, "ecs/cluster": "margin"}) == "UNKNOWN"


def test_a_run_that_says_nothing_at_its_end_is_ended_by_its_longest_time(entry: ModuleType):
    # A worker that exits with 0 reads as success, which the monitor takes for alive.
    told = yaml.safe_load(entry.rendered(VARIABLES))

    assert told["run_monitoring"]["max_runtime_seconds"] == 86_400
    assert told["run_monitoring"]["enabled"] is True
