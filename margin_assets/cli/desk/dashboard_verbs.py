"""The verb that serves the dashboard."""

import socket
from pathlib import Path
from typing import Annotated

import typer

from margin_assets.cli import output
from margin_assets.cli.options import (
    DEFAULT_LAKE,
    DEFAULT_LANDING,
    LakeOption,
    LandingOption,
    example,
    opened_lake,
)
from margin_assets.cli.output import Refusal

DEFAULT_PORT = 3030
_LOOPBACK = "127.0.0.1"
DEFAULT_TOKEN_FILE = Path("~/.config/margin/dashboard.token")


def register(app: typer.Typer) -> None:
    """Adds the verbs of this module."""
    app.command(
        epilog=example("margin dashboard", "margin dashboard --lake ./demo/lake --port 3031")
    )(dashboard)


def dashboard(  # noqa: PLR0913 (the options of the interface)
    *,
    lake: LakeOption = DEFAULT_LAKE,
    landing: LandingOption = DEFAULT_LANDING,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = DEFAULT_PORT,
    token_file: Annotated[
        Path, typer.Option(metavar="FILE", help="Holds what acts ask for; made if not there.")
    ] = DEFAULT_TOKEN_FILE,
    host: Annotated[str, typer.Option(help="Address to listen at.")] = _LOOPBACK,
    known_as: Annotated[
        list[str] | None,
        typer.Option(
            metavar="HOST", help="Host by which a door with TLS in front of it is asked; repeat."
        ),
    ] = None,
) -> None:
    """Serve the live page, on loopback unless a door with TLS stands in front of it.

    Reads the last sealed cycle, and what a live session publishes while the page is open. What a
    person does in the page needs the token of the file and lands as a row of desk_actions.
    """
    held = opened_lake(lake)
    if host != _LOOPBACK and not known_as:
        raise Refusal(f"{host} can be reached from other machines: --known-as names their door")
    from margin_assets.dashboard.serving import Place, serve

    file = token_file.expanduser()
    file.parent.mkdir(parents=True, exist_ok=True)
    place = Place(listens(host, port), file, host, tuple(known_as or ()))
    serve(held, landing, place, lambda at: output.note(f"dashboard on {at}, token in {file}"))


def listens(host: str, port: int) -> int:
    """The port, or a free one for 0.

    Raises:
        Refusal: something listens there already.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise Refusal(f"{host}:{port}: {error.strerror}; --port names another") from None
        return int(probe.getsockname()[1])
