"""The verb that serves the lake to BI tools."""

import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from margin_assets.cli import output
from margin_assets.cli.lake.serve_live import EXAMPLES, serve_live
from margin_assets.cli.options import (
    DEFAULT_LAKE,
    DEFAULT_MEMORY,
    DEFAULT_TIMEOUT,
    LakeOption,
    MemoryOption,
    TimeoutOption,
    example,
    group,
    limits_of,
    opened_lake,
)
from margin_assets.cli.output import Refusal

if TYPE_CHECKING:
    from margin_assets.serving.endpoint import Certificate

TOKEN_VARIABLE = "MARGIN_SQL_TOKEN"  # noqa: S105 (the name of one)
_PORT = 32010
_SHORTEST = 16

serve = group(
    "Serve the lake to other programs, or keep it sealed as a service.",
    "margin serve sql --port 32010",
)


def register(app: typer.Typer) -> None:
    """Adds the verbs of this module."""
    serve.command(
        "sql",
        epilog=example(
            "margin serve sql --port 32010",
            f"{TOKEN_VARIABLE}=... margin serve sql --lake s3://bucket/prefix --timeout 60",
            "margin serve sql --host 0.0.0.0 --tls-cert server.pem --tls-key server.key",
        ),
    )(serve_sql)
    serve.command("live", epilog=example(*EXAMPLES))(serve_live)
    app.add_typer(serve, name="serve")


@serve.callback()
def _group() -> None:
    """Serve the lake to other programs, or keep it sealed as a service."""


def serve_sql(  # noqa: PLR0913 (the options of the interface)
    *,
    lake: LakeOption = DEFAULT_LAKE,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = _PORT,
    host: Annotated[str, typer.Option(help="Address to listen at.")] = "127.0.0.1",
    token_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help=f"Holds the token; else {TOKEN_VARIABLE}, else made."),
    ] = None,
    tls_cert: Annotated[Path | None, typer.Option(metavar="FILE", help="Certificate, PEM.")] = None,
    tls_key: Annotated[Path | None, typer.Option(metavar="FILE", help="Its key, PEM.")] = None,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Let other machines in without TLS.")
    ] = False,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Statements at a time.")] = 2,
    timeout: TimeoutOption = DEFAULT_TIMEOUT,
    memory: MemoryOption = DEFAULT_MEMORY,
) -> None:
    """Answer SQL of BI tools over Arrow Flight SQL.

    Read-only. Each statement sees the newest sealed cycle at its moment, all tables as that cycle
    left them. Drivers bring the token as a bearer token or as the password of any user name.

    Statements are answered by processes of their own; one that takes too long or too much memory
    is stopped, and the rest goes on.
    """
    from margin_assets.serving.access import is_loopback
    from margin_assets.serving.endpoint import SqlEndpoint, run
    from margin_assets.serving.workers import Workers

    certificate = _certificate(tls_cert, tls_key)
    if certificate is None and not insecure and not is_loopback(host):
        raise Refusal(
            f"{host} can be reached from other machines: give --tls-cert and --tls-key, "
            "or --insecure if something in front of it encrypts"
        )
    limits = limits_of(timeout, memory)
    uri = opened_lake(lake).uri
    token, origin = _token(token_file)
    scheme = "grpc" if certificate is None else "grpc+tls"
    pool = Workers(uri, limits, workers)
    try:
        endpoint = SqlEndpoint(f"{scheme}://{_bracketed(host)}:{port}", pool, token, certificate)
        output.note(f"Flight SQL at {scheme}://{_bracketed(host)}:{endpoint.port}, token {origin}")
        run(endpoint, pool)
    finally:
        pool.close()


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _certificate(cert: Path | None, key: Path | None) -> "Certificate | None":
    if (cert is None) != (key is None):
        raise typer.BadParameter("--tls-cert and --tls-key belong together")
    return None if cert is None or key is None else (cert.read_bytes(), key.read_bytes())


def _token(file: Path | None) -> tuple[str, str]:
    """The token and where it is from; one that was made is shown, this once."""
    # The processes that answer have no use for it.
    given = os.environ.pop(TOKEN_VARIABLE, None)
    if file is not None:
        return _long_enough(file.read_text("utf-8").strip(), str(file)), f"from {file}"
    if given is not None:
        return _long_enough(given.strip(), TOKEN_VARIABLE), f"from {TOKEN_VARIABLE}"
    made = secrets.token_urlsafe(32)
    return made, f"{made} (made for this run)"


def _long_enough(token: str, place: str) -> str:
    if len(token) < _SHORTEST or not token.isascii() or not token.isprintable():
        raise Refusal(f"the token in {place} is not {_SHORTEST} printable ASCII characters or more")
    return token
