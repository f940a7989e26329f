"""Engines by their name, and the one that needs nothing."""

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeVar

Shared = TypeVar("Shared")
Part = TypeVar("Part")
Result = TypeVar("Result")

ENGINES = ("local", "ray")


class EngineUnavailable(RuntimeError):
    """The engine is not installed, or its cluster does not answer."""


class Engine(Protocol):
    """Runs a function over parts."""

    def over(
        self, work: Callable[[Shared, Part], Result], shared: Shared, parts: Iterable[Part]
    ) -> Iterator[Result]:
        """Results in the order of the parts, each as soon as it and those before it are done.

        Args:
            work: A pure function of a module: a part may be done again where a worker died.
            shared: What every part needs; it goes to each worker once.
            parts: What tells one part from another, asked for as there is room.

        Raises:
            EngineUnavailable: the cluster is lost.
        """


class InProcess:
    """One part after the other, here; each on as many threads as its kernel takes."""

    def over(
        self, work: Callable[[Shared, Part], Result], shared: Shared, parts: Iterable[Part]
    ) -> Iterator[Result]:
        """Results in the order of the parts."""
        return (work(shared, part) for part in parts)


def engine_of(name: str = "local", address: str = "") -> Engine:
    """The engine of a name; that of Ray on a running cluster, or without an address on its own.

    Raises:
        ValueError: no engine has the name, or one that knows no address is given one.
        EngineUnavailable: it is not installed.
    """
    if name == "ray":
        from margin_assets.engines.on_ray import RayEngine

        return RayEngine(address)
    if name != "local":
        raise ValueError(f"no engine {name!r}: there are {', '.join(ENGINES)}")
    if address:
        raise ValueError("only the engine ray has an address")
    return InProcess()
