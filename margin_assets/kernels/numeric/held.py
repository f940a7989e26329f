"""Records of arrays that loops take by one pointer.

A tuple of a hundred arrays is seven hundred arguments of a compiled function, handed on at every
call: it compiles for minutes, and is taken apart anew at every call from Python. `hold` writes a
record's arrays down once; loops that get the result read its fields as they would the record's.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import typeof, types
from numba.core.typing.templates import AttributeTemplate
from numba.extending import (
    NativeValue,
    infer_getattr,
    lower_getattr_generic,
    models,
    register_model,
    unbox,
)

from margin_assets.kernels.numeric.arrays import BoolArray, FloatArray, Int64Array


class HeldType(types.Type):
    """Type of a held record: its fields by name, each at its offset in words."""

    def __init__(self, name: str, fields: tuple[tuple[str, Any], ...]) -> None:
        self.fields = fields
        self.places: dict[str, tuple[Any, int]] = {}
        offset = 0
        for field, kind in fields:
            self.places[field] = (kind, offset)
            offset += _words(kind)
        super().__init__(name=f"Held({name}, {fields})")

    @property
    def key(self) -> Any:
        """Held records of the same fields are of one type."""
        return self.name


class Held:
    """A record written down for loops, which keeps its arrays alive.

    Its arrays may change in place; which arrays they are may not.
    """

    def __init__(self, record: Any) -> None:
        """Takes a named tuple of arrays, whole numbers, floats, flags and held records."""
        self.record = record
        fields = tuple((name, _kind(value)) for name, value in record._asdict().items())
        self._numba_type_ = HeldType(type(record).__name__, fields)
        self._words = np.array([w for v in record for w in _written(v)] or [0], dtype=np.int64)
        self.address = self._words.ctypes.data


def hold(record: Any) -> Held:
    """Holds a record, and the records in it."""
    children = [hold(value) if hasattr(value, "_asdict") else value for value in record]
    return Held(type(record)(*children))


def canonical(record: Any) -> Any:
    """Arrays of a record as its fields declare them, in rows, whole and writable.

    The loop would be compiled anew for arrays of another kind.
    """
    kinds = {FloatArray: np.float64, Int64Array: np.int64, BoolArray: np.bool_}
    made = {}
    for name, kind in type(record).__annotations__.items():
        value = getattr(record, name)
        made[name] = (
            np.require(value, kinds[kind], ["C", "W"]) if kind in kinds else canonical(value)
        )
    return type(record)(**made)


def _kind(value: Any) -> Any:
    if isinstance(value, Held):
        return value._numba_type_
    if isinstance(value, np.ndarray):
        return typeof(value)
    return types.float64 if isinstance(value, float) else types.int64


def _words(kind: Any) -> int:
    return 5 + 2 * kind.ndim if isinstance(kind, types.Array) else 1


def _written(value: Any) -> list[int]:
    if isinstance(value, Held):
        return [value.address]
    if isinstance(value, np.ndarray):
        # Numba's descriptor: memory block, owner, items, bytes an item, data, shape, strides.
        data = value.ctypes.data
        return [0, 0, value.size, value.itemsize, data, *value.shape, *value.strides]
    if isinstance(value, float):
        return [int(np.float64(value).view(np.int64))]
    return [int(value)]


@infer_getattr
class _Attributes(AttributeTemplate):
    key = HeldType

    def generic_resolve(self, value: Any, attr: str) -> Any:  # type: ignore[override]  # Numba's
        place = value.places.get(attr)
        return None if place is None else place[0]


@register_model(HeldType)
class _Model(models.OpaqueModel):
    """A pointer to the words."""


@unbox(HeldType)
def _unbox(_: HeldType, held: Any, c: Any) -> NativeValue:
    address = c.pyapi.object_getattr_string(held, "address")
    pointer = c.pyapi.long_as_voidptr(address)
    c.pyapi.decref(address)
    return NativeValue(c.builder.bitcast(pointer, c.context.get_value_type(types.voidptr)))


def _load(builder: Any, words: Any, offset: int, into: Any) -> Any:
    place = builder.gep(words, [ir.Constant(ir.IntType(64), offset)])
    loaded = builder.load(builder.bitcast(place, into.as_pointer()))
    # Never written while a loop runs: reads may be moved out of it.
    loaded.set_metadata("invariant.load", builder.module.add_metadata([]))
    return loaded


@lower_getattr_generic(HeldType)
def _get(context: Any, builder: Any, held: HeldType, value: Any, name: str) -> Any:
    kind, offset = held.places[name]
    words = builder.bitcast(value, ir.IntType(64).as_pointer())
    whole = context.get_value_type(kind)
    if not isinstance(kind, types.Array):
        return _load(builder, words, offset, whole)
    made = ir.Constant(whole, ir.Undefined)
    for index, part in enumerate(whole.elements):
        if not isinstance(part, ir.ArrayType):
            made = builder.insert_value(made, _load(builder, words, offset, part), index)
            offset += 1
            continue
        for axis in range(part.count):
            one = _load(builder, words, offset, part.element)
            made = builder.insert_value(made, one, [index, axis])
            offset += 1
    return made
