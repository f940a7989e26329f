"""The bits of a float as a whole number, and back, without memory between."""

from typing import Any

from numba import types
from numba.extending import intrinsic


def _as_float(context: Any, bits: Any) -> Any:  # noqa: ARG001 - Numba's signature
    """The float of 64 bits."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], context.get_value_type(signature.return_type))

    return types.float64(types.uint64), generate


as_float: Any = intrinsic(_as_float)


def _as_bits(context: Any, number: Any) -> Any:  # noqa: ARG001 - Numba's signature
    """The 64 bits of a float."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], context.get_value_type(signature.return_type))

    return types.uint64(types.float64), generate


as_bits: Any = intrinsic(_as_bits)
