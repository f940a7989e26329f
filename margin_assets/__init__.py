"""Margin risk on a lakehouse.

In Python: `margin_assets.whatif(document)` margins a portfolio document, and
`margin_assets.open_lake(uri)` reads a lake as frames, pinned to one sealed cycle.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from margin_assets import machine_code

if TYPE_CHECKING:
    from margin_assets.reader import open_lake
    from margin_assets.whatif import whatif

__all__ = ["open_lake", "whatif"]

machine_code.set_up()


def __getattr__(name: str) -> Any:  # noqa: ANN401 (a module or a function)
    # Loaded when asked for: the command line's quick verbs need neither.
    if name == "whatif":
        return import_module("margin_assets.whatif")
    if name == "open_lake":
        return import_module("margin_assets.reader").open_lake
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
