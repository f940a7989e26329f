"""Parts as tasks of Ray: one that dies with its worker or its node is done again elsewhere."""

import os
import socket
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from typing import Any

from margin_assets.engines.engine import EngineUnavailable, Part, Result, Shared

_RETRIES = 5
"""Of one task whose worker or node died; an error of the work itself is raised at once."""
_SOON = 5.0  # seconds to knock
_AHEAD = 2
"""Tasks under way for each core, so that none waits for the next."""


class RayEngine:
    """A cluster by its address, or one of this machine that ends with the process."""

    def __init__(self, address: str = "") -> None:
        # Nothing about the work leaves the house.
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        try:
            import ray
        except ModuleNotFoundError:
            raise EngineUnavailable(
                "the engine ray needs the extra: in the checkout, pip install -e '.[ray]'"
            ) from None
        self._ray: Any = ray
        self._address = address

    def over(
        self, work: Callable[[Shared, Part], Result], shared: Shared, parts: Iterable[Part]
    ) -> Iterator[Result]:
        """Results in the order of the parts.

        Raises:
            EngineUnavailable: the cluster does not answer, or a part was lost too often.
        """
        ray = self._ray
        self._join()
        dumps, loads = ray.cloudpickle.dumps, ray.cloudpickle.loads
        # Without SPREAD all short tasks run on one node.
        how = {"max_retries": _RETRIES, "scheduling_strategy": "SPREAD", "name": work.__name__}
        task, held = ray.remote(**how)(_pickled), ray.put(dumps((work, shared)))
        waiting, ahead = deque[Any](), max(1, _AHEAD * int(ray.cluster_resources().get("CPU", 1)))
        try:
            for part in parts:
                waiting.append(task.remote(held, dumps(part)))
                if len(waiting) >= ahead:
                    yield loads(ray.get(waiting.popleft()))
            while waiting:
                yield loads(ray.get(waiting.popleft()))
        except ray.exceptions.RayTaskError as error:
            raise error.cause from None
        except (ray.exceptions.RayError, ConnectionError) as error:
            raise EngineUnavailable(f"ray: {_first_line(error)}") from error

    def _join(self) -> None:
        """Joins the cluster, or starts one on loopback."""
        ray = self._ray
        if ray.is_initialized():
            return
        self._knock()
        # Unless told so, Ray would join what the environment or an earlier run that died names.
        alone = {"address": "local", "include_dashboard": False, "_node_ip_address": "127.0.0.1"}
        joined = {"address": self._address} if self._address else alone
        try:
            ray.init(log_to_driver=False, logging_level="ERROR", **joined)
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise EngineUnavailable(f"ray: {_first_line(error)}") from error

    def _knock(self) -> None:
        """Asks whether anything is at the address: Ray itself would wait for minutes."""
        host, _, port = self._address.rpartition(":")
        if host and port.isdecimal():
            try:
                socket.create_connection((host.removeprefix("ray://"), int(port)), _SOON).close()
            except OSError as error:
                raise EngineUnavailable(f"ray: nothing at {self._address}: {error}") from None


def _pickled(held: bytes, part: bytes) -> bytes:
    """One part. Arrays come and go within pickles, so that they can be written to as they can here.

    Those that Ray takes out of a pickle, to share its memory, cannot be: loops would be compiled
    for them anew, in each worker for most of a minute.
    """
    pickles: Any = import_module("ray.cloudpickle")
    work, shared = pickles.loads(held)
    result: bytes = pickles.dumps(work(shared, pickles.loads(part)))
    return result


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0]
