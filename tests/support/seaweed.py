"""A real S3 server in one process: SeaweedFS on free loopback ports, with its own credentials."""

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from margin_assets.lake.objects.patience import StoreUnavailable
from margin_assets.lake.store.store import Lake

BUCKET = "lake"
_BOOT_SECONDS = 60
# Each of the server's ports also takes the one 10,000 above it.
_GRPC_OFFSET = 10_000


@dataclass(frozen=True)
class S3Server:
    """A server of our own: nobody else knows its credentials."""

    port: int
    access_key: str
    secret_key: str
    spare_access_key: str
    """Credentials of the same rights, for who must do without the first ones."""
    spare_secret_key: str

    @property
    def storage_options(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "AWS_ALLOW_HTTP": "true",
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_REGION": "us-east-1",
        }

    def uri(self) -> str:
        """A prefix that no other test uses."""
        return f"s3://{BUCKET}/{secrets.token_hex(8)}"


@contextmanager
def running() -> Iterator[S3Server]:
    """The server, gone at the end."""
    # A short path: the server's sockets lie in it, and their names are limited.
    folder = Path(tempfile.mkdtemp(prefix="weed"))
    ports = _free_ports(5)
    keys = (secrets.token_hex(length) for length in (10, 20, 10, 20))
    server = S3Server(ports[0], *keys)
    process = _start(server, ports, folder)
    try:
        _await(server, process, folder)
        yield server
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _start(server: S3Server, ports: list[int], folder: Path) -> "subprocess.Popen[bytes]":
    s3, filer, master, volume, admin = ports
    (folder / "data").mkdir()
    (folder / "identities.json").write_text(json.dumps(_identities(server)))
    command = [
        str(Path(sys.executable).with_name("weed")),
        "mini",
        f"-dir={folder / 'data'}",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        "-master.telemetry=false",
        f"-bucket={BUCKET}",
        "-admin.ui=false",
        "-webdav=false",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        f"-s3.port={s3}",
        f"-s3.config={folder / 'identities.json'}",
        f"-filer.port={filer}",
        f"-master.port={master}",
        f"-volume.port={volume}",
        f"-admin.port={admin}",
    ]
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "TMPDIR": str(folder),
        # A sixth of its work was looking for garbage in a heap that never grows large.
        "GOGC": "1000",
    }
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            command, env=environment, cwd=folder, stdout=log, stderr=subprocess.STDOUT
        )


def _identities(server: S3Server) -> dict[str, Any]:
    pairs = {
        "first": (server.access_key, server.secret_key),
        "spare": (server.spare_access_key, server.spare_secret_key),
    }
    return {
        "identities": [
            {
                "name": name,
                "credentials": [{"accessKey": key, "secretKey": secret}],
                "actions": ["Admin", "Read", "List", "Tagging", "Write"],
            }
            for name, (key, secret) in pairs.items()
        ]
    }


def _await(server: S3Server, process: "subprocess.Popen[bytes]", folder: Path) -> None:
    # Only our server knows the credentials, so an answer to them is its answer.
    deadline = time.monotonic() + _BOOT_SECONDS
    while True:
        try:
            Lake(f"s3://{BUCKET}/probe", server.storage_options).check_store()
        except StoreUnavailable:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((folder / "log").read_text()[-2000:]) from None
            time.sleep(0.1)
        else:
            return


def _free_ports(count: int) -> list[int]:
    """Ports free together with their companions, all distinct."""
    found: list[int] = []
    with ExitStack() as held:
        while len(found) < count:
            port = 20_000 + secrets.randbelow(12_000)
            try:
                for number in (port, port + _GRPC_OFFSET):
                    listener = held.enter_context(socket.socket())
                    listener.bind(("127.0.0.1", number))
            except OSError:
                continue
            found.append(port)
    return found
