"""Whether a container is well: its service listens, or its process is there."""

import socket
import sys
from pathlib import Path

PORTS = {"dagster-code": 4000, "webserver": 3000, "dashboard": 3030, "sql": 32010, "live": 9464}
_SECONDS = 5.0


def main(name: str) -> int:
    """0 if it is well."""
    if name not in PORTS:
        # The daemon listens nowhere; Dagster's own heartbeat is asked for by its alarm.
        running = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline")]
        return 0 if any(b"dagster-daemon" in line for line in running) else 1
    try:
        socket.create_connection(("127.0.0.1", PORTS[name]), _SECONDS).close()
    except OSError:
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
