"""How loops are compiled: whether they count references to arrays, and who may call them.

Counting costs an atomic step an array and call, and a book is dozens of arrays that all threads
share. Both say so, since a loop that says nothing does as the one that happens to call it first.

Numba compiles a loop once more for every constant that it is called with, and all that it calls
with it: to the large ones constants go as `np.int64(...)`.

An entrance from Python takes the arrays of a book out of their tuples one by one, which was two
fifths of what a session's loops took to compile. A loop that only loops call is `inner`: it has
none, and no machine code but that of the loops that call it, with which it is kept.
"""

from collections.abc import Callable
from typing import Any, NoReturn

from numba import njit

from margin_assets.kernels.numeric.parts import PartCompiler

OWNS: dict[str, Any] = {"cache": True, "_nrt": True}
"""A loop that makes arrays or hands them out."""
BORROWS: dict[str, Any] = {"cache": True, "_nrt": False}
"""A loop that only uses arrays it is given, and counts nothing. One that makes an array does not
compile so. One that took an array from a loop would never give it back:
`tests/kernels/numeric/test_compiled.py` forbids it."""

_NO_ENTRANCE: dict[str, Any] = {
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
    "cache": False,
    "pipeline_class": PartCompiler,
}


def inner(**options: Any) -> Callable[[Callable[..., Any]], Any]:  # noqa: ANN401 (as of `njit`)
    """Decorates as `njit` does a loop that only loops call; a call from Python is a TypeError."""

    def compiled(loop: Callable[..., Any]) -> Any:  # noqa: ANN401 (a dispatcher of Numba's)
        made: Any = njit(**(options | _NO_ENTRANCE))(loop)

        def refuse(*_: object, **__: object) -> NoReturn:
            raise TypeError(f"{loop.__qualname__} is an inner loop: only loops call it")

        # Python finds no entrance, which would be no address, and asks for one to be compiled.
        made._insert = lambda *_: None
        made._compile_for_args = refuse
        return made

    return compiled
