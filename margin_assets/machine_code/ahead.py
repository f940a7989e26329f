"""Loops compiled before they are called, by a second process: `make` runs this module.

What a session's first cycles call is known, and so are the types that it is called with: those
that signatures declare. The last comes first here, so that a session that begins meanwhile with
the first meets this process in the middle.
"""

import os
from collections.abc import Callable
from importlib import import_module
from typing import Any, get_args, get_origin, get_type_hints

import numpy as np
from numba import types
from numba.np.numpy_support import from_dtype

LOOPS = (
    "enforcement.ladder._climb",
    "enforcement.liquidation._liquidated",
    "firm_risk.concentrations._value_plain",
    "firm_risk.scenarios._stand",
    "firm_risk.scenarios._strike",
    "firm_risk.names._walk",
    "reg_t.sma._reg_t_needs",
    "margin.requirements._scans",
    "strategies.problems._count",
    "securities.securities._revalue",
    "securities.plain.plain_terms",
    "margin.reg_t_groups._lines",
    "securities.positions._mark",
    "options.valuation._stress_multiples",
)
"""What Python calls in first cycles and takes long to compile, below `margin_assets.kernels`."""
_SCALARS = {int: types.int64, float: types.float64, bool: types.boolean}


def signature(loop: Callable[..., Any]) -> tuple[Any, ...]:
    """Numba's types of what a loop declares to take: arrays in rows, writable.

    Raises:
        TypeError: a parameter of a kind that has none.
    """
    hints = get_type_hints(loop)
    return tuple(_type_of(hint) for name, hint in hints.items() if name != "return")


def _type_of(hint: Any) -> Any:  # noqa: ANN401 (annotations and Numba's types have no type)
    if hint in _SCALARS:
        return _SCALARS[hint]
    if hasattr(hint, "_fields"):
        hints = get_type_hints(hint)
        fields = [_type_of(hints[name]) for name in hint._fields]
        return types.NamedTuple(fields, hint)  # type: ignore[no-untyped-call]  # Numba's own
    if get_origin(hint) is np.ndarray:
        shape, dtype = get_args(hint)
        axes = get_args(shape)
        return types.Array(
            from_dtype(np.dtype(get_args(dtype)[0])),
            1 if Ellipsis in axes else len(axes),
            "C",
        )
    raise TypeError(f"no type of Numba for {hint}")


def named(loop: str) -> Any:  # noqa: ANN401 (a dispatcher of Numba's, which has no types)
    """A loop by its place below `margin_assets.kernels`."""
    module, _, name = loop.rpartition(".")
    return getattr(import_module(f"margin_assets.kernels.{module}"), name)


def main() -> None:
    """Compiles them one by one, for as long as the process that asked for it is there."""
    asked_by = os.getppid()
    for loop in LOOPS:
        if os.getppid() != asked_by:
            return
        compiled = named(loop)
        compiled.compile(signature(compiled.py_func))


if __name__ == "__main__":
    main()
