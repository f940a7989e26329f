"""What the image starts: `entry.py NAME [ARGUMENT ...]` becomes the process of that name.

Any other name is a command of the image, which is how Dagster's launcher starts a run.
"""

import os
import sys
from pathlib import Path

HERE = Path(__file__).parent
ANY = "0.0.0.0"  # noqa: S104 (inside a container; what reaches it is the network's to say)
AUTHORITY = Path("/opt/margin/rds-ca.pem")
"""Certificates of the authority by which Postgres on AWS is known."""
CODE_PORT, WEB_PORT, DASHBOARD_PORT, SQL_PORT, METRICS_PORT = 4000, 3000, 3030, 32010, 9464
DAGSTER = ("dagster-code", "daemon", "webserver", "live")
"""Processes that open Dagster's instance, and need its file."""


def commands() -> dict[str, list[str]]:
    """The command of each entry point."""
    workspace = ["-w", str(home() / "workspace.yaml")]
    definitions = ["-m", "margin_assets.definitions"]
    metrics = ["--metrics-host", ANY, "--metrics-port", str(METRICS_PORT)]
    names = [
        f"--known-as={name}" for name in os.environ.get("MARGIN_KNOWN_AS", "").split(",") if name
    ]
    return {
        "live": ["margin", "serve", "live", "--dagster", *metrics],
        "dagster-code": ["dagster", "api", "grpc", "-h", ANY, "-p", str(CODE_PORT), *definitions],
        "daemon": ["dagster-daemon", "run", *workspace],
        "webserver": [
            "dagster-webserver", "--read-only", "-h", ANY, "-p", str(WEB_PORT), *workspace,
        ],
        "dashboard": ["margin", "dashboard", "--host", ANY, "--port", str(DASHBOARD_PORT), *names],
        "sql": ["margin", "serve", "sql", "--host", ANY, "--insecure", "--port", str(SQL_PORT)],
    }  # fmt: skip


def home() -> Path:
    """Where Dagster's instance file is made."""
    return Path(os.environ.get("DAGSTER_HOME", "/tmp/dagster"))  # noqa: S108 (its own volume)


def rendered(variables: dict[str, str]) -> str:
    """The instance file: lists take no variable, so they are written in when a container starts.

    Raises:
        KeyError: a variable is not set.
    """
    text = (HERE / variables.get("MARGIN_INSTANCE", "dagster.aws.yaml")).read_text("utf-8")
    subnets = [name for name in variables.get("RUN_SUBNETS", "").split(",") if name]
    return text.replace("${SUBNETS}", ", ".join(subnets)).replace(
        "${SECURITY_GROUP}", variables.get("RUN_SECURITY_GROUP", "")
    )


def token_file(name: str) -> str:
    """The token of a page as a file that its own user alone can read."""
    file = Path("/tmp") / f"{name}.token"  # noqa: S108 (its own volume)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(os.environ["MARGIN_DASHBOARD_TOKEN"])
    return str(file)


def prepare() -> None:
    """Writes the instance file and the workspace; its folder is the only one that is written to."""
    home().mkdir(parents=True, exist_ok=True)
    instance = rendered(dict(os.environ))
    if str(AUTHORITY) in instance and not AUTHORITY.exists():
        sys.exit(f"{AUTHORITY} is not in the image: docs/deploy.md says where it comes from")
    (home() / "dagster.yaml").write_text(instance, "utf-8")
    (home() / "workspace.yaml").write_text((HERE / "workspace.yaml").read_text("utf-8"), "utf-8")


def main(arguments: list[str]) -> None:
    """Becomes the process that is asked for."""
    name, *more = arguments or ["live"]
    known = commands()
    if name in DAGSTER or name not in known:
        prepare()
    command = [*known.get(name, [name]), *more]
    if name == "dashboard" and "MARGIN_DASHBOARD_TOKEN" in os.environ:
        command += ["--token-file", token_file(name)]
    os.execvp(command[0], command)  # noqa: S606 (no shell on purpose)


if __name__ == "__main__":
    main(sys.argv[1:])
